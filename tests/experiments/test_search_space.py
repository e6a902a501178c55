"""What may be tuned: by the machine, the mode, and what the user fixed."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_bench.config.options import build
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.tuning import search_space
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.resolve import resolve

AVX2 = Machine(device_kind="cpu", device="cpu", cpus=4, cpu_flags=frozenset({"avx2"}), onednn=True)
BF16 = Machine(device_kind="cpu", device="cpu", cpus=4, cpu_flags=frozenset({"avx2", "avx512_bf16"}), onednn=True)
A100 = Machine(device_kind="gpu", device="gpu", cpus=8, gpu_name="A100", gpu_compute_capability=(8, 0))


def made(machine: Machine, given: dict[str, Any] | None = None, **more: Any) -> search_space.SearchSpace:
    given = given or {}
    return search_space.make(given, resolve(build(given)[0], machine)[0], machine, **more)


def test_tensorflows_own_choice_of_onednn_follows_the_processor() -> None:
    assert made(AVX2).defaults["onednn"] == "off"
    assert made(BF16).defaults["onednn"] == "on"
    assert "onednn" not in made(A100).values


def test_what_the_device_computes_is_tried_and_what_it_would_emulate_is_not_but_said() -> None:
    assert made(AVX2, vary={"xla": [True, False]}).notices[0].facts["precisions"] == "mixed_bfloat16, mixed_float16"
    assert "precision" not in made(AVX2).values
    assert made(BF16).values["precision"] == ("float32", "mixed_bfloat16")
    assert set(made(A100).values["precision"]) == {"float32", "mixed_float16", "mixed_bfloat16", "tf32"}
    everything = made(AVX2, emulated=True)
    assert everything.values["precision"] == ("float32", "mixed_bfloat16", "mixed_float16")
    assert everything.notices == ()
    assert any(
        notice.kind == "emulated_16bit"
        for notice in search_space.warnings(everything, {**everything.defaults, "precision": "mixed_float16"}, AVX2)
    )


def test_what_is_given_is_fixed() -> None:
    assert not {"xla", "batch_size"} & set(made(AVX2, {"xla": True, "batch_size": 8}).values)
    assert "precision" not in made(A100, {"mixed_precision": True}).values


def test_freezing_belongs_to_inference_and_the_pipeline_to_input() -> None:
    assert "freeze" not in made(AVX2).values
    assert "freeze" in made(AVX2, {"mode": "infer"}).values
    found = made(AVX2, {"mode": "input"})
    assert {"num_parallel_calls", "prefetch_buffer_size", "decode", "data_deterministic"} <= set(found.values)
    assert not {"xla", "onednn", "batch_norm", "precision"} & set(found.values)
    assert "num_parallel_calls" not in made(AVX2).values
    assert {"num_parallel_calls", "xla"} <= set(made(AVX2, pipeline=True).values)


def test_tf_data_starts_from_its_own_defaults() -> None:
    found = made(AVX2, {"mode": "input"})
    assert (found.defaults["private_threadpool_size"], found.promising["private_threadpool_size"]) == (0, 4)
    assert (found.defaults["inject_prefetch"], found.promising["inject_prefetch"]) == (True, False)


def test_the_promising_choice_is_one_of_the_values_and_possible() -> None:
    for machine in (AVX2, BF16, A100):
        for mode in ("train", "infer", "eval", "input"):
            found = made(machine, {"mode": mode})
            assert all(found.promising[name] in values for name, values in found.values.items())
            assert all(found.defaults[name] == values[0] for name, values in found.values.items())
            assert found.possible(found.promising)
            assert found.possible(found.defaults)


def test_values_may_be_replaced_added_and_left_out() -> None:
    found = made(AVX2, vary={"batch_size": [16, 128], "deterministic": [False, True]}, only=["xla"])
    assert found.values == {"xla": (False, True), "batch_size": (16, 128), "deterministic": (False, True)}


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (
            {"only": ["freeze"]},
            "--only freeze is not tuned for this workload and machine. Options are onednn",
        ),
        ({"given": {"mode": "eval"}, "vary": {"mode": ["infer"]}}, "mode is both given and varied"),
        ({"only": ["colour"]}, "there is no option 'colour'"),
        ({"vary": {"xla": [False]}, "only": []}, "Nothing is left to tune"),
    ],
)
def test_a_space_without_a_choice_is_refused(more: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(AVX2, **more)
    assert part in str(caught.value)


def test_pairs_are_of_related_options_that_are_still_hopeful() -> None:
    found = made(AVX2, {"mode": "infer"}, only=["xla", "batch_norm", "threads", "freeze"])
    hopeful = frozenset({"xla", "batch_norm", "threads"})
    pairs = list(search_space.paired_changes(found, dict(found.defaults), hopeful))
    changed = {tuple(name for name in found.values if pair[name] != found.defaults[name]) for pair in pairs}
    assert changed == {("batch_norm", "xla"), ("xla", "threads")}
