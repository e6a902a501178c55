"""Capturing a profile: TensorBoard's layout, bounded, with step markers; what the profiler cost, in turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.profile import capture as profile
from resnet_bench.profile import operations, xplane
from resnet_bench.step.make import make_step
from tests.support.tiny_steps import configuration, network, ready, resident, runtime


def make_ready(**options: Any) -> Any:
    return ready(make_step(configuration(**options), runtime(), network()), resident())


@pytest.mark.parametrize("loop", ["custom", "fit"])
def test_a_capture_leaves_one_trace_with_a_marker_per_call(tmp_path: Path, loop: str) -> None:
    step = make_ready(loop=loop, steps_per_call=2)
    result = profile.capture(step, tmp_path / "new", 3)
    assert step.finish().iterations == 8  # One call of two steps was traced and thrown away first.
    step.close()
    (trace,) = (tmp_path / "new").glob("plugins/profile/*/*.xplane.pb")
    assert result.path == str(trace.parent)
    assert result.bytes == trace.stat().st_size > 0
    assert (result.steps, result.device_traced, result.notices) == (6, False, ())
    assert result.wall_s > 0
    found = operations.collect(xplane.read(trace.parent))
    assert [marker.facts["step_num"] for marker in found.markers] == [0, 1, 2]
    assert len([each for each in found.operations if each.kind.endswith("Conv2D")]) % 6 == 0


def test_a_capture_stops_at_its_limit_and_says_so(tmp_path: Path) -> None:
    result = profile.capture(make_ready(), tmp_path, 5, longest_s=0.0)  # so few that their size cannot cut them first
    (notice,) = result.notices
    assert (notice.kind, notice.facts) == ("profile_cut", {"asked_steps": 5, "steps": 1, "limit_s": 0.0})


def test_a_capture_holds_as_many_calls_as_fit_its_size(tmp_path: Path) -> None:
    call_bytes = profile.capture(make_ready(), tmp_path / "one", 1).bytes
    result = profile.capture(make_ready(), tmp_path / "some", 50, largest_bytes=call_bytes * 4)
    assert 1 < result.steps < 8
    assert result.bytes < call_bytes * 8
    (notice,) = [notice for notice in result.notices if notice.kind == "profile_shortened"]
    assert (notice.facts["asked_steps"], notice.facts["steps"]) == (50, result.steps)


def test_one_call_is_traced_however_large_it_is(tmp_path: Path) -> None:
    result = profile.capture(make_ready(), tmp_path, 2, largest_bytes=1)
    assert result.steps == 1
    assert [notice.kind for notice in result.notices] == ["profile_shortened", "profile_large"]


def test_steps_with_and_without_the_profiler_take_turns() -> None:
    step = make_ready()
    taken: list[bool] = []
    turn = profile._turn

    def noting(step: Any, calls: int, profiled: bool, level: int) -> float:
        taken.append(profiled)
        return turn(step, calls, profiled, level)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "_turn", noting)
        patch.setattr(profile, "MOST_PAIRS", 4)
        pairs = profile.compare(step, 0.5, 1e6, device_tracing=False)
        assert profile.compare(step, 0.5, 0.0, device_tracing=False) == ()
    assert taken == [False, True, True, False, False, True, True, False]
    assert len(pairs) == 4
    assert all(plain > 0 and profiled > 0 for plain, profiled in pairs)
    assert step.finish().iterations == 16  # An untimed step and a timed one in each of 8 turns.


def test_a_device_that_delivers_nothing_is_noticed(tmp_path: Path) -> None:
    result = profile.capture(make_ready(), tmp_path, 1, device_tracing=True)
    assert [notice.kind for notice in result.notices] == ["profile_host_only"]
    assert not result.device_traced


def test_where_device_tracing_is_refused_the_host_is_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = tf.profiler.experimental.start
    levels = []

    def refusing(logdir: str, options: Any) -> None:
        levels.append(options.device_tracer_level)
        if options.device_tracer_level:
            raise tf.errors.PermissionDeniedError(None, None, "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")
        start(logdir, options)

    monkeypatch.setattr(tf.profiler.experimental, "start", refusing)
    result = profile.capture(make_ready(), tmp_path, 1, device_tracing=True)
    assert levels == [1, 0, 0]
    (notice,) = result.notices
    assert notice.facts == {"reason": "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"}


@pytest.mark.parametrize("calls", [0, profile.MOST_CALLS + 1])
def test_a_number_of_calls_out_of_bounds_is_refused(tmp_path: Path, calls: int) -> None:
    with pytest.raises(ConfigError, match=f"{calls} calls"):
        profile.capture(make_ready(), tmp_path, calls)


def test_a_second_profile_and_a_bad_folder_are_clear_errors(tmp_path: Path) -> None:
    step = make_ready()
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="file"):
        profile.capture(step, tmp_path / "file" / "below", 1)
    tf.profiler.experimental.start(str(tmp_path))
    try:
        with pytest.raises(BenchError, match="Another profile"):
            profile.capture(step, tmp_path, 1)
    finally:
        tf.profiler.experimental.stop(save=False)


def test_a_step_that_fails_ends_the_profile(tmp_path: Path) -> None:
    step = make_ready()

    def broken(*_: Any) -> Any:
        raise tf.errors.InternalError(None, None, "lost")

    step._call = broken
    with pytest.raises(tf.errors.InternalError):
        profile.capture(step, tmp_path, 2)
    assert profile.capture(make_ready(), tmp_path, 1).steps == 1
