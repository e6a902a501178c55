"""`bench-cli ab`: two configurations in turns, and the ratio of their speeds."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from resnet_bench.analysis import noise_floor
from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.parameters import Percent, Seconds
from resnet_bench.cli.progress.paired import paired_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import Config, options
from resnet_bench.data import default_cache_dir
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import budget as plan
from resnet_bench.experiments.paired import ab
from resnet_bench.experiments.paired.side import Budget, Side
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.files import check_folder
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.report.terminal import ab as report


def match_options(pairs: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that `ab` and `noise` share; `pairs` is the default of --pairs."""
    shared = (
        click.option("--pairs", type=click.IntRange(1, 1000), default=pairs, help="Pairs of fresh processes at most."),
        click.option(
            "--turns", type=click.IntRange(1, 10_000), help="Turns of each side per pair.  [default: 10 s, 20 to 90]"
        ),
        click.option("--turn-steps", type=click.IntRange(1), help="Steps per turn.  [default: 0.1 s, one at least]"),
        click.option("--precision-target", type=Percent(), help="Stop once the interval's half-width is no more."),
        click.option("--max-time", type=Seconds(), default="10m", help="Time that the whole command may take."),
        options.subset("timeout", "output", "json"),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(shared):
            command = option(command)
        return command

    return decorate


@click.command("ab", context_settings={"ignore_unknown_options": True, "show_default": True})
@click.argument("flags_a", metavar='"FLAGS A"')
@click.argument("flags_b", metavar='"FLAGS B"')
@click.option("--common", default="", metavar='"FLAGS"', help="Options of both sides.", show_default=False)
@match_options(pairs=8)
@click.pass_context
def command(ctx: click.Context, /, flags_a: str, flags_b: str, common: str, **_values: Any) -> None:
    """Let two configurations take turns, and say how much faster B is than A.

    \b
    bench-cli ab "--batch-norm keras" "--batch-norm fused" --common "--preset smoke --mode infer"
    bench-cli ab "" "--xla" --precision-target 1% --max-time 5m

    FLAGS are options of `run`, in quotes; "" takes the defaults. Both sides live at once in their own
    processes and alternate in ABBA order, the idle one stopped, so that both see the same machine. The ratio is
    taken per pair of turns, its median per pair of processes, and the 95 % interval (Student's t on
    logarithms) over pairs of processes. Exits 0 when it finished, whatever was found; else with the code of
    the side that failed, 7 where not one pair fits --max-time, 130 when interrupted.
    """
    side_a, side_b = _side(flags_a, common), _side(flags_b, common)
    hold_and_report(ctx, lambda budget, observer: ab.run_ab("ab", side_a, side_b, budget, observer), _known_floor)


def _side(flags: str, common: str) -> Side:
    try:
        words = [*shlex.split(common), *shlex.split(flags)]
    except ValueError as error:
        raise ConfigError(f"{flags or common!r} is not understood: {error}.", "Close every quote.") from error
    return ab.parse_side(flags, words)


def hold_and_report(
    ctx: click.Context, play: Callable[[Budget, Any], AbRecord], floor_of: Callable[[AbRecord], NoiseFloor | None]
) -> None:
    """Play a match as the options say, save what came of it, print it, and exit as it ended."""
    values, config = ctx.params, _own(ctx)
    folder = Path(config.output.output)
    check_folder(folder)
    budget = Budget(
        turns=values["turns"] or "auto",
        steps=values["turn_steps"] or "auto",
        pairs=values["pairs"],
        precision_target=values["precision_target"],
        max_time_s=values["max_time"],
        silence_s=config.measure.timeout,
        turn_s=plan.TURN_SECONDS,
    )
    with signals() as received:
        with paired_progress() as observer:
            contest = play(budget, observer)
        received.done()
        path = save_with_fallback(contest, folder)
        floor = floor_of(contest)
    show(contest, config.output.json, lambda one: report.render(one, path, floor))
    ctx.exit(exit_code(contest, received))


def _own(ctx: click.Context) -> Config:
    """The configuration's own options that these commands take: output and timeout."""
    names = ("timeout", "output", "json")
    given = {name: ctx.params[name] for name in names if ctx.params[name] is not None}
    return options.build(given)[0]


def _known_floor(contest: AbRecord) -> NoiseFloor | None:
    side = contest.a
    if side.machine is None or side.environment is None:
        return None
    kind = noise_floor.kind_of(side.resolved or side.requested, side.machine)
    return noise_floor.find(default_cache_dir(), side.environment.machine_id, kind)
