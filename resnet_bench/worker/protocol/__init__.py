"""What parent and worker say to each other: JSON lines of tagged structs.

The parent sends a `Command`; the worker answers with any number of `Event`s and then one `Reply`. A file
of this folder holds the messages of one area; this one joins them.
"""

from __future__ import annotations

import msgspec

from resnet_bench.worker.protocol.base import Command, M, Message
from resnet_bench.worker.protocol.evaluate import Evaluate, Evaluated, Images, PixelsName, Predict, Predicted
from resnet_bench.worker.protocol.evidence import Attest, CompareOutputs, Observe, Observed, OutputsCompared
from resnet_bench.worker.protocol.peaks import LimitsMeasured, MeasureLimits
from resnet_bench.worker.protocol.pipeline import (
    ComparePixels,
    EpochsRun,
    MeasureVariants,
    OpenPipeline,
    PipelineOpened,
    PixelsCompared,
    RunEpochs,
    Variant,
    VariantsMeasured,
)
from resnet_bench.worker.protocol.profile import Profile, Profiled, ReadTrace, TraceRead
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
    Part,
    PhaseStarted,
    Prepare,
    Prepared,
    Resolved,
    RoundDone,
    SplitDone,
    Timed,
    WarmUp,
)
from resnet_bench.worker.protocol.training import (
    EpochDone,
    StepsDone,
    Tested,
    Train,
    Trained,
    TrainingBegan,
)

Commands = (
    Prepare
    | WarmUp
    | Measure
    | MeasureSplit
    | Profile
    | ReadTrace
    | Build
    | Evaluate
    | Predict
    | Examine
    | MeasureLimits
    | Observe
    | Attest
    | CompareOutputs
    | OpenPipeline
    | RunEpochs
    | MeasureVariants
    | ComparePixels
    | Train
    | Finish
)
Events = PhaseStarted | Resolved | RoundDone | TrainingBegan | StepsDone | Tested | EpochDone
Replies = (
    Prepared
    | LimitsMeasured
    | Timed
    | SplitDone
    | Profiled
    | TraceRead
    | Built
    | Evaluated
    | Predicted
    | Examined
    | Finished
    | Observed
    | OutputsCompared
    | PipelineOpened
    | EpochsRun
    | VariantsMeasured
    | PixelsCompared
    | Trained
    | Failed
)

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
    "Attest",
    "Build",
    "Built",
    "Command",
    "Commands",
    "CompareOutputs",
    "ComparePixels",
    "EpochDone",
    "EpochsRun",
    "Evaluate",
    "Evaluated",
    "Events",
    "Examine",
    "Examined",
    "Failed",
    "Finish",
    "Finished",
    "Images",
    "LimitsMeasured",
    "M",
    "Measure",
    "MeasureLimits",
    "MeasureSplit",
    "MeasureVariants",
    "Message",
    "Observe",
    "Observed",
    "OpenPipeline",
    "OutputsCompared",
    "Part",
    "PhaseStarted",
    "PipelineOpened",
    "PixelsCompared",
    "PixelsName",
    "Predict",
    "Predicted",
    "Prepare",
    "Prepared",
    "Profile",
    "Profiled",
    "ReadTrace",
    "Replies",
    "Resolved",
    "RoundDone",
    "RunEpochs",
    "SplitDone",
    "StepsDone",
    "Tested",
    "Timed",
    "TraceRead",
    "Train",
    "Trained",
    "TrainingBegan",
    "Variant",
    "VariantsMeasured",
    "WarmUp",
    "decode_answer",
    "decode_command",
    "encode",
]
