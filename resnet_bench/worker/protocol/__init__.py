"""What parent and worker say to each other: JSON lines of tagged structs.

The parent sends a `Command`; the worker answers with any number of `Event`s and then one `Reply`. A file
of this folder holds the messages of one area; this one joins them.
"""

from __future__ import annotations

import msgspec

from resnet_bench.worker.protocol.base import Command, M, Message
from resnet_bench.worker.protocol.run import (
    Build,
    Built,
    Examine,
    Examined,
    Failed,
    Finish,
    Finished,
    Measure,
    MeasureSplit,
    PhaseStarted,
    Prepare,
    Prepared,
    Profile,
    Profiled,
    Resolved,
    RoundDone,
    SplitDone,
    Timed,
    WarmUp,
)

Commands = Prepare | WarmUp | Measure | MeasureSplit | Profile | Build | Examine | Finish
Events = PhaseStarted | Resolved | RoundDone
Replies = Prepared | Timed | SplitDone | Profiled | Built | Examined | Finished | Failed

_commands: msgspec.json.Decoder[Commands] = msgspec.json.Decoder(Commands)
_answers: msgspec.json.Decoder[Events | Replies] = msgspec.json.Decoder(Events | Replies)
_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    """One line of JSON."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Commands:
    """The command in a line."""
    return _commands.decode(line)


def decode_answer(line: bytes) -> Events | Replies:
    """The event or reply in a line; `msgspec.MsgspecError` where it is neither."""
    return _answers.decode(line)


__all__ = [
    "Build",
    "Built",
    "Command",
    "Commands",
    "Events",
    "Examine",
    "Examined",
    "Failed",
    "Finish",
    "Finished",
    "M",
    "Measure",
    "MeasureSplit",
    "Message",
    "PhaseStarted",
    "Prepare",
    "Prepared",
    "Profile",
    "Profiled",
    "Replies",
    "Resolved",
    "RoundDone",
    "SplitDone",
    "Timed",
    "WarmUp",
    "decode_answer",
    "decode_command",
    "encode",
]
