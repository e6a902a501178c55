"""The messages that ask a worker for evidence of what ran."""

from __future__ import annotations

from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import OutputError, Seen
from resnet_bench.worker.protocol.base import Command, Message


class Observe(Command, frozen=True, kw_only=True):
    """Report what can be observed of the prepared step without disturbing it. Reply: `Observed`.

    `graph`: look at the traced graph and the running pipeline too; they are the same in every process.
    """

    graph: bool = True


class CollectEvidence(Command, frozen=True, kw_only=True):
    """Prepare the configuration with every log and dump switched on, and run `steps` untimed steps.

    `folder` keeps the artefacts, compressed; None keeps none. Reply: `Observed`.
    """

    config: Config
    log_path: str
    folder: str | None
    steps: int = 2


class CompareOutputs(Command, frozen=True, kw_only=True):
    """Compare the configuration's logits with float32's. Works in a fresh worker too. Reply: `OutputsCompared`."""

    config: Config


class Observed(Message, frozen=True, kw_only=True):
    """What was observed, and notices about what could not be read."""

    seen: Seen
    notices: tuple[Notice, ...] = ()


class OutputsCompared(Message, frozen=True, kw_only=True):
    """How far the outputs lie from float32's."""

    parity: OutputError
