"""What a search reports, measured in interleaved runs of their own: the gain, and the contribution of each option.

The winner of many comparisons is in part the luckiest (selection bias), so none of the search's ratios is reported as
the gain. Neighbours: `search.py` found the winner, `tune.py` supplies the interleaved runs, `records/tuning.py` has the
result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from resnet_bench.analysis import ratio
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments.paired.ab import AbRun
from resnet_bench.experiments.paired.side import RoundCount
from resnet_bench.experiments.tuning.search import Search
from resnet_bench.records.ab import AbResult
from resnet_bench.records.run import Outcome
from resnet_bench.records.tuning import Contribution
from resnet_bench.worker.interface import outcome_of

CONTRIBUTION_PAIRS = 3
GAIN_SHARE = 0.6
"""Of the time that the search left; the contributions have the rest."""


class Confirmation:
    """The confirmation of a search's winner; `gain` and `contributions` are right at any moment.

    new_runs: interleaved runs of two choices (the second over the first) with seconds, pairs and rounds at most.
    left: the seconds that remain.
    """

    def __init__(
        self,
        search: Search,
        new_runs: Callable[..., AbRun],
        left: Callable[[], float],
        pairs: int,
        turns: RoundCount,
    ) -> None:
        self.gain: AbResult | None = None
        self._found: list[Contribution] = []
        self._search, self._new_runs, self._left = search, new_runs, left
        self._pairs, self._turns = pairs, turns

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """A contribution per option, with intervals corrected for their number (Holm)."""
        return tuple(corrected(self._found))

    @property
    def changed(self) -> list[str]:
        """The options in which the best differs from the start."""
        search = self._search
        return [name for name in search.space.values if search.best[name] != search.start[name]]

    @property
    def refuted(self) -> bool:
        """Whether the gain's own runs contradict the search, and were long enough to do so."""
        if self.gain is None or self.gain.finding in ("faster", "inconclusive"):
            return False
        return self.gain.finding == "slower" or not self.unclear

    @property
    def unclear(self) -> bool:
        """Whether the gain's runs were too short to resolve what the search promised (the product of its wins)."""
        gain = self.gain
        if gain is None or gain.finding != "no difference" or gain.resolution is None:
            return False
        wins = [each.ratio.value for each in self._search.candidates if each.status == "won" and each.ratio]
        return gain.resolution > math.prod(wins) - 1

    def measure_gain(self) -> bool:
        """Best over start; blocks. False where the time allowed not one pair."""
        share = GAIN_SHARE if len(self.changed) > 1 else 1.0
        search = self._search
        runs = self._new_runs(search.start, search.best, self._left() * share, self._pairs, self._turns)
        try:
            runs.run()
        except BudgetError:
            return False
        finally:
            self.gain = runs.result()
        return True

    def measure_contributions(self) -> None:
        """The best over itself with one option set back, option by option; blocks. With only one, that is the gain."""
        names, search = self.changed, self._search
        for done, name in enumerate(names):
            one = Contribution(option=name, value=_value(search.best[name]), without=_value(search.start[name]))
            self._found.append(self._contribution(one, self._left() / (len(names) - done)))

    def _contribution(self, one: Contribution, max_time_s: float) -> Contribution:
        search = self._search
        without = {**search.best, one.option: search.start[one.option]}
        if not search.space.possible(without):
            return replace(one, outcome=Outcome(kind="config", message="The other options require it."))
        runs = self._new_runs(without, search.best, max_time_s, CONTRIBUTION_PAIRS, self._turns)
        try:
            runs.run()
        except BenchError as error:
            return replace(one, result=runs.result(), outcome=outcome_of(error))
        return replace(one, result=runs.result())


def _value(value: object) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def corrected(found: Sequence[Contribution]) -> list[Contribution]:
    """The same with intervals corrected for their number (Holm)."""
    logs = [ratio.paired([pair.ratio for pair in each.result.pairs]) if each.result else None for each in found]
    levels = ratio.holm([None if each is None else each.p_value for each in logs])
    return [
        each if log is None else replace(each, ratio=log.estimate(level), confidence=level)
        for each, log, level in zip(found, logs, levels, strict=True)
    ]
