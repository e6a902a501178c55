"""Options of `bench-cli compare`; `report` shares --allow."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.fields import ConfigSection, Percent, Texts


class ComparisonConfig(ConfigSection, frozen=True, kw_only=True):
    """What may differ, and what counts as a failure."""

    title: ClassVar[str] = "Comparison"

    allow: Annotated[
        Texts,
        Meta(description="Compare although FIELD differs; may be repeated.", extra={"metavar": "FIELD"}),
    ] = ()
    fail_if_slower: Annotated[
        Percent | None, Meta(description="Exit 9 if slower by more than this at 95 % confidence.")
    ] = None
    format: Annotated[Literal["text", "markdown"], Meta(description="Output format.")] = "text"
