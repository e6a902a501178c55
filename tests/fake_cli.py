"""`bench-cli` in a process of its own, with fake workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resnet_bench import cli, session
from resnet_bench.worker.handle import Worker

ROOT = Path(__file__).parent.parent
_real = session.run


def _run(*arguments: Any, **options: Any) -> Any:
    options["new_worker"] = lambda: Worker("tests.fake_worker", {"PYTHONPATH": str(ROOT)})
    return _real(*arguments, **options)


def use_fake_workers() -> None:
    """Let every run of this process start fake workers."""
    session.run = _run


def main() -> None:
    """Run `bench-cli` with the words of this process."""
    use_fake_workers()
    cli.main()
