"""`bench-cli noise`: how different two identical configurations come out on this machine."""

from __future__ import annotations

import shlex
from typing import Any

import click

from resnet_bench.analysis import noise_floor
from resnet_bench.cli.ab import hold_and_report, match_options
from resnet_bench.data import default_cache_dir
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.paired import ab
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.noise_floor import NoiseFloor


@click.command("noise", context_settings={"ignore_unknown_options": True, "show_default": True})
@click.argument("flags", metavar='["FLAGS"]', default="--preset smoke --mode infer")
@match_options(pairs=5)
@click.pass_context
def command(ctx: click.Context, /, flags: str, **_values: Any) -> None:
    """Measure this machine's noise floor: the same configuration against itself.

    \b
    bench-cli noise                                  inference at 64 pixels
    bench-cli noise "--mode train --batch-size 32"

    FLAGS are options of `run`, in quotes. The floor is kept in the cache folder, for this machine and the kind
    of workload (mode and device); `compare` and `ab` say where a difference is smaller. Exit codes are those of
    `ab`.
    """
    try:
        words = shlex.split(flags)
    except ValueError as error:
        raise ConfigError(f"{flags!r} is not understood: {error}.", "Close every quote.") from error
    one, two = ab.parse_side(flags, words), ab.parse_side(flags, words)
    hold_and_report(ctx, lambda budget, observer: ab.run_ab("noise", one, two, budget, observer), _keep)


def _keep(contest: AbRecord) -> NoiseFloor | None:
    floor = noise_floor.floor_of(contest)
    if floor is not None and contest.outcome.kind == "ok":
        floor.save(default_cache_dir())
    return floor
