"""The step that a configuration asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_bench.config import Config
from resnet_bench.step.base import Step
from resnet_bench.step.compiled import CompiledStep
from resnet_bench.step.fit import FitStep
from resnet_bench.step.input_only import InputStep
from resnet_bench.step.step_functions import make_body

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime


def make_step(config: Config, rt: Runtime, model: Any) -> Step:
    """The step that a resolved `config` asks for. Creates the optimizer's variables; traces nothing.

    `model` gives float32 logits [B, classes]; --mode input needs none and ignores it.
    """
    if config.step.mode == "input":
        return InputStep(config, rt)
    if config.step.loop == "fit":
        return FitStep(config, rt, model)
    return CompiledStep(config, rt, make_body(config, rt, model))
