"""Real runs on a tiny network, in real workers: what the product writes when nothing is faked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TINY = "--device cpu --stage-sizes 1,1 --width 8 --image-size 32 --batch-size 4 --classes 10 --photos 24 --processes 1"
QUICK = f"{TINY} --rounds 3 --steps 2 --warmup 2 --latency-samples 5 --evidence off"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def bench_cli(words: str, cache: Path, output: Path) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-c", "from resnet_bench.cli import main; main()", *words.split(), "--output", str(output)],
        cwd=ROOT,
        env={**os.environ, "RESNET_BENCH_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    (path,) = output.glob("*.json")
    return done.returncode, json.loads(path.read_text()), done.stdout + done.stderr


def test_training_on_photographs(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --split --evidence full", cache, tmp_path)
    assert code == 0, output
    process = record["samples"]["processes"][0]
    assert process["counts"] == {"first": 1, "warmup": 1, "timed": 6, "latency": 5, "split": 10, "skipped": None}
    assert record["summary"]["timed_images"] == 24
    assert record["data"]["images"] == 24
    assert len(record["data"]["manifest_hash"]) >= 16
    assert record["model"]["name"] == "custom"
    assert process["result"]["finite"]
    assert record["summary"]["split"]["forward_s"] > 0
    assert record["summary"]["cold_start_s"]["compile_s"] is None
    assert set(process["memory"]["host_peak_bytes"]) >= {"import", "build", "first step", "timed"}
    assert {claim["holds"] for claim in record["evidence"]} == {"true"}
    assert record["parity"]["relative_rms"] < 1e-4
    folder = next(tmp_path.glob("*.json")).with_suffix("")
    assert {path.name for path in folder.iterdir()} >= {"executed_graphs.tsv.gz"}
    assert record["environment"]["tensorflow"]["onednn"] == (record["config"]["resolved"]["runtime"]["onednn"] == "on")


def test_frozen_inference_under_xla(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --mode infer --freeze --xla --source synthetic", cache, tmp_path)
    assert code == 0, output
    assert record["summary"]["cold_start_s"]["compile_s"] > 0
    assert record["summary"]["images_per_s"]["value"] > 0


def test_the_input_pipeline_alone(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --mode input", cache, tmp_path)
    assert code == 0, output
    assert record["model"] is None
    assert record["summary"]["images_per_s"]["value"] > 0


def test_evaluation_in_16_bit_counts_its_hits(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --mode eval --mixed-precision", cache, tmp_path)
    assert code == 0, output
    result = record["samples"]["processes"][0]["result"]
    assert 0 <= result["top1"] <= result["top5"] <= result["images"]
    assert record["config"]["resolved"]["step"]["precision"] in ("mixed_bfloat16", "mixed_float16")


def test_model_fit_runs_the_same_number_of_steps(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --loop fit", cache, tmp_path)
    assert code == 0, output
    process = record["samples"]["processes"][0]
    assert sum(one["steps"] for one in process["rounds"]) == 6
    assert {one["dispatch_s"] for one in process["rounds"]} == {None}


def test_a_missing_glob_is_refused_at_once(cache: Path, tmp_path: Path) -> None:
    code, record, output = bench_cli(f"run {QUICK} --source tfrecord --data {tmp_path}/none-*", cache, tmp_path)
    assert code == 3
    assert f"{tmp_path}/none-*" in "".join(output.split())  # a long path is folded
    assert record["outcome"]["kind"] == "data"
    assert "process 1/1: build" not in output


def test_a_corrupt_record_is_named(cache: Path, tmp_path: Path) -> None:
    shard = tmp_path / "shard-0"
    shard.write_bytes(b"\x10" + b"\x00" * 40)
    code, record, output = bench_cli(f"run {QUICK} --source tfrecord --data {shard}", cache, tmp_path)
    assert code == 3, output
    assert "shard-0" in record["outcome"]["message"]


def test_build_saves_a_network_that_plain_keras_loads(tmp_path: Path) -> None:
    path = tmp_path / "tiny.keras"
    words = f"build --stage-sizes 1,1 --width 8 --image-size 32 --device cpu --save {path} --portable"
    code = "from resnet_bench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "conv3" in done.stdout
    plain = "import sys, keras; print(keras.saving.load_model(sys.argv[1]).count_params())"
    loaded = subprocess.run(
        [sys.executable, "-c", plain, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(loaded.stdout.split()[-1]) > 0


def test_a_saved_network_is_judged_and_asked(tmp_path: Path) -> None:
    def bench(words: str) -> str:
        code = "from resnet_bench.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    bench("build --stage-sizes 1 --width 4 --image-size 16 --classes 6 --device cpu --save tiny.keras")
    judged = json.loads(bench("evaluate --model tiny.keras --against tiny.keras --turns 1 --json --device cpu"))
    assert [model["images"] for model in judged["models"]] == [216, 216]
    assert judged["difference"]["p_value"] == 1.0
    assert judged["config"]["step"]["mode"] == "eval"
