"""A clock that moves only when it is told to: pytest-benchmark reads measured durations from it."""

from __future__ import annotations


class VirtualClock:
    """Callable like `time.perf_counter`; `advance` moves it."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now_s += seconds


CLOCK = VirtualClock()
