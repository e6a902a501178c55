"""What evidence says, on a terminal: a line where all is well, and what is not.

Builds rich renderables; `text.py` puts them into a record's summary.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.record import Record
from resnet_bench.results import Claim, Parity, Value

NAMES = {
    "xla": "XLA compiles the step",
    "stable_graph": "retraces and recompilations in the window",
    "onednn": "oneDNN",
    "device": "device",
    "host_calls": "calls to Python or the host inside a step",
    "precision_asked": "precision that the graph asks for",
    "precision": "convolution FLOPs in 16 bits",
    "rounding": "rounding of float32",
    "batch_norm": "batch norm",
    "convolutions": "convolutions executed",
    "data_format": "data format",
    "layout_changes": "layout changes in a step",
    "freeze": "variables frozen",
    "training": "training changes all variables",
    "num_parallel_calls": "images decoded at once",
    "prefetch_buffer_size": "batches prefetched",
    "threads": "threads that worked",
}
_MARKS = {
    "true": ("yes", "green"),
    "false": ("no", "red"),
    "emulated": ("emulated", "yellow"),
    "not_applicable": ("-", "dim"),
}


def line(record: Record) -> str:
    """ "14 of 16 claims hold; precision emulated; 2 not looked at"; empty where there are no claims."""
    claims = [claim for claim in record.evidence if claim.holds != "not_applicable"]
    if not claims:
        return ""
    kinds = {kind: [claim for claim in claims if claim.holds == kind] for kind in ("true", "false", "emulated", None)}
    held, unseen = len(kinds["true"]), len(kinds[None])
    looked = len(claims) - unseen
    words = [f"{looked} claims checked, all hold" if held == looked else f"{held} of {looked} claims hold"]
    for kind, verb in (("false", "fails"), ("emulated", "emulated")):
        words += [f"{claim.claim} {verb}" for claim in kinds[kind]]
    if unseen:
        words.append(f"{unseen} not looked at")
    return "; ".join(words)


def outputs(parity: Parity | None) -> str:
    """How far the outputs lie from float32's; empty where nobody compared them."""
    if parity is None:
        return ""
    return (
        f"{units.significant(100 * parity.relative_rms)} % from float32's (root mean square of {parity.images} images' "
        f"logits), same class for {units.share(parity.same_class_share)}"
    )


def failures(record: Record) -> RenderableType | None:
    """What was seen to be otherwise than asked, a row each; None where nothing was."""
    failed = [claim for claim in record.evidence if claim.holds in ("false", "emulated")]
    return table(failed) if failed else None


def table(claims: Sequence[Claim]) -> Table:
    """Claims, a row each: what was requested, what was observed and where."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("evidence", "requested", "observed", "holds", "seen in"):
        grid.add_column(name, overflow="fold")
    for claim in claims:
        word, style = _MARKS.get(claim.holds or "", ("unknown", "dim"))
        grid.add_row(
            NAMES.get(claim.claim, claim.claim),
            _value(claim.requested),
            _value(claim.observed) if claim.holds is not None or claim.observed is not None else units.UNKNOWN,
            Text(word, style=style),
            _where(claim),
        )
    return grid


def _where(claim: Claim) -> Text:
    parts = [claim.source or "", claim.why]
    shown = [f"{name} {_value(value)}" for name, value in claim.facts.items() if claim.holds in ("false", "emulated")]
    return Text("; ".join([part for part in parts if part] + shown[:4]), style="dim")


def _value(value: Value) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return units.significant(value) if isinstance(value, float) else str(value)


def full(record: Record) -> RenderableType:
    """All claims and the comparison of outputs, for `show --evidence`."""
    if not record.evidence:
        return Text("This record holds no evidence.", style="dim")
    parts: list[RenderableType] = [table(record.evidence)]
    if record.parity is not None:
        parts += [Text(), Text(f"outputs  {outputs(record.parity)}")]
    return Group(*parts)
