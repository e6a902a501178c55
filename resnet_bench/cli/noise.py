"""`bench-cli noise`: how much two identical configurations differ on this machine."""

from __future__ import annotations

import shlex
from typing import Any

import click

from resnet_bench.analysis import noise_floor
from resnet_bench.cli import sides
from resnet_bench.cli.ab import hold_and_report, paired_options
from resnet_bench.data import default_cache_dir
from resnet_bench.experiments.paired import ab
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.noise_floor import NoiseFloor

USUAL = "--preset smoke --mode infer"


@click.command("noise", cls=sides.SidesCommand, context_settings=sides.CONTEXT)
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS]...")
@paired_options({"pairs": 5})
@click.pass_context
def command(ctx: click.Context, /, flags: tuple[str, ...], **_values: Any) -> None:
    """Measure this machine's noise floor: a configuration against itself.

    \b
    bench-cli noise                                  inference at 64 pixels (--preset smoke --mode infer)
    bench-cli noise --mode train --batch-size 32

    FLAGS are options of `run`, in quotes or not. The floor is kept in the cache folder, for this machine and the kind
    of workload (mode and device); `compare` and `ab` point out differences below it. Exit codes are those of `ab`.
    """
    label = flags[0] if len(flags) == 1 else shlex.join(sides.split_quoted(flags)) or USUAL
    one, two = (sides.side(label, sides.split(label)) for _ in range(2))
    hold_and_report(ctx, lambda budget, observer: ab.run_ab("noise", one, two, budget, observer), _keep)


def _keep(record: AbRecord) -> NoiseFloor | None:
    floor = noise_floor.floor_of(record)
    if floor is not None and record.outcome.kind == "ok":
        floor.save(default_cache_dir())
    return floor
