"""Options that `bench-cli tune` has beyond those of `run` and of interleaved runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from resnet_bench.config.fields import FILE, ONE_WAY, ConfigSection, Percent, PositiveFloat, Seconds
from resnet_bench.config.paired import PairedConfig
from resnet_bench.config.sweep import Vary
from resnet_bench.errors import ConfigError


class TuningConfig(ConfigSection, frozen=True, kw_only=True):
    """What is searched, and which constraints the result must meet."""

    title: ClassVar[str] = "Search"

    vary: Vary = ()
    only: Annotated[
        str | None,
        Meta(
            description="Tune only these options (and those of --vary).",
            extra={"metavar": "OPTION,...", "values": "names of options with commas"},
        ),
    ] = None
    pipeline: Annotated[bool, Meta(description="Tune the input pipeline too, in a mode with a network."), ONE_WAY] = (
        False
    )
    emulated: Annotated[bool, Meta(description="Include 16-bit types that this device only emulates."), ONE_WAY] = False
    max_latency: Annotated[
        Seconds | None, Meta(description="Constraint: 90th percentile of the latency of one call (50ms, 0.2).")
    ] = None
    max_output_error: Annotated[
        PositiveFloat | None,
        Meta(description="Constraint: relative RMS error of the logits against float32."),
    ] = None
    min_gain: Annotated[Percent, Meta(description="Smallest gain worth searching for.")] = 0.01
    resume: Annotated[str | None, Meta(description="Resume from an earlier result (its .json file)."), FILE] = None


def check_confirmation(paired: PairedConfig) -> None:
    """Refuse a confirmation too short for a confidence interval."""
    for flag, value, least in (("--pairs", paired.pairs, 2), ("--turns", paired.turns, 4)):
        if value != "auto" and value < least:
            raise ConfigError(
                f"{flag} {value} is not allowed: confirming the result takes at least {least}.", f"Use {flag} {least}."
            )
