"""The types that travel from a worker to the record. Plain frozen data; `None` means unknown, never 0.

Imports nothing of the package but its own files, whose names say what they hold.
"""

from __future__ import annotations

from resnet_bench.results.base import Data, Estimate, Notice, Value
from resnet_bench.results.evidence import Claim, Holds, Parity
from resnet_bench.results.limits import Energy, Roofline, RooflineGroup
from resnet_bench.results.machine import Machine
from resnet_bench.results.pipeline import EpochRate, PageCache, PipelineResult, StageRate
from resnet_bench.results.profile import OperationTime, ProfileResult, ProfileSummary
from resnet_bench.results.run import (
    ColdStart,
    DataFacts,
    Interference,
    Memory,
    ModelFacts,
    Outcome,
    OutcomeKind,
    ProcessSamples,
    Round,
    Samples,
    Split,
    StageFacts,
    Steadiness,
    SteadyKind,
    StepCounts,
    StepResult,
    Verdict,
    VerdictKind,
)
from resnet_bench.results.training import Epoch, TrainingResult

__all__ = [
    "Claim",
    "ColdStart",
    "Data",
    "DataFacts",
    "Energy",
    "Epoch",
    "EpochRate",
    "Estimate",
    "Holds",
    "Interference",
    "Machine",
    "Memory",
    "ModelFacts",
    "Notice",
    "OperationTime",
    "Outcome",
    "OutcomeKind",
    "PageCache",
    "Parity",
    "PipelineResult",
    "ProcessSamples",
    "ProfileResult",
    "ProfileSummary",
    "Roofline",
    "RooflineGroup",
    "Round",
    "Samples",
    "Split",
    "StageFacts",
    "StageRate",
    "Steadiness",
    "SteadyKind",
    "StepCounts",
    "StepResult",
    "TrainingResult",
    "Value",
    "Verdict",
    "VerdictKind",
]
