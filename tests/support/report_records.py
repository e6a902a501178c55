"""Records for the tests of reports: made from the types, with something in every section, or next to nothing."""

from __future__ import annotations

import random
from pathlib import Path

from resnet_bench.analysis import roofline
from resnet_bench.analysis.energy import run_energy
from resnet_bench.analysis.summary import summarize
from resnet_bench.config import Config
from resnet_bench.config.options import with_values
from resnet_bench.records.base import Estimate, Notice
from resnet_bench.records.environment import CpuEnvironment, Environment, TensorFlowEnvironment
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.machine import Machine
from resnet_bench.records.pipeline import EpochRate, PipelineResult, StageRate
from resnet_bench.records.profile import OperationTime, ProfileSummary
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.roofline import Energy, LayerGroup, Peak, Roofline
from resnet_bench.records.run import (
    ColdStart,
    Interference,
    Memory,
    ModelFacts,
    Outcome,
    ProcessSamples,
    Round,
    Samples,
    Steadiness,
    StepCounts,
    StepResult,
    Verdict,
    VerdictKind,
)
from resnet_bench.records.training import Epoch, TrainingResult

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
MACHINE = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_flags=frozenset({"avx2"}), onednn=True)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
"""What a record from elsewhere may hold in any of its texts."""


def environment(tensorflow: str = "2.21.0", kernel: str = "6.1") -> Environment:
    """A machine's environment; versions may differ between records."""
    return Environment(
        machine_id="m1",
        system="Linux",
        kernel=kernel,
        architecture="x86_64",
        python="CPython 3.11",
        packages={"keras": "3.15.1"},
        package_version="0.1.0",
        device="cpu",
        cpu=CpuEnvironment(model="Some CPU", cpus=2, memory_bytes=8 << 30),
        tensorflow=TensorFlowEnvironment(version=tensorflow),
    )


def samples(batch: int, step_s: float, processes: int = 3, rounds: int = 20, energy_j: float | None = None) -> Samples:
    """Rounds with noise and a warm-up inside the timed window, the same for the same arguments."""
    draw = random.Random(f"{batch} {step_s} {processes} {rounds}")
    found = []
    for process in range(processes):
        level = step_s * draw.uniform(0.98, 1.02)
        first_counted_round = 3 if rounds > 8 else 0
        timed = tuple(
            _round(
                batch, level * draw.uniform(0.98, 1.04) * (1.25 if number < first_counted_round else 1.0), 2, energy_j
            )
            for number in range(rounds)
        )
        found.append(
            ProcessSamples(
                process=process,
                cold_start=ColdStart(
                    process_s=0.1, import_s=4.1, start_s=0.05, build_s=1.9, trace_s=1.4, first_step_s=9.0, data_s=0.5
                ),
                warmup=tuple(_round(batch, level * draw.uniform(1.3, 1.6), 1) for _ in range(2)),
                rounds=timed,
                latency=tuple(_round(batch, level * draw.uniform(0.97, 1.1), 1) for _ in range(30)),
                memory=Memory(host_peak_bytes={"timed": 3 << 30}),
                counts=StepCounts(first=1, warmup=2, timed=2 * rounds),
                result=StepResult(loss=6.9, finite=True),
                steady=Steadiness(kind="reached", from_round=first_counted_round, from_step=10),
                first_counted_round=first_counted_round,
            )
        )
    return Samples(processes=tuple(found))


def _round(batch: int, step_s: float, steps: int, energy_j: float | None = None) -> Round:
    return Round(
        steps=steps,
        images=steps * batch,
        wall_s=step_s * steps,
        dispatch_s=step_s * steps / 2,
        interference=Interference(energy_j=energy_j),
    )


def make(number: int = 1, *, step_s: float = 0.4, tensorflow: str = "2.21.0", **options: object) -> Record:
    """A valid record; `options` are those of the command line (`batch_size=32`, `mode="infer"`)."""
    values = {"batch_size": 16, "image_size": (224, 224), "precision": "float32", "threads": 2, "onednn": "on"}
    config = with_values(Config(), {**values, **options})
    batch = config.step.batch_size
    assert isinstance(batch, int)
    measured = samples(batch, step_s)
    return Record(
        id=f"{number:032x}",
        created_at=f"2026-11-{1 + number % 28:02d}T03:04:05+00:00",
        tool_version="0.1.0",
        outcome=Outcome(kind="ok"),
        verdict=Verdict(kind="valid"),
        config=Configuration(requested=config, resolved=config, given=tuple(sorted(options))),
        machine=MACHINE,
        environment=environment(tensorflow),
        model=MODEL,
        samples=measured,
        summary=summarize(measured),
        wall_s=120.0,
    )


