"""How many steps, rounds and processes fit the time budget. Pure.

The pilot is the last warm-up step. Neighbours: `process.py` and `run.py` ask for one process and a run,
`paired/interleave.py` for interleaved runs; `worker/timing.py` carries it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from resnet_bench.analysis.verdict import MIN_VALID_ROUNDS

ROUND_SECONDS = 0.5
TURN_SECONDS = 0.1
"""One interleaved round of a side. The cores of a shared machine change their speed within some tenths of a second:
with 180 rounds of one step (70 ms) pairs of processes varied by 0.4 to 1.3 %, with 60 rounds of three steps by 3 %."""

FEWEST_PAIRED_ROUNDS, MOST_PAIRED_ROUNDS, PAIR_SECONDS = 20, 90, 10.0


def rounds_per_pair(round_s: float) -> int:
    """Rounds of a side per pair of processes, by default: about 10 s of timed work, but 20 at least, so that a median
    means something, and 90 at most."""
    wanted = round(PAIR_SECONDS / round_s) if round_s > 0 else MOST_PAIRED_ROUNDS
    return min(MOST_PAIRED_ROUNDS, max(FEWEST_PAIRED_ROUNDS, wanted))


MIN_TIMED_ROUNDS = 3
AUTO_ROUNDS = 20
"""Timed rounds of a process by default, where they fit."""

ROUNDS_BEFORE_CHECKS = MIN_VALID_ROUNDS
"""The fewest rounds that show a steady state, and so support a valid verdict: what checks may not take."""

MAX_STEPS_PER_ROUND = 1000
SAFETY = 1.1
"""Planned work is assumed to take 10 % longer than the pilot said: steps vary, and the command must end in time."""


def steps_per_round(step_s: float, steps_per_call: int, round_s: float = ROUND_SECONDS) -> int:
    """Steps that take about `round_s`, so that one wait for the device costs nothing: a multiple of
    `steps_per_call`."""
    wanted = min(max(1, round(round_s / step_s)), MAX_STEPS_PER_ROUND) if step_s > 0 else MAX_STEPS_PER_ROUND
    return max(1, round(wanted / steps_per_call)) * steps_per_call


AWAKE_S = 0.02
"""How long the pipeline of an interleaved worker runs before and after its timed round: some milliseconds."""

COLD_CACHE_S = 0.0025
"""What the first call of a round loses because another process used the caches: 2.4 ms, inference at 64 pixels."""

NEGLIGIBLE = 0.005


def pre_turn_calls(call_s: float, calls: int, buffered: int) -> int:
    """Untimed calls before an interleaved round of `calls` calls, so that its caches are warm, and none of its batches
    come from a buffer that filled while nothing was consumed. At most `buffered` batches can lie ready.

    The pipeline of a stopped worker is stopped too, so it can be ahead by `AWAKE_S` only. Where that is negligible
    beside the round, no call is needed for it; else one more than could have been produced.
    """
    round_s = call_s * calls
    if buffered == 0 or NEGLIGIBLE * round_s >= AWAKE_S:
        return int(NEGLIGIBLE * round_s < COLD_CACHE_S)
    ahead = math.floor(AWAKE_S / call_s) if call_s > 0 else buffered
    return 1 + min(buffered, ahead)


def rounds_that_fit(rounds: int, round_s: float, share_s: float, left_s: float) -> int:
    """How many of the asked `rounds` fit; 0 where not even one does.

    `share_s` is this process' part of the remaining time, `left_s` all of it: a process whose share
    cannot hold `MIN_TIMED_ROUNDS` takes time from the others.
    """
    fitting = math.floor(share_s / (round_s * SAFETY))
    if fitting < MIN_TIMED_ROUNDS:
        fitting = min(MIN_TIMED_ROUNDS, math.floor(left_s / (round_s * SAFETY)))
    return max(0, min(rounds, fitting))


def share_of_time(left_s: float, cold_s: float, round_s: float, further: int) -> float:
    """Seconds that this process may spend on rounds, so that as many as possible of the `further` processes
    still fit: each needs its own cold start of `cold_s` and `MIN_TIMED_ROUNDS` rounds. What the cold starts leave
    is shared evenly; where no other process fits, this one has all of it.
    """
    least_s = MIN_TIMED_ROUNDS * round_s
    for others in range(further, 0, -1):
        share_s = (left_s - others * cold_s * SAFETY) / (others + 1)
        if share_s >= least_s * SAFETY:
            return share_s
    return left_s


def kept_for_checks(
    wishes: Iterable[float], rounds: int, round_s: float, left_s: float, cold_s: float, further: int
) -> float:
    """Seconds to keep for the untimed passes: the largest of the `wishes` that leaves this process and each of the
    `further` ones its cold start of `cold_s` and `rounds` rounds; 0 where none does."""
    for wish_s in sorted(wishes, reverse=True):
        share_s = (left_s - wish_s - further * cold_s * SAFETY) / (further + 1)
        if share_s >= rounds * round_s * SAFETY:
            return wish_s
    return 0.0


def split_rounds(wanted: int, step_s: float, left_s: float) -> int:
    """How many rounds of forward, forward_backward, apply and whole fit: each takes about three steps, and
    compiling them about as long as ten more. At least 2, so that there is a median."""
    return max(2, min(wanted, math.floor((left_s / step_s - 10) / (3 * SAFETY))))


def profiled_calls(call_s: float) -> int:
    """How many calls a profile holds: about two seconds of them, but 3 at least and 10 at most."""
    return max(3, min(10, round(2.0 / call_s)))


def another_warmup_fits(step_s: float, steps_per_call: int, left_s: float) -> bool:
    """Whether one more warm-up call leaves time for the fewest rounds that are worth having."""
    return left_s >= step_s * steps_per_call * (1 + MIN_TIMED_ROUNDS) * SAFETY


def processes_that_fit(wanted: int, done: int, process_s: float, left_s: float) -> int:
    """How many of the `wanted` processes can run in all, `done` of them finished.

    `process_s` is what the shortest useful process takes: its cold start, warm-up and fewest rounds.
    """
    if process_s <= 0:
        return wanted
    return min(wanted, done + max(0, math.floor(left_s / (process_s * SAFETY))))
