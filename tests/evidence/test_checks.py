"""Option checks of what was observed: passed, failed, emulated, or not run with the reason. Nothing runs here."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from resnet_bench import evidence
from resnet_bench.analysis.verdict import decide_verdict
from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.options import parse_args
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import (
    Arithmetic,
    Changes,
    Compiled,
    OneDnn,
    Operations,
    OptionCheck,
    PipelineNode,
    Seen,
    Window,
)
from resnet_bench.records.machine import Machine
from resnet_bench.records.run import ModelFacts, Outcome
from resnet_bench.runtime.resolve import resolve
from tests.analysis.test_verdict import samples

CPU = Machine(device_kind="cpu", device="cpu", cpus=2, cpu_flags=frozenset({"avx2"}), onednn=True)
BF16 = replace(CPU, cpu_flags=frozenset({"avx2", "avx512_bf16"}))
GPU = Machine(device_kind="gpu", device="gpu:1", cpus=16, gpu_compute_capability=(9, 0), onednn=True)
MODEL = ModelFacts(
    name="resnet50",
    variant="v1.5",
    convolutions=53,
    batch_norms=53,
    trainable_parameters=1,
    parameters=1,
    macs=1,
    input_shape=(224, 224, 3),
    classes=1000,
)
EXECUTED = Operations(
    source="run/executed_graphs.tsv.gz",
    devices={"CPU:0": 300},
    operations=900,
    convolutions={"float32": 53},
    gradients={"float32": 105},
    flops={"float32": 3e9},
    data_formats={"NHWC": 158},
    fused_norms=20,
    activated_norms=33,
    onednn=100,
)
TRACED = replace(EXECUTED, source="traced", fused_norms=53, activated_norms=0, onednn=0, devices={})
LOG = OneDnn(
    source="run/onednn.log.gz",
    steps=2,
    executions=600,
    convolutions={"float32": 106},
    flops={"float32": 6e9},
    weight_reorders=106,
    reorders=120,
    reorder_s=0.1,
    total_s=1.0,
)
CHANGED = Changes(steps=2, skipped=None, trainable=161, trainable_changed=161, statistics=106, statistics_changed=106)
EXACT = Arithmetic(product_epsilon=2.0**-23, convolution_epsilon=2.0**-23)
PIPELINE = (
    PipelineNode(name="Prefetch", buffer_size=2),
    PipelineNode(name="Map"),
    PipelineNode(name="BatchV2"),
    PipelineNode(name="ParallelMapV2", parallelism=2),
    PipelineNode(name="ParallelInterleaveV4", parallelism=8),
)
WINDOW = Window(wall_s=10.0, traces=1, traces_inside=0, threads={"python": 18.0}, busiest=(9.0, 9.0))
ALL = Seen(
    windows=(WINDOW,),
    traced=TRACED,
    pipeline=PIPELINE,
    output_device="/job:localhost/replica:0/task:0/device:CPU:0",
    executed=EXECUTED,
    compilations=(),
    xla_clusters=0,
    onednn=LOG,
    changes=CHANGED,
    arithmetic=EXACT,
)
XLA = Compiled(
    source="run/step.hlo.gz",
    platform="cpu",
    convolutions={"float32": 100},
    dots={"float32": 61},
    flops={"float32": 3e9},
    convolutions_before=158,
    norms_before=53,
)
COMPILED = replace(
    ALL,
    executed=None,
    onednn=None,
    compiled=XLA,
    compilations=("run",),
    windows=(replace(WINDOW, compilations=1, compilations_inside=0),),
)


def checks(words: str = "", seen: Seen = ALL, machine: Machine = CPU) -> dict[str, OptionCheck]:
    asked, given = parse_args(words.split())
    config, notices = resolve(asked, machine)
    return {check.name: check for check in evidence.check_options(config, given, seen, machine, MODEL, notices, asked)}


def spoiled(part: str, seen: Seen = ALL, **changes: Any) -> Seen:
    return replace(seen, **{part: replace(getattr(seen, part), **changes)})


def test_a_run_that_did_as_asked_has_no_check_that_fails_or_is_unknown() -> None:
    found = checks()
    assert {check.holds for check in found.values()} == {"true"}
    assert all(check.source for check in found.values())
    assert found["onednn"].facts["weight_reorders_per_step"] == 53


def test_what_nobody_looked_at_is_unknown_and_says_why() -> None:
    found = checks("--xla", Seen())
    assert {check.holds for check in found.values()} == {None, "not_applicable"}
    assert all(check.why for check in found.values())
    assert all(check.observed is None for check in found.values())


def test_the_cheap_checks_need_no_untimed_pass() -> None:
    found = checks(seen=Seen(windows=ALL.windows, traced=TRACED, pipeline=PIPELINE, output_device=ALL.output_device))
    held = {name for name, check in found.items() if check.holds == "true"}
    assert held == {
        "stable_graph",
        "device",
        "host_calls",
        "precision_asked",
        "data_format",
        "num_parallel_calls",
        "prefetch_buffer_size",
        "threads",
    }


@pytest.mark.parametrize(("calls", "holds"), [(2, "true"), (4, "false")])
def test_map_and_batch_in_one_stage_shows_its_parallel_calls(calls: int, holds: str) -> None:
    fused = (PIPELINE[0], PIPELINE[1], PipelineNode(name="MapAndBatchV2", parallelism=2, tuned=True), PIPELINE[4])
    found = checks(f"--num-parallel-calls {calls}", replace(ALL, pipeline=fused))["num_parallel_calls"]
    assert (found.holds, found.observed, found.facts["autotuned"]) == (holds, 2, True)


@pytest.mark.parametrize(
    ("check", "seen", "words"),
    [
        ("stable_graph", replace(ALL, windows=(replace(WINDOW, traces_inside=1),)), ""),
        ("stable_graph", replace(COMPILED, windows=(replace(WINDOW, compilations=1, compilations_inside=2),)), "--xla"),
        ("xla", replace(COMPILED, compilations=()), "--xla"),
        ("xla", spoiled("compiled", COMPILED, convolutions={}, dots={}), "--xla"),
        ("xla", replace(ALL, compilations=("cluster_0",)), ""),
        ("xla", replace(ALL, xla_clusters=3), "--no-xla"),
        ("onednn", replace(spoiled("executed", onednn=0), onednn=None), ""),
        ("onednn", ALL, "--onednn off"),
        ("device", spoiled("executed", elsewhere=("conv1",)), ""),
        ("device", replace(ALL, output_device="/device:GPU:0"), ""),
        ("host_calls", spoiled("traced", host_calls=("EagerPyFunc",)), ""),
        ("precision_asked", spoiled("traced", flops={"float32": 2e9, "bfloat16": 1e9}), ""),
        ("precision", spoiled("onednn", flops={"float32": 2e9, "bfloat16": 1e9}), ""),
        ("rounding", replace(ALL, arithmetic=replace(EXACT, product_epsilon=2.0**-7)), ""),
        ("rounding", replace(ALL, arithmetic=replace(EXACT, convolution_epsilon=2.0**-10)), ""),
        ("batch_norm", spoiled("executed", fused_norms=19, separate_norms=1), ""),
        ("batch_norm", spoiled("executed", fused_norms=19), ""),
        ("batch_norm", ALL, "--batch-norm keras"),
        ("convolutions", spoiled("executed", convolutions={"float32": 52}), ""),
        ("convolutions", spoiled("executed", gradients={"float32": 104}), ""),
        ("convolutions", spoiled("compiled", COMPILED, dots={"float32": 59}), "--xla"),
        ("data_format", spoiled("traced", data_formats={"NHWC": 157, "NCHW": 1}), ""),
        ("layout_changes", spoiled("executed", transposes=6), ""),
        ("freeze", spoiled("executed", variable_reads=1), "--mode infer --freeze"),
        ("training", spoiled("changes", trainable_changed=160, unchanged=("conv1/kernel",)), ""),
        ("training", spoiled("changes", statistics_changed=0), ""),
        ("training", spoiled("changes", finite=False), ""),
        ("threads", replace(ALL, windows=(replace(WINDOW, threads={"python": 80.0}),)), "--threads 2"),
        ("num_parallel_calls", ALL, "--num-parallel-calls 4"),
        ("prefetch_buffer_size", ALL, "--prefetch-buffer-size 0"),
        ("prefetch_buffer_size", replace(ALL, pipeline=PIPELINE[1:]), ""),
    ],
)
def test_each_check_fails_on_what_contradicts_it(check: str, seen: Seen, words: str) -> None:
    found = checks(words, seen)
    assert found[check].holds == "false", found[check]


def test_xla_that_was_on_although_it_was_to_be_off_is_no_result_for_the_options() -> None:
    clustered = replace(ALL, executed=None, compilations=("cluster_0",), xla_clusters=1)
    assert verdict("--no-xla", clustered) == ["invalid", "option_without_effect"]
    assert verdict("", clustered) == ["provisional", "promise_broken"]
    hidden = [check for check in checks("", clustered).values() if check.holds is None]
    assert hidden
    assert all("XLA compiled that part" in check.why for check in hidden)


def test_float32_that_ran_in_16_bits_is_at_best_provisional() -> None:
    assert verdict("", spoiled("onednn", flops={"bfloat16": 6e9})) == ["provisional", "promise_broken"]
    assert verdict("--precision float32", spoiled("onednn", flops={"bfloat16": 6e9}))[0] == "invalid"


@pytest.mark.parametrize("loop", ["custom", "fit"])
def test_the_untimed_pass_is_not_recommended_once_it_ran(loop: str) -> None:
    windows = Seen(windows=ALL.windows)
    for words, seen in (("--evidence full", windows), ("", replace(windows, compilations=(), xla_clusters=0))):
        found = checks(f"--loop {loop} {words}", seen).values()
        assert not [check.why for check in found if "--evidence full" in check.why]
    assert "--evidence full" in checks(f"--loop {loop}", windows)["batch_norm"].why


@pytest.mark.parametrize("words", ["", "--num-parallel-calls 2"])
def test_what_runs_in_a_data_service_cannot_be_seen_and_takes_nothing_from_the_verdict(words: str) -> None:
    client = (PIPELINE[0], PipelineNode(name="Map"), PipelineNode(name="DataServiceV4"))
    words = f"--data-service local:1 {words}"
    found = checks(words, replace(ALL, pipeline=client))
    assert found["num_parallel_calls"].holds is None
    assert "cannot be seen through the service" in found["num_parallel_calls"].why
    assert found["prefetch_buffer_size"].holds == "true"
    assert verdict(words, replace(ALL, pipeline=client)) == ["valid"]


def test_16_bits_that_the_device_can_only_emulate_are_no_failure() -> None:
    found = checks("--precision mixed_bfloat16")
    assert found["precision"].holds == "emulated"
    assert found["precision_asked"].holds == "false"  # all convolutions of this graph ask for float32


def test_16_bits_that_a_capable_device_does_not_use_are_a_failure() -> None:
    wanted = spoiled("traced", flops={"bfloat16": 3e9})
    assert checks("--precision mixed_bfloat16", wanted, BF16)["precision"].holds == "false"
    used = spoiled("onednn", wanted, flops={"bfloat16": 6e9})
    assert checks("--precision mixed_bfloat16", used, BF16)["precision"].holds == "true"


def test_xla_that_turned_16_bits_back_on_a_cpu_was_announced() -> None:
    found = checks("--precision mixed_bfloat16 --xla", COMPILED, BF16)["precision"]
    assert (found.holds, found.observed) == ("emulated", 0.0)
    assert "XLA" in found.why


def test_tf32_is_told_from_float32_by_what_the_device_rounds() -> None:
    tf32 = replace(ALL, arithmetic=Arithmetic(product_epsilon=2.0**-10, convolution_epsilon=2.0**-10))
    assert checks("--precision tf32", tf32, GPU)["rounding"].holds == "true"
    assert checks("--precision tf32", ALL, GPU)["rounding"].holds == "false"
    assert checks("--precision float32", tf32, GPU)["rounding"].holds == "false"


def test_onednn_is_beside_the_point_under_xla_and_on_a_gpu() -> None:
    assert checks("--xla --onednn on", COMPILED)["onednn"].holds == "not_applicable"
    assert "onednn" not in checks("--onednn on", machine=GPU)


def test_batch_norms_folded_when_freezing_count_as_folded() -> None:
    frozen = spoiled("traced", spoiled("executed", fused_norms=0, activated_norms=0), folded_norms=53)
    found = checks("--mode infer --freeze", frozen)["batch_norm"]
    assert (found.holds, found.observed) == ("true", "53 folded into a convolution")


def test_skipped_steps_say_nothing_of_what_training_changes() -> None:
    found = checks(seen=spoiled("changes", skipped=2, trainable_changed=0))["training"]
    assert found.holds is None
    assert "loss scaling" in found.why


def test_the_pipeline_alone_has_no_checks_about_a_network() -> None:
    assert set(checks("--mode input")) == {"num_parallel_calls", "prefetch_buffer_size", "threads"}
    assert set(checks("--source synthetic")) & {"num_parallel_calls", "prefetch_buffer_size"} == set()


# The verdict


def verdict(words: str, seen: Seen) -> list[str]:
    found = tuple(checks(words, seen).values())
    judged = decide_verdict(Config(), Outcome(kind="ok"), samples(), (), CPU, found)
    return [judged.kind, *(reason.kind for reason in judged.reasons)]


def test_an_option_that_was_asked_for_and_did_not_take_effect_makes_the_run_invalid() -> None:
    unfused = spoiled("executed", fused_norms=19, separate_norms=1)
    assert verdict("--batch-norm fused", unfused) == ["invalid", "option_without_effect"]
    assert verdict("", unfused) == ["valid"]


@pytest.mark.parametrize(
    "seen",
    [
        replace(ALL, windows=(replace(WINDOW, traces_inside=1),)),
        spoiled("executed", convolutions={"float32": 52}),
        spoiled("changes", trainable_changed=160),
        spoiled("traced", host_calls=("py",)),
    ],
)
def test_an_unconditional_check_that_fails_makes_it_provisional(seen: Seen) -> None:
    assert verdict("", seen) == ["provisional", "promise_broken"]


def test_emulation_and_what_is_unknown_take_nothing_from_the_verdict() -> None:
    traced = spoiled("traced", flops={"bfloat16": 3e9})
    assert verdict("--precision mixed_bfloat16", traced) == ["valid"]
    assert verdict("--xla --batch-norm fused", Seen()) == ["valid"]


def test_the_reason_names_the_check_and_where_it_was_seen() -> None:
    found = tuple(checks("--onednn on", replace(spoiled("executed", onednn=0), onednn=None)).values())
    (reason,) = decide_verdict(Config(), Outcome(kind="ok"), samples(), (), CPU, found).reasons
    facts: dict[str, Value] = {
        "claim": "oneDNN",
        "requested": True,
        "observed": False,
        "source": "run/executed_graphs.tsv.gz",
    }
    assert reason == Notice(kind="option_without_effect", facts=facts)


def test_every_check_that_is_made_is_declared_and_carries_its_declaration() -> None:
    made = [*checks().values(), *checks("--xla", COMPILED).values(), *checks("--mode infer --freeze").values()]
    assert {check.name for check in made} == set(evidence.CHECKS)
    for check in made:
        declared = evidence.CHECKS[check.name]
        assert (check.title, check.unconditional) == (declared.title, declared.unconditional)


def test_the_json_says_claim_for_the_name_as_in_all_versions() -> None:
    data = msgspec.json.decode(msgspec.json.encode(checks()["onednn"]))
    assert data["claim"] == "onednn"
    former = {name: data[name] for name in ("claim", "requested", "observed", "source", "holds", "explicit", "why")}
    assert msgspec.convert(former, OptionCheck).name == "onednn"
