"""`bench-cli sweep`: measure the cross product of some options, a record each."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from resnet_bench import cli
from resnet_bench.cli import INTERRUPTED
from resnet_bench.cli.exit import TERMINATED, signals
from resnet_bench.cli.output import complain, echo, echo_json
from resnet_bench.cli.progress.paired import paired_progress
from resnet_bench.cli.progress.sweep import sweep_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import options
from resnet_bench.config.option import format_value, protocol_of
from resnet_bench.config.options import ConfigurationCommand, configuration, read, section
from resnet_bench.config.sweep import SweepConfig
from resnet_bench.errors import BenchError, BudgetError, ConfigError
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments import combinations, sweep, sweep_confirm
from resnet_bench.experiments.ignored_options import ignored_options
from resnet_bench.experiments.paired.side import Budget
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.base import Notice
from resnet_bench.records.files import check_folder
from resnet_bench.records.record import Record
from resnet_bench.report.export import tensorboard
from resnet_bench.report.terminal import rich_text, tables

CONFIRM_PAIRS = 5
_PROTOCOL = {option.name for option in options.options()} - {"require_valid"}
"""The options that a sweep uses: all but --require-valid."""

_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@click.command("sweep", cls=ConfigurationCommand)
@section(SweepConfig)
@configuration
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Measure every combination of some options, a record each.

    \b
    bench-cli sweep --vary precision=float32,mixed_bfloat16 --vary xla=true,false --mode infer
    bench-cli sweep --file sweep.toml --resume

    Takes every option of `run` as the common base (the command line overrides the file), and measures in a random
    order drawn with --seed. --max-time is the budget of each configuration; --total-time ends the sweep after the
    configuration that is running then. Contradictory combinations are skipped, failures are recorded, and the sweep
    continues. Several sweeps may share a folder: each configuration is measured by one of them. Configurations that
    were measured one after the other are ranked roughly; --confirm N compares the best N with the first of them in
    interleaved runs, each within --max-time. Exits 0 when all is done, 1 when some failed, 7 when --total-time ended
    it, 130 when interrupted; --resume continues.
    """
    wanted = read(ctx, SweepConfig)
    base, varied = _asked(ctx, wanted)
    _note(ignored_options({*options.with_preset_file(base), *varied}, _PROTOCOL, "bench-cli sweep"))
    options.build({name: value for name, value in base.items() if name not in varied})
    folder = Path(base.get("output", "runs"))
    check_folder(folder)
    job, came = _measure(combinations.cross_product(base, varied), folder, wanted)
    results = sweep.ranked(list(job.results.values()))
    confirmed: list[sweep_confirm.SweepConfirmation] = []
    if wanted.confirm and not came and not job.out_of_time:
        confirmed, came = _confirm(results, wanted.confirm, base, folder)
    _print(results, confirmed, bool(base.get("json")))
    _write_events(results, wanted.tensorboard)
    code = TERMINATED if signal.SIGTERM in came else INTERRUPTED
    _exit(ctx, job, results, code)
    if came:
        complain("Interrupted; the records are complete, the confirmation is not.")
        ctx.exit(code)


