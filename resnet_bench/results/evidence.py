"""What was observed of each requested option, and how far a result lies from float32."""

from __future__ import annotations

from typing import Literal

from resnet_bench.results.base import Data, Value

Holds = Literal["true", "false", "not_applicable", "emulated"]


class Claim(Data, frozen=True, kw_only=True):
    """One requested property, and what an executed artefact shows of it.

    `source` is the path of that artefact (relative to the record where it lies beside it), or the name of
    what was asked in the running process. `holds` is None where nobody could observe it; `why` then says
    why. `explicit`: the option was given by the user, so that "false" makes the verdict invalid.
    """

    claim: str
    requested: Value = None
    observed: Value = None
    source: str | None = None
    holds: Holds | None = None
    explicit: bool = False
    why: str = ""
    facts: dict[str, Value] = {}


class Parity(Data, frozen=True, kw_only=True):
    """How the outputs of a configuration differ from float32's, with the same weights and images.

    Errors are of the logits; `relative_rms` is the root mean square of the difference over that of the
    reference. `same_class_share`: images given the same class by both.
    """

    reference: str
    images: int
    max_abs: float
    relative_rms: float
    same_class_share: float
