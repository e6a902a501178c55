"""channels_first is allowed where the device ran it a moment ago, and refused before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from resnet_bench.config import Config, ModelConfig, StepConfig
from resnet_bench.model import check_data_format
from resnet_bench.model import data_format as layout

pytestmark = pytest.mark.usefixtures("keras_state")


def config(data_format: Any, mode: Any) -> Config:
    return Config(model=ModelConfig(data_format=data_format, batch_norm="keras"), step=StepConfig(mode=mode))


def runtime(*, jit: bool) -> Any:
    return SimpleNamespace(device="/CPU:0", jit=jit, policy="float32", strategy=tf.distribute.get_strategy())


@pytest.mark.parametrize(("data_format", "mode"), [("channels_last", "train"), ("channels_first", "input")])
def test_nothing_is_tried_where_nothing_can_fail(data_format: Any, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(**_: bool) -> None:
        raise AssertionError

    monkeypatch.setattr(layout, "_probe", tried)
    check_data_format(config(data_format, mode), runtime(jit=False))


@pytest.mark.parametrize("mode", ["train", "infer"])
def test_a_cpu_runs_channels_first_under_xla(mode: Any) -> None:
    check_data_format(config("channels_first", mode), runtime(jit=True))


REFUSED = """
from types import SimpleNamespace
import tensorflow as tf
from resnet_bench.config import Config, ModelConfig, StepConfig
from resnet_bench.errors import DeviceError
from resnet_bench.model import check_data_format

runtime = SimpleNamespace(device="/CPU:0", jit=False, policy="float32")
for mode in ("train", "infer"):
    model = ModelConfig(data_format="channels_first", batch_norm="keras")
    try:
        check_data_format(Config(model=model, step=StepConfig(mode=mode)), runtime)
    except DeviceError as problem:
        assert isinstance(problem.__cause__, tf.errors.OpError)
        print(problem)
"""


def test_a_cpu_without_onednn_and_xla_refuses_it_with_its_own_reason(child: Callable[..., str]) -> None:
    train, infer = child(REFUSED, TF_ENABLE_ONEDNN_OPTS="0").splitlines()
    assert train.startswith("--data-format channels_first does not train on /CPU:0 in float32 without XLA: ")
    assert infer.startswith("--data-format channels_first does not run on /CPU:0 in float32 without XLA: ")
    for line in (train, infer):
        assert "only supports NHWC" in line or "only supports the NHWC" in line
        assert "Use --data-format channels_last" in line
