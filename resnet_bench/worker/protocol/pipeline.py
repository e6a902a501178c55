"""The messages of `data bench`: a pipeline opened once, run for epochs, and measured in many variants."""

from __future__ import annotations

import msgspec

from resnet_bench.config import Config, DataConfig
from resnet_bench.records.base import Notice
from resnet_bench.records.pipeline import EpochRate, MemorySample
from resnet_bench.records.run import DataFacts
from resnet_bench.worker.protocol.base import Command, Message


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One pipeline to measure: up to which stage (a name of `records.pipeline.STAGES`, or "copy"), with which options.

    data: resolved. None takes the configuration's own.
    """

    name: str
    until: str = "prefetch"
    data: DataConfig | None = None


class OpenPipeline(Command, frozen=True, kw_only=True):
    """Set up as `config` asks and find its data; nothing is read ahead. Reply: `PipelineOpened`."""

    config: Config


class RunEpochs(Command, frozen=True, kw_only=True):
    """Evict the files and read them once; evict them again and run the pipeline for `epochs` passes without a
    break, each within its share of `budget_s`. Reply: `EpochsRun`."""

    epochs: int
    budget_s: float


class MeasureVariants(Command, frozen=True, kw_only=True):
    """Keep one pipeline per variant alive and time them interleaved, in an order that reverses each time; each round
    is sent as a `RoundDone` with the variant's name. `budget_s` ends it early. Reply: `VariantsMeasured`."""

    variants: tuple[Variant, ...]
    rounds: int
    budget_s: float


class ComparePixels(Command, frozen=True, kw_only=True):
    """Take the same images with the same windows through the pipeline of `reference` and of each variant. The
    variants may differ from it in how images are decoded alone. Reply: `PixelsCompared`."""

    reference: DataConfig
    variants: tuple[Variant, ...]


class PixelsCompared(Message, frozen=True, kw_only=True):
    """By variant: the mean absolute difference of pixels, in levels of 0..255, over `images`."""

    mean_absolute: dict[str, float]
    images: int


class PipelineOpened(Message, frozen=True, kw_only=True):
    """Which images are read, and how the pipeline departs from what was requested."""

    data: DataFacts
    notices: tuple[Notice, ...] = ()


class EpochsRun(Message, frozen=True, kw_only=True):
    """The epochs in order, those that only read first; memory over the ones of the whole pipeline."""

    epochs: tuple[EpochRate, ...]
    memory: tuple[MemorySample, ...]
    notices: tuple[Notice, ...] = ()


class VariantsMeasured(Message, frozen=True, kw_only=True):
    """The measurement is over; `rounds` rounds of every variant are complete."""

    rounds: int
