"""Charts as SVG elements: scales, ticks, axes, and the few shapes of chart that a report needs.

Drawn here and not by a library, because a report is one file that must open anywhere in two themes: Plotly
adds 4.5 MB of script to each file and shows nothing without it; matplotlib fixes its colours and takes
20 KB a chart. An element carries classes, which the page's style sheet colours, so both themes share one
drawing of a few KB. Marks differ in shape as well as in colour. Pure; `plots.py` decides what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from resnet_bench import units

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 14, 44
ROW = 26
CHARACTER = 7.0
"""About the width of a character of a label, in pixels."""

SHAPES = 4
ChartLabels = Callable[[float], str]


@dataclass(frozen=True)
class Element:
    """An SVG element; `tip` shows when it is pointed at."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing with the words that stand for it where it cannot be seen.

    `legend` pairs a mark's class with what it means.
    """

    title: str
    description: str
    height: int
    elements: tuple[Element, ...]
    legend: tuple[tuple[str, str], ...] = ()
    width: int = WIDTH


@dataclass(frozen=True)
class Scale:
    """Values to pixels, straight or logarithmic; `low` < `high`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; what lies outside is drawn at the edge."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside the scale: 1, 2 or 5 times a power of ten."""
        return _log_ticks(self.low, self.high, most) if self.log else _ticks(self.low, self.high, most)


def _ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / most
    if not 0 < raw < math.inf:
        return [low]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [
            factor * 10.0**power
            for power in range(first, last + 1)
            for factor in factors
            if low * (1 - 1e-9) <= factor * 10.0**power <= high * (1 + 1e-9)
        ]
        if len(found) <= most:
            break
    else:
        found = found[:: math.ceil(len(found) / most)]
    return found if len(found) >= 2 else _ticks(low, high, most)


def around(values: Sequence[float], start: float, end: float, *, zero: bool = False, log: bool = False) -> Scale:
    """A scale that shows all values with a margin; `zero` includes 0."""
    low, high = min(values), max(values)
    if log:
        return Scale(low / 1.25, high * 1.25, start, end, log=True)
    low = min(low, 0.0) if zero else low
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Scale(low if zero else low - margin, high + margin, start, end)


def element(tag: str, css: str, text: str = "", tip: str = "", **attributes: float | str) -> Element:
    """An element of a class; pixels are rounded to tenths, underscores become dashes."""
    shown = {name.replace("_", "-"): _number(value) for name, value in attributes.items()}
    return Element(tag, {"class": css, **shown}, text, tip)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def line(points: Sequence[tuple[float, float]], css: str) -> Element:
    """A line through pixels."""
    return element("polyline", css, points=" ".join(f"{_number(x)},{_number(y)}" for x, y in points))


def rule(x1: float, y1: float, x2: float, y2: float, css: str, tip: str = "") -> Element:
    """A straight line."""
    return element("line", css, tip=tip, x1=x1, y1=y1, x2=x2, y2=y2)


def bar(x: float, y: float, width: float, height: float, css: str, tip: str = "") -> Element:
    """A rectangle, at least half a pixel wide."""
    return element("rect", css, tip=tip, x=x, y=y, width=max(width, 0.5), height=max(height, 0.5))


def label(x: float, y: float, text: str, css: str = "words", anchor: str = "start") -> Element:
    """Words at a pixel."""
    return element("text", css, text, x=x, y=y, text_anchor=anchor)


def mark(x: float, y: float, css: str, tip: str = "", shape: int = 0, size: float = 4) -> Element:
    """A point: a disc, square, triangle or diamond, so that series differ without colour."""
    paths = (
        f"M{_number(x - size)} {_number(y)}a{size} {size} 0 1 0 {2 * size} 0a{size} {size} 0 1 0 {-2 * size} 0z",
        f"M{_number(x - size)} {_number(y - size)}h{2 * size}v{2 * size}h{-2 * size}z",
        f"M{_number(x)} {_number(y - size * 1.2)}l{size * 1.2:g} {size * 2.1:g}h{-size * 2.4:g}z",
        f"M{_number(x)} {_number(y - size * 1.35)}l{size * 1.35:g} {size * 1.35:g}l{-size * 1.35:g} "
        f"{size * 1.35:g}l{-size * 1.35:g} {-size * 1.35:g}z",
    )
    return element("path", css, tip=tip, d=paths[shape % SHAPES])


