"""Options that `bench-cli sweep` has beyond those of `run`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from resnet_bench.config.fields import FILE, FOLDER, ONE_WAY, ConfigSection, Seconds, Texts

Vary = Annotated[
    Texts, Meta(description="Values to try for an option; may be repeated.", extra={"metavar": "OPTION=A,B"})
]


class SweepConfig(ConfigSection, frozen=True, kw_only=True):
    """What is varied, and when the sweep ends."""

    title: ClassVar[str] = "Sweep"

    vary: Vary = ()
    file: Annotated[str | None, Meta(description="TOML with a [base] of options and [vary] lists."), FILE] = None
    resume: Annotated[
        bool, Meta(description="Keep the results that the folder's records hold; measure the rest."), ONE_WAY
    ] = False
    total_time: Annotated[
        Seconds | None, Meta(description="Start no configuration after this time (90s, 30m, 2h).")
    ] = None
    confirm: Annotated[
        Annotated[int, Meta(ge=2, le=100)] | None,
        Meta(description="Confirm the best N afterwards with interleaved runs."),
    ] = None
    tensorboard: Annotated[str | None, Meta(description="Write TensorBoard's HParams view here."), FOLDER] = None
