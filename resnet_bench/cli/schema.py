"""`bench-cli schema`: the JSON Schema of records and of the other results."""

from __future__ import annotations

import click

from resnet_bench.cli.output import echo_json
from resnet_bench.records.read import TYPES


@click.command("schema")
@click.option(
    "--type", "tag", type=click.Choice([*TYPES]), default="record", show_default=True, help="Type of the saved file."
)
def command(tag: str) -> None:
    """Print the JSON Schema of a record, or of another type of result."""
    echo_json(TYPES[tag].json_schema())
