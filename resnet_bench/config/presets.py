"""The presets smoke, standard and strict: each changes a few defaults. `options.py` applies them."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "image_size": (64, 64),
        "photos": 256,
        "rounds": 5,
        "latency_samples": 0,
        "processes": 1,
        "max_time": 55.0,
    },
    "standard": {},
    "strict": {"rounds": 30, "latency_samples": 300, "processes": 10, "max_time": 3600.0},
}
