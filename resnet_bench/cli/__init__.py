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

GROUPS = {
    "Measure": {
        "run": "Measure one configuration and save a record.",
        "sweep": "Measure every combination of some options, a record each.",
        "tune": "Find the fastest configuration of this machine for a workload.",
    },
    "Compare": {
        "compare": "Compare saved records: speedup with confidence interval, or why they are not comparable.",
        "ab": "Compare two configurations with interleaved runs (A/B).",
        "noise": "Measure this machine's noise floor: a configuration against itself.",
    },
    "Find the bottleneck": {
        "bottleneck": "Is training input-bound? Model-only, pipeline-only and end-to-end throughput.",
        "profile": "Trace a few steps and show where their time goes.",
    },
    "Data": {
        "data": "Write and check TFRecord shards; measure the input pipeline.",
        "serve": "Run a tf.data service dispatcher or worker, for --data-service.",
    },
    "Train and use": {
        "build": "Build the network without training it: print its stages, draw it, save it.",
        "train": "Train the network on a data set, test it after each epoch, and save it.",
        "evaluate": "Evaluate a trained model on a test set, or compare two.",
        "predict": "Classify images (top-k).",
    },
    "Results": {
        "show": "Print saved records and other results.",
        "history": "List the records of a folder, and plot a metric over time.",
        "report": "Write an HTML, Markdown or CSV report on records and other results.",
        "export": "Export records as CSV, Parquet, benchmark-tracker JSON or TensorBoard events.",
        "tensorboard": "Show records and their traces in TensorBoard.",
        "schema": "Print the JSON Schema of a record, or of another type of result.",
    },
    "Machine": {
        "doctor": "Inspect this machine and recommend settings.",
        "completion": "Print the completion script for a shell.",
    },
}
"""The commands by what a user wants, each with the first line of its own help (a test compares them)."""

COMMANDS = {name: words for commands in GROUPS.values() for name, words in commands.items()}


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
        command = import_module(f"resnet_bench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by group without importing them."""
        del ctx
        width = max(len(name) for name in COMMANDS)
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), words) for name, words in commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a `BenchError` or Ctrl-C becomes one line on stderr and its exit code."""
        from resnet_bench.cli.output import complain
        from resnet_bench.errors import BenchError

        try:
            _check_working_folder()
            return super().invoke(ctx)
        except BenchError as error:
            complain(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            complain("Interrupted.")
            ctx.exit(INTERRUPTED)


def _check_working_folder() -> None:
    """A shell may stand in a folder that was deleted; every relative path fails there, and Python's own start too."""
    from pathlib import Path

    from resnet_bench.errors import DataError

    try:
        Path.cwd()
    except OSError as error:
        raise DataError(
            f"The working directory cannot be used: {error.strerror}.", "Change to one that exists."
        ) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench-cli")
def group() -> None:
    """Measure ResNet-50 training, inference and input-pipeline speed in TensorFlow, and find the bottleneck.

    \b
    bench-cli run                          train on the embedded photographs
    bench-cli run --mode infer --xla       inference, compiled with XLA
    bench-cli doctor                       hardware, measured peaks, recommended settings
    """


def main() -> None:
    """Entry point of `bench-cli`."""
    from resnet_bench.cli.output import complain, prepare_streams
    from resnet_bench.errors import StreamError

    prepare_streams()
    try:
        group.main(args=sys.argv[1:], prog_name="bench-cli")
    except StreamError as error:  # of --help and --version, which are no commands
        complain(error)
        sys.exit(error.exit_code)
