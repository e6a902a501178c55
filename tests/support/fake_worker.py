"""A backend whose benchmark is a script: in a worker process of its own, or in the test's (`in_process.py`).

`SCENARIO` in its environment says what happens: "ok", or "<what>:<where>" with what one of crash, abort,
kill, hang, garbage, oom, data, exit, bad_alloc and where a phase. `STEP_S` is how long a step claims to
take (`MODEL_STEP_S` and `PIPELINE_STEP_S` where only that part of one runs); no time really passes unless `SLEEP_S`
is set. `SLOWER` are factors of the first timed rounds, and
`OTHER_SHARE` is what others claim of the processors. What depends on a requested option is JSON: `OPTION_SPEEDS`
{"xla=true": 2} makes steps shorter, `OPTION_FAILS` {"batch_size=64": "crash"} ends the worker while it builds,
`OPTION_ERRORS` {"freeze=true": 0.2} is how far outputs lie from float32's (the largest that applies).
"retrace" and "unfused" are what evidence then shows (`fake_evidence.py`).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from resnet_bench.config import Config
from resnet_bench.config.option import find_option
from resnet_bench.errors import DataError, OutOfMemoryError
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.evidence import OutputError, Seen
from resnet_bench.records.machine import Machine
from resnet_bench.records.profile import OperationTime, ProfileResult, ProfileSummary
from resnet_bench.records.run import (
    DataFacts,
    Interference,
    Memory,
    ModelFacts,
    Split,
    StepResult,
)
from resnet_bench.runtime.contradictions import contradictions
from resnet_bench.runtime.resolve import resolve
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Backend, Ended, Handler, Started
from resnet_bench.worker.phases import Instruments, Phases
from resnet_bench.worker.protocol import Scope
from resnet_bench.worker.timing import Bench
from tests.support import fake_evidence

TICKS_PER_S = 1 << 36

MACHINE = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_flags=frozenset({"avx2"}), onednn=True)
ENVIRONMENT = Environment(python="CPython 3", package_version="0", device="cpu", cpu=CpuEnvironment(cpus=2))
MODEL = ModelFacts(
    name="resnet50",
    variant="v1.5",
    convolutions=53,
    batch_norms=53,
    trainable_parameters=25_557_032,
    parameters=25_610_152,
    macs=4_089_184_256,
    input_shape=(224, 224, 3),
    classes=1000,
)


def read_trace(trace: ProfileResult) -> ProfileSummary:
    """A summary with everything in it."""
    return ProfileSummary(
        steps=trace.steps,
        step_s=0.1,
        input_s=0.02,
        host_s=0.07,
        idle_s=0.01,
        operations=(
            OperationTime(kind="Conv2D", name="net/conv1_conv/x", self_s=0.06, share=0.8, occurrences=53),
            OperationTime(kind="DecodeJpeg", name="decode", self_s=0.5, share=1.0, occurrences=9, place="input"),
        ),
        convolution_share=0.8,
        batch_norm_share=0.15,
        layout_share=0.0,
        copy_share=0.0,
        compute_16bit_share=0.25,
        peak_bytes=3 << 20,
        overhead=Estimate(value=0.1, low=0.05, high=0.15),
    )


class FakeClock:
    """Seconds that pass only when told to. Steps are multiples of 2^-36 s, so that differences are exact."""

    def __init__(self) -> None:
        self._ticks = 0

    def __call__(self) -> float:
        """The time."""
        return self._ticks / TICKS_PER_S

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self._ticks += round(seconds * TICKS_PER_S)


class FakeStep:
    """Takes `step_s` seconds of the clock per step, times the factor of the round."""

    own_thread = False

    def __init__(self, clock: FakeClock, config: Config, step_s: float) -> None:
        assert isinstance(config.step.batch_size, int)
        self.steps_per_call = config.step.steps_per_call
        self.images_per_call = config.step.batch_size * self.steps_per_call
        self.factor, self.step_s = 1.0, step_s
        self.steps_run = 0
        self._clock, self._left_s = clock, 0.0

    def dispatch(self, calls: int) -> None:
        """Half of the time."""
        self.steps_run += calls * self.steps_per_call
        self._left_s = self.step_s * calls * self.steps_per_call * self.factor / 2
        self._clock.advance(self._left_s)

    def wait(self) -> None:
        """The other half."""
        self._clock.advance(self._left_s)
        self._left_s = 0.0


class FakeBackend(Backend):
    """Does everything in no time; its clock is made up, and so are the numbers that are no seconds."""

    def __init__(self, phases: Phases, environ: Mapping[str, str] | None = None, ends: Ends | None = None) -> None:
        super().__init__(phases)
        self.environ = os.environ if environ is None else environ
        self.what, _, self.where = self.environ.get("SCENARIO", "ok").partition(":")
        self._ends = ends or Ends(phases)
        self._clock, self._step_s, self._round = FakeClock(), self._number("STEP_S", 0.1), 0
        self._slower = [float(factor) for factor in self.environ.get("SLOWER", "").split(",") if factor]
        self._begun = 0.0
        self._requested = Config()
        self._step: FakeStep | None = None
        phases.instruments = Instruments(
            clock=self._clock,
            process_age_s=lambda: 0.1,
            reset_host_peak=self._entered,
            host_peak_bytes=lambda: int(self.environ.get("PEAK_BYTES", "0")) or None,
            thread_count=lambda: 0,
        )

    def _number(self, variable: str, default: float) -> float:
        return float(self.environ.get(variable, default))

    def _entered(self) -> None:
        """A phase has just been announced."""
        self._round = 0
        if self.phases.name == self.where:
            self._end(self.what)

    def _end(self, what: str) -> None:
        if what == "oom":
            raise OutOfMemoryError("--batch-size 16 does not fit.", "Try --batch-size 8.")
        if what == "data":
            raise DataError("shard-0 record 3 is corrupt.", "Use --on-bad-record skip.")
        if what == "error":
            raise ValueError("something else")
        getattr(self._ends, what)()

    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Four seconds."""
        del requested
        self._clock.advance(4.0)
        return ()

    def start(self, requested: Config) -> Started:
        """On the machine above."""
        self._requested = requested
        config, notices = resolve(requested, MACHINE)
        assert isinstance(config.step.batch_size, int)
        if config.step.batch_size > self._number("OOM_ABOVE", 1 << 30):
            self._end("oom")
        return Started(config, MACHINE, ENVIRONMENT, (*notices, *contradictions(config, MACHINE, self.environ)))

    def choose_scope(self, scope: Scope) -> None:
        """Each has a time of its own."""
        super().choose_scope(scope)
        self._step_s = self._number(f"{scope.upper()}_STEP_S", self._step_s)

    def build(self) -> ModelFacts | None:
        """Two seconds, or the end of it for an option."""
        assert self.config is not None
        for what in self._that_apply("OPTION_FAILS", self._requested):
            self._end(what)
        for factor in self._that_apply("OPTION_SPEEDS", self._requested):
            self._step_s /= factor
        self._clock.advance(2.0)
        self._step = FakeStep(self._clock, self.config, self._step_s)
        return MODEL

    def trace(self) -> None:
        """Three seconds."""
        self._clock.advance(3.0)

    def first_call(self) -> None:
        """Five seconds, if nothing else is said."""
        self._clock.advance(self._number("FIRST_STEP_S", 5))

    def attach(self) -> Bench:
        """Half a second; the backend is its own probe."""
        self._clock.advance(0.5)
        assert self._step is not None
        return Bench(self._step, self, self._clock)

    def begin(self) -> None:
        """A round begins."""
        assert self._step is not None
        time.sleep(self._number("SLEEP_S", 0))
        number, timed = self._round, self.phases.name == "timed"
        self._step.factor = self._slower[number] if timed and number < len(self._slower) else 1.0
        self._round += 1
        self._begun = self._clock()

    def end(self) -> Interference:
        """What others took of the processors."""
        other_s = self._number("OTHER_SHARE", 0) * (self._clock() - self._begun) * MACHINE.cpus
        return Interference(steal_s=0.0, other_cpu_s=other_s)

    def data_facts(self) -> DataFacts:
        """512 images."""
        assert self.config is not None
        return DataFacts(source=self.config.data.source, images=512)

    def watch(self, wanted: bool) -> AbstractContextManager[object]:
        """Write down whose turn it is."""
        if "TURN_LOG" in self.environ:
            with open(self.environ["TURN_LOG"], "a") as log:  # noqa: PTH123
                log.write(self.environ["LABEL"])
        return super().watch(wanted)

    def split(self, rounds: int, until: float | None) -> Split:
        """Any."""
        del rounds, until
        return Split(forward_s=1, backward_s=2, optimizer_s=0.5, whole_s=3.6, residual_s=0.1, rounds=2)

    def seen(self, graph: bool) -> tuple[Seen, tuple[Notice, ...]]:
        """A window."""
        del graph
        return fake_evidence.window(self.what), ()

    def finish(self) -> Ended:
        """A loss, and memory by the batch size."""
        assert self._step is not None
        batch = self._step.images_per_call // self._step.steps_per_call
        peak = (1 << 30) + batch * int(self._number("BYTES_PER_IMAGE", 0))
        return Ended(
            result=StepResult(loss=6.9, finite=self.what != "nan"),
            memory=Memory(host_peak_bytes={"timed": peak}),
            skipped_records=0,
        )

    def handlers(self) -> Mapping[type, Handler]:
        """The untimed passes."""
        return {
            p.MeasurePeaks: self._measure_peaks,
            p.Profile: self._profile,
            p.ReadTrace: self._read_trace,
            p.CollectEvidence: self._collect,
            p.CompareOutputs: self._compare_outputs,
        }

    def _collect(self, command: p.CollectEvidence) -> p.Observed:
        with self.phases.enter("attest"):
            return p.Observed(seen=fake_evidence.untimed(self.what, command.folder))

    def _compare_outputs(self, command: p.CompareOutputs) -> p.OutputsCompared:
        error = max([0.0, *self._that_apply("OPTION_ERRORS", command.config)])
        same = OutputError(reference="float32", images=16, max_abs=error, relative_rms=error, same_class_share=1.0)
        return p.OutputsCompared(parity=same)

    def _measure_peaks(self, command: p.MeasurePeaks) -> p.PeaksMeasured:
        from resnet_bench.records.roofline import Peaks
        from tests.support.report_records import layers, peak

        del command
        with self.phases.enter("peaks"):
            peaks = Peaks(
                device="/CPU:0",
                matmul=(peak("matmul", 600e9),),
                convolution=(peak("convolution", 500e9),),
                bandwidth=peak("bandwidth", 20e9),
            )
        return p.PeaksMeasured(peaks=peaks, layers=layers())

    def _that_apply(self, variable: str, config: Config) -> list[Any]:
        """The entries of a JSON variable whose "option=value" is what `config` asks for."""
        found = []
        for words, entry in json.loads(self.environ.get(variable, "{}")).items():
            name, _, value = words.partition("=")
            section = find_option(name, variable).section
            own = getattr(getattr(config, section) if section else config, name)
            if str(own).lower() == value:
                found.append(entry)
        return found

    def _profile(self, command: p.Profile) -> p.Profiled:
        with self.phases.enter("profile"):
            folder = Path(command.directory).resolve() / "plugins" / "profile" / "2026_01_31_12_00_00"
            folder.mkdir(parents=True)
            (folder / "host.xplane.pb").write_bytes(b"trace")
        calls, wall_s = command.calls, self._step_s * command.calls
        cut = Notice(kind="profile_cut", facts={"asked_steps": calls, "steps": calls - 1, "limit_s": command.budget_s})
        result = ProfileResult(
            path=str(folder),
            bytes=5,
            steps=calls,
            wall_s=wall_s,
            device_traced=False,
            turns=((1.0, 1.1),) * 3,
            notices=(cut,) if command.budget_s < wall_s else (),
        )
        return p.Profiled(result=result)

    def _read_trace(self, command: p.ReadTrace) -> p.TraceRead:
        with self.phases.enter("profile summary"):
            return p.TraceRead(summary=read_trace(command.trace))


class Ends:
    """How a worker process ends or misbehaves, really. `in_process.SimulatedEnds` only says so."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases

    def crash(self) -> None:
        """Die of a segmentation fault."""
        print("a last word", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)

    def kill(self) -> None:
        """Die as the kernel lets one die."""
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self) -> None:
        """Say nothing more."""
        time.sleep(3600)

    def exit(self) -> None:
        """End without an answer."""
        os._exit(7)

    def bad_alloc(self) -> None:
        """Die as C++ does without memory."""
        print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr, flush=True)
        os.abort()

    def garbage(self) -> None:
        """Send what is no message."""
        self._write(b"Hello, I am no message\n")

    def flood(self) -> None:
        """Send a line without an end."""
        while True:
            self._write(b"x" * (1 << 20))

    def interrupt(self) -> None:
        """Press Ctrl-C in the parent."""
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(3600)

    def _write(self, data: bytes) -> None:
        answers: Any = self._phases.send.__self__._answers  # type: ignore[attr-defined]
        answers.write(data)


if __name__ == "__main__":
    child.main(FakeBackend)
