"""TensorFlow in this worker: its process-global state, and the network, step and input that are live in it.

`handlers/` work on a `TensorFlowSession`; `tensorflow.py` makes the backend of it. TensorFlow is imported inside the
functions. Neighbours: runtime, data, model and step do the work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from resnet_bench.config import Config, TrainingConfig
from resnet_bench.errors import BenchError
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import Window
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, StepResult
from resnet_bench.runtime.resolve import resolve
from resnet_bench.worker import preparation
from resnet_bench.worker.backends.base import Backend, Ended, Started
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.timing import Bench

if TYPE_CHECKING:
    from resnet_bench.runtime.telemetry import OwnUsage


class TensorFlowSession(Backend):
    """What is None until the phase that makes it: `runtime`, `environment`, `model`, `input`, `step`.

    `window` is what was watched of the timed rounds; `collect_around` replaces what goes around the first call.
    """

    def __init__(self, phases: Phases) -> None:
        super().__init__(phases)
        self.runtime: Any = None
        self.environment: Any = None
        self.model: Any = None
        self.input: Any = None
        self.step: Any = None
        self.training: TrainingConfig | None = None
        self.window: Window | None = None
        self.collect_around: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext

    def start_tensorflow(self, requested: Config, training: TrainingConfig | None = None) -> Config:
        """Set the environment, import TensorFlow, find the device or devices; the resolved configuration."""
        self.training = training
        return preparation.start(self, requested)

    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Set oneDNN, logging and GPU visibility; import TensorFlow and Keras."""
        from resnet_bench import runtime

        early = runtime.set_environment(requested, runtime.inspect_host())
        import keras  # noqa: F401
        import tensorflow as tf  # noqa: F401

        return early

    def start(self, requested: Config) -> Started:
        """Find the device and set threads, precision, determinism and replicas."""
        from resnet_bench import runtime
        from resnet_bench.runtime.contradictions import contradictions
        from resnet_bench.runtime.environment import collect

        machine = runtime.find_machine(requested, runtime.inspect_host())
        config, notices = resolve(requested, machine)
        self.runtime = runtime.start(config, machine, self.training)
        self.environment = collect(machine, self.runtime)
        return Started(config, machine, self.environment, (*notices, *contradictions(config, machine, os.environ)))

    def open_input(self) -> None:
        """Open the source that `--source` names."""
        from resnet_bench.data import default_cache_dir, open_input

        assert self.config is not None
        self.input = open_input(self.config, self.runtime.threads, default_cache_dir(), self.runtime.device)

    def build(self) -> ModelFacts | None:
        """The network and the step around it, or the step of the pipeline alone."""
        from resnet_bench import model as models
        from resnet_bench.step.input_only import InputStep
        from resnet_bench.step.make import make_step

        config, facts = self.config, None
        assert config is not None
        models.check_data_format(config, self.runtime)
        alone = self.scope == "pipeline"
        if config.step.mode != "input" and not alone:
            self.model = models.build(config, self.runtime)
            facts = models.facts(self.model, config)
        self.step = InputStep(config, self.runtime) if alone else make_step(config, self.runtime, self.model)
        return facts

    def trace(self) -> None:
        """Trace the step's function."""
        self.step.trace()

    def around_first_call(self) -> AbstractContextManager[object]:
        """The collectors of the untimed pass, there alone."""
        return self.collect_around()

    def first_call(self) -> None:
        """One call on a dummy batch; XLA compiles in it."""
        self.step.first_call()

    def compile_seconds(self) -> tuple[float | None, tuple[Notice, ...]]:
        """What XLA's own log says of its compilations so far; None without XLA."""
        from resnet_bench.runtime.xla_log import parse_compilations

        assert self.config is not None
        assert self.log is not None
        if not self.config.step.xla or self.model is None:
            return None, ()
        os.fsync(2)
        found = parse_compilations(self.log.read_text(errors="replace"))
        if not found:
            return None, (Notice.make("xla_compilation_unseen"),)
        return sum(one.seconds for one in found), ()

    def attach(self) -> Bench:
        """Start the pipeline, now that nothing is left to compile."""
        from resnet_bench.runtime.telemetry import Probe, reset_device_peak

        self.step.attach(self.input)
        reset_device_peak(self.runtime)
        return Bench(self.step, Probe(self.runtime.machine, usage=self._usage))

    def _usage(self) -> OwnUsage:
        """This process' usage, and the processor time of other processes here that work for its input."""
        from resnet_bench.runtime.telemetry import own_usage

        own = own_usage()
        return dataclasses.replace(own, cpu_s=own.cpu_s + self.input.helpers_cpu_s())

    def data_facts(self) -> DataFacts:
        """The source's own facts."""
        facts: DataFacts = self.input.facts
        return facts

    def prepared_notices(self) -> tuple[Notice, ...]:
        """How the input departs from what was requested."""
        return (*self.input.notices, *self.happened())

    def happened(self) -> tuple[Notice, ...]:
        """What happened to the processes of a tf.data service."""
        found: tuple[Notice, ...] = self.input.happened() if self.input is not None else ()
        return found

    @contextmanager
    def watch(self, wanted: bool) -> Iterator[None]:
        """Count retraces, compilations and threads during the block, where that is wanted."""
        from resnet_bench.evidence.threads import ThreadWatch

        if not wanted:
            yield
            return
        assert self.config is not None
        logged = self.config.step.xla and self.model is not None
        watch = ThreadWatch(lambda: self.step.traces, self.log if logged else None)
        watch.begin()
        yield
        self.window = watch.end()

    def finish(self) -> Ended:
        """Loss and accuracy of the steps, memory of host and device."""
        from resnet_bench.runtime.telemetry import device_memory

        outcome = self.step.finish()
        peak, reserved = device_memory(self.runtime)
        return Ended(
            result=StepResult(
                loss=outcome.loss if outcome.finite else None,
                finite=outcome.finite,
                images=outcome.images,
                top1=outcome.top1,
                top5=outcome.top5,
            ),
            memory=Memory(host_peak_bytes=self.phases.peaks, device_peak_bytes=peak, device_reserved_bytes=reserved),
            skipped=outcome.skipped,
            skipped_records=self.input.skipped(),
        )

    def explain(self, error: BaseException) -> BenchError | None:
        """The record that is to blame, where it is the data."""
        found: BenchError | None = self.input.explain(error) if self.input is not None else None
        return found
