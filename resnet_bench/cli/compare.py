"""`bench-cli compare`: saved records compared with a base."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

import click

from resnet_bench.analysis import compare, ratio
from resnet_bench.cli.output import complain, echo, echo_json
from resnet_bench.config.comparison import ComparisonConfig
from resnet_bench.config.options import ConfigurationCommand, read, section, subset
from resnet_bench.errors import IncomparableError, RecordError, SlowerError
from resnet_bench.experiments.paired.noise import known as known_floor
from resnet_bench.records.read import read_each
from resnet_bench.records.record import Record
from resnet_bench.report.terminal import comparison, rich_text
from resnet_bench.report.words import comparison as comparison_words


@click.command("compare", cls=ConfigurationCommand)
@click.argument("base")
@click.argument("new", nargs=-1, required=True)
@section(ComparisonConfig)
@subset("json")
@click.pass_context
def command(ctx: click.Context, /, base: str, new: tuple[str, ...], **_values: Any) -> None:
    """Compare saved records: speedup with confidence interval, or why they are not comparable.

    Each NEW is compared with BASE (files, folders or globs). Records of the same configuration are pooled; the
    statistical unit is the process. `faster` and `slower`: the whole 95 % confidence interval of the ratio (Welch's t
    on logarithms, corrected for multiple comparisons) is on one side of 1; `no difference`: it includes 1;
    `inconclusive`: a side has only one process.

    --fail-if-slower 3% fails if the whole interval is below 0.97; a slowdown that is merely possible passes. Exits 0;
    2 options; 8 a file is not a record (it is named, the others are compared); 9 slower; 10 nothing, or not
    everything, could be compared.
    """
    settings = read(ctx, ComparisonConfig)
    allowed = compare.check_allowed(settings.allow)
    reader = _Reader(allowed)
    before = compare.only(compare.pools(reader.read(base), allowed), base)
    known = {source.record.id for source in before.sources}
    after = [
        pool
        for name in new
        for pool in compare.pools([each for each in reader.read(name) if each.record.id not in known], allowed)
    ]
    if not after:
        raise IncomparableError(f"{' '.join(new)} holds no record to compare with {base}.")
    one = before.record
    floor = known_floor(one.config.resolved or one.config.requested, one.machine, one.environment)
    report = compare.compare(before, after, allowed, floor)
    if ctx.params["json"]:
        echo_json(report)
    elif settings.format == "markdown":
        echo(comparison.markdown(report, before.record), nl=False)
    else:
        rich_text.show(comparison.render(report, before.record))
    _fail_if_slower(report, settings.fail_if_slower)
    ctx.exit(reader.exit_code or (IncomparableError.exit_code if report.refused else 0))


def _fail_if_slower(report: compare.ComparisonReport, threshold: float | None) -> None:
    if threshold is None:
        return
    slower = [each for each in report.comparisons if ratio.slower_than(each.ratio, threshold)]
    if slower:
        names = "; ".join(f"{each.new.label} ({comparison_words.interval(each.ratio)})" for each in slower)
        raise SlowerError(f"Slower than the base by more than {threshold * 100:g} % at 95 % confidence: {names}.")


class _Reader:
    """Reads records; names each file that it cannot use on stderr, and keeps the exit code for it."""

    def __init__(self, allow: frozenset[str]) -> None:
        self.exit_code = 0
        self._allow = allow

    def read(self, name: str) -> list[compare.NamedRecord]:
        """The usable records that a file, folder or glob holds."""
        found = []
        bad: list[RecordError] = []
        for path, record in read_each(self._paths(name), bad, Record.load):
            reason = compare.unusable(record, self._allow)
            if reason is None:
                found.append(compare.NamedRecord(str(path), record))
            else:
                self._complain(f"{path} is not compared: {reason}.", IncomparableError.exit_code)
        for error in bad:
            self._complain(str(error), RecordError.exit_code)
        return found

    def _paths(self, name: str) -> list[Path]:
        path = Path(name)
        if path.exists() or not glob.has_magic(name):
            return [path]
        found = sorted(Path(each) for each in glob.glob(name, recursive=True))  # noqa: PTH207
        if not found:
            self._complain(f"{name} matches no file.", RecordError.exit_code)
        return found

    def _complain(self, words: str, exit_code: int) -> None:
        complain(words)
        self.exit_code = self.exit_code or exit_code
