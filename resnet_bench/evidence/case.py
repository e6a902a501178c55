"""What every family of claims starts from: the configuration, who asked for what, and what was seen. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.records.evidence import CheckResult, OptionCheck, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.notices import Topic
from resnet_bench.records.run import ModelFacts

NOT_LOOKED_AT = "it needs the untimed pass after the run (--evidence full)"
FIT_HIDES = "model.fit keeps its graph to itself; the untimed pass after the run shows it (--evidence full)"


@dataclass(frozen=True)
class CheckInput:
    """One run to be judged. `config` is what `requested` was resolved to, `given` are the options that the user
    named; `topics` those of the notices given before the run: whether the device emulates the precision."""

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

    def claim(
        self,
        name: str,
        options: tuple[str, ...],
        *,
        requested: Value,
        observed: Value = None,
        source: str | None = None,
        holds: CheckResult | None = None,
        why: str = "",
        facts: dict[str, Value] | None = None,
    ) -> OptionCheck:
        """A claim about `options`, explicit where one of them was given."""
        return OptionCheck(
            claim=name,
            requested=requested,
            observed=observed,
            source=source,
            holds=holds,
            explicit=any(option in self.given for option in options),
            why=why,
            facts=facts or {},
        )


def truth(fact: bool) -> CheckResult:
    """ "true" or "false"."""
    return "true" if fact else "false"


def share(parts: dict[str, float] | dict[str, int], *names: str) -> float | None:
    """The share of `names` in all parts; None where there are none."""
    total = sum(parts.values())
    return sum(parts.get(name, 0) for name in names) / total if total else None
