"""A trace of a few steps in TensorBoard's layout, and what the profiler cost them.

Owns `capture` and `compare`. Both drive a `Step` (`step/`) that is attached and warm; XProf and TensorBoard's
Profile tab read what is left in `plugins/profile/<time>/<host>.xplane.pb`.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from resnet_bench.config.fields import Value
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.records.profile import ProfileResult

if TYPE_CHECKING:
    from resnet_bench.step.base import Step

MOST_CALLS = 100
LONGEST_S = 60.0
LARGEST_BYTES = 1 << 26
"""A trace's size: a viewer takes it at once, and it is summed up in seconds."""

MOST_PAIRS = 10
TURN_S = 0.5
"""About how long one round of the comparison lasts; slower steps take one call."""

DEVICE_PLANE = b"/device:GPU:"


def capture(
    step: Step,
    directory: Path,
    calls: int,
    *,
    device_tracing: bool = False,
    longest_s: float = LONGEST_S,
    largest_bytes: int = LARGEST_BYTES,
) -> ProfileResult:
    """Profile `calls` calls of an attached `step` into `directory`. Blocks until the device is done.

    One call is traced and thrown away first: it takes what the profiler's own start costs, and says how many
    fit into `largest_bytes`. Stops early after `longest_s` seconds. Either is noticed. `device_tracing` asks for
    the GPU's own activity; where the driver withholds it, the host is traced alone, with a notice. Raises
    `ConfigError` for a bad number of calls, and `BenchError` where no trace can be started or written.
    """
    if not 1 <= calls <= MOST_CALLS:
        raise ConfigError(f"A profile of {calls} calls is not possible: 1 to {MOST_CALLS} are.", "Profile fewer calls.")
    _make(directory)
    with tempfile.TemporaryDirectory(prefix="resnet-bench-") as aside:
        level, notices = _rehearse(step, Path(aside), int(device_tracing))
        call_bytes = _size(_newest_traces(Path(aside)))
    fitting = max(1, min(calls, int(largest_bytes / call_bytes)))
    _start(directory, level)
    start = time.perf_counter()
    ran = 0
    try:
        ran = _run(step, fitting, start + longest_s)
    finally:
        wall_s = time.perf_counter() - start
        _stop(directory, keep=ran > 0)
    traces = _newest_traces(directory)
    size, steps = _size(traces), ran * step.steps_per_call
    notices += _cut(calls * step.steps_per_call, steps, longest_s, fitting < calls, call_bytes, largest_bytes)
    if size > largest_bytes:
        notices.append(Notice.make("profile_large", bytes=size, limit_bytes=largest_bytes))
    traced = level > 0 and any(DEVICE_PLANE in trace.read_bytes() for trace in traces)
    if level > 0 and not traced:
        notices.append(Notice.make("profile_host_only", reason="no activity of the GPU was delivered"))
    return ProfileResult(
        path=str(traces[0].parent.resolve()),
        bytes=size,
        steps=steps,
        wall_s=wall_s,
        device_traced=traced,
        notices=tuple(notices),
    )


def compare(step: Step, call_s: float, budget_s: float, *, device_tracing: bool) -> tuple[tuple[float, float], ...]:
    """Seconds per step without and with the profiler, in pairs of turns (ABBA) one right after the other.

    `call_s` is about how long a call takes. Takes as many pairs as fit into `budget_s`, at most `MOST_PAIRS`;
    starting and stopping the profiler is not timed, and an untimed call before each turn takes what a pipeline
    buffered meanwhile. Blocks; nothing is written.
    """
    end = time.perf_counter() + budget_s
    calls = max(1, int(TURN_S / max(call_s, TURN_S / MOST_CALLS)))
    pair_s = 2 * (calls + 1) * call_s
    pairs: list[tuple[float, float]] = []
    while len(pairs) < MOST_PAIRS and time.perf_counter() + pair_s < end:
        start = time.perf_counter()
        order = (False, True) if len(pairs) % 2 == 0 else (True, False)
        taken = {profiled: _turn(step, calls, profiled, int(device_tracing)) for profiled in order}
        pairs.append((taken[False], taken[True]))
        pair_s = time.perf_counter() - start
    return tuple(pairs)


def _turn(step: Step, calls: int, profiled: bool, level: int) -> float:
    """Seconds per step of one turn."""
    if profiled:
        _start_profiler(Path(tempfile.gettempdir()), level)
    try:
        _run(step, 1)
        start = time.perf_counter()
        _run(step, calls)
        return (time.perf_counter() - start) / (calls * step.steps_per_call)
    finally:
        if profiled:
            tf.profiler.experimental.stop(save=False)


def _run(step: Step, calls: int, deadline_s: float = float("inf")) -> int:
    """Run marked calls until `deadline_s` (one at least) and wait; returns how many."""
    ran = 0
    while ran < calls and (ran == 0 or time.perf_counter() < deadline_s):
        # The root marker (_r) is what XProf groups events into steps by, on a CPU too.
        with tf.profiler.experimental.Trace("step", step_num=ran, _r=1):
            step.dispatch(1)
            if step.own_thread:
                step.wait()
        ran += 1
    step.wait()
    return ran


def _rehearse(step: Step, directory: Path, level: int) -> tuple[int, list[Notice]]:
    """Trace one call; returns the level of device tracing that the driver allows, and what it says."""
    notices = []
    try:
        _start(directory, level)
    except BenchError as problem:
        if level == 0 or not isinstance(problem.__cause__, tf.errors.OpError):
            raise
        notices.append(Notice.make("profile_host_only", reason=problem.__cause__.message))
        level = 0
        _start(directory, level)
    ran = 0
    try:
        ran = _run(step, 1)
    finally:
        _stop(directory, keep=ran > 0)
    return level, notices


def _cut(asked: int, steps: int, limit_s: float, too_large: bool, call_bytes: int, limit_bytes: int) -> list[Notice]:
    if steps == asked:
        return []
    facts: dict[str, Value] = {"asked_steps": asked, "steps": steps}
    if too_large:
        return [Notice.make("profile_shortened", **facts, call_bytes=call_bytes, limit_bytes=limit_bytes)]
    return [Notice.make("profile_cut", **facts, limit_s=limit_s)]


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BenchError(
            f"The profile folder {directory} cannot be made: {problem.strerror}.", "Choose another."
        ) from problem


def _start(directory: Path, level: int) -> None:
    try:
        _start_profiler(directory, level)
    except tf.errors.AlreadyExistsError as problem:
        raise BenchError("Another profile of this process is running.", "Wait until it ends.") from problem
    except tf.errors.OpError as problem:
        raise BenchError(f"TensorFlow's profiler did not start: {problem.message}.", "Leave it out.") from problem


def _start_profiler(directory: Path, level: int) -> None:
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=level
    )
    tf.profiler.experimental.start(os.fsencode(directory), options=options)


def _stop(directory: Path, keep: bool) -> None:
    try:
        tf.profiler.experimental.stop(save=keep)
    except tf.errors.OpError as problem:
        raise BenchError(
            f"The profile could not be written to {directory}: {problem.message}.", "Check its space and rights."
        ) from problem


def _size(traces: list[Path]) -> int:
    return sum(trace.stat().st_size for trace in traces)


def _newest_traces(directory: Path) -> list[Path]:
    runs = sorted((directory / "plugins" / "profile").glob("*/"), key=lambda run: run.stat().st_mtime_ns)
    traces = sorted(runs[-1].glob("*.xplane.pb")) if runs else []
    if not traces:
        raise BenchError(f"TensorFlow's profiler left no trace in {directory}.", "Check its space and rights.")
    return traces
