"""When a candidate has lost, has won, or needs another pair."""

from __future__ import annotations

import math

import pytest

from resnet_bench.experiments.tuning import stopping_rule
from resnet_bench.experiments.tuning.stopping_rule import MIN_WINNING_PAIRS, PRIOR_DF, PRIOR_SD, Spread, StoppingRule

RULES = StoppingRule(candidates=20)
SPREAD = Spread(variance=0.01**2, df=20)


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        ([0.6], "dropped"),
        ([0.97], "dropped"),
        ([1.5], "another pair"),  # a single pair is no win
        ([1.5, 1.5], "won"),
        ([1.2, 1.5, 1.5, 1.5, 0.9], "no difference"),  # its own pairs lie far apart
        ([1.005], "another pair"),
        ([1.005] * 5, "no difference"),  # the last pair that it is given
        ([0.999] * 3, "no difference"),  # nothing worth having is left in its interval
        ([1.025, 1.025], "another pair"),
        ([1.025] * 4, "won"),
    ],
)
def test_decisions(found: list[float], decision: str) -> None:
    assert stopping_rule.decide(found, SPREAD, RULES) == decision


def test_a_win_is_an_interval_above_one() -> None:
    for found in ([1.03] * 4, [1.03] * 2, [1.02] * 5, [1.5, 1.5]):
        low = stopping_rule.estimate(found, SPREAD, RULES).low
        assert low is not None
        assert (low > 1) == (stopping_rule.decide(found, SPREAD, RULES) == "won")


def test_more_candidates_ask_for_more() -> None:
    few, many = (stopping_rule.estimate([1.1, 1.1], SPREAD, StoppingRule(candidates=n)) for n in (1, 100))
    assert few.low is not None
    assert many.low is not None
    assert few.low > many.low
    assert StoppingRule(candidates=10, pairs=5).level == pytest.approx(0.05 / (10 * (5 - MIN_WINNING_PAIRS + 1)))


def test_the_spread_is_the_priors_until_pairs_say_otherwise() -> None:
    assert stopping_rule.pooled([]) == Spread(PRIOR_SD**2, PRIOR_DF)
    assert stopping_rule.pooled([[1.4], [0.7]]) == Spread(PRIOR_SD**2, PRIOR_DF), "a single pair has no spread"
    e = math.exp
    wide = stopping_rule.pooled([[e(0.1), e(-0.1)], [e(1.1), e(0.9)]])
    assert wide.df == PRIOR_DF + 2
    assert wide.variance == pytest.approx((PRIOR_DF * PRIOR_SD**2 + 2 * 0.02) / (PRIOR_DF + 2))


def test_only_an_even_number_of_turns_is_hopeless() -> None:
    assert not stopping_rule.clearly_slower([0.1])
    assert stopping_rule.clearly_slower([0.1, 0.2])
    assert not stopping_rule.clearly_slower([0.1, 0.2, 0.1])
    assert not stopping_rule.clearly_slower([0.1, 0.9])
