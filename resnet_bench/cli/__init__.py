"""`bench-cli`: one small module per command; each parses, calls, prints and exits.

Commands are imported when they are used, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

import click

from resnet_bench import __version__

STARTED = time.monotonic()
"""When this command began; budgets count from here."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

COMMANDS = {
    "run": ("resnet_bench.cli.run", "Build ResNet-50, feed it, measure it, save a record."),
    "build": ("resnet_bench.cli.build", "Build the network, print its stages, draw it, save it."),
    "train": ("resnet_bench.cli.train", "Train the network to an accuracy, with checkpoints; save model and record."),
    "evaluate": ("resnet_bench.cli.evaluate", "Judge a trained network, or two against each other."),
    "predict": ("resnet_bench.cli.predict", "The likeliest classes of images."),
    "compare": ("resnet_bench.cli.compare", "Compare saved records: ratios with intervals, or what forbids them."),
    "ab": ("resnet_bench.cli.ab", "Let two configurations take turns; how much faster is B?"),
    "bottleneck": (
        "resnet_bench.cli.bottleneck",
        "Is the model waiting for data? Both ceilings and end to end, in turns.",
    ),
    "serve": ("resnet_bench.cli.serve", "Run a tf.data service dispatcher or worker, for --data-service."),
    "noise": ("resnet_bench.cli.noise", "Measure this machine's noise floor: a configuration against itself."),
    "data": ("resnet_bench.cli.data", "Make, check and measure image data and the input pipeline."),
    "show": ("resnet_bench.cli.show", "Print saved records."),
    "sweep": ("resnet_bench.cli.sweep", "Measure every combination of some options, a record each."),
    "tune": ("resnet_bench.cli.tune", "Find the fastest configuration of this machine for a workload."),
    "history": ("resnet_bench.cli.history", "List the records of a folder, and plot a metric over time."),
    "report": ("resnet_bench.cli.report", "Write records as one HTML page, Markdown or CSV."),
    "export": ("resnet_bench.cli.export", "Write records as CSV, Parquet, tracker JSON or TensorBoard events."),
    "profile": ("resnet_bench.cli.profile", "Trace a few steps; where does their time go?"),
    "tensorboard": ("resnet_bench.cli.tensorboard", "Serve records and their traces in TensorBoard."),
    "doctor": ("resnet_bench.cli.doctor", "Show what this machine has and what to switch on."),
    "schema": ("resnet_bench.cli.schema", "Print the record's JSON Schema."),
    "completion": ("resnet_bench.cli.completion", "Print the completion script for a shell."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of `COMMANDS`."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `BenchError` or Ctrl-C becomes one line on stderr and its exit code."""
        from resnet_bench.errors import BenchError

        try:
            return super().invoke(ctx)
        except BenchError as error:
            click.echo(f"bench-cli: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("bench-cli: Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench-cli")
def group() -> None:
    """How fast does ResNet-50 run in TensorFlow here, with these options, and what holds it back?

    \b
    bench-cli run                          train on the embedded photographs
    bench-cli run --mode infer --xla       inference, compiled with XLA
    bench-cli doctor                       what this machine can do
    """


def main() -> None:
    """Entry point of `bench-cli`."""
    group.main(args=sys.argv[1:], prog_name="bench-cli")
