"""What a person sees while a run goes on."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from resnet_bench.cli.progress import run


def live(monkeypatch: pytest.MonkeyPatch) -> tuple[run.LiveRun, io.StringIO]:
    monkeypatch.setattr(run, "TICK_S", 0.01)
    screen = io.StringIO()
    return run.LiveRun(Console(file=screen, force_terminal=True, width=80)), screen


def drawn_within(screen: io.StringIO, seconds: float) -> bool:
    before, end = len(screen.getvalue()), time.monotonic() + seconds
    while time.monotonic() < end:
        if len(screen.getvalue()) > before:
            return True
        time.sleep(0.01)
    return False


def test_the_line_lives_while_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    line, screen = live(monkeypatch)
    with line:
        line.phase("import")
        assert drawn_within(screen, 10)


def test_nothing_is_redrawn_while_blocks_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    line, screen = live(monkeypatch)
    with line:
        line.phase("timed")
        time.sleep(0.05)  # a redraw that had begun
        assert not drawn_within(screen, 0.2)
        line.rounds(1, 200, 12.5, 40.0)
        first = screen.getvalue()
        line.rounds(2, 200, 12.5, 39.8)
        assert screen.getvalue() == first
    assert "round 1/200, 12.5 img/s, 40.0 s left" in first
    assert "round 2/200" not in screen.getvalue()


def test_the_last_round_is_always_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    line, screen = live(monkeypatch)
    with line:
        line.process(1, 3)
        line.phase("timed")
        line.rounds(1, 2, 12.5, 1.0)
        line.rounds(2, 2, 12.5, 0.0)
    assert "process 2/3 timed" in screen.getvalue()
    assert "round 2/2, 12.5 img/s" in screen.getvalue()
    assert "0 us left" not in screen.getvalue()
