"""`bench-cli completion`: the script that teaches a shell to complete options and values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from resnet_bench.cli.output import echo


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  eval "$(bench-cli completion bash)"
    zsh:   eval "$(bench-cli completion zsh)"
    fish:  bench-cli completion fish | source
    """
    shell_class = get_completion_class(shell)
    assert shell_class is not None
    echo(shell_class(ctx.find_root().command, {}, "bench-cli", "_BENCH_CLI_COMPLETE").source())
