"""XLA's compilations, read from the lines that TensorFlow 2.21 really writes."""

from __future__ import annotations

import pytest

from resnet_bench.runtime.xla_log import parse_compilations

# Captured from TensorFlow 2.21.0 with TF_CPP_VMODULE=device_compilation_profiler=1.
CAPTURED = (
    "I0000 00:00:1795308260.841291    5129 device_compiler.h:208] Compiled cluster using XLA!  This line is logged "
    "at most once for the lifetime of the process.\n"
    "I0000 00:00:1795308260.841398    5129 device_compilation_profiler.cc:113] Compiled __inference_step_fn_10 1 "
    "times, compile time: 102653 us, cumulative: 102653 us (0 us / 103 ms)\n"
    "I0000 00:00:1795308260.891484    5129 device_compilation_profiler.cc:113] Compiled __inference_step_fn_21 1 "
    "times, compile time: 35677 us, cumulative: 35677 us (0 us / 35.7 ms)\n"
)


def test_each_compilation_is_found_with_its_own_time() -> None:
    found = parse_compilations("noise\n" + CAPTURED + "more noise")
    assert [one.name for one in found] == ["__inference_step_fn_10", "__inference_step_fn_21"]
    assert [one.seconds for one in found] == pytest.approx([0.102653, 0.035677])


def test_a_recompilation_of_one_function_counts_again_with_its_own_time_not_the_cumulative_one() -> None:
    line = (
        "I0000 00:00:1.0 9 device_compilation_profiler.cc:113] Compiled __inference_f_1 2 times, "
        "compile time: 5 us, cumulative: 15 us (0 us / 7 us)"
    )
    assert [one.seconds for one in parse_compilations(line)] == pytest.approx([5e-6])


def test_a_log_without_compilations_has_none() -> None:
    assert parse_compilations("Compiled cluster using XLA!") == []
