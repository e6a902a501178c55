"""Energy: counters that wrap, fail or do not exist, and an account with the idle machine subtracted."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_bench.analysis.energy import run_energy
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import Interference, ProcessSamples, Round, Samples
from resnet_bench.runtime import energy
from resnet_bench.runtime.energy import Absent, IdleWatch, Nvml, Rapl, gpu_meter, power_w, processor_meter
from resnet_bench.runtime.nvml import Monitor
from resnet_bench.runtime.telemetry import OwnUsage, Probe
from tests.support.fake_nvml import FakeNvml

CPU = Machine(device_kind="cpu", device="cpu", cpus=2)
GPU = Machine(device_kind="gpu", device="gpu:0", cpus=2)


def rapl(root: Path, name: str = "intel-rapl:0", domain: str = "package-0", joules: float = 1.0) -> Path:
    folder = root / "sys/class/powercap" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{domain}\n")
    (folder / "max_energy_range_uj").write_text("262143000000\n")
    (folder / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    return folder


def samples(*rounds: Round) -> Samples:
    return Samples(processes=(ProcessSamples(process=0, rounds=rounds),))


def one(energy_j: float | None = None, power: float | None = None) -> Round:
    interference = Interference(energy_j=energy_j, gpu_power_w=power)
    return Round(steps=1, images=50, wall_s=2.0, dispatch_s=None, interference=interference)


def test_packages_and_their_memory_are_added_and_cores_are_not_counted_twice(tmp_path: Path) -> None:
    rapl(tmp_path, "intel-rapl:0", "package-0", 10)
    rapl(tmp_path, "intel-rapl:0:0", "core", 7)
    rapl(tmp_path, "intel-rapl:0:1", "dram", 2)
    rapl(tmp_path, "intel-rapl:1", "package-1", 20)
    meter = processor_meter(tmp_path)
    assert isinstance(meter, Rapl)
    before = meter.read()
    assert before is not None
    assert sorted(before) == pytest.approx([2, 10, 20])
    rapl(tmp_path, "intel-rapl:1", "package-1", 25)
    after = meter.read()
    assert after is not None
    assert meter.between(before, after) == pytest.approx(5)


def test_a_counter_that_went_back_has_wrapped(tmp_path: Path) -> None:
    rapl(tmp_path)
    meter = processor_meter(tmp_path)
    assert isinstance(meter, Rapl)
    assert meter.between((262140.0,), (2.0,)) == pytest.approx(5.0)


def test_without_counters_there_is_a_reason(tmp_path: Path) -> None:
    missing = processor_meter(tmp_path)
    assert isinstance(missing, Absent)
    assert "no processor package" in missing.why
    (rapl(tmp_path) / "energy_uj").unlink()
    hidden = processor_meter(tmp_path)
    assert isinstance(hidden, Absent)
    assert "administrator" in hidden.why


def test_a_gpu_counts_millijoules_and_an_old_one_nothing() -> None:
    nvml = FakeNvml()
    meter = gpu_meter(0, Monitor(nvml, 0))
    assert isinstance(meter, Nvml)
    before = meter.read()
    nvml.energy_mj += 2500
    after = meter.read()
    assert before is not None
    assert after is not None
    assert meter.between(before, after) == pytest.approx(2.5)
    old = gpu_meter(0, Monitor(FakeNvml(broken=("nvmlDeviceGetTotalEnergyConsumption",)), 0))
    assert isinstance(old, Absent)


def test_idle_power_is_energy_over_the_time_that_really_passed(tmp_path: Path) -> None:
    rapl(tmp_path, joules=100)
    meter = processor_meter(tmp_path)
    assert isinstance(meter, Rapl)
    times = iter((0.0, 0.8))

    def sleep(_: float) -> None:
        rapl(tmp_path, joules=108)

    assert power_w(meter, 0.5, clock=lambda: next(times), sleep=sleep) == pytest.approx(10.0)


def test_a_timed_block_knows_its_energy(tmp_path: Path) -> None:
    rapl(tmp_path, joules=100)
    probe = Probe(CPU, root=tmp_path, cpus=[0], usage=lambda: OwnUsage(0.0, None))
    probe.begin()
    rapl(tmp_path, joules=130)
    assert probe.end().energy_j == pytest.approx(30.0)


def test_a_block_on_a_gpu_counts_the_gpu() -> None:
    nvml = FakeNvml()
    probe = Probe(GPU, monitor=Monitor(nvml, 0))
    probe.begin()
    nvml.energy_mj += 4000
    assert probe.end().energy_j == pytest.approx(4.0)


def test_idle_is_subtracted() -> None:
    found = run_energy(samples(one(100.0), one(120.0)), CPU, (20.0, 30.0))
    assert found is not None
    assert (found.status, found.source) == ("measured", "rapl")
    assert found.active_w == pytest.approx(55.0)
    assert found.idle_w == pytest.approx(25.0)
    assert found.joules == pytest.approx(220 - 25 * 4)
    assert found.images_per_joule == pytest.approx(100 / 120)
    assert found.facts["gross_joules"] == pytest.approx(220)


def test_warm_up_rounds_take_no_part() -> None:
    process = ProcessSamples(process=0, rounds=(one(500.0), one(100.0)), first_counted_round=1)
    found = run_energy(Samples(processes=(process,)), CPU, (0.0,))
    assert found is not None
    assert found.joules == pytest.approx(100)


def test_an_unknown_idle_power_is_said_and_nothing_is_subtracted() -> None:
    found = run_energy(samples(one(100.0)), CPU, (None, None))
    assert found is not None
    assert found.joules == pytest.approx(100)
    assert "nothing was subtracted" in found.why


def test_a_gpu_without_a_counter_is_accounted_by_its_power_samples() -> None:
    found = run_energy(samples(one(power=200.0), one(power=300.0)), GPU, ())
    assert found is not None
    assert found.joules == pytest.approx(1000)
    assert found.facts["method"] == "power samples"


@pytest.mark.parametrize("rounds", [(one(),), (one(10.0), one())])
def test_without_a_counter_in_every_round_it_is_unavailable_and_says_why(rounds: tuple[Round, ...]) -> None:
    found = run_energy(samples(*rounds), CPU, (), "a virtual machine")
    assert found is not None
    assert (found.status, found.why, found.joules) == ("unavailable", "a virtual machine", None)


def test_an_idle_machine_that_drew_more_gives_no_efficiency() -> None:
    found = run_energy(samples(one(10.0)), CPU, (50.0,))
    assert found is not None
    assert found.images_per_joule is None


def test_nothing_timed_has_no_energy() -> None:
    assert run_energy(Samples(), CPU, ()) is None


@pytest.fixture
def watch() -> tuple[IdleWatch, list[str]]:
    asked: list[str] = []

    def meters(device: str) -> energy.Meter | Absent:
        asked.append(device)
        return Rapl((), ()) if device == "cpu" else Absent("no GPU here")

    return IdleWatch(meters, lambda _: 12.0), asked


def test_auto_watches_the_gpu_or_else_the_processor(watch: tuple[IdleWatch, list[str]]) -> None:
    idle, asked = watch
    idle.look("auto")
    idle.look("cpu")
    assert asked == ["gpu:0", "cpu", "cpu"]
    assert idle.idle_w("cpu") == (12.0, 12.0)
    assert idle.why("gpu") == "no GPU here"
    assert idle.why("cpu") == ""
