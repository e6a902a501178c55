"""What a search claims, measured in turns that the race had no part in: the gain, and what each switch gives.

The winner of many races is in part the luckiest, so none of their ratios is claimed. Neighbours: `search.py`
found the winner, `tune.py` supplies the matches, `tuned.py` has the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from resnet_bench.analysis import ratio
from resnet_bench.errors import BenchError, BudgetError
from resnet_bench.experiments.paired.duet import AbRun
from resnet_bench.experiments.paired.side import RoundCount
from resnet_bench.experiments.tuning.search import Search
from resnet_bench.records.ab import AbResult
from resnet_bench.records.run import Outcome
from resnet_bench.records.tuning import Contribution
from resnet_bench.worker.process import outcome_of

CONTRIBUTION_PAIRS = 3
GAIN_SHARE = 0.6
"""Of the time that the race left; the contributions have the rest."""


class Confirmation:
    """The claims of a search that found a champion; `gain` and `contributions` are right at any moment.

    new_match: a match of two choices (the second over the first) with seconds, pairs and turns at most. left: the
    seconds that remain.
    """

    def __init__(
        self,
        search: Search,
        new_match: Callable[..., AbRun],
        left: Callable[[], float],
        pairs: int,
        turns: RoundCount,
    ) -> None:
        self.gain: AbResult | None = None
        self._found: list[Contribution] = []
        self._search, self._new_match, self._left = search, new_match, left
        self._pairs, self._turns = pairs, turns

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """A contribution per switch, their intervals widened for looking at all of them."""
        return tuple(corrected(self._found))

    @property
    def switches(self) -> list[str]:
        """The options in which the champion differs from the start."""
        search = self._search
        return [name for name in search.space.values if search.champion[name] != search.start[name]]

    @property
    def refuted(self) -> bool:
        """Whether the gain's own match contradicts the race, and was long enough to do so."""
        if self.gain is None or self.gain.finding in ("faster", "cannot tell"):
            return False
        return self.gain.finding == "slower" or not self.unclear

    @property
    def unclear(self) -> bool:
        """Whether the gain's match was too short to see what the race promised (the product of its wins)."""
        gain = self.gain
        if gain is None or gain.finding != "no difference" or gain.resolution is None:
            return False
        wins = [each.ratio.value for each in self._search.challenges if each.status == "won" and each.ratio]
        return gain.resolution > math.prod(wins) - 1

    def measure_gain(self) -> bool:
        """Champion over start; blocks. False where the time allowed not one pair."""
        share = GAIN_SHARE if len(self.switches) > 1 else 1.0
        search = self._search
        match = self._new_match(search.start, search.champion, self._left() * share, self._pairs, self._turns)
        try:
            match.run()
        except BudgetError:
            return False
        finally:
            self.gain = match.result()
        return True

    def measure_contributions(self) -> None:
        """Champion over itself with one switch put back, switch by switch; blocks. Where there is only one switch,
        that is the gain."""
        names, search = self.switches, self._search
        for done, name in enumerate(names):
            one = Contribution(option=name, value=_value(search.champion[name]), without=_value(search.start[name]))
            self._found.append(self._contribution(one, self._left() / (len(names) - done)))

    def _contribution(self, one: Contribution, max_time_s: float) -> Contribution:
        search = self._search
        without = {**search.champion, one.option: search.start[one.option]}
        if not search.space.possible(without):
            return replace(one, outcome=Outcome(kind="config", message="The others cannot run without it."))
        match = self._new_match(without, search.champion, max_time_s, CONTRIBUTION_PAIRS, self._turns)
        try:
            match.run()
        except BenchError as error:
            return replace(one, duet=match.result(), outcome=outcome_of(error))
        return replace(one, duet=match.result())


def _value(value: object) -> bool | int | float | str | None:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def corrected(found: Sequence[Contribution]) -> list[Contribution]:
    """The same with intervals as wide as their number asks for (Holm)."""
    logs = [ratio.paired([pair.ratio for pair in each.duet.pairs]) if each.duet else None for each in found]
    levels = ratio.holm([None if each is None else each.p_value for each in logs])
    return [
        each if log is None else replace(each, ratio=log.estimate(level), confidence=level)
        for each, log, level in zip(found, logs, levels, strict=True)
    ]
