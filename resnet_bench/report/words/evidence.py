"""Words of option checks. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

from collections.abc import Sequence

from resnet_bench import units
from resnet_bench.evidence import CHECKS
from resnet_bench.records.evidence import CheckResult, OptionCheck, OutputError
from resnet_bench.records.record import Record


def title(check: OptionCheck) -> str:
    """What the check is called here; of one that this version does not know, what its record calls it."""
    declared = CHECKS.get(check.name)
    return declared.title if declared is not None else check.title or check.name.replace("_", " ")


def line(record: Record) -> str:
    """ "option checks: 13 passed, 1 failed (batch norm), 2 not run"; empty where there are none."""
    checks = [check for check in record.evidence if check.holds != "not_applicable"]
    parts = [_counted(checks, result, word) for result, word in _COUNTED]
    return ", ".join(part for part in parts if part)


_COUNTED: tuple[tuple[CheckResult | None, str], ...] = (
    ("true", "passed"),
    ("false", "failed"),
    ("emulated", "emulated"),
    (None, "not run"),
)


def _counted(checks: Sequence[OptionCheck], result: CheckResult | None, word: str) -> str:
    """ "1 failed (batch norm)": how many checks had the result; those that did not pass by title."""
    found = [check for check in checks if check.holds == result]
    if not found:
        return ""
    named = f" ({', '.join(map(title, found))})" if result in ("false", "emulated") else ""
    return f"{len(found)} {word}{named}"


def outputs(error: OutputError | None) -> str:
    """How much the outputs differ from float32; empty where that was not measured."""
    if error is None:
        return ""
    if error.max_abs == 0:
        return f"bitwise equal to float32 (logits, {error.images} images)"
    return (
        f"relative RMS error vs float32: {_error(error.relative_rms)} (logits, {error.images} images), same class for "
        f"{units.share(error.same_class_share)}"
    )


def _error(relative: float) -> str:
    """As a percentage; a tiny one as a number: 3.4e-07."""
    return units.share(relative) if relative >= 1e-5 else f"{relative:.2g}"
