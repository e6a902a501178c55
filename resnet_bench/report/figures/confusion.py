"""Confusion matrices as a picture (SVG, PNG or PDF): which classes were taken for which.

matplotlib (the extra `plots`) draws. Neighbour: `records/evaluation.py` words the same result.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from resnet_bench.errors import ConfigError
from resnet_bench.records.evaluation import ModelScore

FORMATS = ("svg", "png", "pdf")
MOST_NUMBERS, MOST_NAMES = 20, 40


def draw(models: Sequence[ModelScore], kind: str) -> bytes:
    """The picture as bytes of a file of that kind (`FORMATS`), the networks side by side.

    Rows are true classes, columns predicted ones; the colour is the share of the row, the number counts
    images (left out beyond 20 classes; names beyond 40). Raises `ConfigError` for scores without a matrix.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if any(model.confusion is None for model in models):
        raise ConfigError("--confusion: a matrix of more than 1000 classes cannot be drawn.", "Leave it out.")
    side = min(9.0, max(4.2, 0.55 * len(models[0].classes) + 2.0))
    with rc_context({"svg.hashsalt": "resnet-bench", "font.size": 10}):
        figure = Figure(figsize=(side * len(models) + 0.9, side + 0.6), layout="constrained", dpi=150)
        axes = figure.subplots(1, len(models), squeeze=False)[0]
        for place, model in zip(axes, models, strict=True):
            image = _matrix(place, model)
        figure.colorbar(image, ax=list(axes), label="share of the true class", shrink=0.8)
        buffer = io.BytesIO()
        date = {"svg": "Date", "pdf": "CreationDate"}
        metadata = None if kind == "png" else {date[kind]: None}
        figure.savefig(buffer, format=kind, metadata=metadata, bbox_inches="tight", pad_inches=0.15)
    return buffer.getvalue()


def _matrix(axes: Any, model: ModelScore) -> Any:
    counts = np.array(model.confusion)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    classes = len(counts)
    if classes <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.55 else "#1a202c"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=9)
    if classes <= MOST_NAMES:
        names = [score.name for score in model.classes]
        long = max(len(name) for name in names) > 3
        axes.set_xticks(range(classes), names, rotation=45 if long else 0, ha="right" if long else "center")
        axes.set_yticks(range(classes), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    name = model.path.rpartition("/")[2][-40:]
    axes.set_title(f"{name}\n{model.accuracy.value:.1%} of {model.images:,} images".replace("%", " %"), fontsize=11)
    return image
