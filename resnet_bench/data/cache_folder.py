"""Where this tool keeps what it makes for later runs: the embedded photographs, and measured noise floors."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "RESNET_BENCH_CACHE"


def default_cache_dir() -> Path:
    """RESNET_BENCH_CACHE, else XDG_CACHE_HOME/resnet_bench, else ~/.cache/resnet_bench."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "resnet_bench"
