"""Options of a step."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, PROTOCOL, WORKLOAD, Auto, ConfigSection, PositiveFloat, PositiveInt
from resnet_bench.config.tunable import SearchFacts, tunable

Precision = Literal["float32", "tf32", "mixed_bfloat16", "mixed_float16"]


def _batch_sizes(facts: SearchFacts) -> tuple[int, ...]:
    """Sizes to try beside the workload's own; the pipeline alone gains nothing from much larger ones."""
    batch = facts.batch_size
    sizes = (2 * batch, batch // 2) if facts.mode == "input" else (2 * batch, batch // 2, 4 * batch)
    return tuple(size for size in sizes if size)


class StepConfig(ConfigSection, frozen=True, kw_only=True):
    """What one step computes, and how it is compiled."""

    title: ClassVar[str] = "Step"

    mode: Annotated[
        Literal["train", "infer", "eval", "input"],
        Meta(description="train, infer (forward), eval (forward and accuracy), or input (the pipeline alone)."),
        WORKLOAD,
    ] = "train"
    batch_size: Annotated[
        PositiveInt | Literal["auto", "max"],
        Meta(
            description="Images per step. max: search for the largest that fits first, one process per try.",
            extra={"values": "a whole number, at least 1, auto or max"},
        ),
        WORKLOAD,
        tunable(5, _batch_sizes, related=("batch",), modes=("train", "infer", "eval", "input")),
    ] = "auto"
    precision: Annotated[
        Precision | Auto,
        Meta(description="Arithmetic of the network. auto: float32, or what --mixed-precision picks."),
        OPTION,
        tunable(
            4,
            lambda facts: facts.precisions,
            framework_default="float32",
            expected=lambda facts: None if facts.is_cpu else next(iter(facts.native_16bit), None),
            related=("kernels", "batch"),
        ),
    ] = "auto"
    mixed_precision: Annotated[
        bool,
        Meta(description="Use the device's native 16-bit type (bfloat16, with a warning, if it has none)."),
        OPTION,
    ] = False
    xla: Annotated[
        bool,
        Meta(description="Compile the step with XLA."),
        OPTION,
        tunable(
            6,
            (True, False),
            framework_default=False,
            expected=lambda facts: None if facts.is_cpu else True,
            related=("kernels", "batch", "threads"),
        ),
    ] = False
    steps_per_call: Annotated[
        int,
        Meta(ge=1, description="Steps per call from Python."),
        OPTION,
        tunable(
            9, lambda facts: (1, 4) if facts.is_cpu else (1, 10), framework_default=1, related=("kernels", "batch")
        ),
    ] = 1
    optimizer: Annotated[Literal["sgd", "adam"], Meta(description="Optimizer of the training step."), WORKLOAD] = "sgd"
    learning_rate: Annotated[
        PositiveFloat | Auto,
        Meta(description="Learning rate. auto: 0.1 x batch / 256 for SGD, 0.00015 for Adam."),
        WORKLOAD,
    ] = "auto"
    momentum: Annotated[float, Meta(ge=0, lt=1, description="SGD's momentum."), WORKLOAD] = 0.9
    weight_decay: Annotated[
        float, Meta(ge=0, description="Decoupled weight decay, applied to kernels only."), WORKLOAD
    ] = 5e-5
    label_smoothing: Annotated[
        float,
        Meta(ge=0, lt=1, description="Label smoothing: fraction of the target spread over all classes."),
        WORKLOAD,
    ] = 0.1
    freeze: Annotated[
        bool,
        Meta(description="Freeze variables to constants before inference."),
        OPTION,
        tunable(
            3, (True, False), framework_default=False, expected=True, related=("kernels",), modes=("infer", "eval")
        ),
    ] = False
    loop: Annotated[
        Literal["custom", "fit"],
        Meta(description="custom: compiled tf.function step; fit: Keras model.fit."),
        OPTION,
    ] = "custom"
    split: Annotated[
        bool, Meta(description="Also time forward, backward and optimizer separately (train)."), PROTOCOL
    ] = False
