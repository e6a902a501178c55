"""Words of a record: headline, subtitle, throughput, the end of a log. Pure.

Neighbours: `facts.py` has the rows of the summary; `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

import re
from typing import Protocol

from resnet_bench import units
from resnet_bench.config import RESNET50_STAGE_SIZES, Config
from resnet_bench.records.base import Estimate
from resnet_bench.records.machine import Machine
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import ModelFacts, Outcome

_NAMES = {"resnet50": "ResNet-50", "resnet101": "ResNet-101", "resnet152": "ResNet-152"}


_UNEXPLAINED = ("crashed", "killed", "hung", "out_of_memory", "device", "error")
"""Outcomes that the worker's log may explain; the messages of the others name the cause."""


_CHATTER = re.compile(r"I\d{4} \d\d:|I0000 |WARNING: All log messages before absl")
"""What TensorFlow logs on every start."""


_MODE_WORDS = {"train": "Training", "infer": "Inference", "eval": "Evaluation", "input": "Input pipeline"}


class Headed(Protocol):
    """A result that has a headline: a record, or another result with its configuration, network and machine."""

    @property
    def config(self) -> Configuration:
        """The configuration as requested and as resolved."""

    @property
    def model(self) -> ModelFacts | None:
        """The network, if one was built."""

    @property
    def machine(self) -> Machine | None:
        """The machine, if the run got that far."""


def headline(record: Headed) -> str:
    """Mode, network and source: "Training, ResNet-50 v1.5 on photos"."""
    config = record.config.resolved or record.config.requested
    words = _MODE_WORDS[config.step.mode]
    if config.step.mode == "input":
        return f"{words} on {config.data.source}"
    name = "ResNet-50" if config.model.stage_sizes == RESNET50_STAGE_SIZES else "Custom network"
    network = network_name(record.model) if record.model else f"{name} {config.model.variant}"
    training = record.config.training
    return f"{words}, {network} on {config.data.source if training is None else training.source}"


def network_name(model: ModelFacts) -> str:
    """ "ResNet-50 v1.5", or "Custom network v1.5" for other stages."""
    return f"{_NAMES.get(model.name, 'Custom network')} {model.variant}"


def subtitle(record: Headed) -> str:
    """Size, device and arithmetic in one line."""
    config = record.config.resolved or record.config.requested
    parts = [f"{_size(config)}, batch {config.step.batch_size}", _where(record, config), _arithmetic(config)]
    return " · ".join(part for part in parts if part)


def short_name(record: Headed) -> str:
    """The most important options: "train, photos, 224x224, batch 32, float32 XLA"."""
    config = record.config.resolved or record.config.requested
    words = [
        config.step.mode,
        config.data.source,
        _size(config).removesuffix(" pixels"),
        f"batch {config.step.batch_size}",
    ]
    if config.step.mode != "input":
        words.append(f"{config.step.precision}{' XLA' if config.step.xla else ''}")
    return ", ".join(words)


def _size(config: Config) -> str:
    size = config.model.image_size
    return f"{size} pixels" if isinstance(size, str) else f"{size[0]}x{size[1]} pixels"


def _where(record: Headed, config: Config) -> str:
    if record.machine is None:
        return f"device {config.runtime.device}"
    if record.machine.device_kind == "gpu":
        return record.machine.gpu_name or record.machine.device
    threads = config.runtime.threads
    return f"CPU, {threads} thread{'' if threads == 1 else 's'}"


def _arithmetic(config: Config) -> str:
    if config.step.mode == "input":
        return ""
    words: list[str] = ["precision auto" if config.step.precision == "auto" else config.step.precision]
    if config.step.xla:
        words.append("XLA")
    elif config.runtime.onednn == "on":
        words.append("oneDNN")
    words.append("fused batch norm" if config.model.batch_norm == "fused" else "Keras batch norm")
    if config.model.data_format != "channels_last":
        words.append(config.model.data_format)
    if config.step.freeze:
        words.append("frozen")
    if config.step.loop == "fit":
        words.append("model.fit")
    if config.step.steps_per_call > 1:
        words.append(f"{config.step.steps_per_call} steps per call")
    if config.runtime.deterministic:
        words.append("deterministic")
    return ", ".join(words)


def confidence(estimate: Estimate) -> str:
    """ "(95 % CI 208 to 231)", or why there is none."""
    if estimate.low is None or estimate.high is None:
        return "(no confidence interval: one process)"
    return f"(95 % CI {interval(estimate)})"


def interval(estimate: Estimate) -> str:
    """ "208 to 231", or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{units.significant(estimate.low)} to {units.significant(estimate.high)}"


def last_words(outcome: Outcome) -> list[str]:
    """The end of a failed worker's log, where the outcome's message does not explain the failure."""
    if outcome.kind not in _UNEXPLAINED:
        return []
    return [line for line in outcome.log_tail if not _CHATTER.match(line)][-8:]


def interval_of(record: Record) -> str:
    """The confidence interval of the throughput, short; empty where there is none."""
    return "" if record.summary is None else interval(record.summary.images_per_s)
