"""How far outputs lie from float32's: the figures, the parent's side, and a real worker that also shows XLA's work."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from resnet_bench import evidence
from resnet_bench.config.options import parse_args
from resnet_bench.errors import BenchError
from resnet_bench.evidence.outputs import compare
from resnet_bench.experiments import output_error
from resnet_bench.records.base import Notice
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]
TINY = "--device cpu --stage-sizes 1,1 --width 8 --image-size 32 --batch-size 4 --classes 10 --source synthetic"


def test_the_error_is_relative_to_the_references_size() -> None:
    expected = np.array([[3.0, 4.0], [0.0, 5.0]], np.float32)
    got = expected + np.array([[0.5, -0.5], [0.5, 0.5]], np.float32)
    found = compare(expected, got)
    assert found.images == 2
    assert found.max_abs == 0.5
    assert found.relative_rms == pytest.approx(0.5 / np.sqrt(50 / 4))
    assert found.same_class_share == 0.5  # the first image's two logits are equal now, so its class is another


def test_equal_outputs_have_no_error() -> None:
    same = np.zeros((3, 5), np.float32)
    assert compare(same, same).relative_rms == 0
    assert compare(same, same).same_class_share == 1


def test_the_parent_asks_a_fresh_worker() -> None:
    config, _ = parse_args(["--freeze", "--mode", "infer"])
    errors = {"OPTION_ERRORS": json.dumps({"freeze=true": 0.25})}
    with InProcessWorker(**errors) as worker:
        assert output_error.measure_output_error(config, worker).relative_rms == 0.25


def test_a_real_worker_shows_what_xla_made_of_16_bits_and_how_far_that_is_from_float32(tmp_path: Path) -> None:
    config, given = parse_args(f"{TINY} --mode infer --xla --precision mixed_bfloat16".split())
    resolved: list[p.Resolved] = []

    def keep(event: p.Events) -> None:
        if isinstance(event, p.Resolved):
            resolved.append(event)

    with WorkerProcess() as worker:
        command = p.CollectEvidence(config=config, log_path=str(worker.log_path), folder=str(tmp_path / "run"))
        deadline = time.monotonic() + 200
        reply = worker.request(command, p.Observed, silence_s=150, deadline=deadline, on_event=keep)
        found = output_error.measure_output_error(config, worker, deadline)
    assert reply.notices == ()
    compiled = reply.seen.compiled
    assert compiled is not None
    assert sum(compiled.convolutions.values()) + sum(compiled.dots.values()) == 9 + 1
    assert (compiled.norms_before, compiled.platform) == (9, "cpu")
    assert (tmp_path / compiled.source).is_file()
    assert 1e-4 < found.relative_rms < 0.1
    assert found.images == 4
    notices = (*resolved[0].notices, Notice(kind="emulated_16bit_xla"))
    checks = {
        check.name: check for check in evidence.check_options(resolved[0].config, given, reply.seen, notices=notices)
    }
    assert checks["xla"].holds == "true"
    assert checks["precision"].holds in ("true", "emulated")


def test_the_input_pipeline_has_no_outputs() -> None:
    config, _ = parse_args(f"{TINY} --mode input --source photos --photos 8".split())
    with WorkerProcess() as worker, pytest.raises(BenchError, match="--mode input"):
        output_error.measure_output_error(config, worker, time.monotonic() + 200)
