"""Campaign: a fast step must still learn. Accuracy on the scanned digits, and what options do to the losses.

Seeds are fixed. Each test runs alone; figures with every loss go to `benchmarks/results/`. A missed bar is
reported, not failed, as in the speed campaign: machines and library versions differ.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scipy import stats

from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.experiments.train import TrainRun
from resnet_bench.experiments.train_request import request_of
from resnet_bench.pytest_plugin import CLOCK
from resnet_bench.records.files import write_atomically
from resnet_bench.records.record import Record
from resnet_bench.worker import protocol as p

pytestmark = [pytest.mark.campaign, pytest.mark.benchmark(timer=CLOCK)]
RESULTS = Path(__file__).parent / "results"
Report = Callable[[str, bool, str, Any], None]

ACCURACY, EPOCHS, LIMIT_S = 0.97, 12, 360.0
DIGITS: dict[str, Any] = {
    "epochs": EPOCHS,
    "batch_size": 16,
    "learning_rate": 0.0005,
    "schedule": "cosine",
    "warmup_epochs": 1.0,
    "augment": ("shift",),
}
"""ResNet-50 at 64x64x3 in six classes, float32: the defaults of `train`, with a schedule that ends at 0."""

SMALL: dict[str, Any] = {
    "stage_sizes": (1, 1),
    "width": 16,
    "image_size": (32, 32),
    "epochs": 3,
    "learning_rate": 0.001,
    "threads": 2,
}
"""A network of nine convolutions: a CPU that only emulates 16-bit arithmetic trains it in seconds."""

TOLERANCE = {"xla": 0.02, "mixed_bfloat16": 0.05, "mixed_bfloat16_xla": 0.05}
"""Mean over all steps of |loss - float32's|, over the mean of float32's. bfloat16 keeps 8 bits of a product's
factors, so each of its losses is off by about a hundredth, and the weights drift apart from there."""

SEEDS = (0, 1, 2, 3)


class Losses(TrainObserver):
    """An observer that keeps the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def steps(self, event: p.StepsDone) -> None:
        """Keep them."""
        self.losses.extend(event.losses)


def trained(folder: Path, options: Mapping[str, Any]) -> tuple[Record, list[float]]:
    """The record of one training, and the loss of each of its steps."""
    observer = Losses()
    record = TrainRun(request_of({**options, "folder": str(folder)}), observer).run()
    assert record.outcome.kind == "ok", record.outcome
    assert record.training is not None
    return record, observer.losses


def accuracy(record: Record) -> float:
    """The test accuracy of the last epoch."""
    assert record.training is not None
    last = record.training.epochs[-1].test_accuracy
    assert last is not None
    return last


def distance(losses: list[float], reference: list[float]) -> float:
    """Mean of |loss - reference| over the steps, over the mean of the reference."""
    apart = [abs(one - other) for one, other in zip(losses, reference, strict=True)]
    return statistics.fmean(apart) / statistics.fmean(reference)


@pytest.fixture
def report(benchmark: Any) -> Report:
    """Print what came out beside its bar, and keep everything."""

    def say(name: str, met: bool, words: str, measured: Any) -> None:
        benchmark.extra_info.update(met=met, words=words)
        benchmark.pedantic(lambda: CLOCK.advance(1.0), rounds=1, iterations=1)
        content = {"met": met, "words": words, "measured": measured}
        write_atomically(RESULTS / f"quality_{name}.json", msgspec.json.format(msgspec.json.encode(content), indent=1))
        sys.stderr.write(f"\n{name}: {words}: {'met' if met else 'missed'}\n")

    return say


def test_digits_are_learned(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """97 % of the test digits within 12 epochs and 6 minutes, evaluation and checkpoints included."""
    monkeypatch.chdir(tmp_path)  # so that the record that is kept names no folder of this machine
    record, losses = trained(Path("training"), {**DIGITS, "target_accuracy": ACCURACY})
    assert record.training is not None
    reached_s = record.training.time_to_accuracy_s
    met = reached_s is not None and reached_s <= LIMIT_S
    words = f"{accuracy(record):.1%} after {len(record.training.epochs)} epochs and "
    words += f"{record.training.epochs[-1].elapsed_s:.0f} s (bar: {ACCURACY:.0%}, {EPOCHS} epochs, {LIMIT_S:.0f} s)"
    report("digits", met, words, {"options": DIGITS, "record": record, "losses": losses})


def test_precision_and_xla_follow_float32(report: Report, tmp_path: Path) -> None:
    """The small network in bfloat16, with XLA and with both: how far its losses lie from float32's."""
    kinds: dict[str, dict[str, Any]] = {
        "float32": {},
        "xla": {"xla": True},
        "mixed_bfloat16": {"precision": "mixed_bfloat16"},
        "mixed_bfloat16_xla": {"precision": "mixed_bfloat16", "xla": True},
    }
    runs = {name: trained(tmp_path / name, {**SMALL, **options}) for name, options in kinds.items()}
    reference = runs["float32"][1]
    apart = {name: distance(losses, reference) for name, (_, losses) in runs.items() if name != "float32"}
    words = ", ".join(f"{name} {found:.2%} (up to {TOLERANCE[name]:.0%})" for name, found in apart.items())
    met = all(found <= TOLERANCE[name] for name, found in apart.items())
    measured = {name: {"losses": losses, "test_accuracy": accuracy(record)} for name, (record, losses) in runs.items()}
    report("precision", met, f"distance from float32's losses: {words}", {"options": SMALL, "runs": measured})


def test_fused_batch_norm_learns_as_keras_does(report: Report, tmp_path: Path) -> None:
    """The small network with either batch norm and four seeds: a paired t-interval over seeds must hold 0."""
    options = {**SMALL, "epochs": 6}
    found: dict[str, list[float]] = {"fused": [], "keras": []}
    for seed in SEEDS:
        for norm, accuracies in found.items():
            given = {**options, "seed": seed, "batch_norm": norm}
            accuracies.append(accuracy(trained(tmp_path / f"{norm}{seed}", given)[0]))
    differences = [fused - keras for fused, keras in zip(found["fused"], found["keras"], strict=True)]
    mean = statistics.fmean(differences)
    error = statistics.stdev(differences) / len(differences) ** 0.5
    half = float(stats.t.ppf(0.975, len(differences) - 1)) * error
    spread = statistics.stdev(found["keras"])
    words = f"fused minus Keras {mean:+.2%} +- {half:.2%} (95 %, {len(SEEDS)} seeds); seeds alone vary by {spread:.2%}"
    report("batch_norm", abs(mean) <= max(half, spread), words, {"options": options, "test_accuracy": found})
