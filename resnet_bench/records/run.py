"""The parts of one run: rounds, samples, facts, outcome and verdict.

Every field has its unit in its name. `None` means unknown or not applicable, never 0.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import force_setattr

from resnet_bench.errors import BenchError, from_kind
from resnet_bench.records.base import Data, Notice


class Interference(Data, frozen=True, kw_only=True):
    """What else happened on the machine while a round was timed.

    `energy_j` is the energy of the GPU, or on a CPU of its packages and their memory, including other programs.
    """

    steal_s: float | None = None
    involuntary_switches: int | None = None
    throttled_s: float | None = None
    other_cpu_s: float | None = None
    cpu_s: float | None = None
    gpu_clock_hz: float | None = None
    gpu_memory_clock_hz: float | None = None
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None
    gpu_throttle_reasons: tuple[str, ...] | None = None
    gpu_other_processes: int | None = None
    energy_j: float | None = None


class Round(Data, frozen=True, kw_only=True):
    """One timed block: `steps` steps, then one wait for the device.

    `wall_s` is from before the first dispatch until the device was done; `dispatch_s` until the last step was
    dispatched (None where another thread dispatches, as in model.fit).
    """

    steps: int
    images: int
    wall_s: float
    dispatch_s: float | None
    interference: Interference = Interference()


class ColdStart(Data, frozen=True, kw_only=True):
    """The cold start of one process, part by part, in seconds. `compile_s` is None without XLA.

    `process_s` is Python's own start, `import_s` TensorFlow's and Keras' import, `start_s` finding and
    setting up the device, `data_s` finding the images and starting the pipeline. `first_step_s` is the first
    call after tracing; under XLA it contains the compilation.
    """

    process_s: float | None = None
    import_s: float | None = None
    start_s: float | None = None
    data_s: float | None = None
    build_s: float | None = None
    trace_s: float | None = None
    compile_s: float | None = None
    first_step_s: float | None = None


class Memory(Data, frozen=True, kw_only=True):
    """Peaks in bytes: the host's resident set per phase, and what the GPU allocator reports."""

    host_peak_bytes: dict[str, int] = {}
    device_peak_bytes: int | None = None
    device_reserved_bytes: int | None = None


class Split(Data, frozen=True, kw_only=True):
    """Where a training step's time goes: differences of separately compiled functions, timed in
    interleaved rounds.

    `residual_s` is the whole step less the sum of its parts (negative where fusion saved time).
    """

    forward_s: float
    backward_s: float
    optimizer_s: float
    whole_s: float
    residual_s: float
    rounds: int


class StepCounts(Data, frozen=True, kw_only=True):
    """How many steps ran, by purpose, and how many loss scaling skipped (None: no loss scaling)."""

    first: int = 0
    warmup: int = 0
    timed: int = 0
    latency: int = 0
    split: int = 0
    skipped: int | None = None


class ModelFacts(Data, frozen=True, kw_only=True):
    """The network, counted from the built network."""

    name: str
    variant: str
    convolutions: int
    batch_norms: int
    trainable_parameters: int
    parameters: int
    macs: int
    input_shape: tuple[int, int, int]
    classes: int


class StageFacts(Data, frozen=True, kw_only=True):
    """One stage of the network: blocks, output shape (without the batch), parameters and MACs."""

    name: str
    blocks: int
    output_shape: tuple[int | None, ...]
    parameters: int
    macs: int


class DataFacts(Data, frozen=True, kw_only=True):
    """Which images were read: an identity that follows the content, not the path."""

    source: str
    manifest_hash: str | None = None
    images: int | None = None
    files: int | None = None
    bytes: int | None = None
    mean_pixels: float | None = None
    mean_bytes_per_pixel: float | None = None
    classes_found: int | None = None
    skipped_records: int | None = None


class StepResult(Data, frozen=True, kw_only=True):
    """What the steps computed, which shows that they ran. None where a mode has no such value.

    `loss` is the last step's in training (model.fit's running mean under --loop fit) and the mean over
    `images` in evaluation, None where it is not finite; `finite` also covers inference's last logits.
    `top1` and `top5` count hits among `images`.
    """

    loss: float | None = None
    finite: bool | None = None
    images: int | None = None
    top1: int | None = None
    top5: int | None = None


SteadyKind = Literal["reached", "still_drifting", "bimodal", "slowing_down", "unknown"]


class Steadiness(Data, frozen=True, kw_only=True):
    """Whether the timed rounds of a process reached a steady state (`analysis/steady_state.py`).

    `from_round` is the first steady timed round (from 0), `from_step` the first steady step of the process
    (from 1, the first call and the warm-up included); None unless the steady state was reached.
    """

    kind: SteadyKind
    from_round: int | None = None
    from_step: int | None = None


class ProcessSamples(Data, frozen=True, kw_only=True):
    """Everything that one worker process measured.

    Rates count `rounds` from `first_counted_round` on; earlier ones were still warm-up.
    """

    process: int
    cold_start: ColdStart = ColdStart()
    warmup: tuple[Round, ...] = ()
    rounds: tuple[Round, ...] = ()
    latency: tuple[Round, ...] = ()
    memory: Memory = Memory()
    counts: StepCounts = StepCounts()
    split: Split | None = None
    result: StepResult = StepResult()
    threads_seen: int | None = None
    steady: Steadiness | None = None
    first_counted_round: int = msgspec.field(default=0, name="counted_from")

    @property
    def counted(self) -> tuple[Round, ...]:
        """The timed rounds that rates count."""
        return self.rounds[self.first_counted_round :]


class Samples(Data, frozen=True, kw_only=True):
    """The raw samples of a run, process by process."""

    processes: tuple[ProcessSamples, ...] = ()


OutcomeKind = Literal[
    "ok",
    "config",
    "data",
    "device",
    "out_of_memory",
    "crashed",
    "killed",
    "hung",
    "budget",
    "interrupted",
    "error",
]


class Outcome(Data, frozen=True, kw_only=True):
    """How a run ended. `log_tail` keeps the last lines of a worker that did not end well."""

    kind: OutcomeKind
    message: str = ""
    remedy: str = ""
    phase: str | None = None
    process: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    log_tail: tuple[str, ...] = ()

    @property
    def error(self) -> BenchError | None:
        """What ended the run, as an exception; None where it finished."""
        if self.kind == "ok":
            return None
        kind = {"crashed": "worker", "killed": "worker", "hung": "worker"}.get(self.kind, self.kind)
        return from_kind(kind, self.message, self.remedy)


VerdictKind = Literal["valid", "provisional", "invalid"]

FORMER_VERDICTS: dict[str, VerdictKind] = {"indicative": "provisional"}
"""What earlier versions stored, and what it is read as."""


class Verdict(Data, frozen=True, kw_only=True):
    """Whether the result is reliable, and why not. `notes` do not weaken it, but say how to read it."""

    kind: VerdictKind | Literal["indicative"]
    reasons: tuple[Notice, ...] = ()
    notes: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        """Read the word of earlier versions as today's."""
        if self.kind in FORMER_VERDICTS:
            force_setattr(self, "kind", FORMER_VERDICTS[self.kind])
