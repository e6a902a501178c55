"""`bench-cli tune`: the fastest configuration of this machine for a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.progress.tune import tune_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config.option import protocol_of
from resnet_bench.config.options import (
    ConfigurationCommand,
    given_values,
    options,
    read,
    section,
    subset,
    with_preset_file,
)
from resnet_bench.config.paired import PairedConfig
from resnet_bench.config.tuning import TuningConfig, check_confirmation
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import combinations
from resnet_bench.experiments.tuning import tune
from resnet_bench.records.files import check_folder
from resnet_bench.records.tuning import Constraints, TuningRecord
from resnet_bench.report.terminal import tune as report

_FIXABLE = tuple(
    option.name for option in options() if option.extra["role"] != "protocol" or option.name in protocol_of("tune")
)
"""The options of `run` that a search takes; how it measures is not configurable by them."""

DEFAULTS = {"max_time": 1800.0, "pairs": 5}


@click.command("tune", cls=ConfigurationCommand)
@section(TuningConfig)
@section(PairedConfig, "pairs", "turns", "turn_steps", defaults=DEFAULTS)
@subset("max_time", defaults=DEFAULTS)
@subset(*_FIXABLE)
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Find the fastest configuration of this machine for a workload.

    \b
    bench-cli tune --mode infer --image-size 224
    bench-cli tune --mode train --batch-size 32 --max-time 1h
    bench-cli tune --mode infer --max-latency 50ms --max-output-error 1e-2
    bench-cli tune --mode input --vary prefetch_buffer_size=1,2,8

    Options of `run` on the command line describe the workload and stay fixed; the others are searched: oneDNN, batch
    norm, precision, XLA, freezing, batch size, threads, steps per call, and for --mode input (or with --pipeline) the
    options of tf.data. Each candidate runs interleaved with the best configuration so far, and is dropped as soon as
    it is clearly slower. The best is then measured again, against TensorFlow's own defaults and with each changed
    option reverted. Saves the result in OUTPUT/tune, with a preset for `run --preset-file`. Exits 0 when the search
    ended, whatever the result; else with the code of what ended it, 130 when interrupted.
    """
    given, settings = _asked(ctx), _settings(ctx)
    folder = Path(given.get("output", "runs"))
    check_folder(folder)
    with signals() as received:
        with tune_progress() as observer:
            found = tune.run(given, settings, observer, lambda unfinished: unfinished.save(folder))
        received.done()
        path = save_with_fallback(found, folder)
    show(found, bool(given.get("json")), lambda one: report.render(one, path))
    ctx.exit(exit_code(found, received))


def _asked(ctx: click.Context) -> dict[str, Any]:
    """The options of `run` that were given, those of a preset file included."""
    given = {name: value for name, value in given_values(ctx).items() if name in _FIXABLE}
    given = with_preset_file(given)
    given.pop("preset_file", None)
    if given.get("batch_size") == "max":
        raise ConfigError(
            "--batch-size max is searched for by run alone.", "Give a number, or leave it out: batch sizes are tuned."
        )
    return given


def _settings(ctx: click.Context) -> tune.TuneSettings:
    wanted, paired = read(ctx, TuningConfig), read(ctx, PairedConfig)
    check_confirmation(paired)
    return tune.TuneSettings(
        vary=combinations.parse_vary(wanted.vary),
        only=None if wanted.only is None else tuple(name for name in wanted.only.split(",") if name.strip()),
        pipeline=wanted.pipeline,
        emulated=wanted.emulated,
        constraints=Constraints(latency_s=wanted.max_latency, output_error=wanted.max_output_error),
        min_gain=wanted.min_gain,
        pairs=paired.pairs,
        turns=paired.turns,
        turn_steps=None if paired.turn_steps == "auto" else paired.turn_steps,
        max_time_s=given_values(ctx).get("max_time", DEFAULTS["max_time"]),
        earlier=None if wanted.resume is None else TuningRecord.load(Path(wanted.resume)),
    )
