"""`bench-cli tune`: the fastest configuration of this machine for a workload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.parameters import Percent, Seconds
from resnet_bench.cli.progress.tune import tune_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import options
from resnet_bench.config.options import ConfigurationCommand
from resnet_bench.errors import ConfigError
from resnet_bench.experiments import sweep
from resnet_bench.experiments.tuning import tune
from resnet_bench.records.files import check_folder
from resnet_bench.records.tuning import Constraints, TuningRecord
from resnet_bench.report.terminal import tune as report

_FIXABLE = tuple(
    option.name for option in options.options() if option.extra["role"] != "protocol" or option.name in tune.PROTOCOL
)
"""The options of `run` that a search takes; how it measures is its own affair."""

_OWN: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option(
        "--vary", multiple=True, metavar="OPTION=A,B", help="Values to try for an option, in place of its own."
    ),
    click.option("--only", metavar="OPTION,...", help="Tune these options alone (and those of --vary)."),
    click.option("--pipeline", is_flag=True, help="Tune the input pipeline too, in a mode with a network."),
    click.option("--emulated", is_flag=True, help="Try 16-bit types that this device only emulates."),
    click.option("--max-latency", type=Seconds(), help="Bound on the 90th percentile of one call (50ms, 0.2)."),
    click.option(
        "--max-output-error",
        type=click.FloatRange(0, min_open=True),
        help="Bound on the logits' relative RMS error against float32.",
    ),
    click.option("--min-gain", type=Percent(), default="1%", help="Smaller gains are not looked for.  [default: 1%]"),
    click.option(
        "--pairs", type=click.IntRange(2, 1000), default=5, help="Pairs of processes of the final match.  [default: 5]"
    ),
    click.option(
        "--turns", type=click.IntRange(4, 10_000), help="Turns per pair of the final match.  [default: 10 s, 20 to 90]"
    ),
    click.option(
        "--turn-steps",
        type=click.IntRange(1),
        help="Steps per turn.  [default: 0.5 s, then 0.1 s]",
    ),
    click.option("--resume", type=click.Path(path_type=Path), help="Go on from an earlier result (its .json file)."),
    click.option(
        "--max-time", type=Seconds(), default="30m", help="Time that the whole command may take.  [default: 30m]"
    ),
)


def _own(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OWN):
        command = option(command)
    return command


@click.command("tune", cls=ConfigurationCommand)
@options.subset(*_FIXABLE)
@_own
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Find the fastest configuration of this machine for a workload.

    \b
    bench-cli tune --mode infer --image-size 224
    bench-cli tune --mode train --batch-size 32 --max-time 1h
    bench-cli tune --mode infer --max-latency 50ms --max-output-error 1e-2
    bench-cli tune --mode input --vary prefetch_buffer_size=1,2,8

    Options of `run` on the command line describe the workload, and are fixed; what remains is searched: oneDNN,
    batch norm, precision, XLA, freezing, batch size, threads, steps per call, and for --mode input (or with
    --pipeline) the options of tf.data. Each challenger takes turns with the champion; a loser is dropped as soon
    as its turns say so. The result is measured anew against TensorFlow's own defaults, and with each switch put
    back. Saves it in OUTPUT/tune, with a preset that `run --preset-file` takes. Exits 0 when the search ended,
    whatever was found; else with the code of what ended it, 130 when interrupted.
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
    sources = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    given = {name: ctx.params[name] for name in _FIXABLE if ctx.get_parameter_source(name) in sources}
    given = options.with_preset_file(given)
    given.pop("preset_file", None)
    if given.get("batch_size") == "max":
        raise ConfigError(
            "--batch-size max is searched for by run alone.", "Give a number, or leave it out: batch sizes are tuned."
        )
    return given


def _settings(ctx: click.Context) -> tune.TuneSettings:
    values = ctx.params
    only = values["only"]
    return tune.TuneSettings(
        vary=sweep.parse_vary(values["vary"]),
        only=None if only is None else tuple(name for name in only.split(",") if name.strip()),
        pipeline=values["pipeline"],
        emulated=values["emulated"],
        bounds=Constraints(latency_s=values["max_latency"], output_error=values["max_output_error"]),
        min_gain=values["min_gain"],
        pairs=values["pairs"],
        turns=values["turns"] or "auto",
        turn_steps=values["turn_steps"],
        max_time_s=values["max_time"],
        earlier=None if values["resume"] is None else TuningRecord.load(values["resume"]),
    )
