"""How many steps, rounds and processes fit the budget. Pure.

The pilot is the last warm-up step. Neighbours: `session.py` asks, `measure.py` carries out.
"""

from __future__ import annotations

import math

ROUND_SECONDS = 0.5
MIN_ROUNDS = 3
MAX_STEPS_PER_ROUND = 1000
SAFETY = 1.1
"""Planned work is taken 10 % longer than the pilot said: steps vary, and the command must end in time."""


def steps_per_round(step_s: float, steps_per_call: int) -> int:
    """Steps that take about half a second, so that one wait for the device costs nothing: a multiple of
    `steps_per_call`."""
    wanted = min(max(1, round(ROUND_SECONDS / step_s)), MAX_STEPS_PER_ROUND) if step_s > 0 else MAX_STEPS_PER_ROUND
    return max(1, round(wanted / steps_per_call)) * steps_per_call


def rounds_that_fit(rounds: int, round_s: float, share_s: float, left_s: float) -> int:
    """How many of the asked `rounds` fit; 0 where not even one does.

    `share_s` is this process' part of the remaining time, `left_s` all of it: a process whose share
    cannot hold `MIN_ROUNDS` takes from the others.
    """
    fitting = math.floor(share_s / (round_s * SAFETY))
    if fitting < MIN_ROUNDS:
        fitting = min(MIN_ROUNDS, math.floor(left_s / (round_s * SAFETY)))
    return max(0, min(rounds, fitting))


def split_rounds(wanted: int, step_s: float, left_s: float) -> int:
    """How many turns of forward, forward_backward, apply and whole fit: each takes about three steps, and
    compiling them about as long again as ten. At least 2, so that there is a middle."""
    return max(2, min(wanted, math.floor((left_s / step_s - 10) / (3 * SAFETY))))


def another_warmup_fits(step_s: float, steps_per_call: int, left_s: float) -> bool:
    """Whether one more warm-up call leaves time for the fewest rounds that are worth having."""
    return left_s >= step_s * steps_per_call * (1 + MIN_ROUNDS) * SAFETY


def processes_that_fit(wanted: int, done: int, process_s: float, left_s: float) -> int:
    """How many of the `wanted` processes can run in all, `done` of them finished.

    `process_s` is what the shortest useful process takes: its cold start, warm-up and fewest rounds.
    """
    if process_s <= 0:
        return wanted
    return min(wanted, done + max(0, math.floor(left_s / (process_s * SAFETY))))
