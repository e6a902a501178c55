"""What parent and worker say to each other: JSON lines of tagged structs.

The parent sends a `Command`; the worker answers with any number of `Event`s and then one `Reply`. A file
of this folder holds the messages of one area; this one joins them.
"""

from __future__ import annotations

import json
from typing import cast

import msgspec

from resnet_bench.worker.protocol.base import Command, M, Message
from resnet_bench.worker.protocol.evaluate import Evaluate, Evaluated, ImageSet, Predict, Predicted
from resnet_bench.worker.protocol.evidence import CollectEvidence, CompareOutputs, Observe, Observed, OutputsCompared
from resnet_bench.worker.protocol.peaks import MeasurePeaks, PeaksMeasured
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
    DoctorDone,
    Failed,
    Finish,
    Finished,
    Measure,
    MeasureSplit,
    PhaseStarted,
    Prepare,
    Prepared,
    Resolved,
    RoundDone,
    RunDoctor,
    Scope,
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
    | RunDoctor
    | MeasurePeaks
    | Observe
    | CollectEvidence
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
    | PeaksMeasured
    | Timed
    | SplitDone
    | Profiled
    | TraceRead
    | Built
    | Evaluated
    | Predicted
    | DoctorDone
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
    """One line of JSON. A name of a file that is not UTF-8 passes unchanged, as an escape that only `decode_command`
    and `decode_answer` read."""
    try:
        return _encoder.encode(message) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(message, str_keys=True)).encode() + b"\n"


def decode_command(line: bytes) -> Commands:
    """The command in a line."""
    try:
        return _commands.decode(line)
    except msgspec.MsgspecError as error:
        return cast(Commands, _decode_surrogates(line, Commands, error))


def decode_answer(line: bytes) -> Events | Replies:
    """The event or reply in a line; `msgspec.MsgspecError` where it is neither."""
    try:
        return _answers.decode(line)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from error
    except msgspec.MsgspecError as error:
        return cast(Events | Replies, _decode_surrogates(line, Events | Replies, error))


def _decode_surrogates(line: bytes, kind: object, error: msgspec.MsgspecError) -> object:
    """A message in which some name is not UTF-8; msgspec reads no such escapes."""
    if b"\\ud" not in line:
        raise error
    try:
        return msgspec.convert(json.loads(line), kind, str_keys=True)
    except ValueError:  # no JSON, no message, or an error whose own words are not UTF-8
        raise error from None


__all__ = [
    "Build",
    "Built",
    "CollectEvidence",
    "Command",
    "Commands",
    "CompareOutputs",
    "ComparePixels",
    "DoctorDone",
    "EpochDone",
    "EpochsRun",
    "Evaluate",
    "Evaluated",
    "Events",
    "Failed",
    "Finish",
    "Finished",
    "ImageSet",
    "M",
    "Measure",
    "MeasurePeaks",
    "MeasureSplit",
    "MeasureVariants",
    "Message",
    "Observe",
    "Observed",
    "OpenPipeline",
    "OutputsCompared",
    "PeaksMeasured",
    "PhaseStarted",
    "PipelineOpened",
    "PixelsCompared",
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
    "RunDoctor",
    "RunEpochs",
    "Scope",
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
