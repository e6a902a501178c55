"""An option check as declared, and the input of all of them. Pure.

Neighbours: `checks.py` runs the families `execution.py`, `numerics.py`, `network.py` and `pipeline.py`, each of
which declares a `Check` beside the function that makes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.records.evidence import CheckResult, OptionCheck, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.notices import Topic
from resnet_bench.records.run import ModelFacts

NOT_RUN_IN_PASS = "it needs the untimed pass after the run (--evidence full)"
FIT_HIDES = "model.fit does not expose its graph; the untimed pass after the run shows it (--evidence full)"


@dataclass(frozen=True)
class Check:
    """The declaration of an option check: its name in records, its title for readers, the options that it verifies.

    If one of `options` was given on the command line, a failed check makes the verdict invalid. A failed
    `unconditional` check makes it provisional, whatever was given.
    """

    name: str
    title: str
    options: tuple[str, ...] = ()
    unconditional: bool = False


@dataclass(frozen=True)
class CheckInput:
    """Input of all option checks: the configuration that ran, what was requested, and what was observed.

    `config` is what `requested` was resolved to, `given` names the options on the command line, `topics` are those
    of the notices given before the run: whether the device emulates the precision.
    """

    config: Config
    requested: Config
    seen: Seen
    given: frozenset[str] = frozenset()
    machine: Machine | None = None
    model: ModelFacts | None = None
    topics: frozenset[Topic | None] = field(default_factory=frozenset)

    @property
    def emulates(self) -> bool:
        """Whether this device is known to have no instructions for the 16-bit type."""
        return "emulated" in self.topics

    @property
    def on_gpu(self) -> bool:
        """Whether the run was on a GPU."""
        return self.config.runtime.device.startswith("gpu")

    def check(
        self,
        declared: Check,
        *,
        requested: Value,
        observed: Value = None,
        source: str | None = None,
        holds: CheckResult | None = None,
        why: str = "",
        facts: dict[str, Value] | None = None,
    ) -> OptionCheck:
        """The result of a declared check; `holds` is None if it could not be run, and `why` says the reason."""
        return OptionCheck(
            name=declared.name,
            title=declared.title,
            requested=requested,
            observed=observed,
            source=source,
            holds=holds,
            explicit=any(option in self.given for option in declared.options),
            unconditional=declared.unconditional,
            why=self._reason(why),
            facts=facts or {},
        )

    def _reason(self, why: str) -> str:
        """Why a check could not be run. Advice to run the untimed pass is of no use once it ran."""
        if why not in (NOT_RUN_IN_PASS, FIT_HIDES):
            return why
        if self.seen.xla_clusters:
            return "XLA compiled that part of the step, so TensorFlow's graph does not show it"
        ran = self.seen.xla_clusters is not None or self.config.measure.evidence == "full"
        return "the untimed pass after the run did not show it" if ran else why


def truth(fact: bool) -> CheckResult:
    """ "true" or "false"."""
    return "true" if fact else "false"


def share(parts: dict[str, float] | dict[str, int], *names: str) -> float | None:
    """The share of `names` in all parts; None where there are none."""
    total = sum(parts.values())
    return sum(parts.get(name, 0) for name in names) / total if total else None
