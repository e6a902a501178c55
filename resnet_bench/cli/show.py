"""`bench-cli show`: print saved records and results of any type."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Group, RenderableType

from resnet_bench.analysis import noise_floor
from resnet_bench.cli.output import complain, echo_json_bytes
from resnet_bench.config.options import subset
from resnet_bench.errors import RecordError
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.bottleneck import BottleneckRecord
from resnet_bench.records.evaluation import EvaluationRecord
from resnet_bench.records.read import RecordOrResult, load, read_each
from resnet_bench.records.record import Record
from resnet_bench.records.tuning import TuningRecord
from resnet_bench.report.terminal.rich_text import console


@click.command("show")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help="Print several records one after the other, instead of a table.")
@subset("json")
@click.option("--evidence", "with_evidence", is_flag=True, help="Print every option check, and what it was read from.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], full: bool, json: bool, with_evidence: bool) -> None:
    """Print saved records and other results.

    FILES are records, and results of ab, noise, bottleneck, tune and evaluate, or folders of them.
    Several records are a table; other results follow one by one. A file that cannot be read is named on stderr, the
    others are shown, and the exit code is 8.
    """
    bad: list[RecordError] = []
    good = list(read_each(files, bad, load))
    for problem in bad:
        complain(problem)
    if json:
        echo_json_bytes(_json([saved for _, saved in good]))
    else:
        _print(good, full, with_evidence)
    ctx.exit(RecordError.exit_code if bad or not good else 0)


def _json(found: list[RecordOrResult]) -> bytes:
    if len(found) == 1:
        return found[0].to_json()
    return b"[\n" + b",\n".join(each.to_json().rstrip() for each in found) + b"\n]\n"


def _print(good: list[tuple[Path, RecordOrResult]], full: bool, with_evidence: bool) -> None:
    """Records as one table, unless they are to be printed whole; then everything else, one by one."""
    from resnet_bench.report.terminal import text

    screen = console()
    records = [(path, saved) for path, saved in good if isinstance(saved, Record)]
    parts: list[RenderableType] = []
    if len(records) > 1 and not full and not with_evidence:
        parts.append(text.table(records))
        good = [(path, saved) for path, saved in good if not isinstance(saved, Record)]
    parts += [_render(path, saved, with_evidence) for path, saved in good]
    for number, part in enumerate(parts):
        if number:
            screen.rule(style="dim")
        screen.print(part, crop=False)


def _render(path: Path, saved: RecordOrResult, with_evidence: bool) -> RenderableType:
    """What the command that saved it printed."""
    from resnet_bench.report.terminal import ab, bottleneck, evaluation, evidence, text, tune

    match saved:
        case Record():
            summary = text.render(saved, path)
            return Group(summary, "", evidence.full(saved)) if with_evidence else summary
        case AbRecord():
            return ab.render(saved, path, noise_floor.floor_of(saved) if saved.kind == "noise" else None)
        case BottleneckRecord():
            return bottleneck.render(saved, path)
        case TuningRecord():
            return tune.render(saved, path)
        case EvaluationRecord():
            return evaluation.render(saved)