def whisker(x1: float, x2: float, y: float, css: str, tip: str = "") -> list[Element]:
    """A horizontal interval with ends."""
    return [rule(x1, y, x2, y, css, tip), rule(x1, y - 4, x1, y + 4, css), rule(x2, y - 4, x2, y + 4, css)]


@dataclass
class PlotArea:
    """Two scales with the axes that show them, and whatever is drawn on them since."""

    x: Scale
    y: Scale
    elements: list[Element] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Of the whole drawing."""
        return round(self.y.start) + BOTTOM


def frame(x: Scale, y: Scale, x_title: str, y_title: str, x_words: ChartLabels, y_words: ChartLabels) -> PlotArea:
    """Axes with grid lines, ticks in words, and titles."""
    found = PlotArea(x, y)
    add = found.elements.append
    for value in y.ticks():
        at = y(value)
        add(rule(x.start, at, x.end, at, "grid"))
        add(label(x.start - 7, at + 4, y_words(value), "tick", "end"))
    _bottom_axis(found, x_title, x_words, grid=False)
    add(element("text", "axis", y_title, x=x.start - 60, y=TOP, text_anchor="start"))
    return found


def _bottom_axis(found: PlotArea, title: str, words: ChartLabels, *, grid: bool) -> None:
    x, bottom = found.x, found.y.start
    add = found.elements.append
    for value in x.ticks():
        at = x(value)
        add(rule(at, found.y.end if grid else bottom, at, bottom if grid else bottom + 4, "grid" if grid else "base"))
        add(label(at, bottom + 17, words(value), "tick", "middle"))
    add(rule(x.start, bottom, x.end, bottom, "base"))
    add(label((x.start + x.end) / 2, bottom + 36, title, "axis", "middle"))


def plot(x_values: Sequence[float], y_values: Sequence[float], **options: bool) -> tuple[Scale, Scale]:
    """Scales of a chart of the usual size; options: `x_zero`, `y_zero`, `x_log`, `y_log`."""
    height = 280
    return (
        around(x_values, LEFT + 4, WIDTH - RIGHT, zero=options.get("x_zero", False), log=options.get("x_log", False)),
        around(y_values, height, TOP + 24, zero=options.get("y_zero", False), log=options.get("y_log", False)),
    )


def plain(value: float) -> str:
    """A tick's number: 0, 0.5, 20,000."""
    return f"{value:,.10g}"


def seconds(value: float) -> str:
    """A tick's time; 0 has no unit."""
    return units.duration(value) if value else "0"


def rows(names: Sequence[str], values: Sequence[float], title: str, words: ChartLabels, **options: bool) -> PlotArea:
    """A frame with a named row for each bar or interval; options: `zero` (default), `log`.

    `frame.y` counts rows from 0 at the top; `row_middle` gives a row's pixel.
    """
    widest = max(len(shown(name)) for name in names)
    left = min(300.0, 14 + widest * CHARACTER)
    log = options.get("log", False)
    x = around(values, left, WIDTH - 78, zero=options.get("zero", True) and not log, log=log)
    bottom = TOP + ROW * len(names) + 4
    found = PlotArea(x, Scale(0, max(1, len(names)), bottom, TOP))
    _bottom_axis(found, title, words, grid=True)
    for number, name in enumerate(names):
        found.elements.append(label(left - 8, row_middle(number) + 4, shown(name), "name", "end"))
    return found


def row_middle(number: int) -> float:
    """The pixel of a row's middle."""
    return TOP + ROW * (number + 0.5)


def shown(name: str, most: int = 43) -> str:
    """A name that fits beside a row; the middle gives way."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2) :]}"
