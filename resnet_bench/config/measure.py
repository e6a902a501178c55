"""Options of how it is measured, and where results go."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from resnet_bench.config.base import PROTOCOL, Auto, PositiveInt, Section


class MeasureConfig(Section, frozen=True, kw_only=True):
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


class OutputConfig(Section, frozen=True, kw_only=True):
    """Where results go."""

    output: Annotated[
        str, Meta(description="Folder that records are saved to.", extra={"completion": "dir"}), PROTOCOL
    ] = "runs"
    json: Annotated[bool, Meta(description="Print the record alone on stdout."), PROTOCOL] = False
    require_valid: Annotated[
        bool,
        Meta(description="Fail (exit code 11) unless the verdict is valid; the record is saved all the same."),
        PROTOCOL,
    ] = False
