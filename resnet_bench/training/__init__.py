"""Training to an accuracy: the loop, its schedule, when it ends, and its checkpoints.

`loop.py` drives a step from `step/training.py` over a data set from `data/sets`; `worker/training.py` sets both
up inside a worker. Imports no TensorFlow, so that all of it is tested with a step that is made up.
"""

from __future__ import annotations

from resnet_bench.training.checkpoint import CHECKPOINT, load, save
from resnet_bench.training.loop import Listener, Stepper, Trainer, evaluate
from resnet_bench.training.progress import Plan, Progress
from resnet_bench.training.schedule import batch_norm_momentum, plan_of

__all__ = [
    "CHECKPOINT",
    "Listener",
    "Plan",
    "Progress",
    "Stepper",
    "Trainer",
    "batch_norm_momentum",
    "evaluate",
    "load",
    "plan_of",
    "save",
]
