"""Options of process-global TensorFlow state."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, WORKLOAD, Auto, ConfigSection, PositiveInt


class RuntimeConfig(ConfigSection, frozen=True, kw_only=True):
    """Process-global TensorFlow state."""

    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|gpu(:\d+)?)$",
            description="Device to run on. auto: the GPU where there is one (never skipped in silence), else the CPU.",
            extra={"values": "auto, cpu, gpu or gpu:N"},
        ),
        OPTION,
    ] = "auto"
    threads: Annotated[
        PositiveInt | Auto,
        Meta(description="Threads inside an operation. auto: what affinity and the cgroup quota allow."),
        OPTION,
    ] = "auto"
    inter_op_threads: Annotated[PositiveInt | Auto, Meta(description="Operations that run at once."), OPTION] = "auto"
    onednn: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="oneDNN kernels, set before TensorFlow is imported. auto: on for AVX2 and better."),
        OPTION,
    ] = "auto"
    memory_growth: Annotated[
        bool, Meta(description="Let a GPU's memory pool grow instead of taking it all."), OPTION
    ] = True
    deterministic: Annotated[
        bool, Meta(description="Only deterministic operations, in a deterministic order."), OPTION
    ] = False
    seed: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Seed of weights, data order and augmentation."), WORKLOAD
    ] = 0
