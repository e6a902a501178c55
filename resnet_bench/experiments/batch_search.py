"""`--batch-size max`: the largest batch that fits, found by trying, a fresh process per try.

`largest` is the search (pure: doubling, then bisection); `search` answers it with workers. A batch fits where
a worker can prepare and run one warm-up step with it. A GPU reports when its memory is exhausted. On a CPU the system
would swap or kill: there a batch fits where the worker's peak memory stays within what was available at the start,
less `RESERVED_SHARE`; and one whose peak, extrapolated linearly from the measured ones, would exceed that is not tried.
Neighbours: `worker/process.py` runs a try, `run.py` asks before its first process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.errors import BudgetError, OutOfMemoryError
from resnet_bench.records.base import Notice
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.system import available_bytes
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker, WorkerFailure

START = 16
LARGEST_BATCH = 1 << 20
RESERVED_SHARE = 0.1
"""Share of the available host memory that a batch must leave."""

SHARE_OF_BUDGET = 0.5
"""The search ends when this much of the time budget is used, so that the measurement has the rest."""


class BatchSearchTimeout(Exception):  # noqa: N818
    """A try could not be finished within the budget of the search."""


@dataclass(frozen=True)
class Bracket:
    """What a search found: `fits` is the largest batch seen to fit (None: none), `too_large` the smallest
    that does not (None: all up to the largest do). `complete` where nothing lies between them."""

    fits: int | None
    too_large: int | None
    complete: bool


def largest(
    fits: Callable[[int], bool],
    start: int = START,
    most: int = LARGEST_BATCH,
    guess: Callable[[int, int], int | None] = lambda _low, _high: None,
) -> Bracket:
    """The largest batch from 1 to `most` for which `fits` holds; it is taken to be monotonic.

    Doubles from `start` until a batch does not fit, halves where `start` does not, then bisects; `guess`
    may name a better batch to try between two bounds. Ends early where `fits` raises `BatchSearchTimeout`.
    """
    low, high, batch = 0, most + 1, min(start, most)
    try:
        while high - low > 1:
            if fits(batch):
                low = batch
            else:
                high = batch
            batch = _next(low, high, most, guess)
    except BatchSearchTimeout:
        pass
    return Bracket(low or None, high if high <= most else None, high - low <= 1)


def _next(low: int, high: int, most: int, guess: Callable[[int, int], int | None]) -> int:
    if high > most:
        return min(2 * low, most)
    named = guess(low, high)
    return named if named is not None and low < named < high else (low + high) // 2


@dataclass
class MemoryPeaks:
    """Peak host memory by batch, in bytes, and the limit it has to stay within. Pure."""

    limit_bytes: int
    measured: dict[int, int] = field(default_factory=dict)

    def _line(self) -> tuple[float, float] | None:
        """Intercept and bytes per image through the two largest batches; None before there are two."""
        if len(self.measured) < 2:
            return None
        small, large = sorted(self.measured)[-2:]
        slope = max(0.0, (self.measured[large] - self.measured[small]) / (large - small))
        return self.measured[large] - slope * large, slope

    def expected(self, batch: int) -> float | None:
        """The peak to expect. From a single measurement: in proportion, which is too much; None without any."""
        line = self._line()
        if line is not None:
            return line[0] + line[1] * batch
        return next((peak * max(1.0, batch / known) for known, peak in self.measured.items()), None)

    def guess(self, low: int, high: int) -> int | None:
        """The largest batch that the line allows, where it lies between the bounds."""
        line = self._line()
        if line is None or line[1] == 0:
            return None
        allowed = int((self.limit_bytes - line[0]) / line[1])
        return allowed if low < allowed < high else low + 1 if allowed <= low else high - 1


class _Prober:
    """Answers `fits` with workers, a fresh one per batch."""

    def __init__(self, config: Config, new_worker: Callable[[], Worker], deadline: float) -> None:
        self._config = config
        self._new_worker = new_worker
        self._deadline = deadline
        self._machine: Machine | None = None
        self.peaks = MemoryPeaks(int(available_bytes() * (1 - RESERVED_SHARE)))
        self.tries = 0

    @property
    def on_cpu(self) -> bool:
        """Whether the host's memory is the bound; True until a worker has said which device it uses."""
        return self._machine is None or self._machine.device_kind == "cpu"

    def fits(self, batch: int) -> bool:
        """Whether a worker could run one step of that batch within the memory."""
        expected = self.peaks.expected(batch) if self.on_cpu else None
        if expected is not None and expected > self.peaks.limit_bytes and len(self.peaks.measured) > 1:
            return False
        self.tries += 1
        try:
            peak = self._try(batch)
        except WorkerFailure as failure:
            if failure.outcome.kind == "out_of_memory":
                return False
            if failure.outcome.kind == "budget":
                raise BatchSearchTimeout from failure
            raise
        if not self.on_cpu or peak is None:
            return True
        self.peaks.measured[batch] = peak
        return peak <= self.peaks.limit_bytes

    def guess(self, low: int, high: int) -> int | None:
        """What the measured peaks suggest, on a CPU."""
        return self.peaks.guess(low, high) if self.on_cpu else None

    def _try(self, batch: int) -> int | None:
        """Run one step; the host's peak in bytes."""
        config = replace(self._config, step=replace(self._config.step, batch_size=batch))
        with self._new_worker() as worker:

            def ask(command: p.Command, reply: type[p.M]) -> p.M:
                silence_s = config.measure.timeout
                return worker.request(
                    command, reply, silence_s=silence_s, deadline=self._deadline, on_event=self._on_event
                )

            ask(p.Prepare(config=config, log_path=str(worker.log_path)), p.Prepared)
            ask(p.WarmUp(steps=config.step.steps_per_call), p.Timed)
            return max(ask(p.Finish(), p.Finished).memory.host_peak_bytes.values(), default=None)

    def _on_event(self, event: p.Events) -> None:
        if isinstance(event, p.Resolved):
            self._machine = event.machine


def search(
    config: Config,
    new_worker: Callable[[], Worker],
    deadline: float,
    on_try: Callable[[int], None] = lambda _batch: None,
) -> tuple[int, tuple[Notice, ...]]:
    """The largest batch that fits and how it was found. `deadline` (`time.monotonic`) is the whole run's.

    Raises `OutOfMemoryError` where not even one image fits, `BudgetError` where the time ended before
    anything did, and what a worker raises for any other failure.
    """
    now = time.monotonic()
    prober = _Prober(config, new_worker, now + (deadline - now) * SHARE_OF_BUDGET)

    def fits(batch: int) -> bool:
        on_try(batch)
        return prober.fits(batch)

    found = largest(fits, guess=prober.guess)
    if found.fits is None:
        if found.complete:
            raise OutOfMemoryError(
                "--batch-size max: not even one image fits into memory.", "Use a smaller --image-size, or more memory."
            )
        raise BudgetError(
            "--batch-size max: the time budget ended before any batch was seen to fit.", "Allow more with --max-time."
        )
    return found.fits, (_notice(found, prober),)


def _notice(found: Bracket, prober: _Prober) -> Notice:
    facts: dict[str, Value] = {"batch": found.fits, "too_large": found.too_large, "tries": prober.tries}
    if not found.complete:
        return Notice.make("batch_search_cut", **facts)
    if prober.on_cpu:
        return Notice.make("batch_found_host", **facts, limit_bytes=prober.peaks.limit_bytes)
    return Notice.make("batch_found", **facts)
