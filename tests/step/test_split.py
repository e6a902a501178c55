"""The training step taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resnet_bench.step import split
from resnet_bench.step.optimizer import make_optimizer
from resnet_bench.step.split import split_functions
from tests.support.tiny_steps import configuration, network, runtime


@pytest.mark.parametrize("jit", [False, True], ids=["no-xla", "xla"])
def test_the_parts_run_any_number_of_times_and_leave_the_weights(jit: bool) -> None:
    model = network()
    before = [variable.numpy() for variable in model.trainable_variables]
    functions = split_functions(configuration(), runtime(jit=jit), model)
    assert list(functions) == ["forward", "forward_backward", "whole", "apply"]
    for _ in range(3):
        for function in functions.values():
            function()
    for value, variable in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-6, atol=1e-9)


def test_the_update_is_really_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def remembered(*args: Any, **options: Any) -> Any:
        made.append(make_optimizer(*args, **options))
        return made[-1]

    monkeypatch.setattr(split, "make_optimizer", remembered)
    functions = split_functions(configuration(), runtime(loss_scaling=True), network("mixed_float16"))
    (optimizer,) = made
    before = int(optimizer.iterations.numpy())
    for _ in range(3):
        functions["apply"]()
        functions["whole"]()
    assert int(optimizer.iterations.numpy()) - before == 6
