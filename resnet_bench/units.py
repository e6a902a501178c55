"""The only place where quantities become text. Inside, everything is in SI base units.

Imports nothing of the package.
"""

from __future__ import annotations

UNKNOWN = "-"


def rate(images_per_s: float | None) -> str:
    """Images per second with three significant digits or more: 4.53, 51.2, 1,204."""
    return UNKNOWN if images_per_s is None else f"{significant(images_per_s)} img/s"


def significant(value: float) -> str:
    """A number with three significant digits, thousands grouped."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that reads best: 850 us, 12.4 ms, 3.20 s, 2 min 05 s."""
    if seconds is None:
        return UNKNOWN
    size = abs(seconds)
    if size >= 120:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if size >= 1:
        return f"{significant(seconds)} s"
    if size >= 1e-3:
        return f"{significant(seconds * 1e3)} ms"
    return f"{significant(seconds * 1e6)} us"


def size(value_bytes: float | None) -> str:
    """Bytes in binary units: 812 MiB, 1.50 GiB."""
    if value_bytes is None:
        return UNKNOWN
    value = float(value_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{significant(value)} {unit}"
        value /= 1024
    return f"{significant(value)} TiB"


def count(value: float | None) -> str:
    """A large count in the field's short form: 25.6 M, 4.09 G."""
    if value is None:
        return UNKNOWN
    for scale, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:g}"


def share(fraction: float | None) -> str:
    """A fraction as a percentage: 3.4 %."""
    return UNKNOWN if fraction is None else f"{fraction * 100:.3g} %"
