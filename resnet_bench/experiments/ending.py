"""How an experiment ended, as the outcome that its record keeps. Neighbours: all experiments that make a record."""

from __future__ import annotations

from collections.abc import Callable

from resnet_bench.errors import BenchError
from resnet_bench.experiments.paired.side import SideFailure
from resnet_bench.records.run import Outcome
from resnet_bench.worker.interface import outcome_of

KEPT = "What was measured is kept."


def ended(run: Callable[[], object], remedy: str = KEPT) -> tuple[Outcome, str | None]:
    """Run an experiment; its outcome, and the side that failed where one did. Raises no `BenchError`.

    remedy: what to do after an interruption.
    """
    try:
        run()
    except KeyboardInterrupt:
        return Outcome(kind="interrupted", message="Interrupted.", remedy=remedy), None
    except BenchError as error:
        return outcome_of(error), error.side if isinstance(error, SideFailure) else None
    return Outcome(kind="ok"), None
