"""`bench-cli schema`: the JSON Schema of records and of the other results."""

from __future__ import annotations

import json

import click

from resnet_bench.records.read import TYPES


@click.command("schema")
@click.option(
    "--type", "tag", type=click.Choice([*TYPES]), default="record", show_default=True, help="Type of the saved file."
)
def command(tag: str) -> None:
    """Print the JSON Schema of a record, or of another type of result."""
    click.echo(json.dumps(TYPES[tag].json_schema(), indent=2))
