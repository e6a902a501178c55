"""The same runs on a GPU. Skipped, with the reason, where there is none."""

from __future__ import annotations

import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments import run as session
from resnet_bench.records.record import Record
from resnet_bench.runtime.nvml import read_driver

DRIVER = read_driver()
pytestmark = pytest.mark.skipif(not DRIVER or not DRIVER.gpus, reason="no NVIDIA GPU with a driver on this machine")
TINY = "--device gpu --stage-sizes 1,1 --width 8 --image-size 32 --batch-size 8 --classes 10 --photos 32 --processes 1"


def run(words: str) -> Record:
    config, given = parse_args(f"{TINY} --rounds 3 --steps 4 --warmup 3 {words}".split())
    return session.run(config, given)


@pytest.mark.parametrize("mode", ["train", "infer"])
@pytest.mark.parametrize("precision", ["float32", "tf32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("xla", ["--xla", "--no-xla"])
def test_every_arithmetic_runs_and_is_recorded(mode: str, precision: str, xla: str) -> None:
    record = run(f"--mode {mode} --precision {precision} {xla}")
    assert record.outcome.kind == "ok", record.outcome
    assert record.machine is not None
    assert record.machine.device_kind == "gpu"
    assert record.environment is not None
    assert record.environment.tensorflow is not None
    if precision in ("float32", "tf32"):
        assert record.environment.tensorflow.tf32 == (precision == "tf32")
    assert record.summary is not None
    assert (record.summary.cold_start_s.compile_s is not None) == (xla == "--xla")


def test_memory_clocks_and_throttling_are_recorded() -> None:
    record = run("--mode train")
    assert record.summary is not None
    assert record.summary.peak_device_bytes
    one = record.samples.processes[0].rounds[0].interference
    assert one.gpu_clock_hz is not None
    assert one.gpu_throttle_reasons is not None


def test_channels_first_runs_with_keras_batch_norm() -> None:
    assert run("--mode train --data-format channels_first --batch-norm keras").outcome.kind == "ok"


def test_a_gpu_that_does_not_exist_names_those_that_do() -> None:
    record = run("--device gpu:99")
    assert record.outcome.kind == "device"
    assert "gpu:99" in record.outcome.message
