"""Campaign: the speed this project promises, as ratios between live workers that take turns.

Each row prints its ratio beside the goal and keeps every round in `benchmarks/results/`. A missed goal is
reported, not failed: machines differ, and a timed test would cry wolf.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.shards import write_yardstick
from resnet_bench.config.options import parse_args
from resnet_bench.experiments.paired import ab
from resnet_bench.pytest_plugin import CLOCK
from resnet_bench.records.files import write_atomically
from resnet_bench.records.record import Record
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess

pytestmark = [pytest.mark.campaign, pytest.mark.benchmark(timer=CLOCK)]
ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
Report = Callable[[str, float, float, Any], None]


def worker(module: str, **environment: str) -> Callable[[], Worker]:
    """How to start a worker of `benchmarks/peers`."""
    return partial(WorkerProcess, module, {"PYTHONPATH": str(ROOT), **environment})


def side(label: str, words: str, new_worker: Callable[[], Worker] = WorkerProcess) -> ab.Side:
    """One side of a duet."""
    return ab.Side(label, parse_args(shlex.split(words))[0], new_worker)


@pytest.fixture
def report(benchmark: Any) -> Report:
    """Show a ratio beside its goal, and keep what was measured."""

    def say(name: str, ratio: float, goal: float, measured: Any) -> None:
        benchmark.extra_info.update(ratio=ratio, goal=goal, met=ratio >= goal)
        benchmark.pedantic(lambda: CLOCK.advance(1 / ratio), rounds=1, iterations=1)
        write_atomically(RESULTS / f"{name}.json", msgspec.json.format(msgspec.json.encode(measured), indent=1))
        sys.stderr.write(f"\n{name}: {ratio:.3f}x, goal {goal:g}x: {'met' if ratio >= goal else 'missed'}\n")

    return say


@pytest.mark.parametrize("baseline", ["tf_defaults", "onednn_off"])
@pytest.mark.parametrize(
    ("name", "words", "goal"),
    [
        ("train_224", "--mode train --image-size 224 --batch-size 16", 1.35),
        ("train_64", "--mode train --image-size 64 --batch-size 32", 3.0),
        ("infer_224_frozen", "--mode infer --freeze --image-size 224 --batch-size 16", 1.20),
    ],
)
def test_against_keras_applications(report: Report, name: str, words: str, goal: float, baseline: str) -> None:
    """Against `keras.applications.ResNet50` under TensorFlow's defaults; oneDNN is off by default where the
    CPU has AVX2 alone, which `onednn_off` stands for on newer CPUs."""
    environment = {"TF_ENABLE_ONEDNN_OPTS": "0"} if baseline == "onednn_off" else {}
    keras = side(
        f"keras.applications, {baseline}",
        words.replace("--freeze ", "") + " --source synthetic --runtime keras",
        worker("resnet_bench.worker.child", **environment),
    )
    ours = side("resnet_bench", words + " --source synthetic")
    result = ab.run_pairs(keras, ours, ab.Budget(turns=12, pairs=2))
    report(f"speed_{name}_{baseline}", result.ratio.value, goal, result)


def test_reported_throughput_against_a_raw_loop(report: Report) -> None:
    """The product's rounds and a bare loop over the same compiled step, in turns in one process."""
    config, _ = parse_args(shlex.split("--mode infer --source synthetic --image-size 64 --batch-size 16"))
    rounds: list[Any] = []

    def on_event(event: p.Events) -> None:
        if isinstance(event, p.RoundDone):
            rounds.append(event.round)

    with worker("benchmarks.peers.raw_loop")() as one:
        ask = partial(one.request, silence_s=120.0, deadline=time.monotonic() + 300, on_event=on_event)
        ask(p.Prepare(config=config, log_path=str(one.log_path)), p.Prepared)
        ask(p.WarmUp(steps=10), p.Timed)
        rounds.clear()
        ask(p.Measure(rounds=60, steps=10), p.Timed)
    reported, raw = rounds[::2], rounds[1::2]
    ratio = sum(one.wall_s for one in raw) / sum(one.wall_s for one in reported)
    report("speed_raw_loop", ratio, 0.99, {"reported": reported, "raw": raw})


def test_input_against_decode_and_crop(report: Report, tmp_path: Path) -> None:
    """The whole input pipeline against the same pipeline up to decode-and-crop."""
    words = f"--mode input --source tfrecord --data '{write_yardstick(tmp_path)}' --batch-size 64 --image-size 224"
    bound = side("decode and crop", words, worker("benchmarks.peers.decode_only"))
    result = ab.run_pairs(bound, side("resnet_bench", words), ab.Budget(turns=20, pairs=4, steps=16))
    report("speed_input", result.ratio.value, 0.60, result)


def test_smoke_from_a_cold_start(report: Report, tmp_path: Path) -> None:
    """`bench-cli run --preset smoke` with an empty cache: whole-command seconds, against 60."""
    command = [sys.executable, "-c", "from resnet_bench.cli import main; main()", "run", "--preset", "smoke"]
    environment = {"RESNET_BENCH_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    start = time.perf_counter()
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    wall_s = time.perf_counter() - start
    (path,) = (tmp_path / "runs").glob("*.json")
    report("speed_smoke", 60 / wall_s, 1.0, {"wall_s": wall_s, "record": Record.load(path)})
