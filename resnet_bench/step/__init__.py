"""Train, infer, eval and input-only steps as callables without clock or printing.

Owns `make_step` and the modules behind it: `bodies.py` says what a step computes, `custom.py` compiles and
dispatches it, `fit.py` leaves the loop to Keras, `input_only.py` runs the pipeline alone, `split.py` takes
the training step apart. `measure.py` drives a `Step` and times it; `profile.py` traces one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_bench.config import Config
from resnet_bench.step.base import Step, StepOutcome
from resnet_bench.step.bodies import make_body
from resnet_bench.step.custom import CompiledStep
from resnet_bench.step.fit import FitStep
from resnet_bench.step.input_only import InputStep
from resnet_bench.step.split import split_functions

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime

__all__ = ["InputStep", "Step", "StepOutcome", "make_step", "split_functions"]


def make_step(config: Config, rt: Runtime, model: Any) -> Step:
    """The step that a resolved `config` asks for. Creates the optimizer's variables; traces nothing.

    `model` gives float32 logits [B, classes]; --mode input needs none and ignores it.
    """
    if config.step.mode == "input":
        return InputStep(config, rt)
    if config.step.loop == "fit":
        return FitStep(config, rt, model)
    return CompiledStep(config, rt, make_body(config, rt, model))
