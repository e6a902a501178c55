"""Every kind of image, in a folder and in shards: read by all commands, or refused by all with the same reason.

That TensorFlow's decoder agrees is in `test_tensorflow.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.gauntlet.images import READ, REFUSED
from tests.gauntlet.inputs import Inputs
from tests.gauntlet.rows import Row, check, table

MAKE = "data make {{out}} --source folder --data {{holding/{name}}} --shards 1 --threads 1"
CHECK = "data check {{sharded/{name}}} --threads 1"


def _read() -> Iterator[Row]:
    for name in READ:
        yield Row(f"make_{name}", MAKE.format(name=name), says=("9 images",))
        yield Row(f"check_{name}", CHECK.format(name=name), says=("No errors.",))


def _refused() -> Iterator[Row]:
    for name, (_, reason) in REFUSED.items():
        yield Row(f"make_{name}", MAKE.format(name=name), 3, ("odd.jpg", reason))
        yield Row(f"check_{name}", CHECK.format(name=name), 3, ("train-00000-of-00001", "4", reason))
        skip = f"{MAKE.format(name=name)} --on-bad-record skip"
        yield Row(f"skip_{name}", skip, says=("8 images",))


@table(_read(), _refused())
def test_all_commands_judge_an_image_alike(row: Row, inputs: Inputs, tmp_path: Path) -> None:
    check(row, inputs, tmp_path / "out")
