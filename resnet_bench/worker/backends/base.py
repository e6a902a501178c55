"""What a backend is: one framework inside one worker process, from its environment to the result of its last step.

Owns `Backend`, which `preparation.py` and `commands.py` drive, and knows no framework. How to add a runtime:

1. Write `backends/NAME.py` with a subclass of `Backend` and `def new_backend(phases: Phases) -> Backend`. The file
   must load without its framework, which `prepare_environment` imports. Implement the abstract methods, override the
   others where the framework has something to say, and list commands beyond the common ones in `handlers`.
2. Add the name to `RuntimeName` in `config/runtime.py` and to `FILES` in `backends/__init__.py`.
3. Say in `config/runtime_support.py` which modes and options it has; every other option is refused by name.
4. Add its packages as an extra in `pyproject.toml`, and to `PACKAGES` in `runtime/environment.py`, so that records
   hold its version. `prepare_environment` raises `ConfigError` naming the extra where they are missing.
5. Test it as `tests/worker/test_keras_reference.py` does.

Nothing else needs to know of it: `run`, `ab`, `compare`, `sweep` and the reports take it as one more option.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from resnet_bench.config import Config
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.records.environment import Environment
from resnet_bench.records.evidence import Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, Split, StepResult
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.protocol import Replies, Scope
from resnet_bench.worker.timing import Bench

Handler = Callable[[Any], Replies]
NewBackend = Callable[[Phases], "Backend"]


@dataclass(frozen=True)
class Started:
    """The framework runs: the resolved configuration, where it runs, and what a reader must know of both."""

    config: Config
    machine: Machine
    environment: Environment
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Ended:
    """What only the end can tell. `skipped` counts updates that loss scaling left out, `skipped_records` unusable
    records; None where the backend cannot tell."""

    result: StepResult
    memory: Memory
    skipped: int | None = None
    skipped_records: int | None = None


class Backend(ABC):
    """One framework in one process. `prepare` calls the methods in the order in which they stand here.

    `config` is resolved once `start` has returned; `bench` is there once `attach` has. `scope` is what of the step
    runs, `log` the file that this process' stderr goes to.
    """

    def __init__(self, phases: Phases) -> None:
        self.phases = phases
        self.config: Config | None = None
        self.scope: Scope = "whole"
        self.log: Path | None = None
        self.bench: Bench | None = None

    @abstractmethod
    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Set what the framework reads when it is imported, then import it."""

    @abstractmethod
    def start(self, requested: Config) -> Started:
        """Find the device, resolve the configuration (`runtime.resolve`), set the framework up for it."""

    def choose_scope(self, scope: Scope) -> None:
        """Decide what of the step runs. The configuration is resolved in the same way for each; the
        model alone then reads a batch that stays on the device."""
        assert self.config is not None
        self.scope = scope
        if scope == "model":
            data = replace(self.config.data, source="synthetic", data=None, data_service=None)
            self.config = replace(self.config, data=data)

    def open_input(self) -> None:  # noqa: B027 (no input to open is a backend's right)
        """Find the data; read nothing ahead."""

    @abstractmethod
    def build(self) -> ModelFacts | None:
        """Build the network and its step. None without a network (`--mode input`), or where nothing was counted."""

    def trace(self) -> None:  # noqa: B027
        """Trace the step, in a framework that does so; run nothing."""

    def around_first_call(self) -> AbstractContextManager[object]:
        """What the first call runs inside of: evidence collectors."""
        return contextlib.nullcontext()

    @abstractmethod
    def first_call(self) -> None:
        """Run one call on a batch that does not count, and wait for it. Compiles what is left to compile."""

    def compile_seconds(self) -> tuple[float | None, tuple[Notice, ...]]:
        """Seconds that a compiler took so far, where the framework says so."""
        return None, ()

    @abstractmethod
    def attach(self) -> Bench:
        """Connect the step to its input, which may read ahead from now on; the step with what times it."""

    @abstractmethod
    def data_facts(self) -> DataFacts:
        """Which images the step reads."""

    def prepared_notices(self) -> tuple[Notice, ...]:
        """What a reader must know once all is ready."""
        return self.happened()

    def happened(self) -> tuple[Notice, ...]:
        """What happened to the input since this was last asked."""
        return ()

    def watch(self, wanted: bool) -> AbstractContextManager[object]:
        """What a series of timed rounds runs inside of; `wanted` asks for evidence of what happens meanwhile."""
        del wanted
        return contextlib.nullcontext()

    def split(self, rounds: int, until: float | None) -> Split:
        """Forward, backward and optimizer of a training step, timed apart."""
        del rounds, until
        raise ConfigError("This runtime cannot time the parts of a step.", "Leave out --split.")

    def seen(self, graph: bool) -> tuple[Seen, tuple[Notice, ...]]:
        """What can be seen of the prepared step without disturbing it; `graph` asks for what all processes share."""
        del graph
        return Seen(), ()

    @abstractmethod
    def finish(self) -> Ended:
        """The result of all steps. The process ends right afterwards."""

    def explain(self, error: BaseException) -> BenchError | None:
        """What an exception means to the user; None where the backend does not know more than its text."""
        del error
        return None

    def handlers(self) -> Mapping[type, Handler]:
        """Answers to commands beyond the common ones, or in place of them, by type of command."""
        return {}
