"""Options of interleaved runs: `ab` and `noise` take all of them, `tune` those of its confirmation runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from resnet_bench.config.fields import Auto, ConfigSection, Percent


class AbConfig(ConfigSection, frozen=True, kw_only=True):
    """What only `ab` takes."""

    title: ClassVar[str] = "Sides"

    common: Annotated[
        str,
        Meta(
            description="Options of both sides, in quotes; they may also follow the sides without it.",
            extra={"metavar": '"FLAGS"'},
        ),
    ] = ""


class PairedConfig(ConfigSection, frozen=True, kw_only=True):
    """How much two interleaved sides are measured."""

    title: ClassVar[str] = "Interleaved runs"

    pairs: Annotated[int, Meta(ge=1, le=1000, description="Pairs of fresh processes, at most.")] = 8
    turns: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | Auto,
        Meta(description="Rounds of each side per pair. auto: about 10 s of them, 20 to 90."),
    ] = "auto"
    turn_steps: Annotated[
        Annotated[int, Meta(ge=1)] | Auto,
        Meta(description="Steps per round. auto: about 0.1 s of them (0.5 s in tune's search), at least one."),
    ] = "auto"
    precision_target: Annotated[
        Percent | None, Meta(description="Stop once the 95 % confidence interval is this narrow (+-N%).")
    ] = None
