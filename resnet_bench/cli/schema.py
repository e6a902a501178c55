"""`bench-cli schema`: the record's JSON Schema."""

from __future__ import annotations

import json

import click

from resnet_bench.records.record import json_schema


@click.command("schema")
def command() -> None:
    """Print the record's JSON Schema."""
    click.echo(json.dumps(json_schema(), indent=2))
