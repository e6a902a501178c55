"""The reference backend in a real worker: it trains and infers as keras.applications does, and says what it is."""

from __future__ import annotations

import math

import pytest

from resnet_bench.config.options import parse_args
from resnet_bench.experiments import run
from resnet_bench.records.record import Record

WORDS = "--runtime keras --image-size 32 --batch-size 2 --classes 10 --processes 1 --rounds 3 --steps 1 --warmup 2"


def measure(words: str) -> Record:
    config, given = parse_args(f"{WORDS} {words}".split())
    return run.run(config, given)


@pytest.mark.parametrize("words", ["--mode train --source photos --photos 8", "--mode infer --source synthetic"])
def test_it_runs_and_says_what_it_is(words: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESNET_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        record = measure(words)
    assert record.outcome.kind == "ok", record.outcome
    assert len(record.samples.processes[0].rounds) == 3
    result = record.samples.processes[0].result
    assert result.finite
    assert (result.loss is not None and math.isfinite(result.loss)) == ("train" in words)
    assert record.config.resolved is not None
    network = record.config.resolved.model
    assert (network.variant, network.conv_bias, network.batch_norm) == ("v1", True, "keras")
    assert record.config.resolved.runtime.runtime == "keras"
    assert record.model is not None
    assert (record.model.convolutions, record.model.batch_norms, record.model.classes) == (53, 53, 10)
    assert "keras_reference" in {notice.kind for notice in record.warnings}
    assert record.evidence == ()  # nothing of it can be checked, so nothing is said to hold
