"""Options of how it is measured, and where results go."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import FOLDER, ONE_WAY, PROTOCOL, Auto, ConfigSection, PositiveInt, Seconds, protocol


class MeasureConfig(ConfigSection, frozen=True, kw_only=True):
    """How much is measured, and within which bounds."""

    title: ClassVar[str] = "Measurement"

    warmup: Annotated[
        PositiveInt | Auto,
        Meta(
            description="Untimed steps before the timed rounds, the compiling one included. auto: 3 on CPU, 20 on GPU, "
            "and timed rounds before the steady state are discarded; with a number, none are."
        ),
        protocol("side", "tune", "confirm", "bottleneck"),
    ] = "auto"
    rounds: Annotated[
        PositiveInt | Auto,
        Meta(description="Timed rounds per process. auto: 20, or what --max-time leaves room for beside the checks."),
        protocol("bottleneck"),
    ] = "auto"
    steps: Annotated[
        PositiveInt | Auto,
        Meta(description="Steps per round, between two device synchronizations. auto: about half a second."),
        protocol("bottleneck"),
    ] = "auto"
    latency_samples: Annotated[
        int,
        Meta(ge=0, description="Single steps timed for latency when a round has several steps; 0: none."),
        PROTOCOL,
    ] = 60
    processes: Annotated[
        int, Meta(ge=1, le=1000, description="Fresh processes, run one after the other."), protocol("bottleneck")
    ] = 3
    max_time: Annotated[
        Seconds,
        Meta(description="Time budget of the whole command, in seconds (or 90s, 3m, 1h)."),
        protocol("confirm", "bottleneck"),
    ] = 170.0
    timeout: Annotated[
        Seconds,
        Meta(description="A worker without any message for this long counts as hung, in seconds (or 90s, 3m)."),
        protocol("tune", "confirm", "bottleneck"),
    ] = 150.0

    evidence: Annotated[
        Literal["auto", "full", "off"],
        Meta(
            description="Verify, in an untimed run, that requested options took effect. auto: time is kept for it if "
            "enough rounds fit beside it; full: always; off: never."
        ),
        PROTOCOL,
    ] = "auto"
    roofline: Annotated[
        bool,
        Meta(
            description="Measure this machine's peaks after the run, in a separate process, and place the run on the "
            "roofline; time is reserved for it."
        ),
        PROTOCOL,
    ] = False


class OutputConfig(ConfigSection, frozen=True, kw_only=True):
    """Where results go."""

    title: ClassVar[str] = "Output"

    output: Annotated[
        str, Meta(description="Folder that results are saved to."), FOLDER, protocol("tune", "confirm", "bottleneck")
    ] = "runs"
    profile: Annotated[
        str | None,
        Meta(
            description="Trace some more steps after the timed window, into this folder; without a value, or auto: a "
            "new folder in --output.",
            extra={"values": "a folder, auto or nothing", "bare": "auto"},
        ),
        FOLDER,
        PROTOCOL,
    ] = None
    profile_steps: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | Auto,
        Meta(description="Steps in the trace. auto: about two seconds, 3 to 10 steps."),
        PROTOCOL,
    ] = "auto"
    json: Annotated[
        bool,
        Meta(description="Print only the result on stdout, as JSON."),
        ONE_WAY,
        protocol("tune", "confirm", "bottleneck"),
    ] = False
    require_valid: Annotated[
        bool,
        Meta(description="Exit 11 unless the verdict is valid; the record is saved either way."),
        PROTOCOL,
    ] = False
