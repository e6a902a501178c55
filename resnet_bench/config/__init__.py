"""Every option of every command, declared once: type, default, bounds and help; one file per section.

Command-line options, JSON, test ids, the reference and the saved record are generated from these structs (see
`options.py`). An option is a field's name with dashes. `"auto"` is resolved by `runtime/resolve.py` once the device
is known; a record keeps the requested and the resolved configuration. Sections of `Config` are those of `run`;
the other commands have their own (`training.py`, `paired.py`, `sweep.py`, ...). Imports only `errors`.
"""

from __future__ import annotations

from resnet_bench.config.checks import check
from resnet_bench.config.config import Config
from resnet_bench.config.data import DataConfig
from resnet_bench.config.fields import (
    OPTION,
    PROTOCOL,
    WORKLOAD,
    Auto,
    ConfigSection,
    PositiveFloat,
    PositiveInt,
    resolved_value,
)
from resnet_bench.config.measurement import MeasureConfig, OutputConfig
from resnet_bench.config.network import RESNET50_STAGE_SIZES, ModelConfig
from resnet_bench.config.runtime import RuntimeConfig
from resnet_bench.config.step import Precision, StepConfig
from resnet_bench.config.training import TrainingConfig, check_training

__all__ = [
    "OPTION",
    "PROTOCOL",
    "RESNET50_STAGE_SIZES",
    "WORKLOAD",
    "Auto",
    "Config",
    "ConfigSection",
    "DataConfig",
    "MeasureConfig",
    "ModelConfig",
    "OutputConfig",
    "PositiveFloat",
    "PositiveInt",
    "Precision",
    "RuntimeConfig",
    "StepConfig",
    "TrainingConfig",
    "check",
    "check_training",
    "resolved_value",
]
