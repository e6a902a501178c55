"""How many steps, rounds and processes fit the budget. Pure.

The pilot is the last warm-up step. Neighbours: `session.py` asks, `measure.py` carries out.
"""

from __future__ import annotations

import math

ROUND_SECONDS = 0.5
TURN_SECONDS = 0.1
"""One turn of two sides that are held against each other. The cores of a shared machine change their pace within
some tenths of a second: with 180 turns of one step (70 ms) pairs of processes deviated by 0.4 to 1.3 %, with 60 of
three by 3 %."""

FEWEST_TURNS, MOST_TURNS, PAIR_SECONDS = 20, 90, 10.0


def turns(turn_s: float) -> int:
    """Turns of a side per pair of processes, where nothing else is asked for: about 10 s of timed work, but 20 at
    least, so that a median means something, and 90 at most."""
    wanted = round(PAIR_SECONDS / turn_s) if turn_s > 0 else MOST_TURNS
    return min(MOST_TURNS, max(FEWEST_TURNS, wanted))


MIN_ROUNDS = 3
MAX_STEPS_PER_ROUND = 1000
SAFETY = 1.1
"""Planned work is taken 10 % longer than the pilot said: steps vary, and the command must end in time."""


def steps_per_round(step_s: float, steps_per_call: int, round_s: float = ROUND_SECONDS) -> int:
    """Steps that take about `round_s`, so that one wait for the device costs nothing: a multiple of
    `steps_per_call`."""
    wanted = min(max(1, round(round_s / step_s)), MAX_STEPS_PER_ROUND) if step_s > 0 else MAX_STEPS_PER_ROUND
    return max(1, round(wanted / steps_per_call)) * steps_per_call


AWAKE_S = 0.02
"""What a worker that takes turns needs before and after its timed block, its pipeline running: some ms."""

COLD_CACHE_S = 0.0025
"""What the first call of a turn loses because another process had the caches: 2.4 ms in inference at 64 pixels."""

NEGLIGIBLE = 0.005


def pre_turn_calls(call_s: float, calls: int, buffered: int) -> int:
    """Untimed calls before a turn of `calls` calls, so that its caches are warm, and none of it is read from a
    buffer that filled while nobody took from it. At most `buffered` batches can lie ready.

    The pipeline of a stopped worker stands still, so it can have run ahead by `AWAKE_S` only. Where that is
    negligible beside the turn, no lead-in is needed for it; else one call more than could have been produced.
    """
    turn_s = call_s * calls
    if buffered == 0 or NEGLIGIBLE * turn_s >= AWAKE_S:
        return int(NEGLIGIBLE * turn_s < COLD_CACHE_S)
    ahead = math.floor(AWAKE_S / call_s) if call_s > 0 else buffered
    return 1 + min(buffered, ahead)


def rounds_that_fit(rounds: int, round_s: float, share_s: float, left_s: float) -> int:
    """How many of the asked `rounds` fit; 0 where not even one does.

    `share_s` is this process' part of the remaining time, `left_s` all of it: a process whose share
    cannot hold `MIN_ROUNDS` takes from the others.
    """
    fitting = math.floor(share_s / (round_s * SAFETY))
    if fitting < MIN_ROUNDS:
        fitting = min(MIN_ROUNDS, math.floor(left_s / (round_s * SAFETY)))
    return max(0, min(rounds, fitting))


def share_of_time(left_s: float, cold_s: float, round_s: float, further: int) -> float:
    """Seconds that this process may spend on rounds, so that as many as possible of the `further` processes
    still fit: each needs its own cold start of `cold_s` and `MIN_ROUNDS` rounds. What the cold starts leave
    is shared evenly; where no other process fits, this one has all of it.
    """
    least_s = MIN_ROUNDS * round_s
    for others in range(further, 0, -1):
        share_s = (left_s - others * cold_s * SAFETY) / (others + 1)
        if share_s >= least_s * SAFETY:
            return share_s
    return left_s


def split_rounds(wanted: int, step_s: float, left_s: float) -> int:
    """How many turns of forward, forward_backward, apply and whole fit: each takes about three steps, and
    compiling them about as long again as ten. At least 2, so that there is a middle."""
    return max(2, min(wanted, math.floor((left_s / step_s - 10) / (3 * SAFETY))))


def profiled_calls(call_s: float) -> int:
    """How many calls a profile holds: about two seconds of them, but 3 at least and 10 at most."""
    return max(3, min(10, round(2.0 / call_s)))


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
