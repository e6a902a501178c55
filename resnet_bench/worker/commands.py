"""The phases of a benchmark inside its worker, in order, each with its time and its memory.

Imports TensorFlow only once the environment is set. Neighbours: `child.py` passes commands in; runtime,
data, model and step do the work; `measure.py` times it.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from resnet_bench.config import Config, TrainingConfig
from resnet_bench.errors import BenchError, OutOfMemoryError
from resnet_bench.evidence.threads import thread_count
from resnet_bench.records.base import Notice
from resnet_bench.records.run import ColdStart, Memory, StepCounts, StepResult
from resnet_bench.runtime.resolve import resolve
from resnet_bench.worker import protocol as p
from resnet_bench.worker.handlers import evidence
from resnet_bench.worker.handlers.pipeline import PipelineHandler
from resnet_bench.worker.timing import Bench, split_in_turns

if TYPE_CHECKING:
    from resnet_bench.runtime.telemetry import OwnUsage


class Phases:
    """Everything a worker holds between two commands.

    Attributes are None until the phase that makes them: `config` (resolved once TensorFlow has started),
    `runtime`, `environment`, `model`, `step`, `input`, `bench`. `part` is what of the step runs. A handler of
    another module takes this as its first argument.
    """

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self.phase = "start"
        self.send = send
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self.config: Config | None = None
        self.runtime: Any = None
        self.environment: Any = None
        self.model: Any = None
        self.step: Any = None
        self.input: Any = None
        self.bench: Bench | None = None
        self.part: p.Scope = "whole"
        self.looks = evidence.EvidenceCollector()
        self._threads_seen = 0
        stages = PipelineHandler(self, send)
        self._handlers: dict[type, Callable[[Any], Any]] = {
            p.Prepare: self._prepare,
            p.WarmUp: self._warm_up,
            p.Measure: self._measure,
            p.MeasureSplit: self._split,
            p.Profile: partial(_late, "profile", "take", self),
            p.ReadTrace: partial(_late, "profile", "read", self),
            p.Build: partial(_late, "build", "build", self),
            p.Evaluate: partial(_late, "evaluate", "evaluate", self),
            p.Predict: partial(_late, "evaluate", "predict", self),
            p.RunDoctor: self._examine,
            p.MeasurePeaks: partial(_late, "peaks", "measure_peaks", self),
            p.OpenPipeline: stages.open,
            p.RunEpochs: stages.epochs,
            p.MeasureVariants: stages.measure,
            p.ComparePixels: stages.compare_pixels,
            p.Train: partial(_late, "train", "train", self),
            p.Finish: self._finish,
            **evidence.handlers(self),
        }

    def carry_out(self, command: object) -> p.Replies:
        """The reply to one command. Errors pass through."""
        reply: p.Replies = self._handlers[type(command)](command)
        return reply

    def translate(self, error: BaseException) -> BenchError:
        """What an unexpected exception means to the person who typed the command."""
        explained: BenchError | None = self.input.explain(error) if self.input is not None else None
        if explained is not None:
            return explained
        name = type(error).__name__
        if name == "ResourceExhaustedError" or "out of memory" in str(error).lower():
            batch = self.config.step.batch_size if self.config else "this"
            return OutOfMemoryError(
                f"Memory ran out in phase {self.phase} at --batch-size {batch}.",
                "Use a smaller --batch-size or --image-size; nothing is shrunk on its own.",
            )
        first = (str(error).strip().splitlines() or [""])[0]
        return BenchError(f"{name} in phase {self.phase}: {first[:500]}", "The worker's last lines say more.")

    @contextmanager
    def in_phase(self, phase: str) -> Iterator[None]:
        """Announce a phase; keep its seconds and the most host memory it took."""
        from resnet_bench.runtime import telemetry

        self.phase = phase
        self.send(p.PhaseStarted(phase=phase))
        telemetry.reset_host_peak()
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start
        peak = telemetry.host_peak_bytes()
        if peak is not None:
            self.peaks[phase] = max(peak, self.peaks.get(phase, 0))

    def _prepare(self, command: p.Prepare) -> p.Prepared:
        from resnet_bench.runtime.telemetry import process_age_s

        process_s = process_age_s()
        self.looks.log = Path(command.log_path)
        self.start_tensorflow(command.config)
        self._choose_part(command.part)
        config = self.config
        assert config is not None
        self._open_input()
        facts = self._build_and_compile()
        compile_s, compile_notices = self._compile_seconds(Path(command.log_path))
        self._attach()
        ledger = ColdStart(
            process_s=process_s,
            import_s=self.seconds.get("import"),
            start_s=self.seconds.get("start"),
            build_s=self.seconds.get("build"),
            # Keras traces model.fit's step in its first call, so there is nothing to tell apart.
            trace_s=None if config.step.loop == "fit" else self.seconds.get("trace"),
            compile_s=compile_s,
            first_step_s=self.seconds.get("first step"),
            data_s=self.seconds.get("data"),
        )
        return p.Prepared(
            cold_start=ledger,
            model=facts,
            data=self.input.facts,
            notices=(*compile_notices, *self.input.notices, *self.input.happened()),
            peak_host_bytes=max(self.peaks.values(), default=None),
        )

    def start_tensorflow(self, requested: Config, training: TrainingConfig | None = None) -> None:
        """Set the environment, import TensorFlow, find the device or devices, resolve the configuration."""
        from resnet_bench import runtime
        from resnet_bench.runtime.environment import collect

        self.config = requested
        host = runtime.inspect_host()
        with self.in_phase("import"):
            early = runtime.set_environment(requested, host)
            import keras  # noqa: F401
            import tensorflow as tf  # noqa: F401
        with self.in_phase("start"):
            machine = runtime.find_machine(requested, host)
            config, notices = resolve(requested, machine)
            self.config = config
            self.runtime = runtime.start(config, machine, training)
        environment = self.environment = collect(machine, self.runtime)
        found = (*early, *notices)
        self.send(p.Resolved(config=config, machine=machine, environment=environment, notices=found))

    def _choose_part(self, part: p.Scope) -> None:
        """Settle what of the step runs; the configuration is resolved by now, alike for every part."""
        assert self.config is not None
        self.part = part
        if part == "model":
            data = replace(self.config.data, source="synthetic", data=None, data_service=None)
            self.config = replace(self.config, data=data)

    def _build_and_compile(self) -> Any:
        from resnet_bench import model as models
        from resnet_bench.step.input_only import InputStep
        from resnet_bench.step.make import make_step

        config, runtime = self.config, self.runtime
        assert config is not None
        facts = None
        with self.in_phase("build"):
            models.check_data_format(config, runtime)
            if config.step.mode != "input" and self.part != "pipeline":
                self.model = models.build(config, runtime)
                facts = models.facts(self.model, config)
            alone = self.part == "pipeline"
            self.step = InputStep(config, runtime) if alone else make_step(config, runtime, self.model)
        with self.in_phase("trace"):
            self.step.trace()
        with self.looks.around_first_call(), self.in_phase("first step"):
            self.step.first_call()
        self._count("first", self.step.steps_per_call)
        return facts

    def _compile_seconds(self, log: Path) -> tuple[float | None, tuple[Notice, ...]]:
        """What XLA's own log says of its compilations so far; None without XLA."""
        from resnet_bench.runtime.xla_log import parse_compilations

        assert self.config is not None
        if not self.config.step.xla or self.model is None:
            return None, ()
        os.fsync(2)
        found = parse_compilations(log.read_text(errors="replace"))
        if not found:
            return None, (Notice.make("xla_compilation_unseen"),)
        return sum(one.seconds for one in found), ()

    def _open_input(self) -> None:
        """Find the data before anything slow happens; nothing is read ahead until `_attach`."""
        from resnet_bench.data import default_cache_dir, open_input

        config, runtime = self.config, self.runtime
        assert config is not None
        with self.in_phase("data"):
            self.input = open_input(config, runtime.threads, default_cache_dir(), runtime.device)

    def _attach(self) -> None:
        """Start the pipeline, now that nothing is left to compile."""
        from resnet_bench.runtime.telemetry import Probe, reset_device_peak

        with self.in_phase("data"):
            self.step.attach(self.input)
        reset_device_peak(self.runtime)
        self.bench = Bench(self.step, Probe(self.runtime.machine, usage=self._usage))

    def _usage(self) -> OwnUsage:
        """This process' usage, and the processor time of what works for its input elsewhere on this machine."""
        from resnet_bench.runtime.telemetry import own_usage

        own = own_usage()
        return dataclasses.replace(own, cpu_s=own.cpu_s + self.input.helpers_cpu_s())

    def _count(self, purpose: str, steps: int) -> None:
        self._counts[purpose] = self._counts.get(purpose, 0) + steps

    def _series(
        self, purpose: str, rounds: int, steps: int, until: float | None = None, pre_turn_calls: int = 0
    ) -> p.Timed:
        assert self.bench is not None, "a worker is prepared before it is asked to time"
        with self.in_phase(purpose):
            for one in self.bench.rounds(rounds, steps, until, pre_turn_calls):
                self._count(purpose, one.steps)
                self._count("warmup", pre_turn_calls * self.bench.step.steps_per_call)
                self._threads_seen = max(self._threads_seen, thread_count())
                self.send(p.RoundDone(round=one))
        return p.Timed(notices=self.input.happened() if self.input is not None else ())

    def _warm_up(self, command: p.WarmUp) -> p.Timed:
        per_call = self.step.steps_per_call
        return self._series("warmup", command.steps // per_call, per_call)

    def _measure(self, command: p.Measure) -> p.Timed:
        until = None if command.budget_s is None else time.perf_counter() + command.budget_s
        with self.looks.watching(self, command.watch):
            return self._series(command.purpose, command.rounds, command.steps, until, command.pre_turn_calls)

    def _split(self, command: p.MeasureSplit) -> p.SplitDone:
        from resnet_bench.step.split import split_functions

        assert self.config is not None
        until = None if command.budget_s is None else time.perf_counter() + command.budget_s
        with self.in_phase("split"):
            functions = split_functions(self.config, self.runtime, self.model)
            split = split_in_turns(functions, self.runtime.wait, command.rounds, until=until)
        self._count("split", split.rounds)
        return p.SplitDone(split=split)

    def _examine(self, command: p.RunDoctor) -> p.DoctorDone:
        from resnet_bench.runtime.doctor import run_doctor

        with self.in_phase("examine"):
            return p.DoctorDone(examination=run_doctor(command.config))

    def _finish(self, command: p.Finish) -> p.Finished:
        from resnet_bench.runtime.telemetry import device_memory

        del command
        if self.step is None:
            return p.Finished(memory=Memory(), counts=StepCounts())
        outcome = self.step.finish()
        peak, reserved = device_memory(self.runtime)
        # The step is not closed: the process ends at once, and two runs stalled 20 to 40 s where it was.
        return p.Finished(
            memory=Memory(host_peak_bytes=self.peaks, device_peak_bytes=peak, device_reserved_bytes=reserved),
            counts=StepCounts(**self._counts, skipped=outcome.skipped),
            result=StepResult(
                loss=outcome.loss if outcome.finite else None,
                finite=outcome.finite,
                images=outcome.images,
                top1=outcome.top1,
                top5=outcome.top5,
            ),
            skipped_records=self.input.skipped(),
            threads_seen=self._threads_seen or None,
            notices=self.input.happened(),
        )


def _late(module: str, function: str, phases: Phases, command: p.Command) -> Any:
    """Pass a command to a handler whose module is imported when it is first needed: a worker needs few of them."""
    return getattr(import_module(f"{__package__}.handlers.{module}"), function)(phases, command)
