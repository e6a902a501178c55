"""TODO."""

from __future__ import annotations

from typing import Protocol

from resnet_bench.config import Config
from resnet_bench.records.base import Notice


class RunObserver(Protocol):
    """Who wants to know how far a run is. The worker may be timing its next block meanwhile: be quick."""

    def process(self, number: int, of: int) -> None:
        """Process `number` (from 0) of `of` starts."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """The device is known; `notices` are what to expect."""

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """`done` of `of` timed rounds are over; `left_s` is about what remains of this process."""


class SilentRunObserver:
    """An observer that looks away."""

    def process(self, number: int, of: int) -> None:
        """Ignore it."""

    def phase(self, name: str) -> None:
        """Ignore it."""

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Ignore it."""

    def rounds(self, done: int, of: int, images_per_s: float, left_s: float) -> None:
        """Ignore it."""
