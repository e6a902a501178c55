"""Option checks, what they were made from, and the output error against float32."""

from __future__ import annotations

from typing import Literal

import msgspec

from resnet_bench.config.fields import Value
from resnet_bench.records.base import Data

CheckResult = Literal["true", "false", "not_applicable", "emulated"]


class OptionCheck(Data, frozen=True, kw_only=True):
    """One requested property, and what ran.

    `holds` is "true" if the check passed and "false" if it failed; None if it could not be run, with the reason in
    `why`. `source` is the path of the artefact that shows it (relative to the record where it lies beside it), or
    what was read in the running process. `explicit`: the option was given on the command line, so that "false"
    makes the verdict invalid. `unconditional`: "false" makes it provisional in any case. The JSON says `claim` for
    `name`, as it did in all versions.
    """

    name: str = msgspec.field(name="claim")
    title: str = ""
    requested: Value = None
    observed: Value = None
    source: str | None = None
    holds: CheckResult | None = None
    explicit: bool = False
    unconditional: bool = False
    why: str = ""
    facts: dict[str, Value] = {}


class OutputError(Data, frozen=True, kw_only=True):
    """The error of a configuration's outputs against float32, with the same weights and images.

    Errors are of the logits; `relative_rms` is the root mean square of the difference over that of the
    reference. `same_class_share`: images given the same class by both.
    """

    reference: str
    images: int
    max_abs: float
    relative_rms: float
    same_class_share: float


class Window(Data, frozen=True, kw_only=True):
    """What was observed in a process between its first and its last timed round.

    `traces` and `compilations` (None: not logged) were counted before the window, the `..._inside` ones in
    it. `threads` are seconds of CPU time by thread name, `busiest` those of single threads, the busiest first; both
    are empty if the system does not report them.
    """

    wall_s: float
    traces: int
    traces_inside: int
    compilations: int | None = None
    compilations_inside: int | None = None
    threads: dict[str, float] = {}
    busiest: tuple[float, ...] = ()


class PipelineNode(Data, frozen=True, kw_only=True):
    """A stage of the running tf.data pipeline, from tf.data's own model of it."""

    name: str
    parallelism: int | None = None
    buffer_size: int | None = None
    tuned: bool = False


class Operations(Data, frozen=True, kw_only=True):
    """The operations of one graph, counted.

    `convolutions` and `gradients` are counted by dtype, `flops` (of both) summed by dtype over those whose
    shapes are known; `unsized` says how many were not. Batch norms are counted by their form in this graph;
    `separate_norms` counts reciprocal square roots, of which an unfused batch norm has one. `devices` counts compute
    operations by device ("CPU:0"), and `elsewhere` names those that are not on the requested one; `host_calls` call
    back into Python or the host.
    """

    source: str
    devices: dict[str, int] = {}
    operations: int
    convolutions: dict[str, int] = {}
    gradients: dict[str, int] = {}
    flops: dict[str, float] = {}
    unsized: int = 0
    data_formats: dict[str, int] = {}
    fused_norms: int = 0
    activated_norms: int = 0
    folded_norms: int = 0
    separate_norms: int = 0
    transposes: int = 0
    onednn: int = 0
    variable_reads: int = 0
    host_calls: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


class Compiled(Data, frozen=True, kw_only=True):
    """XLA's module of the step, before and after optimisation.

    Dots are matrix products; counts and FLOPs are by the operands' dtype after optimisation. `norms` are
    batch norms of the module before it. `layout_changes` are transposes and copies that change the layout.
    """

    source: str
    platform: str
    convolutions: dict[str, int] = {}
    dots: dict[str, int] = {}
    flops: dict[str, float] = {}
    convolutions_before: int = 0
    norms_before: int = 0
    norms_after: int = 0
    separate_norms_before: int = 0
    layout_changes: int = 0


class OneDnn(Data, frozen=True, kw_only=True):
    """What oneDNN's log shows for some steps; counts and seconds are totals.

    `convolutions` (forward) are counted by dtype, `flops` summed over all directions.
    """

    source: str
    steps: int
    executions: int
    convolutions: dict[str, int] = {}
    flops: dict[str, float] = {}
    weight_reorders: int = 0
    reorders: int = 0
    reorder_s: float = 0.0
    total_s: float = 0.0


class Changes(Data, frozen=True, kw_only=True):
    """How many variables some training steps changed. `unchanged` names the first few that did not change."""

    steps: int
    skipped: int | None
    trainable: int
    trainable_changed: int
    statistics: int
    statistics_changed: int
    unchanged: tuple[str, ...] = ()
    finite: bool | None = None


class Arithmetic(Data, frozen=True, kw_only=True):
    """The smallest step above 1 that is preserved in a product of float32 operands on this device: 2^-23 for float32,
    2^-10 for TF32, 2^-7 for bfloat16."""

    product_epsilon: float
    convolution_epsilon: float


class Seen(Data, frozen=True, kw_only=True):
    """All observations of a configuration; what was not observed is None or empty.

    `windows` and `pipeline` come from the timed processes, `traced` from one of them, and the rest from a separate
    process that timed nothing. `compilations` names what XLA compiled there, `xla_clusters` counts the parts of the
    executed graphs that XLA was given.
    """

    windows: tuple[Window, ...] = ()
    traced: Operations | None = None
    pipeline: tuple[PipelineNode, ...] | None = None
    output_device: str | None = None
    executed: Operations | None = None
    compiled: Compiled | None = None
    compilations: tuple[str, ...] | None = None
    xla_clusters: int | None = None
    onednn: OneDnn | None = None
    changes: Changes | None = None
    arithmetic: Arithmetic | None = None

    def joined(self, other: Seen) -> Seen:
        """The observations of both; where both have one, this one's is kept. Windows are added."""
        mine = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None}
        theirs = {name: getattr(other, name) for name in self.__struct_fields__}
        return Seen(**{**theirs, **mine, "windows": (*self.windows, *other.windows)})
