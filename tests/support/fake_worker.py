"""A worker that speaks the real protocol over real pipes, but whose benchmark is a script.

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resnet_bench.config import Config
from resnet_bench.config.option import find_option
from resnet_bench.errors import BenchError, DataError, OutOfMemoryError
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.environment import CpuEnvironment, Environment
from resnet_bench.records.evidence import OutputError
from resnet_bench.records.machine import Machine
from resnet_bench.records.profile import OperationTime, ProfileResult, ProfileSummary
from resnet_bench.records.run import (
    ColdStart,
    DataFacts,
    Interference,
    Memory,
    ModelFacts,
    Round,
    Split,
    StepCounts,
    StepResult,
)
from resnet_bench.runtime.resolve import resolve
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
from tests.support import fake_evidence

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


class FakePhases:
    """Answers every command at once with invented numbers."""

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self.phase = "start"
        self._send = send
        self._what, _, self._where = os.environ.get("SCENARIO", "ok").partition(":")
        self._step_s = float(os.environ.get("STEP_S", "0.1"))
        self._slower = [float(factor) for factor in os.environ.get("SLOWER", "").split(",") if factor]
        self._other_share = float(os.environ.get("OTHER_SHARE", "0"))
        self._sleep_s = float(os.environ.get("SLEEP_S", "0"))
        self._batch = 16
        self._steps = 0

    def carry_out(self, command: object) -> p.Replies:  # noqa: PLR0911
        """The reply to one command."""
        if isinstance(command, p.Prepare):
            return self._prepare(command)
        if isinstance(command, p.WarmUp):
            self._enter("warmup")
            return self._time(command.steps, 1)
        if isinstance(command, p.Measure):
            self._enter(command.purpose)
            self._log_turn()
            return self._time(command.rounds, command.steps)
        if isinstance(command, p.MeasurePeaks):
            return self._limits()
        if isinstance(command, p.Profile):
            return self._profile(command)
        if isinstance(command, p.ReadTrace):
            self._enter("profile summary")
            return p.TraceRead(summary=read_trace(command.trace))
        if isinstance(command, p.MeasureSplit):
            return p.SplitDone(
                split=Split(forward_s=1, backward_s=2, optimizer_s=0.5, whole_s=3.6, residual_s=0.1, rounds=2)
            )
        if isinstance(command, p.Observe | p.CollectEvidence | p.CompareOutputs):
            return self._show(command)
        self._enter("finish")
        return p.Finished(
            memory=Memory(
                host_peak_bytes={"timed": (1 << 30) + self._batch * int(os.environ.get("BYTES_PER_IMAGE", "0"))}
            ),
            counts=StepCounts(timed=self._steps),
            result=StepResult(loss=6.9, finite=self._what != "nan"),
            skipped_records=0,
        )

    def translate(self, error: BaseException) -> BenchError:
        """As it is."""
        return BenchError(str(error))

    def _prepare(self, command: p.Prepare) -> p.Prepared:
        config, notices = resolve(command.config, MACHINE)
        assert isinstance(config.step.batch_size, int)
        self._batch = config.step.batch_size
        if self._batch > int(os.environ.get("OOM_ABOVE", str(1 << 30))):
            self._oom()
        self._send(p.Resolved(config=config, machine=MACHINE, environment=ENVIRONMENT, notices=notices))
        self._step_s = float(os.environ.get(f"{command.part.upper()}_STEP_S", self._step_s))
        for phase in ("import", "build", "trace", "data"):
            self._enter(phase)
            for what in self._that_apply("OPTION_FAILS", command.config) if phase == "build" else ():
                getattr(self, f"_{what}")()
        for factor in self._that_apply("OPTION_SPEEDS", command.config):
            self._step_s /= factor
        first = float(os.environ.get("FIRST_STEP_S", "5"))
        cold = ColdStart(process_s=0.1, import_s=4.0, build_s=2.0, trace_s=3.0, first_step_s=first, data_s=0.5)
        return p.Prepared(
            cold_start=cold,
            model=MODEL,
            data=DataFacts(source=config.data.source, images=512),
            peak_host_bytes=int(os.environ.get("PEAK_BYTES", "0")) or None,
        )

    def _show(self, command: p.Observe | p.CollectEvidence | p.CompareOutputs) -> p.Replies:
        if isinstance(command, p.CompareOutputs):
            error = max([0.0, *self._that_apply("OPTION_ERRORS", command.config)])
            same = OutputError(reference="float32", images=16, max_abs=error, relative_rms=error, same_class_share=1.0)
            return p.OutputsCompared(parity=same)
        if isinstance(command, p.Observe):
            return p.Observed(seen=fake_evidence.window(self._what))
        self._enter("attest")
        return p.Observed(seen=fake_evidence.untimed(self._what, command.folder))

    def _limits(self) -> p.PeaksMeasured:
        from resnet_bench.records.roofline import Peaks
        from tests.support.report_records import layers, roof

        self._enter("roofs")
        roofs = Peaks(
            device="/CPU:0",
            matmul=(roof("matmul", 600e9),),
            convolution=(roof("convolution", 500e9),),
            bandwidth=roof("bandwidth", 20e9),
        )
        return p.PeaksMeasured(roofs=roofs, layers=layers())

    def _time(self, rounds: int, steps: int) -> p.Timed:
        for number in range(rounds):
            time.sleep(self._sleep_s)
            self._steps += steps
            slower = self._slower[number] if self.phase == "timed" and number < len(self._slower) else 1.0
            wall_s = self._step_s * steps * slower
            one = Round(
                steps=steps,
                images=steps * self._batch,
                wall_s=wall_s,
                dispatch_s=wall_s / 2,
                interference=Interference(steal_s=0.0, other_cpu_s=self._other_share * wall_s * MACHINE.cpus),
            )
            self._send(p.RoundDone(round=one))
        return p.Timed()

    def _that_apply(self, variable: str, config: Config) -> list[Any]:
        """The entries of a JSON variable whose "option=value" is what `config` asks for."""
        found = []
        for words, entry in json.loads(os.environ.get(variable, "{}")).items():
            name, _, value = words.partition("=")
            section = find_option(name, variable).section
            own = getattr(getattr(config, section) if section else config, name)
            if str(own).lower() == value:
                found.append(entry)
        return found

    def _profile(self, command: p.Profile) -> p.Profiled:
        self._enter("profile")
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

    def _log_turn(self) -> None:
        if "TURN_LOG" in os.environ:
            with open(os.environ["TURN_LOG"], "a") as log:  # noqa: PTH123
                log.write(os.environ["LABEL"])

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._send(p.PhaseStarted(phase=phase))
        if phase == self._where:
            getattr(self, f"_{self._what}")()

    def _crash(self) -> None:
        print("a last word", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _hang(self) -> None:
        time.sleep(3600)

    def _exit(self) -> None:
        os._exit(7)

    def _bad_alloc(self) -> None:
        print("terminate called after throwing an instance of 'std::bad_alloc'", file=sys.stderr, flush=True)
        os.abort()

    def _oom(self) -> None:
        raise OutOfMemoryError("--batch-size 16 does not fit.", "Try --batch-size 8.")

    def _data(self) -> None:
        raise DataError("shard-0 record 3 is corrupt.", "Use --on-bad-record skip.")

    def _error(self) -> None:
        raise ValueError("something else")

    def _garbage(self) -> None:
        answers: Any = self._send.__self__._answers  # type: ignore[attr-defined]
        answers.write(b"Hello, I am no message\n")

    def _flood(self) -> None:
        answers: Any = self._send.__self__._answers  # type: ignore[attr-defined]
        while True:
            answers.write(b"x" * (1 << 20))

    def _interrupt(self) -> None:
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(3600)


if __name__ == "__main__":
    child.main(FakePhases)
