"""Measure ResNet-50 training, inference and input-pipeline speed in TensorFlow, and know whether to trust the result.

From Python: `run` and `ab` measure, `load` reads what was saved, `compare` compares; `Record` is the result of `run`.
The network: `resnet50`, and its blocks `identity_block` and `convolutional_block`.

    import resnet_bench

    before = resnet_bench.run(mode="infer", image_size=64, batch_size=8)
    after = resnet_bench.run(mode="infer", image_size=64, batch_size=8, xla=True)
    print(resnet_bench.compare(before, after).comparisons[0].ratio)

Each name is imported when it is first used: importing the package loads neither TensorFlow nor click, and only the
network's names load TensorFlow into this process; measurements run in processes of their own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resnet_bench.experiments.api import ab as ab
    from resnet_bench.experiments.api import compare as compare
    from resnet_bench.experiments.api import load as load
    from resnet_bench.experiments.api import run as run
    from resnet_bench.model.blocks import convolutional_block as convolutional_block
    from resnet_bench.model.blocks import identity_block as identity_block
    from resnet_bench.model.resnet import resnet50 as resnet50
    from resnet_bench.records.record import Record as Record

__version__ = "0.2.0"

_LAZY = {
    **dict.fromkeys(("ab", "compare", "load", "run"), "resnet_bench.experiments.api"),
    "Record": "resnet_bench.records.record",
    "resnet50": "resnet_bench.model.resnet",
    **dict.fromkeys(("convolutional_block", "identity_block"), "resnet_bench.model.blocks"),
}

__all__ = [
    "Record",
    "__version__",
    "ab",
    "compare",
    "convolutional_block",
    "identity_block",
    "load",
    "resnet50",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
