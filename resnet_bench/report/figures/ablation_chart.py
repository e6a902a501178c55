"""A bar chart of the effect of each pipeline option (SVG, PNG or PDF), with intervals.

matplotlib (the extra `plots`) draws; the ratios come from `analysis/pipeline.py`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from resnet_bench import units
from resnet_bench.records.pipeline import AblationRate

FORMATS = ("svg", "png", "pdf")
_SLOWER, _FASTER, _UNSURE, _LINE, _GRID = "#b45309", "#1b7837", "#94a3b8", "#4a5568", "#e2e8f0"
_DATE = {"svg": "Date", "pdf": "CreationDate"}


def draw(rows: Sequence[AblationRate], subtitle: str, kind: str) -> bytes:
    """The picture as bytes of a file of that kind (`FORMATS`); rows without a ratio are left out."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    known = [row for row in rows if row.ratio is not None]
    with rc_context({"svg.hashsalt": "resnet-bench", "font.size": 10}):
        figure = Figure(figsize=(9, 1.6 + 0.42 * len(known)), layout="constrained", dpi=150)
        axes = figure.add_subplot()
        _bars(axes, known)
        axes.set_title("Effect of each pipeline option", loc="left", fontsize=12, fontweight="bold", pad=24)
        axes.text(0, 1, subtitle, transform=axes.transAxes, fontsize=9, color=_LINE, va="bottom")
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=None if kind == "png" else {_DATE[kind]: None})
    return buffer.getvalue()


def _bars(axes: Any, rows: Sequence[AblationRate]) -> None:
    places = range(len(rows))
    ratios = [row.ratio.value for row in rows if row.ratio is not None]
    ends = []
    for place, row in zip(places, rows, strict=True):
        assert row.ratio is not None
        low, high = row.ratio.low or row.ratio.value, row.ratio.high or row.ratio.value
        colour = _SLOWER if high < 1 else _FASTER if low > 1 else _UNSURE
        axes.barh(place, row.ratio.value, color=colour, height=0.62, zorder=2)
        axes.plot([low, high], [place, place], color=_LINE, lw=1.5, zorder=3, solid_capstyle="butt")
        for end in (low, high):
            axes.plot([end, end], [place - 0.14, place + 0.14], color=_LINE, lw=1.5, zorder=3)
        ends.append(max(high, row.ratio.value))
        speed = f", {units.rate(row.images_per_s.value)}" if row.images_per_s is not None else ""
        label = axes.text(
            ends[-1] + 0.015, place, f"{row.ratio.value:.2f}x{speed}", va="center", fontsize=9, color=_LINE, zorder=5
        )
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.85})
    axes.axvline(1, color=_LINE, lw=1, ls="--", zorder=4)
    axes.set_yticks(list(places), [f"{row.name}\n{row.change}" for row in rows], fontsize=8.5)
    axes.invert_yaxis()
    axes.set_xlim(0, max([1.0, *ends, *ratios]) * 1.22)
    interval = "95 % confidence interval over rounds in one process; grey: it includes 1"
    axes.set_xlabel(f"speed over the full pipeline's ({interval})", loc="left")
    axes.grid(axis="x", color=_GRID, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
