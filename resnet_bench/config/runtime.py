"""Options of process-global TensorFlow state."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import OPTION, WORKLOAD, Auto, ConfigSection, PositiveInt
from resnet_bench.config.tunable import tunable

RuntimeName = Literal["tensorflow", "keras"]
"""The backends of a worker; `worker/backends/base.py` says how to add one."""


class RuntimeConfig(ConfigSection, frozen=True, kw_only=True):
    """Which runtime runs the network, and its process-global state."""

    runtime: Annotated[
        RuntimeName,
        Meta(
            description="tensorflow: this package's network and step; keras: keras.applications.ResNet50 as its users "
            "write it, under TensorFlow's defaults, as a reference."
        ),
        OPTION,
    ] = "tensorflow"

    title: ClassVar[str] = "Runtime"

    device: Annotated[
        str,
        Meta(
            pattern=r"^(auto|cpu|gpu(:\d+)?)$",
            description="Device to run on. auto: the first GPU (an unusable GPU is an error), otherwise the CPU.",
            extra={"values": "auto, cpu, gpu or gpu:N", "metavar": "[auto|cpu|gpu|gpu:N]"},
        ),
        OPTION,
    ] = "auto"
    threads: Annotated[
        PositiveInt | Auto,
        Meta(description="Intra-op threads. auto: the CPUs that affinity and the cgroup quota allow."),
        OPTION,
        tunable(7, lambda facts: (facts.cores, max(1, facts.cores // 2)) if facts.is_cpu else (), related=("threads",)),
    ] = "auto"
    inter_op_threads: Annotated[
        PositiveInt | Auto,
        Meta(description="Inter-op threads: operations that run at once. auto: --threads."),
        OPTION,
        tunable(8, lambda facts: tuple(dict.fromkeys((1, 2, facts.cores))), related=("threads",)),
    ] = "auto"
    onednn: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="oneDNN kernels (set before TensorFlow is imported). auto: on with AVX2 or better."),
        OPTION,
        tunable(
            1,
            lambda facts: ("on", "off") if facts.is_cpu else (),
            framework_default=lambda facts: facts.onednn,
            expected="on",
            related=("kernels", "threads"),
        ),
    ] = "auto"
    memory_growth: Annotated[
        bool, Meta(description="Grow GPU memory on demand instead of allocating all of it at the start."), OPTION
    ] = True
    deterministic: Annotated[
        bool, Meta(description="Only deterministic operations, in a deterministic order."), OPTION
    ] = False
    seed: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Seed of weights, data order and augmentation."), WORKLOAD
    ] = 0
