"""A profile of a few steps in TensorBoard's layout, outside any timed window.

Owns `capture`. It drives a `Step` (`step/`) between start and stop of TensorFlow's profiler; XProf and
TensorBoard's Profile tab read what it leaves in `plugins/profile/<time>/<host>.xplane.pb`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.results import Notice, ProfileResult, Value

if TYPE_CHECKING:
    from resnet_bench.step import Step

MOST_CALLS = 100
LONGEST_S = 60.0
LARGEST_BYTES = 1 << 30
DEVICE_PLANE = b"/device:GPU:"


def capture(
    step: Step, directory: Path, calls: int, *, device_tracing: bool = False, longest_s: float = LONGEST_S
) -> ProfileResult:
    """Profile `calls` calls of an attached `step` into `directory`. Blocks until the device is done.

    Stops early after `longest_s` seconds, with a notice: a trace grows with time. `device_tracing` asks for
    the GPU's own activity; where the driver withholds it, the host is traced alone, with a notice. Raises
    `ConfigError` for a bad number of calls, and `BenchError` where no trace can be started or written.
    """
    if not 1 <= calls <= MOST_CALLS:
        raise ConfigError(f"A profile of {calls} calls is not possible: 1 to {MOST_CALLS} are.", "Profile fewer calls.")
    notices = _start(directory, device_tracing)
    start = time.perf_counter()
    ran = 0
    try:
        ran = _run(step, calls, start + longest_s)
    finally:
        wall_s = time.perf_counter() - start
        _stop(directory, keep=ran > 0)
    if ran < calls:
        facts: dict[str, Value] = {
            "asked_steps": calls * step.steps_per_call,
            "steps": ran * step.steps_per_call,
            "limit_s": longest_s,
        }
        notices.append(Notice(kind="profile_cut", facts=facts))
    traces = _newest_traces(directory)
    size = sum(trace.stat().st_size for trace in traces)
    if size > LARGEST_BYTES:
        notices.append(Notice(kind="profile_large", facts={"bytes": size, "limit_bytes": LARGEST_BYTES}))
    traced = device_tracing and any(DEVICE_PLANE in trace.read_bytes() for trace in traces)
    if device_tracing and not traced and not any(notice.kind == "profile_host_only" for notice in notices):
        notices.append(Notice(kind="profile_host_only", facts={"reason": "no activity of the GPU was delivered"}))
    return ProfileResult(
        path=str(traces[0].parent),
        bytes=size,
        steps=ran * step.steps_per_call,
        wall_s=wall_s,
        device_traced=traced,
        notices=tuple(notices),
    )


def _run(step: Step, calls: int, deadline_s: float) -> int:
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


def _start(directory: Path, device_tracing: bool) -> list[Notice]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BenchError(
            f"The profile folder {directory} cannot be made: {problem.strerror}.", "Choose another."
        ) from problem
    try:
        _start_profiler(directory, int(device_tracing))
    except tf.errors.AlreadyExistsError as problem:
        raise BenchError("Another profile of this process is running.", "Wait until it ends.") from problem
    except tf.errors.OpError as problem:
        if not device_tracing:
            raise BenchError(f"TensorFlow's profiler did not start: {problem.message}.", "Leave it out.") from problem
        _start_profiler(directory, 0)
        return [Notice(kind="profile_host_only", facts={"reason": problem.message})]
    return []


def _start_profiler(directory: Path, device_level: int) -> None:
    options = tf.profiler.experimental.ProfilerOptions(
        host_tracer_level=2, python_tracer_level=0, device_tracer_level=device_level
    )
    tf.profiler.experimental.start(str(directory), options=options)


def _stop(directory: Path, keep: bool) -> None:
    try:
        tf.profiler.experimental.stop(save=keep)
    except tf.errors.OpError as problem:
        raise BenchError(
            f"The profile could not be written to {directory}: {problem.message}.", "Check its space and rights."
        ) from problem


def _newest_traces(directory: Path) -> list[Path]:
    runs = sorted((directory / "plugins" / "profile").glob("*/"), key=lambda run: run.stat().st_mtime_ns)
    traces = sorted(runs[-1].glob("*.xplane.pb")) if runs else []
    if not traces:
        raise BenchError(f"TensorFlow's profiler left no trace in {directory}.", "Check its space and rights.")
    return traces
