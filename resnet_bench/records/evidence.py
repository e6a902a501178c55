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
    """How the outputs of a configuration differ from float32's, with the same weights and images.

    Errors are of the logits; `relative_rms` is the root mean square of the difference over that of the
    reference. `same_class_share`: images given the same class by both.
    """

    reference: str
    images: int
    max_abs: float
    relative_rms: float
    same_class_share: float


class Window(Data, frozen=True, kw_only=True):
    """What a process was seen to do between its first and its last timed round.

    `traces` and `compilations` (None: not logged) were counted before the window, the `..._inside` ones in
    it. `threads` are seconds of processor time by thread name, `busiest` those of the threads one by one,
    the busiest first; both empty where the system cannot tell.
    """

    wall_s: float
    traces: int
    traces_inside: int
    compilations: int | None = None
    compilations_inside: int | None = None
    threads: dict[str, float] = {}
    busiest: tuple[float, ...] = ()


class PipelineNode(Data, frozen=True, kw_only=True):
    """A stage of the running tf.data pipeline, as tf.data's own model of it tells."""

    name: str
    parallelism: int | None = None
    buffer_size: int | None = None
    tuned: bool = False


class Operations(Data, frozen=True, kw_only=True):
    """What one graph holds, counted by operation.

    `convolutions` and `gradients` are counted by dtype, `flops` (of both) summed by dtype over those whose
    shapes are known; `unsized` says how many were not. Batch norms come in the form they have there;
    `separate_norms` are reciprocal roots, of which an unfused batch norm has one. `devices` counts what
    computes by the device it was placed on ("CPU:0"), and `elsewhere` names what is not on the one asked for;
    `host_calls` call back into Python or the host.
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
    """What XLA made of the step: its module before and after optimisation.

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
    """What oneDNN's own log says of some steps; counts and seconds are of all of them.

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
    """Which variables some training steps changed. `unchanged` names the first few that they did not."""

    steps: int
    skipped: int | None
    trainable: int
    trainable_changed: int
    statistics: int
    statistics_changed: int
    unchanged: tuple[str, ...] = ()
    finite: bool | None = None


class Arithmetic(Data, frozen=True, kw_only=True):
    """The smallest step above 1 that float32 operands keep in a product on this device: 2^-23 is float32's
    own, 2^-10 TF32's, 2^-7 bfloat16's."""

    product_epsilon: float
    convolution_epsilon: float


class Seen(Data, frozen=True, kw_only=True):
    """All that was observed of a configuration; what nobody looked at is None or empty.

    `windows` and `pipeline` come from the timed processes, `traced` from one of them; the rest from a
    process of its own that timed nothing.
    """

    windows: tuple[Window, ...] = ()
    traced: Operations | None = None
    pipeline: tuple[PipelineNode, ...] | None = None
    output_device: str | None = None
    executed: Operations | None = None
    compiled: Compiled | None = None
    compilations: tuple[str, ...] | None = None
    onednn: OneDnn | None = None
    changes: Changes | None = None
    arithmetic: Arithmetic | None = None

    def joined(self, other: Seen) -> Seen:
        """What both saw; where both saw the same kind of thing this one's stays, and windows are added."""
        mine = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None}
        theirs = {name: getattr(other, name) for name in self.__struct_fields__}
        return Seen(**{**theirs, **mine, "windows": (*self.windows, *other.windows)})
