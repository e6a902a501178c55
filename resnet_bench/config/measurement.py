"""Options of how it is measured, and where results go."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from resnet_bench.config.fields import PROTOCOL, Auto, ConfigSection, PositiveInt


class MeasureConfig(ConfigSection, frozen=True, kw_only=True):
    """How much is measured, and within which bounds."""

    warmup: Annotated[
        PositiveInt | Auto,
        Meta(
            description="Untimed steps first, the compiling one included. auto: 3 on CPU, 20 on GPU, and timed rounds "
            "that turn out to be warm-up do not count; a number makes all of them count."
        ),
        PROTOCOL,
    ] = "auto"
    rounds: Annotated[int, Meta(ge=1, description="Timed rounds per process."), PROTOCOL] = 20
    steps: Annotated[
        PositiveInt | Auto,
        Meta(description="Steps per round, then one wait for the device. auto: about half a second."),
        PROTOCOL,
    ] = "auto"
    latency_samples: Annotated[
        int,
        Meta(ge=0, description="Single steps timed for latency where a round holds several; 0 takes none."),
        PROTOCOL,
    ] = 60
    processes: Annotated[int, Meta(ge=1, le=1000, description="Fresh processes, one after the other."), PROTOCOL] = 3
    max_time: Annotated[
        float,
        Meta(
            gt=0, description="Time that the whole command may take, in seconds (or 90s, 3m, 1h).", extra={"unit": "s"}
        ),
        PROTOCOL,
    ] = 170.0
    timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Silence after which a worker counts as hung, in seconds (or 90s, 3m).",
            extra={"unit": "s"},
        ),
        PROTOCOL,
    ] = 150.0

    evidence: Annotated[
        Literal["auto", "full", "off"],
        Meta(
            description="Untimed pass after the run that shows what became of the options. auto: where --max-time "
            "leaves room; full: time is kept for it; off: none."
        ),
        PROTOCOL,
    ] = "auto"
    roofline: Annotated[
        bool,
        Meta(
            description="Measure this machine's roofs after the run, in an untimed process of its own, and set the run "
            "against them; time is kept for it."
        ),
        PROTOCOL,
    ] = False


class OutputConfig(ConfigSection, frozen=True, kw_only=True):
    """Where results go."""

    output: Annotated[
        str, Meta(description="Folder that records are saved to.", extra={"completion": "dir"}), PROTOCOL
    ] = "runs"
    profile: Annotated[
        str | None,
        Meta(
            description="Trace some more steps after the timed window, into this folder. auto, and no value, make one "
            "in --output.",
            extra={"completion": "dir", "values": "a folder, auto or nothing", "bare": "auto"},
        ),
        PROTOCOL,
    ] = None
    profile_steps: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | Auto,
        Meta(description="Steps in the trace. auto: about two seconds of them, 3 to 10."),
        PROTOCOL,
    ] = "auto"
    json: Annotated[bool, Meta(description="Print the result alone on stdout, as JSON."), PROTOCOL] = False
    require_valid: Annotated[
        bool,
        Meta(description="Fail (exit code 11) unless the verdict is valid; the record is saved all the same."),
        PROTOCOL,
    ] = False
