"""Limits and energy in a line each, and nothing where nothing was measured."""

from __future__ import annotations

from resnet_bench.analysis.energy import run_energy
from resnet_bench.records.roofline import Energy
from resnet_bench.report.words.roofline import energy_line, line
from tests.support import report_records as made


def test_a_run_against_measured_peaks() -> None:
    words = line(made.limits(0.4, made.profiled()))
    assert words.startswith("MFU 44.1 % (269 GFLOP/s of 610 GFLOP/s in float32); measured peaks allow a step of 307 ms")
    assert "most to gain: " in words


def test_without_a_profile_no_place_is_named() -> None:
    assert "most to gain" not in line(made.limits(0.4))


def test_without_peaks_there_is_no_line() -> None:
    assert line(None) == ""


def test_power_and_efficiency() -> None:
    assert energy_line(made.energy()) == "64.6 W, 21.0 W idle; 0.912 images per joule beyond idle (RAPL)"


def test_an_unknown_idle_power_is_said() -> None:
    found = run_energy(made.samples(16, 0.4, energy_j=52.0), made.MACHINE, ())
    assert energy_line(found).startswith("64.6 W, idle unknown")


def test_unavailable_energy_has_no_line() -> None:
    assert energy_line(Energy(status="unavailable", why="no counter")) == ""
    assert energy_line(None) == ""
