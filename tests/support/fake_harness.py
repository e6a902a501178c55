"""A pytest plugin that puts fake workers behind the benchmark harness."""

from __future__ import annotations

from tests.support import fake_cli
from tests.support.in_process import InProcessWorker

fake_cli.use_fake_workers(InProcessWorker)
