"""The messages of the pass that measures the machine's peaks and counts the network's layers."""

from __future__ import annotations

from resnet_bench.config import Config
from resnet_bench.records.roofline import LayerGroup, Peaks
from resnet_bench.worker.protocol.base import Command, Message


class MeasurePeaks(Command, frozen=True, kw_only=True):
    """Set up as `config` asks, build its network, measure the device's peaks for about `budget_s` seconds.

    For a fresh worker. Reply: `PeaksMeasured`.
    """

    config: Config
    budget_s: float


class PeaksMeasured(Message, frozen=True, kw_only=True):
    """The measured peaks, and the network's layers by stage and kind; no layers for `--mode input`."""

    peaks: Peaks
    layers: tuple[LayerGroup, ...] = ()
