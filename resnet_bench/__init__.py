"""How fast does ResNet-50 run in TensorFlow here, with these options, and what holds it back?

The package imports no TensorFlow until a name that needs it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "resnet50": "resnet_bench.model.resnet",
    "identity_block": "resnet_bench.model.blocks",
    "convolutional_block": "resnet_bench.model.blocks",
}

__all__ = ["__version__", "convolutional_block", "identity_block", "resnet50"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
