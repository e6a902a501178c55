"""What evidence says, on a terminal: a line where all is well, and what is not.

Builds rich renderables; `text.py` puts them into a record's summary.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.config.fields import Value
from resnet_bench.records.evidence import OptionCheck, OutputError
from resnet_bench.records.record import Record

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
    "threads": "cores kept busy",
}
_MARKS = {
    "true": ("yes", "green"),
    "false": ("no", "red"),
    "emulated": ("emulated", "yellow"),
    "not_applicable": ("-", "dim"),
}


def line(record: Record) -> str:
    """ "14 of 16 claims hold; not batch norm; 2 not looked at"; empty where there are no claims."""
    claims = [claim for claim in record.evidence if claim.holds != "not_applicable"]
    if not claims:
        return ""
    kinds = {kind: [claim for claim in claims if claim.holds == kind] for kind in ("true", "false", "emulated", None)}
    held, unseen = len(kinds["true"]), len(kinds[None])
    looked = len(claims) - unseen
    words = [f"{looked} claims checked, all hold" if held == looked else f"{held} of {looked} claims hold"]
    words += [f"not {NAMES.get(claim.claim, claim.claim)}" for claim in kinds["false"]]
    words += [f"emulated: {NAMES.get(claim.claim, claim.claim)}" for claim in kinds["emulated"]]
    if unseen:
        words.append(f"{unseen} not looked at")
    return "; ".join(words)


def outputs(parity: OutputError | None) -> str:
    """How far the outputs lie from float32's; empty where nobody compared them."""
    if parity is None:
        return ""
    if parity.max_abs == 0:
        return f"equal to float32's to the last bit, for {parity.images} images"
    return (
        f"off float32's by {units.significant(100 * parity.relative_rms)} % (root mean square of the logits of "
        f"{parity.images} images), same class for {units.share(parity.same_class_share)}"
    )


def failures(record: Record) -> RenderableType | None:
    """What was seen to be otherwise than asked, a row each; None where nothing was, or where the verdict's reasons
    say it already."""
    told = {reason.facts.get("claim") for reason in record.verdict.reasons}
    failed = [claim for claim in record.evidence if claim.holds in ("false", "emulated") and claim.claim not in told]
    return table(failed) if failed else None


def table(claims: Sequence[OptionCheck]) -> RenderableType:
    """Claims, a row each: what was requested and what was observed; below, by number, where."""
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("evidence", "requested", "observed", "holds", ""):
        grid.add_column(name, overflow="fold")
    sources = list(dict.fromkeys(claim.source for claim in claims if claim.source))
    for claim in claims:
        word, style = _MARKS.get(claim.holds or "", ("unknown", "dim"))
        number = f"[{sources.index(claim.source) + 1}]" if claim.source else ""
        grid.add_row(
            NAMES.get(claim.claim, claim.claim),
            _value(claim, claim.requested),
            _observed(claim),
            Text(word, style=style),
            Text(number, style="dim"),
        )
    legend = [Text(f"[{number}] {source}", style="dim") for number, source in enumerate(sources, 1)]
    return Group(grid, *legend)


def _observed(claim: OptionCheck) -> Text:
    """What was observed, and why it is so or unknown."""
    if claim.observed is None:
        return Text(claim.why, style="dim")
    return Text.assemble(_value(claim, claim.observed), (f" ({claim.why})" if claim.why else "", "dim"))


def _value(claim: OptionCheck, value: Value) -> str:
    if value is None:
        return units.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return units.share(value) if claim.claim == "precision" else units.significant(value)
    return str(value)


def full(record: Record) -> RenderableType:
    """All claims and the comparison of outputs, for `show --evidence`."""
    if not record.evidence:
        return Text("This record holds no evidence.", style="dim")
    parts: list[RenderableType] = [table(record.evidence)]
    if record.parity is not None:
        parts += [Text(), Text(f"Outputs {outputs(record.parity)}.")]
    return Group(*parts)
