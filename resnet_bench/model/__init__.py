"""The network: residual blocks, ResNet from them, fused batch norm, weights, and the layout probe.

Everything here imports TensorFlow except this file; `build` and `facts` are what the worker uses. Its
neighbours are `runtime` before it (policy, device, strategy) and `step` after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_bench.runtime.keras_backend import require_tensorflow

if TYPE_CHECKING:
    from resnet_bench.config import Config
    from resnet_bench.records.run import ModelFacts, StageFacts
    from resnet_bench.runtime import Runtime

require_tensorflow()

__all__ = ["build", "check_data_format", "facts", "stages"]


def check_data_format(config: Config, rt: Runtime) -> None:
    """Refuse a data format that the device cannot run. See `layout.check_data_format`; blocks."""
    from resnet_bench.model import data_format

    data_format.check_data_format(config, rt)


def build(config: Config, rt: Runtime) -> Any:
    """The network that `config` describes, giving float32 logits. See `resnet.build`."""
    from resnet_bench.model import resnet

    return resnet.build(config, rt)


def facts(model: Any, config: Config) -> ModelFacts:
    """What was built, counted from the built network. See `resnet.facts`."""
    from resnet_bench.model import resnet

    return resnet.facts(model, config)


def stages(model: Any) -> tuple[StageFacts, ...]:
    """Stem, stages and classifier of a built network, counted. See `resnet.stages`."""
    from resnet_bench.model import resnet

    return resnet.stages(model)
