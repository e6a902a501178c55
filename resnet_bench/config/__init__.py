"""Every option once: its type, default, bounds and help; a file per section.

Flags, JSON, test ids, the README table and the saved record are all generated from these structs (see
`options.py`). A field's flag is its name with dashes. `"auto"` is resolved by `resolve.py`, once the
device is known; a record keeps both the requested and the resolved configuration. Imports only
`errors`.
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
