"""Our own worker, which also shows what its decoding gives for the window that all peers are held against."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.images import COMPARED, difference, spans_of
from resnet_bench.config import resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice
from resnet_bench.worker import child
from resnet_bench.worker.backends.tensorflow import TensorFlowBackend


class Ours(TensorFlowBackend):
    """The product's backend; its preparation says how far its pixels are from the reference."""

    def prepared_notices(self) -> tuple[Notice, ...]:
        """What the product says, and the difference."""
        import numpy as np
        import tensorflow as tf

        from resnet_bench.data import decode

        assert self.config is not None
        data, pattern, (size, _) = self.config.data, self.config.data.data, resolved_value(self.config.model.image_size)
        assert pattern is not None
        decoder = decode.Decoder(3, data.decode, data.dct_method, data.fancy_upscaling)
        encoded = [span.read() for span in spans_of(pattern)[:COMPARED]]

        def centre(image: bytes) -> Any:
            pixels = decode.decode_window(
                tf.constant(image), lambda shape: decode.centre_window(shape, (size, size)), decoder
            )
            return decode.resize(pixels, (size, size)).numpy()

        away = difference(np.stack([centre(image) for image in encoded]), encoded, size)
        facts: dict[str, Value] = {
            "peer": "resnet_bench",
            "mean_absolute_difference": away,
            "images_compared": len(encoded),
        }
        return (*super().prepared_notices(), Notice(kind="peer", facts=facts))


if __name__ == "__main__":
    child.main(Ours)
