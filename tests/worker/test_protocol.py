"""What parent and worker say to each other holds names that are not UTF-8."""

from __future__ import annotations

import msgspec
import pytest

from resnet_bench.config import Config
from resnet_bench.records.run import Memory, StepCounts
from resnet_bench.worker import protocol as p

LONE = "/tmp/bild_\udce9"


@pytest.mark.parametrize("name", ["/tmp/worker.log", "/tmp/ä 日本 \\ud \x1b", LONE])
def test_a_command_arrives_unchanged(name: str) -> None:
    command = p.Prepare(config=Config(), log_path=name)
    line = p.encode(command)
    assert line.count(b"\n") == 1
    assert p.decode_command(line) == command


def test_an_answer_arrives_unchanged() -> None:
    reply = p.Failed(kind="data", message=f"{LONE} cannot be read", remedy="", phase="data")
    assert p.decode_answer(p.encode(reply)) == reply
    finished = p.Finished(memory=Memory(), counts=StepCounts())
    assert p.decode_answer(p.encode(finished)) == finished


@pytest.mark.parametrize(
    "line", [b"", b"{", b"nonsense \\udce9", b'{"type": "\\udce9"}', b'{"type": "x", "y": "\xe9"}', b"[]"]
)
def test_anything_else_is_no_message(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        p.decode_answer(line)
