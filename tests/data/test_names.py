"""Names of files and classes that are not UTF-8, such as from an old archive, are read like any other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_bench.data import example, framing, write_shards
from resnet_bench.data.manifest import read_manifest
from resnet_bench.data.sources.folder import FolderImages, open_folder
from tests.support.data_files import encoded

LONE = os.fsdecode(b"stra\xdfe")

READ = """
import json, os, sys
from pathlib import Path
from resnet_bench.data import open_input
from tests.support.data_files import THREADS, config
given = json.loads(os.environ["GIVEN"])
inp = open_input(config(**given), THREADS, Path("."), "/CPU:0")
images, labels = next(iter(inp.dataset))
print(json.dumps({"labels": sorted(labels.numpy().tolist()), "shape": list(images.shape)}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of two images; a class and an image have such names."""
    root = tmp_path / "set"
    try:
        for label, name in enumerate(("cat", LONE)):
            (root / name).mkdir(parents=True)
            for number, file in enumerate(("0.jpg", os.fsdecode(b"bild_\xe9.jpg"))):
                (root / name / file).write_bytes(encoded(seed=2 * label + number))
    except OSError:
        pytest.skip("this file system holds UTF-8 names alone")
    return root


def test_a_folder_and_shards_of_it(folder: Path, tmp_path: Path) -> None:
    source = open_folder(str(folder), 10, "error")
    assert (len(source.files), source.labels) == (4, (0, 0, 1, 1))
    write_shards.write_shards(FolderImages(str(folder), 1, "error"), tmp_path / "out", 1, 1)
    manifest = read_manifest(tmp_path / "out")
    assert manifest is not None
    assert manifest.class_names == ("cat", "stra\\xdfe")
    (shard,) = (tmp_path / "out").glob("*.tfrecord")
    names = {example.decode(framing.payload(shard, frame))["image/filename"][0] for frame in framing.walk(shard)}
    assert names == {b"cat/0.jpg", b"cat/bild_\xe9.jpg", b"stra\xdfe/0.jpg", b"stra\xdfe/bild_\xe9.jpg"}


@pytest.mark.tensorflow
@pytest.mark.parametrize("on_bad_record", ["error", "skip"])
def test_the_pipeline_reads_them(folder: Path, child: Callable[..., str], on_bad_record: str) -> None:
    given = {"source": "folder", "data": str(folder), "mode": "eval", "classes": 2, "batch_size": 4}
    found = child(READ, GIVEN=json.dumps({**given, "on_bad_record": on_bad_record}))
    assert json.loads(found.splitlines()[-1])["labels"] == [0, 0, 1, 1]


@pytest.mark.tensorflow
def test_shards_in_such_a_folder_are_read(folder: Path, child: Callable[..., str]) -> None:
    """The option refuses its name; the Python API and a working directory may lead there."""
    out = folder.parent / LONE
    write_shards.write_shards(FolderImages(str(folder), 1, "error"), out, 2, 1)
    given = {"source": "tfrecord", "data": f"{out}/*.tfrecord", "mode": "eval", "classes": 2, "batch_size": 4}
    found = child(READ, GIVEN=json.dumps(given))
    assert json.loads(found.splitlines()[-1])["labels"] == [0, 0, 1, 1]
