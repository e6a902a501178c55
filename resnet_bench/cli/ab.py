"""`bench-cli ab`: two configurations measured with interleaved runs, and the ratio of their speeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from resnet_bench.analysis import noise_floor
from resnet_bench.cli import sides
from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.progress.paired import paired_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config.options import from_context, read, section, subset
from resnet_bench.config.paired import AbConfig, PairedConfig
from resnet_bench.data import default_cache_dir
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.side import Budget
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.files import check_folder
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.report.terminal import ab as report

DEFAULTS = {"max_time": 600.0}


def paired_options(defaults: dict[str, Any] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that `ab` and `noise` share; `defaults` are the command's own."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        general = subset("max_time", "timeout", "output", "json", defaults=DEFAULTS)
        return section(PairedConfig, defaults=defaults)(general(command))

    return decorate


@click.command("ab", cls=sides.SidesCommand, context_settings=sides.CONTEXT)
@click.argument("flags_a", metavar='"FLAGS A"')
@click.argument("flags_b", metavar='"FLAGS B"')
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS OF BOTH]...")
@section(AbConfig)
@paired_options()
@click.pass_context
def command(ctx: click.Context, /, flags_a: str, flags_b: str, rest: tuple[str, ...], **_values: Any) -> None:
    """Compare two configurations with interleaved runs (A/B).

    \b
    bench-cli ab "--batch-norm keras" "--batch-norm fused" --preset smoke --mode infer
    bench-cli ab "" "--xla" --precision-target 1% --max-time 5m

    FLAGS are options of `run`: those of each side in quotes ("" takes the defaults), then those of both sides. The
    two processes live at the same time and run in ABBA order, the idle one paused, so that both see the same machine
    state. The ratio is taken per pair of rounds, its median per pair of processes, and the 95 % confidence interval
    (Student's t on logarithms) over pairs of processes. Exits 0 when it finished, whatever the result; else with the
    code of the side that failed, 7 if not one pair fits --max-time, 130 when interrupted.
    """
    common = [*sides.split(read(ctx, AbConfig).common), *sides.split_quoted(rest)]
    side_a, side_b = (
        sides.side(flags, [*common, *sides.split(flags)], "The two sides come first, each in quotes.")
        for flags in (flags_a, flags_b)
    )
    hold_and_report(ctx, lambda budget, observer: ab.run_ab("ab", side_a, side_b, budget, observer), _known_floor)


def hold_and_report(
    ctx: click.Context, measure: Callable[[Budget, Any], AbRecord], floor_of: Callable[[AbRecord], NoiseFloor | None]
) -> None:
    """Measure as the options say, save the result, print it, and exit with its code."""
    paired, (config, _) = read(ctx, PairedConfig), from_context(ctx, DEFAULTS)
    folder = Path(config.output.output)
    check_folder(folder)
    budget = Budget(
        turns=paired.turns,
        steps=paired.turn_steps,
        pairs=paired.pairs,
        precision_target=paired.precision_target,
        max_time_s=config.measure.max_time,
        silence_s=config.measure.timeout,
        turn_s=plan.TURN_SECONDS,
    )
    with signals() as received:
        with paired_progress() as observer:
            record = measure(budget, observer)
        received.done()
        path = save_with_fallback(record, folder)
        floor = floor_of(record)
    show(record, config.output.json, lambda one: report.render(one, path, floor))
    ctx.exit(exit_code(record, received))


def _known_floor(record: AbRecord) -> NoiseFloor | None:
    side = record.a
    if side.machine is None or side.environment is None:
        return None
    kind = noise_floor.kind_of(side.resolved or side.requested, side.machine)
    return noise_floor.find(default_cache_dir(), side.environment.machine_id, kind)
