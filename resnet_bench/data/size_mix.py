"""The notation of a mix: `imagenet`, one value, or values with shares, like `500x375=0.7,375x500=0.3`.

For the sizes, JPEG qualities and bytes per pixel of photographs that `data make` writes. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

from resnet_bench.data.synthetic_photos import ENCODINGS, IMAGENET, SIZES, PhotoRecipe
from resnet_bench.errors import ConfigError

LIKE_IMAGENET = "imagenet"
_SHARES = "or several with shares, like"
T = TypeVar("T")


def recipe(sizes: str, quality: str | None, bytes_per_pixel: str | None) -> PhotoRecipe:
    """The recipe that three options ask for. Raises `ConfigError` naming the one that is wrong."""
    if quality is not None and bytes_per_pixel is not None:
        raise ConfigError(
            "--quality and --bytes-per-pixel both decide how images are encoded.", "Leave one of them out."
        )
    found = PhotoRecipe(
        sizes=SIZES
        if sizes == LIKE_IMAGENET
        else _mix("--sizes", sizes, _size, f"500x375, {_SHARES} 500x375=3,375x500=1"),
        encodings=ENCODINGS
        if quality in (None, LIKE_IMAGENET)
        else _mix("--quality", str(quality), _quality, f"92 or 92/4:4:4, {_SHARES} 97/4:4:4=1,92=1"),
    )
    if bytes_per_pixel is not None:
        density = _mix("--bytes-per-pixel", bytes_per_pixel, _density, f"0.6, {_SHARES} 0.4=1,0.8=3")
        return PhotoRecipe(found.sizes, {(0, "4:2:0"): 1.0}, density)
    return IMAGENET if found == IMAGENET else found


def _mix(flag: str, text: str, value_of: Callable[[str], T | None], allowed: str) -> dict[T, float]:
    """Values and their shares, which add up to 1."""
    refusal = ConfigError(
        f"{flag} {text} is not allowed: it takes {LIKE_IMAGENET}, {allowed}.".replace(" imagenet, 0", " 0")
    )
    shares: dict[T, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        value = value_of(name.strip())
        try:
            weight = float(share) if share else 1.0
        except ValueError:
            raise refusal from None
        if value is None or not (math.isfinite(weight) and weight > 0) or value in shares:
            raise refusal
        shares[value] = weight
    whole = math.fsum(shares.values())
    return {value: weight / whole for value, weight in shares.items()}


def _size(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    return size if min(size) >= 8 and max(size) <= 4096 else None


def _quality(text: str) -> tuple[int, str] | None:
    found = re.fullmatch(r"(\d{1,3})(?:/(4:4:4|4:2:2|4:2:0))?", text)
    return (int(found[1]), found[2] or "4:2:0") if found and 1 <= int(found[1]) <= 100 else None


def _density(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.01 <= value <= 8 else None
