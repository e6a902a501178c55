"""Measured peaks of this machine: arithmetic of a large matrix product, bandwidth of a large update.

A peak is the best of several repeats after one that warms up, because it is what the
machine can do when nothing disturbs it. Bounded in time: sizes shrink until they fit. Neighbours:
`doctor.py` shows them, a roofline may divide by them. TensorFlow is imported inside the functions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from resnet_bench.records.base import Data
from resnet_bench.records.roofline import DType, Peak, Peaks
from resnet_bench.runtime.sync import wait as wait_for_devices

Clock = Callable[[], float]
Wait = Callable[[], None]

SMALLEST_EDGE = 256
SMALLEST_BLOCK_S = 0.05  # a timed block lasts at least this long, so that clock and dispatch do not show
REPEATS_PLANNED = 5
CALLS_MAX = 4096
TRIAD_BYTES = {"cpu": 256 * 2**20, "gpu": 2 * 2**30}
CACHES_EXCEEDED = 4
CONVOLUTION = (28, 128)
"""Edge in pixels and channels in and out of the 3x3 convolution that is timed: the third stage's, whose batch
neither fits a small cache nor fills a small memory."""

CONVOLUTION_IMAGES = {"cpu": 16, "gpu": 128}
MATMUL_EDGES: dict[str, tuple[int, ...]] = {"cpu": (512, 1024, 2048, 4096), "gpu": (1024, 2048, 4096, 8192)}


class BestTime(Data, frozen=True, kw_only=True):
    """Shortest seconds per call over `repeats` blocks of `calls` calls."""

    call_s: float
    repeats: int
    calls: int


def best_time(run: Callable[[], None], wait: Wait, budget_s: float, clock: Clock = time.perf_counter) -> BestTime:
    """Time `run` (which may return before its work is done) until `budget_s` is spent: at least once, after
    an untimed call. A block holds as many calls as fill `SMALLEST_BLOCK_S`."""
    deadline = clock() + budget_s
    run()
    wait()
    calls, shortest, repeats = 1, float("inf"), 0
    while True:
        elapsed = _block(run, wait, calls, clock)
        if elapsed < SMALLEST_BLOCK_S and calls < CALLS_MAX and clock() < deadline:
            calls *= 2
            continue
        shortest, repeats = min(shortest, elapsed / calls), repeats + 1
        if clock() + elapsed > deadline:
            return BestTime(call_s=shortest, repeats=repeats, calls=calls)


def _block(run: Callable[[], None], wait: Wait, calls: int, clock: Clock) -> float:
    start = clock()
    for _ in range(calls):
        run()
    wait()
    return clock() - start


def fitting_edge(size: int, call_s: Callable[[int], float], budget_s: float, clock: Clock = time.perf_counter) -> int:
    """The largest of `SMALLEST_EDGE`, doubled up to `size`, whose product fits the budget several times.

    `call_s(edge)` times one product. Its work grows eightfold with each doubling, so the next edge is only
    tried while `REPEATS_PLANNED` of its products fit what is left. Small products run below the peak,
    which makes the forecast careful.
    """
    deadline = clock() + budget_s
    edge = min(SMALLEST_EDGE, size)
    while edge * 2 <= size and 8 * call_s(edge) * REPEATS_PLANNED <= deadline - clock():
        edge *= 2
    return edge


def matmul_flops_per_s(
    dtype: DType,
    size: int,
    device: str,
    budget_s: float,
    *,
    clock: Clock = time.perf_counter,
    wait: Wait = wait_for_devices,
) -> Peak:
    """Peak of a square matrix product in `dtype` on `device` ("/CPU:0"): 2 n^3 operations each.

    `size` is the largest edge tried; a slow device gets a smaller one (`Peak.size`). Blocks on the device.
    TF32 is as the process has it. Takes about `budget_s` seconds.
    """
    started = clock()

    def call_s(edge: int) -> float:
        return best_time(_product(dtype, edge, device), wait, 0.0, clock).call_s

    edge = fitting_edge(size, call_s, budget_s, clock)
    best = best_time(_product(dtype, edge, device), wait, budget_s - (clock() - started), clock)
    item_bytes = 4 if dtype == "float32" else 2
    return Peak(
        kind="matmul",
        value=2 * edge**3 / best.call_s,
        unit="flop/s",
        dtype=dtype,
        size=edge,
        working_set_bytes=3 * edge**2 * item_bytes,
        repeats=best.repeats,
        calls=best.calls,
    )


def _product(dtype: DType, size: int, device: str) -> Callable[[], None]:
    """A compiled product of two fixed random matrices, so that oneDNN or cuBLAS takes it as in a network."""
    import tensorflow as tf

    with tf.device(device):
        left, right = (tf.cast(tf.random.stateless_normal((size, size), (0, seed)), dtype) for seed in (1, 2))
        multiply = tf.function(tf.linalg.matmul, autograph=False).get_concrete_function(left, right)

    def run() -> None:
        multiply(left, right)

    return run


def convolution_flops_per_s(
    dtype: DType,
    images: int,
    device: str,
    budget_s: float,
    *,
    clock: Clock = time.perf_counter,
    wait: Wait = wait_for_devices,
) -> Peak:
    """Peak of `CONVOLUTION`, one of ResNet-50's own 3x3 convolutions, over a batch of `images`.

    Counts 2 operations per multiply-accumulate, of the full 3x3 at each output pixel. Blocks on the device.
    Takes about `budget_s` seconds, and at least two calls.
    """
    edge, channels = CONVOLUTION
    best = best_time(_convolution(dtype, images, device), wait, budget_s, clock)
    item_bytes = 4 if dtype == "float32" else 2
    return Peak(
        kind="convolution",
        value=2 * images * edge**2 * 9 * channels**2 / best.call_s,
        unit="flop/s",
        dtype=dtype,
        size=images,
        working_set_bytes=(2 * images * edge**2 * channels + 9 * channels**2) * item_bytes,
        repeats=best.repeats,
        calls=best.calls,
    )


def _convolution(dtype: DType, images: int, device: str) -> Callable[[], None]:
    import tensorflow as tf

    edge, channels = CONVOLUTION
    with tf.device(device):
        batch = tf.cast(tf.random.stateless_normal((images, edge, edge, channels), (0, 1)), dtype)
        kernel = tf.cast(tf.random.stateless_normal((3, 3, channels, channels), (0, 2)), dtype)
        convolve = tf.function(
            lambda x, w: tf.nn.conv2d(x, w, strides=1, padding="SAME"), autograph=False
        ).get_concrete_function(batch, kernel)

    def run() -> None:
        convolve(batch, kernel)

    return run


def memory_bandwidth_bytes_per_s(
    device: str,
    budget_s: float,
    *,
    working_set_bytes: int,
    clock: Clock = time.perf_counter,
    wait: Wait = wait_for_devices,
) -> Peak:
    """Peak bandwidth of a += b over float32 arrays that together hold `working_set_bytes`.

    Counts 12 bytes an element: a and b read, a written. In place, because an operation that allocates its
    result would time the page faults instead; the store hits lines just read, so no hidden traffic is
    left out of the count. `triad_bytes` says how large the arrays should be. Blocks on the device.
    """
    elements = working_set_bytes // 8
    best = best_time(_update(elements, device), wait, budget_s, clock)
    return Peak(
        kind="bandwidth",
        value=12 * elements / best.call_s,
        unit="byte/s",
        dtype="float32",
        size=elements,
        working_set_bytes=8 * elements,
        repeats=best.repeats,
        calls=best.calls,
    )


def _update(elements: int, device: str) -> Callable[[], None]:
    """a += b in place, compiled, over arrays whose pages exist."""
    import tensorflow as tf

    with tf.device(device):
        target = tf.Variable(tf.ones((elements,)))
        source = tf.ones((elements,)) * 1e-3

        def add(addend: tf.Tensor) -> None:
            target.assign_add(addend, read_value=False)

        update = tf.function(add, autograph=False).get_concrete_function(source)

    held = (update, target)  # a compiled function does not keep its variables alive

    def run() -> None:
        held[0](source)

    return run


def triad_bytes(
    device_kind: Literal["cpu", "gpu"], last_level_cache_bytes: int | None, memory_bytes: int | None
) -> int:
    """Bytes of both arrays: beyond `CACHES_EXCEEDED` caches, within an eighth of the memory at hand."""
    wanted = max(TRIAD_BYTES[device_kind], CACHES_EXCEEDED * (last_level_cache_bytes or 0))
    return wanted if memory_bytes is None else min(wanted, memory_bytes // 8)


def measure(
    device: str,
    device_kind: Literal["cpu", "gpu"],
    *,
    last_level_cache_bytes: int | None = None,
    memory_bytes: int | None = None,
    budget_s: float = 6.0,
    dtypes: tuple[DType, ...] = ("float32", "bfloat16"),
    edges: tuple[int, ...] = (),
    convolution: bool = False,
) -> Peaks:
    """All peaks of `device`, in about `budget_s` seconds shared evenly. Blocks on the device.

    Matrix products of each dtype and of each of `edges` (one that suits the device by default; a size that does not fit
    its share is measured smaller, and counts once), a convolution of each dtype, and the memory bandwidth.
    """
    edges = edges or (4096 if device_kind == "cpu" else 8192,)
    share_s = budget_s / (len(dtypes) * (len(edges) + convolution) + 1)
    products = {
        (peak.dtype, peak.size): peak
        for dtype in dtypes
        for peak in (matmul_flops_per_s(dtype, edge, device, share_s) for edge in edges)
    }
    images = CONVOLUTION_IMAGES[device_kind]
    working_set_bytes = triad_bytes(device_kind, last_level_cache_bytes, memory_bytes)
    return Peaks(
        device=device,
        matmul=tuple(products.values()),
        convolution=tuple(
            convolution_flops_per_s(dtype, images, device, share_s) for dtype in (dtypes if convolution else ())
        ),
        bandwidth=memory_bandwidth_bytes_per_s(device, share_s, working_set_bytes=working_set_bytes),
    )
