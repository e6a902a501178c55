"""Files of options: what they may hold, what overrides them, and that writing and reading agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_bench.config import preset_file
from resnet_bench.config.options import parse_args
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.combinations import cross_product


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fast.toml"
    path.write_text('# mine\npreset = "smoke"\nmode = "infer"\nimage-size = 96\nmax_time = "2m"\nxla = true\n')
    return path


def test_default_then_preset_then_file_then_command_line(file: Path) -> None:
    config, given_names = parse_args(["--preset-file", str(file), "--no-xla", "--batch-size", "4"])
    assert config.measure.processes == 1, "the preset's"
    assert config.model.image_size == (96, 96), "the file's, over the preset's 64"
    assert config.measure.max_time == 120.0
    assert (config.step.mode, config.step.xla, config.step.batch_size) == ("infer", False, 4)
    assert config.preset_file == str(file)
    assert given_names == ("batch_size", "image_size", "max_time", "mode", "preset", "preset_file", "xla")


def test_a_sweep_varies_over_a_file(file: Path) -> None:
    found = cross_product({"preset_file": str(file)}, {"xla": [True, False]})
    assert {(cell.config.step.mode, cell.config.step.xla) for cell in found} == {("infer", True), ("infer", False)}
    assert all("mode" in cell.given for cell in found)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("batchsize = 1", "there is no option 'batchsize'. Try batch_size"),
        ("batch_size = 0", "--batch-size 0 is not allowed: it takes a whole number, at least 1, auto or max"),
        ("batch_size = true", "batch_size = true is not allowed"),
        ("xla = 1", "xla = 1 is not allowed: it takes on or off"),
        ('output = "elsewhere"', "there is no option 'output'"),
        ("[step]\nxla = true", "[step] is a table"),
        ("batch_size", "is not TOML"),
        ("\udcff", "byte 0 (0xff) is not UTF-8"),
        ('preset_file = "other.toml"', "names another preset file"),
        ("batch_size = 1\nbatch-size = 2", "names batch_size twice"),
        ("freeze = true", "Use --mode infer"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: str, part: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(ConfigError) as caught:
        parse_args(["--preset-file", str(path)])
    assert part in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        parse_args(["--preset-file", str(tmp_path / "nowhere.toml")])


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "batch_size": st.integers(1, 4096),
    "xla": st.booleans(),
    "learning_rate": st.floats(1e-6, 1.0),
    "data": st.text(st.characters(codec="utf-8"), min_size=1),
    "stage_sizes": st.lists(st.integers(1, 9), min_size=1, max_size=8).map(tuple),
    "image_size": st.tuples(st.integers(8, 512), st.integers(8, 512)),
    "precision": st.sampled_from(["float32", "mixed_bfloat16"]),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(values=st.fixed_dictionaries({}, optional=VALUES))
def test_what_is_written_is_read_again(tmp_path: Path, values: dict[str, Any]) -> None:
    path = tmp_path / "again.toml"
    path.write_bytes(preset_file.write(values, ("from a test", "two\nlines")))
    assert preset_file.read(path) == {name: _stripped(value) for name, value in values.items()}


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def test_a_byte_order_mark_is_skipped_and_utf16_is_named(tmp_path: Path) -> None:
    """As editors and PowerShell write files."""
    path = tmp_path / "preset.toml"
    path.write_bytes(b"\xef\xbb\xbfbatch_size = 4\n")
    assert preset_file.read(path) == {"batch_size": 4}
    path.write_bytes("batch_size = 4\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"preset\.toml is UTF-16 text; TOML is UTF-8"):
        preset_file.read(path)
    path.write_text("a = " + "[" * 10_000)
    with pytest.raises(ConfigError, match=r"nested too deeply|is not TOML"):
        preset_file.read(path)