def _asked(ctx: click.Context, wanted: SweepConfig) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Base and varied options; the command line overrides the file."""
    base, varied = combinations.parse_file(Path(wanted.file)) if wanted.file is not None else ({}, {})
    given = options.given_values(ctx)
    own = combinations.parse_vary(wanted.vary)
    clash = sorted(set(given) & set(own))
    if clash:
        raise ConfigError(f"--vary {clash[0]} and --{clash[0].replace('_', '-')} are both given.", "Leave one out.")
    base = {name: value for name, value in {**base, **given}.items() if name not in own}
    return base, {**{name: values for name, values in varied.items() if name not in given}, **own}


def _measure(cells: list[combinations.Combination], folder: Path, wanted: SweepConfig) -> tuple[sweep.Sweep, list[int]]:
    """Measure the combinations; returns the signals received meanwhile too."""
    deadline = None if wanted.total_time is None else cli.STARTED + wanted.total_time
    with signals() as received, sweep_progress() as watcher:
        job = sweep.Sweep(cells, folder, lambda record: _save_whole(record, folder), watcher, wanted.resume, deadline)
        job.run()
        received.done()
    return job, received


def _note(notices: tuple[Notice, ...]) -> None:
    for notice in notices:
        complain(notice.message)


def _save_whole(record: Record, folder: Path) -> Path:
    """Save without interruption: a signal received meanwhile is delivered afterwards."""
    if sys.platform == "win32":
        return save_with_fallback(record, folder)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        return save_with_fallback(record, folder)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lines(results: list[combinations.CombinationResult]) -> list[tables.Line]:
    return [
        ({name: format_value(value) for name, value in each.combination.values.items()}, each.status, each.record)
        for each in results
    ]


def _confirm(
    results: list[combinations.CombinationResult], count: int, base: dict[str, Any], folder: Path
) -> tuple[list[sweep_confirm.SweepConfirmation], list[int]]:
    """Confirm the best with interleaved runs; returns the signals received meanwhile too."""
    measure = options.build({name: value for name, value in base.items() if name in ("max_time", "timeout")})[0].measure
    budget = Budget(
        turns="auto",
        pairs=CONFIRM_PAIRS,
        max_time_s=measure.max_time,
        silence_s=measure.timeout,
        turn_s=plan.TURN_SECONDS,
    )

    def keep(record: AbRecord) -> Path:
        return save_with_fallback(record, folder)

    _note(
        ignored_options(
            {*options.with_preset_file(base)} - {"require_valid"}, protocol_of("confirm"), "bench-cli sweep --confirm"
        )
    )
    with signals() as received, paired_progress() as observer:
        found = sweep_confirm.confirm(results, count, budget, observer, keep, lambda words: echo(words, err=True))
        received.done()
    return found, received


def _print(
    results: list[combinations.CombinationResult], confirmed: list[sweep_confirm.SweepConfirmation], as_json: bool
) -> None:
    if as_json:
        by_identity = {each.combination.identity: each for each in confirmed}
        data = tables.sweep_data(
            [
                (line, str(each.path) if each.path else None, _in_turns(by_identity.get(each.combination.identity)))
                for line, each in zip(_lines(results), results, strict=True)
            ]
        )
        echo_json(data)
        return
    rich_text.show(tables.sweep(_lines(results), confirmed=bool(confirmed)))
    if confirmed:
        rows = [(each.combination.words, each.ratio, each.finding, each.result.outcome) for each in confirmed]
        rich_text.show(tables.confirmed(results[0].combination.words, rows))


def _in_turns(found: sweep_confirm.SweepConfirmation | None) -> dict[str, Any] | None:
    return None if found is None else {"ratio": found.ratio, "finding": found.finding, "result": str(found.path)}


def _write_events(results: list[combinations.CombinationResult], events: str | None) -> None:
    folder = None if events is None else Path(events)
    found = [(each.path, each.record) for each in results if each.path is not None and each.record is not None]
    if folder is not None and found:
        tensorboard.write(found, folder)
        echo(f"HParams: tensorboard --logdir {folder}", err=True)


def _exit(
    ctx: click.Context, job: sweep.Sweep, results: list[combinations.CombinationResult], interrupted: int
) -> None:
    states = [each.status for each in results]
    waiting = states.count("waiting")
    if job.interrupted:
        complain(f"Interrupted; {waiting} of {len(states)} not measured. Continue with --resume.")
        ctx.exit(interrupted)
    if job.out_of_time:
        raise BudgetError(f"--total-time ended; {waiting} of {len(states)} not measured.", "Continue with --resume.")
    if all(state == "skipped" for state in states):
        first = results[0].record
        raise ConfigError(f"Every combination contradicts itself: {first.outcome.message if first else ''}")
    if "failed" in states:
        raise BenchError(f"{states.count('failed')} of {len(states)} failed.", "Their records say why.")


__all__ = ["command"]