def failed(number: int = 1, message: str = "The worker was killed by signal 9.") -> Record:
    """A run that measured nothing."""
    config = with_values(Config(), {"batch_size": 64})
    outcome = Outcome(kind="killed", message=message, remedy="Use a smaller --batch-size.", log_tail=("last line",))
    reasons = (Notice(kind="did_not_finish", facts={"outcome": "killed", "phase": "build"}),)
    return Record(
        id=f"{number:032x}",
        created_at="2026-11-02T03:04:05+00:00",
        tool_version="0.1.0",
        outcome=outcome,
        verdict=Verdict(kind="invalid", reasons=reasons),
        config=Configuration(requested=config),
    )


def full(number: int = 1) -> Record:
    """A record with something in every section."""
    record = make(number)
    assert record.summary is not None
    profile = profiled()
    return _with(
        record,
        verdict=Verdict(
            kind="provisional", reasons=(Notice(kind="few_processes", facts={"processes": 2, "needed": 3}),)
        ),
        warnings=(Notice(kind="threads_exceed_cpus", facts={"threads": 4, "cpus": 2}),),
        evidence=checks(),
        output_error=OutputError(
            reference="float32", images=64, max_abs=0.02, relative_rms=0.001, same_class_share=1.0
        ),
        profile=profile,
        roofline=limits(record.summary.step_s.value, profile),
        energy=energy(),
        pipeline=pipeline(),
        training=training(),
    )


def _with(record: Record, **changes: object) -> Record:
    from msgspec.structs import replace

    return replace(record, **changes)


def energy() -> Energy:
    """What a machine with counters gives."""
    found = run_energy(samples(16, 0.4, energy_j=52.0), MACHINE, (20.0, 22.0))
    assert found is not None
    return found


def checks() -> tuple[OptionCheck, ...]:
    """One check of each kind of result."""
    return (
        OptionCheck(name="xla_compiled", requested=True, observed=True, source="log", holds="true", explicit=True),
        OptionCheck(name="onednn", requested="on", observed="off", source="graph", holds="false"),
        OptionCheck(name="bfloat16_share", requested=1.0, observed=0.0, source="hlo.txt", holds="emulated"),
        OptionCheck(name="tf32", requested=None, observed=None, holds="not_applicable"),
        OptionCheck(name="threads_used", requested=2, observed=None, holds=None, why="no counter on this system"),
    )


def profiled() -> ProfileSummary:
    """A profile's summary with a split step and some operations."""
    kinds = [("_FusedBatchNormEx", 0.3), ("Conv2DBackpropFilter", 0.28), ("_MklNativeConv2D", 0.2), ("AddV2", 0.05)]
    return ProfileSummary(
        steps=3,
        step_s=0.43,
        input_s=0.01,
        host_s=0.38,
        device_s=None,
        idle_s=0.04,
        operations=tuple(
            OperationTime(kind=kind, name=f"conv{n}_block1/{kind}", self_s=share, share=share, occurrences=40 + n)
            for n, (kind, share) in enumerate(kinds)
        ),
        convolution_share=0.55,
        batch_norm_share=0.3,
        layout_share=0.02,
        copy_share=0.01,
        overhead=Estimate(value=0.06),
    )


def layers() -> tuple[LayerGroup, ...]:
    """A stem and two stages of counted layers."""
    return (
        LayerGroup(
            stage="stem",
            kind="convolution 7x7",
            layers=1,
            macs=118 * 10**6,
            inputs=150_528,
            outputs=802_816,
            weights=9408,
        ),
        LayerGroup(
            stage="conv2",
            kind="convolution 1x1",
            layers=7,
            macs=308 * 10**6,
            inputs=3_000_000,
            outputs=3_600_000,
            weights=90_000,
        ),
        LayerGroup(
            stage="conv2",
            kind="convolution 3x3",
            layers=3,
            macs=347 * 10**6,
            inputs=602_112,
            outputs=602_112,
            weights=110_592,
        ),
        LayerGroup(stage="conv2", kind="norm", layers=10, macs=0, inputs=5_000_000, outputs=5_000_000, weights=3_000),
        LayerGroup(stage="conv2", kind="add", layers=3, macs=0, inputs=4_816_896, outputs=2_408_448, weights=0),
        LayerGroup(
            stage="conv5",
            kind="convolution 3x3",
            layers=3,
            macs=347 * 10**6,
            inputs=75_264,
            outputs=75_264,
            weights=7_077_888,
        ),
        LayerGroup(
            stage="classifier", kind="dense", layers=1, macs=2_048_000, inputs=2048, outputs=1000, weights=2_049_000
        ),
    )


