"""Measures many configurations, one record each, and continues from existing records.

A sweep that was killed continues from the records in its folder: there is no other state. The failure
of one configuration never ends the others. Neighbours: `combinations.py` has the configurations, `run.py` measures one,
`sweep_lock.py` keeps two sweeps from measuring the same one, `sweep_confirm.py` compares the best.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from resnet_bench.config import check
from resnet_bench.errors import ConfigError, RecordError
from resnet_bench.experiments import run
from resnet_bench.experiments.combinations import Combination, CombinationResult, identity, status
from resnet_bench.experiments.progress import SweepObserver
from resnet_bench.experiments.sweep_lock import Owner, SweepLock
from resnet_bench.records.record import Record
from resnet_bench.records.saved import ForeignFileError
from resnet_bench.runtime.environment import machine_id


@dataclass
class Sweep:
    """A sweep in progress. `results` is right at any moment; `interrupted` and `out_of_time` say why it ended.

    With `resume`, the records that are in the folder count; without, only those that appear from now on
    (another sweep's). An interrupted record never counts, nor one of another machine.
    """

    combinations: Sequence[Combination]
    folder: Path
    save: Callable[[Record], Path]
    observer: SweepObserver
    resume: bool = False
    until: float | None = None
    results: dict[str, CombinationResult] = field(default_factory=dict)
    interrupted: bool = False
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.results = {combination.identity: CombinationResult(combination) for combination in self.combinations}
        self._seen: set[Path] = set() if self.resume else set(self.folder.glob("*.json"))
        self._lock = SweepLock(self.folder)
        self._spent: list[float] = []

    def run(self) -> None:
        """Measure what is not there yet; blocks until all is done, the time is over or Ctrl-C."""
        try:
            # The second pass looks again for what another sweep was measuring.
            for attempt in range(2):
                self._look()
                for name in [name for name, result in self.results.items() if result.status in ("waiting", "claimed")]:
                    self._look()
                    if self.results[name].status not in ("waiting", "claimed"):
                        continue
                    if self.until is not None and time.monotonic() >= self.until:
                        self.out_of_time = True
                        return
                    self._one(name, last=attempt == 1)
                    if self.interrupted:
                        return
        except KeyboardInterrupt:
            self.interrupted = True

    def _one(self, name: str, last: bool) -> None:
        owner: Owner | None = self._lock.take(name)
        if owner is not None:
            self._end(replace(self.results[name], status="claimed"), tell=last)
            return
        try:
            self._look()  # It may have been finished between the last look and the lock.
            if self.results[name].status not in ("waiting", "claimed"):
                return
            self._measure(self.results[name].combination)
        finally:
            self._lock.release(name)

    def _measure(self, combination: Combination) -> None:
        left = [each.combination for each in self.results.values() if each.status in ("waiting", "claimed")]
        done = len(self.results) - len(left)
        self.observer.configuration(done, len(self.results), combination.words, self._left_s(sum(map(_can_run, left))))
        start = time.monotonic()
        try:
            check(combination.config)
            record = run.run(combination.config, combination.given, self.observer, keep=True)
            self._spent.append(time.monotonic() - start)
        except ConfigError as error:
            record = run.refused(combination.config, combination.given, error)
        path = self.save(record)
        self._seen.add(path)
        self.interrupted = record.outcome.kind == "interrupted"
        if not self.interrupted:
            self._end(CombinationResult(combination, status(record), path, record, fresh=True))

    def _left_s(self, configurations: int) -> float | None:
        return sum(self._spent) / len(self._spent) * configurations if self._spent else None

    def _look(self) -> None:
        """Read the records that have appeared in the folder."""
        for path in sorted(set(self.folder.glob("*.json")) - self._seen):
            self._seen.add(path)
            try:
                record = Record.load(path)
            except ForeignFileError:
                continue
            except RecordError as error:
                self.observer.unreadable(error)
                continue
            result = self.results.get(identity(record.config.requested))
            if result is not None and result.record is None and _counts(record):
                self._end(CombinationResult(result.combination, status(record), path, record))

    def _end(self, result: CombinationResult, tell: bool = True) -> None:
        self.results[result.combination.identity] = result
        if tell:
            self.observer.finished(result)


def _can_run(combination: Combination) -> bool:
    try:
        check(combination.config)
    except ConfigError:
        return False
    return True


def _counts(record: Record) -> bool:
    here = record.environment is None or record.environment.machine_id in (None, machine_id())
    return here and record.outcome.kind != "interrupted"


def ranked(results: Sequence[CombinationResult]) -> list[CombinationResult]:
    """Fastest first, then those without a throughput in the order that they have."""
    return sorted(results, key=lambda r: -r.record.summary.images_per_s.value if r.record and r.record.summary else 0.0)
