"""NVIDIA DALI on the CPU: its own TFRecord reader, fused random-crop decoder, resize and flip.

The crop is drawn by DALI itself, from the same ranges of area and aspect ratio.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import nvidia.dali.tfrecord as tfrec
from nvidia.dali import __version__ as dali_version
from nvidia.dali import fn, pipeline_def, types

from benchmarks.peers import loader
from benchmarks.peers.images import AREA, ASPECT, ATTEMPTS, ENCODED, Span, centre_window
from resnet_bench.data import framing

AHEAD = 2
SHUFFLE = 1024


def _indices(paths: list[str]) -> list[str]:
    """DALI's index files: a line of offset and size per record."""
    folder = Path(tempfile.mkdtemp(prefix="dali-index-"))
    made = []
    for number, path in enumerate(paths):
        lines = [f"{frame.offset} {frame.end - frame.offset}\n" for frame in framing.walk(Path(path))]
        (folder / str(number)).write_text("".join(lines))
        made.append(str(folder / str(number)))
    return made


class Dali:
    """`WORKERS` threads."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {
            "peer": f"NVIDIA DALI {dali_version}, CPU",
            "workers": loader.WORKERS,
            "prefetch_queue_depth": AHEAD,
            "resize": "bilinear",
        }

    def batches(self, spans: list[Span], batch: int, size: int, seed: int) -> Iterator[Any]:
        """See `loader.Loader`."""
        paths = sorted({span.path for span in spans})

        @pipeline_def(  # type: ignore[untyped-decorator]
            batch_size=batch, num_threads=loader.WORKERS, device_id=None, seed=seed, prefetch_queue_depth=AHEAD
        )
        def images() -> Any:
            record = fn.readers.tfrecord(
                path=paths,
                index_path=_indices(paths),
                features={ENCODED: tfrec.FixedLenFeature((), tfrec.string, "")},
                random_shuffle=True,
                initial_fill=SHUFFLE,
            )
            cropped = fn.decoders.image_random_crop(
                record[ENCODED],
                device="cpu",
                output_type=types.RGB,
                random_area=list(AREA),
                random_aspect_ratio=list(ASPECT),
                num_attempts=ATTEMPTS,
            )
            resized = fn.resize(
                cropped, size=[size, size], interp_type=types.INTERP_LINEAR, antialias=False, dtype=types.UINT8
            )
            return fn.flip(resized, horizontal=fn.random.coin_flip())

        made = images()
        made.build()
        while True:
            (found,) = made.run()
            yield np.asarray(found.as_tensor())

    def centre(self, spans: list[Span], size: int) -> Any:
        """See `loader.Loader`."""

        @pipeline_def(batch_size=1, num_threads=1, device_id=None, prefetch_queue_depth=1)  # type: ignore[untyped-decorator]
        def one() -> Any:
            encoded = fn.external_source(name="encoded", dtype=types.UINT8, ndim=1)
            start = fn.external_source(name="start", dtype=types.INT32, ndim=1)
            shape = fn.external_source(name="shape", dtype=types.INT32, ndim=1)
            window = fn.decoders.image_slice(
                encoded, device="cpu", output_type=types.RGB, start=start, shape=shape, axes=[0, 1]
            )
            return fn.resize(
                window, size=[size, size], interp_type=types.INTERP_LINEAR, antialias=False, dtype=types.UINT8
            )

        @pipeline_def(batch_size=1, num_threads=1, device_id=None, prefetch_queue_depth=1)  # type: ignore[untyped-decorator]
        def shape_of() -> Any:
            return fn.peek_image_shape(fn.external_source(name="encoded", dtype=types.UINT8, ndim=1))

        cutter, looker = one(), shape_of()
        cutter.build()
        looker.build()
        images = []
        for span in spans:
            encoded = np.frombuffer(span.read(), np.uint8)
            looker.feed_input("encoded", [encoded])
            height, width = (int(each) for each in np.asarray(looker.run()[0].as_tensor())[0][:2])
            top, left, tall, wide = centre_window(height, width, size)
            cutter.feed_input("encoded", [encoded])
            cutter.feed_input("start", [np.array([top, left], np.int32)])
            cutter.feed_input("shape", [np.array([tall, wide], np.int32)])
            images.append(np.array(cutter.run()[0].as_tensor())[0])
        return np.stack(images)


if __name__ == "__main__":
    loader.serve(Dali)