def peak(kind: str, value: float, dtype: str = "float32", size: int = 1024) -> Peak:
    """A measured peak."""
    unit = "byte/s" if kind == "bandwidth" else "flop/s"
    return Peak(
        kind=kind,  # type: ignore[arg-type]
        value=value,
        unit=unit,  # type: ignore[arg-type]
        dtype=dtype,
        size=size,
        working_set_bytes=1,
        repeats=3,
        calls=1,
    )


def limits(step_s: float, profile: ProfileSummary | None = None) -> Roofline:
    """A roofline on plausible peaks."""
    counted = roofline.count(layers(), batch=16, training=True, dtype="float32", parameters=25_557_032, optimizer="sgd")
    return roofline.build(
        counted,
        matmul=(peak("matmul", 610e9), peak("matmul", 420e9, size=512), peak("matmul", 900e9, "bfloat16")),
        convolution=(peak("convolution", 540e9),),
        bandwidth=peak("bandwidth", 21e9),
        dtype="float32",
        step_s=step_s,
        profile=profile,
    )


def pipeline() -> PipelineResult:
    """Stages, the slowest of them named, and two epochs."""
    rates = (("read", 27_000.0), ("parse", 24_000.0), ("decode and crop", 1_586.0), ("batch", 1_500.0))
    return PipelineResult(
        stages=tuple(
            StageRate(
                stage=name,
                images_per_s=Estimate(value=rate, low=rate * 0.95, high=rate * 1.06),
                bytes_per_s=rate * 61_000,
                cpu_s_per_image=1.8 / rate,
                gain=1.0 + 20 / rate,
            )
            for name, rate in rates
        ),
        epochs=(
            EpochRate(epoch=1, page_cache="cold", images=512, wall_s=0.5, images_per_s=1024.0),
            EpochRate(epoch=2, page_cache="warm", images=512, wall_s=0.34, images_per_s=1506.0),
        ),
        bottleneck="decode and crop",
    )


def training() -> TrainingResult:
    """Ten epochs that learn; test figures are missing in one."""
    epochs = tuple(
        Epoch(
            epoch=number,
            loss=2.3 * 0.8**number,
            accuracy=1 - 0.9 * 0.8**number,
            test_loss=None if number == 1 else 2.4 * 0.83**number,
            test_accuracy=None if number == 1 else 1 - 0.92 * 0.83**number,
            learning_rate=0.1,
            images_per_s=40.0,
            elapsed_s=12.0 * number,
        )
        for number in range(1, 11)
    )
    return TrainingResult(
        epochs=epochs, steps=320, best_accuracy=0.86, target_accuracy=0.8, time_to_accuracy_s=108.0, ended="epochs"
    )


def sweep() -> list[Record]:
    """Seven batch sizes whose throughput levels off: the knee is in the middle."""
    found = []
    for number, batch in enumerate((1, 2, 4, 8, 16, 32, 64), 1):
        step_s = 0.03 + batch / 30
        found.append(make(number, step_s=step_s, mode="infer", batch_size=batch))
    return found


def many(number: int) -> list[Record]:
    """Records of several modes, sizes and versions, some of them failed or invalid."""
    found: list[Record] = []
    for index in range(number):
        if index % 11 == 7:
            found.append(failed(index))
            continue
        options = {
            "mode": ("train", "infer")[index % 2],
            "batch_size": (4, 8, 16, 32)[index // 2 % 4],
            "xla": index % 5 == 0,
        }
        record = make(index, step_s=0.2 + 0.03 * index % 0.7, tensorflow=f"2.21.{index % 2}", **options)
        kind: VerdictKind = "provisional" if index % 3 == 1 else "valid"
        found.append(_with(record, verdict=Verdict(kind=kind)))
    return found


def saved(records: list[Record]) -> list[tuple[Path, Record]]:
    """With names of files that were never written."""
    return [(Path(f"runs/{record.id[-4:]}-{record.config.requested.step.mode}.json"), record) for record in records]
