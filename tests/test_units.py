"""Quantities become text in one place."""

from __future__ import annotations

import pytest

from resnet_bench import units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.2, "3.20 s"), (0.0124, "12.4 ms"), (38e-6, "38.0 us"), (125, "2 min 05 s"), (None, "-"), (31.24, "31.2 s")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(("rate", "text"), [(4.534, "4.53 img/s"), (51.23, "51.2 img/s"), (1204.4, "1,204 img/s")])
def test_rates(rate: float, text: str) -> None:
    assert units.rate(rate) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(812 << 20, "812 MiB"), (1.5 * 2**30, "1.50 GiB"), (12, "12.0 B"), (None, "-"), (3 << 40, "3.00 TiB")],
)
def test_sizes(value: float | None, text: str) -> None:
    assert units.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(25_557_032, "25.6 M"), (4.09e9, "4.09 G"), (53, "53"), (None, "-")])
def test_counts(value: float | None, text: str) -> None:
    assert units.count(value) == text


def test_shares() -> None:
    assert units.share(0.034) == "3.4 %"
    assert units.share(None) == "-"
