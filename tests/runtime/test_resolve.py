"""Resolution: what "auto" becomes on a given machine, and what is announced. Machines are faked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import Config
from resnet_bench.config.options import parse_args
from resnet_bench.errors import DeviceError
from resnet_bench.records.machine import Machine
from resnet_bench.runtime.resolve import resolve, usable_cpus

PLAIN_CPU = Machine(device_kind="cpu", device="/CPU:0", cpus=2, cpu_flags=frozenset({"avx2", "fma"}), onednn=True)
BF16_CPU = Machine(device_kind="cpu", device="/CPU:0", cpus=2, cpu_flags=frozenset({"avx512_bf16"}), onednn=True)


def gpu(capability: tuple[int, int]) -> Machine:
    return Machine(device_kind="gpu", device="/GPU:0", cpus=16, gpu_name="a GPU", gpu_compute_capability=capability)


def resolved(words: str, machine: Machine) -> Config:
    return resolve(parse_args(words.split())[0], machine)[0]


def kinds(words: str, machine: Machine) -> set[str]:
    return {notice.kind for notice in resolve(parse_args(words.split())[0], machine)[1]}


def autos(config: Config) -> list[str]:
    return [
        name
        for section in (config.model, config.data, config.step, config.runtime, config.measure)
        for name in section.__struct_fields__
        if getattr(section, name) == "auto"
    ]


@pytest.mark.parametrize("machine", [PLAIN_CPU, BF16_CPU, gpu((9, 0))], ids=["avx2", "bf16", "gpu"])
@pytest.mark.parametrize("mode", ["train", "infer", "eval", "input"])
def test_only_what_time_and_free_memory_decide_is_left(machine: Machine, mode: str) -> None:
    """The pilot decides the rounds, their steps, and whether option checks fit; free memory, what a cache may take."""
    assert autos(resolved(f"--mode {mode}", machine)) == ["cache_budget", "rounds", "steps", "evidence"]


def test_training_on_a_cpu_is_224_pixels_and_batch_16() -> None:
    config = resolved("", PLAIN_CPU)
    assert (config.model.image_size, config.step.batch_size) == ((224, 224), 16)


@pytest.mark.parametrize(
    "words", ["--xla", "--mixed-precision", "--precision mixed_float16", "--xla --mixed-precision"]
)
@pytest.mark.parametrize("machine", [PLAIN_CPU, gpu((8, 0))], ids=["cpu", "gpu"])
def test_sizes_never_depend_on_precision_or_xla(words: str, machine: Machine) -> None:
    plain, other = resolved("", machine), resolved(words, machine)
    assert plain.step.batch_size == other.step.batch_size
    assert plain.model.image_size == other.model.image_size


def test_what_was_given_is_kept() -> None:
    config = resolved("--batch-size 3 --image-size 32 --warmup 7 --threads 1 --prefetch-buffer-size 0", PLAIN_CPU)
    assert (config.step.batch_size, config.model.image_size) == (3, (32, 32))
    assert (config.measure.warmup, config.runtime.threads, config.data.prefetch_buffer_size) == (7, 1, 0)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (BF16_CPU, "mixed_bfloat16"),
        (PLAIN_CPU, "mixed_bfloat16"),
        (gpu((9, 0)), "mixed_float16"),
        (gpu((7, 5)), "mixed_float16"),
        (gpu((6, 1)), "mixed_bfloat16"),
    ],
    ids=["bf16 cpu", "plain cpu", "hopper", "turing", "pascal"],
)
def test_mixed_precision_picks_the_native_type(machine: Machine, expected: str) -> None:
    assert resolved("--mixed-precision", machine).step.precision == expected


def test_emulation_is_announced_only_where_it_happens() -> None:
    assert "emulated_16bit" in kinds("--mixed-precision", PLAIN_CPU)
    assert "emulated_16bit" in kinds("--mixed-precision", gpu((6, 1)))
    assert "emulated_16bit" not in kinds("--mixed-precision", BF16_CPU)
    assert "emulated_16bit" not in kinds("--mixed-precision", gpu((8, 0)))
    assert "emulated_16bit" not in kinds("", PLAIN_CPU)


def test_bf16_instructions_without_onednn_are_not_used() -> None:
    without = Machine(device_kind="cpu", device="/CPU:0", cpus=2, cpu_flags=BF16_CPU.cpu_flags, onednn=False)
    assert "emulated_16bit" in kinds("--mixed-precision", without)


def test_xla_training_on_a_cpu_is_announced() -> None:
    assert kinds("--xla", PLAIN_CPU) == {"xla_train_cpu"}
    assert kinds("--xla --mode infer", PLAIN_CPU) == set()
    assert kinds("--xla", gpu((8, 0))) == set()


@pytest.mark.parametrize("machine", [PLAIN_CPU, gpu((7, 5))], ids=["cpu", "turing"])
def test_tf32_needs_ampere(machine: Machine) -> None:
    with pytest.raises(DeviceError, match=r"compute capability 8\.0"):
        resolved("--precision tf32", machine)


@pytest.mark.parametrize("machine", [PLAIN_CPU, BF16_CPU, gpu((8, 0))], ids=["avx2", "bf16", "gpu"])
def test_options_of_the_network_are_told_to_be_unused_where_none_is_built(machine: Machine) -> None:
    assert kinds("--mode input --xla --mixed-precision", machine) == {"no_network"}
    assert kinds("--mode input", machine) == set()


def test_the_learning_rate_follows_optimizer_and_batch() -> None:
    assert resolved("--batch-size 64", PLAIN_CPU).step.learning_rate == pytest.approx(0.025)
    assert resolved("--optimizer adam", PLAIN_CPU).step.learning_rate == 0.00015


def test_threads_follow_the_quota_not_the_host() -> None:
    boxed = Machine(device_kind="cpu", device="/CPU:0", cpus=64, cpu_quota=3.5, onednn=True)
    config = resolved("", boxed)
    assert (config.runtime.threads, config.data.num_parallel_calls, config.data.private_threadpool_size) == (3, 3, 3)
    assert kinds("--threads 8", boxed) == {"threads_exceed_cpus"}


@given(st.integers(1, 1024), st.none() | st.floats(0.01, 2048))
def test_usable_cpus_is_at_least_one_and_within_both_bounds(cpus: int, quota: float | None) -> None:
    usable = usable_cpus(cpus, quota)
    assert 1 <= usable <= cpus
    assert quota is None or usable <= max(1, quota)


@given(st.integers(1, 64))
def test_automatic_warmup_is_a_whole_number_of_calls(steps_per_call: int) -> None:
    warmup = resolved(f"--steps-per-call {steps_per_call}", PLAIN_CPU).measure.warmup
    assert isinstance(warmup, int)
    assert warmup >= 3
    assert warmup % steps_per_call == 0
