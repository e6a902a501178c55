"""A pytest plugin that puts fake workers behind the benchmark harness."""

from __future__ import annotations

from tests.support import fake_cli

fake_cli.use_fake_workers()
