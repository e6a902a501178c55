"""Maps the protocol's messages to calls of a backend: prepares, times series of steps, counts, sums up.

Imports no framework. Neighbours: `child.py` passes commands in, `backends/` do the work, `preparation.py` has the
order of a start, `timing.py` times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_bench.config.printable import NOT_UTF8, printable
from resnet_bench.errors import BenchError, ConfigError, DataError, OutOfMemoryError
from resnet_bench.records.run import Memory, StepCounts
from resnet_bench.worker import preparation
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends import open_backend
from resnet_bench.worker.backends.base import Backend, NewBackend
from resnet_bench.worker.phases import DIAGNOSIS, Phases


class Commands:
    """Answers the commands of one worker process.

    The backend is made for the first command: by `new_backend`, or the one that its configuration names.
    """

    def __init__(self, send: Callable[[p.Message], None], new_backend: NewBackend | None = None) -> None:
        self.phases = Phases(send)
        self._new_backend = new_backend
        self._backend: Backend | None = None
        self._counts: dict[str, int] = {}
        self._threads_seen = 0
        self._common: dict[type, Callable[[Backend, Any], p.Replies]] = {
            p.Prepare: self._prepare,
            p.WarmUp: self._warm_up,
            p.Measure: self._measure,
            p.MeasureSplit: self._split,
            p.Observe: self._observe,
            p.Finish: self._finish,
        }

    def carry_out(self, command: object) -> p.Replies:
        """The reply to one command. Errors pass through."""
        backend = self._backend = self._backend or self._open(command)
        own = backend.handlers().get(type(command))
        if own is not None:
            return own(command)
        common = self._common.get(type(command))
        if common is None:
            raise ConfigError(
                f"{type(command).__name__} is not available in this runtime.", "Use --runtime tensorflow."
            )
        return common(backend, command)

    def translate(self, error: BaseException) -> BenchError:
        """What an unexpected exception means to the user."""
        with self.phases.kept_alive(DIAGNOSIS):
            explained = self._backend.explain(error) if self._backend is not None else None
        if explained is not None:
            return explained
        name, phase = type(error).__name__, self.phases.name
        if name == "ResourceExhaustedError" or "out of memory" in str(error).lower():
            config = self._backend.config if self._backend is not None else None
            batch = config.step.batch_size if config else "this"
            return OutOfMemoryError(
                f"Memory ran out in phase {phase} at --batch-size {batch}.",
                "Use a smaller --batch-size or --image-size; nothing is shrunk on its own.",
            )
        if isinstance(error, UnicodeEncodeError):
            return DataError(f"{printable(error.object)[:500]} is not valid UTF-8, which TensorFlow needs.", NOT_UTF8)
        first = (str(error).strip().splitlines() or [""])[0]
        return BenchError(f"{name} in phase {phase}: {first[:500]}", "See the end of the worker's log.")

    def _open(self, command: object) -> Backend:
        if self._new_backend is not None:
            return self._new_backend(self.phases)
        config = getattr(command, "config", None)
        return open_backend("tensorflow" if config is None else config.runtime.runtime, self.phases)

    def _prepare(self, backend: Backend, command: p.Prepare) -> p.Prepared:
        prepared = preparation.prepare(backend, command)
        assert backend.bench is not None
        self._count("first", backend.bench.step.steps_per_call)
        return prepared

    def _warm_up(self, backend: Backend, command: p.WarmUp) -> p.Timed:
        assert backend.bench is not None, "a worker is prepared before it is asked to time"
        per_call = backend.bench.step.steps_per_call
        return self._series(backend, "warmup", command.steps // per_call, per_call)

    def _measure(self, backend: Backend, command: p.Measure) -> p.Timed:
        until = self._until(command.budget_s)
        with backend.watch(command.watch):
            return self._series(backend, command.purpose, command.rounds, command.steps, until, command.pre_turn_calls)

    def _series(
        self,
        backend: Backend,
        purpose: str,
        rounds: int,
        steps: int,
        until: float | None = None,
        pre_turn_calls: int = 0,
    ) -> p.Timed:
        bench = backend.bench
        assert bench is not None, "a worker is prepared before it is asked to time"
        with self.phases.enter(purpose):
            for one in bench.rounds(rounds, steps, until, pre_turn_calls):
                self._count(purpose, one.steps)
                self._count("warmup", pre_turn_calls * bench.step.steps_per_call)
                self._threads_seen = max(self._threads_seen, self.phases.instruments.thread_count())
                self.phases.send(p.RoundDone(round=one))
        return p.Timed(notices=backend.happened())

    def _split(self, backend: Backend, command: p.MeasureSplit) -> p.SplitDone:
        with self.phases.enter("split"):
            split = backend.split(command.rounds, self._until(command.budget_s))
        self._count("split", split.rounds)
        return p.SplitDone(split=split)

    def _observe(self, backend: Backend, command: p.Observe) -> p.Observed:
        with self.phases.enter("evidence"):
            seen, notices = backend.seen(command.graph)
        return p.Observed(seen=seen, notices=notices)

    def _finish(self, backend: Backend, command: p.Finish) -> p.Finished:
        del command
        if backend.bench is None:
            return p.Finished(memory=Memory(), counts=StepCounts())
        with self.phases.enter("finish"):
            ended = backend.finish()
        # The step is not closed: the process ends at once, and two runs stalled 20 to 40 s where it was.
        return p.Finished(
            memory=ended.memory,
            counts=StepCounts(**self._counts, skipped=ended.skipped),
            result=ended.result,
            skipped_records=ended.skipped_records,
            threads_seen=self._threads_seen or None,
            notices=backend.happened(),
        )

    def _count(self, purpose: str, steps: int) -> None:
        self._counts[purpose] = self._counts.get(purpose, 0) + steps

    def _until(self, budget_s: float | None) -> float | None:
        return None if budget_s is None else self.phases.instruments.clock() + budget_s
