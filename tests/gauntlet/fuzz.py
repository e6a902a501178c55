"""Random inputs for what reads files and words from elsewhere, and what must hold for each: no other error than ours.

Strategies of hypothesis and one check per kind of input. Small numbers run in `test_fuzz.py`, ten thousand in
`benchmarks/test_fuzz.py`.
"""

from __future__ import annotations

import contextlib
import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner
from hypothesis import strategies as st

from resnet_bench.cli import group
from resnet_bench.config.option import options
from resnet_bench.config.options import parse_args
from resnet_bench.data import framing, tfds_metadata
from resnet_bench.data.encoded_image import image_problem
from resnet_bench.data.manifest import read_manifest
from resnet_bench.data.sources import h5
from resnet_bench.data.verify_shards import check
from resnet_bench.errors import BenchError
from resnet_bench.experiments.combinations import parse_file
from tests.gauntlet.arrays import FILES as HDF5
from tests.gauntlet.images import READ
from tests.gauntlet.records import whole
from tests.gauntlet.shards import shard

GOLDEN = Path(__file__).parents[1] / "golden"

_PRESET = (
    b"# a preset\nbatch_size = 4\nimage_size = [64, 32]\nxla = true\nprecision = 'float32'\nlearning_rate = 1e-3\n"
)
_SWEEP = b'[base]\nmode = "infer"\nbatch_size = 4\n\n[vary]\nprecision = ["float32", "bfloat16"]\nxla = [true, false]\n'
_SHARD = b'{"name": "a.tfrecord", "images": 4, "bytes": 100, "sha256": "00"}'
_MANIFEST = b'{"format": "tfrecord", "images": 4, "seed": 1, "shards": [' + _SHARD + b"]}"
_SPLIT = b'{"name": "train", "shardLengths": ["2"]}'
_INFO = b'{"name": "pets", "version": "1.2.0", "fileFormat": "tfrecord", "splits": [' + _SPLIT + b"]}"
_TEXTS = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1e999", "nan", "inf", "auto", "max", "on", "1,1", "64x32", "[/x]", "\x1b[2J", "\udce9", "\0"]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=8),
)


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of the contents with up to four runs of bytes replaced, removed, added or cut off; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        content[at : at + draw(st.integers(0, 12))] = draw(st.binary(max_size=12))
    if draw(st.integers(0, 4)) == 0:
        del content[draw(st.integers(0, len(content))) :]
    return bytes(content)


def records() -> st.SearchStrategy[bytes]:
    """Records and results of every type, damaged."""
    return damaged([whole(), *(path.read_bytes() for path in sorted(GOLDEN.rglob("*.json")))])


def shards() -> st.SearchStrategy[bytes]:
    """TFRecord files, damaged."""
    return damaged([shard(), framing.frame(b""), shard(1), gzip.compress(shard(1))])


def presets() -> st.SearchStrategy[bytes]:
    """TOML files of options, damaged."""
    return damaged([_PRESET, b"\xef\xbb\xbf" + _PRESET, _PRESET.decode().encode("utf-16")])


def sweeps() -> st.SearchStrategy[bytes]:
    """TOML files of sweeps, damaged."""
    return damaged([_SWEEP, _SWEEP.replace(b"\n", b"\r\n")])


def images() -> st.SearchStrategy[bytes]:
    """Images of every kind that is read, damaged."""
    return damaged([make() for name, make in READ.items() if name != "png_large_text"])


def arrays() -> st.SearchStrategy[bytes]:
    """HDF5 files, damaged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        HDF5["good.h5"](path)
        return damaged([path.read_bytes()])


def manifests() -> st.SearchStrategy[bytes]:
    """Manifests of shards, damaged."""
    return damaged([_MANIFEST, b"\xef\xbb\xbf" + _MANIFEST])


def metadata() -> st.SearchStrategy[bytes]:
    """What a TFDS data set says of its splits, damaged."""
    return damaged([_INFO])


def words() -> st.SearchStrategy[list[str]]:
    """Command lines: options that exist with values that may not, and words that mean nothing."""
    flags = st.sampled_from([option.flag for option in options() if option.name != "preset_file"])
    return st.lists(st.one_of(flags, _TEXTS), max_size=8)


def check_record(content: bytes, folder: Path) -> None:
    """`show` prints it, or names it and ends with 8."""
    path = folder / "record.json"
    path.write_bytes(content)
    result = CliRunner(env={"COLUMNS": "100"}).invoke(group, ["show", str(path)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 8), result.output
    assert result.exit_code == 0 or "record.json" in result.stderr


def check_shard(content: bytes, folder: Path) -> None:
    """`data check` reports on it, by its headers and by its content; the walk ends where the file does."""
    path = folder / "train-00000-of-00001"
    path.write_bytes(content)
    found = check(str(path), 1)
    assert found.files == 1
    last, intact = 0, False
    with contextlib.suppress(framing.DamageError):
        for frame in framing.walk(path):
            last = frame.end
        intact = True
    assert last <= len(content)
    assert last == len(content) if intact else not found.sound


def check_preset(content: bytes, folder: Path) -> None:
    """It becomes a configuration, or an error of ours."""
    path = folder / "preset.toml"
    path.write_bytes(content)
    with contextlib.suppress(BenchError):
        parse_args(["--preset-file", str(path)])


def check_sweep(content: bytes, folder: Path) -> None:
    """It becomes values to try, or an error of ours."""
    path = folder / "sweep.toml"
    path.write_bytes(content)
    with contextlib.suppress(BenchError):
        parse_file(path)


def check_image(content: bytes, folder: Path) -> None:
    """It is sound, or there is a reason in words."""
    del folder
    assert image_problem(content) != ""


def check_array(content: bytes, folder: Path) -> None:
    """It is read, or an error of ours names it."""
    path = folder / "a.h5"
    path.write_bytes(content)
    with contextlib.suppress(BenchError):
        h5.sizes(str(path))
        h5.load(str(path), None)


def check_manifest(content: bytes, folder: Path) -> None:
    """It is read, or an error of ours names it."""
    (folder / "manifest.json").write_bytes(content)
    with contextlib.suppress(BenchError):
        read_manifest(folder)


def check_metadata(content: bytes, folder: Path) -> None:
    """It names files of its own folder, or an error of ours names it."""
    (folder / "dataset_info.json").write_bytes(content)
    with contextlib.suppress(BenchError):
        info, name = tfds_metadata.read_info(folder)
        files, _ = tfds_metadata.shards(folder, info, name, "train")
        assert all(path.parent == folder for path in files)


def check_words(given: list[str]) -> None:
    """They become a configuration, or an error of ours."""
    with contextlib.suppress(BenchError):
        parse_args(given)


Kind = tuple[Callable[[], st.SearchStrategy[bytes]], Callable[[bytes, Path], None]]
FILES: dict[str, Kind] = {
    "record": (records, check_record),
    "shard": (shards, check_shard),
    "preset": (presets, check_preset),
    "sweep": (sweeps, check_sweep),
    "image": (images, check_image),
    "array": (arrays, check_array),
    "manifest": (manifests, check_manifest),
    "metadata": (metadata, check_metadata),
}
"""By name: how such files are made, and what must hold for each."""
