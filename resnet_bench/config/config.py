"""The whole configuration of a benchmark."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.data import DataConfig
from resnet_bench.config.fields import FILE, ConfigSection, protocol
from resnet_bench.config.measurement import MeasureConfig, OutputConfig
from resnet_bench.config.network import ModelConfig
from resnet_bench.config.runtime import RuntimeConfig
from resnet_bench.config.step import StepConfig


class Config(ConfigSection, frozen=True, kw_only=True):
    """One benchmark: everything that decides what is run."""

    title: ClassVar[str] = "Preset"

    preset: Annotated[
        Literal["smoke", "standard", "strict"],
        Meta(description="How thorough: smoke (64 pixels, 1 process), standard (3 processes), strict (10)."),
        protocol("side", "tune", "confirm", "bottleneck"),
    ] = "standard"
    preset_file: Annotated[
        str | None,
        Meta(description="TOML file of options (bench-cli tune writes one); the command line overrides it."),
        FILE,
        protocol("side", "tune", "confirm", "bottleneck"),
    ] = None
    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    step: StepConfig = StepConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    measure: MeasureConfig = MeasureConfig()
    output: OutputConfig = OutputConfig()
