"""How many batches may lie ready in a pipeline that is not being read. Pure.

`pipeline.build` makes what is counted here; `step.base.on_device` keeps further batches on a GPU.
"""

from __future__ import annotations

import math

from resnet_bench.config import DataConfig, resolved_value

DEVICE_BUFFER, INJECTED_BUFFER = 2, 2
"""Batches that `step.base.on_device` keeps on a GPU, and that tf.data keeps when it adds a prefetch by itself."""


def buffered(
    data: DataConfig, batch_size: int, on_gpu: bool = False, batched: bool = True, prefetched: bool = True
) -> int:
    """Batches that may lie ready while nothing is taken from the pipeline of a resolved `data`; 0 without a pipeline.

    batched, prefetched: the pipeline goes up to its batches, and to its own prefetch. Map and batch fused into one
    stage run ahead by as many batches as their parallel calls fill, and one; TensorFlow may allow more if their
    consumer has to wait (map_and_batch_dataset_op.cc).
    """
    if not data.has_pipeline:
        return 0
    fused = (
        1 + math.ceil(resolved_value(data.num_parallel_calls) / batch_size)
        if batched and data.map_and_batch_fusion
        else 0
    )
    own = resolved_value(data.prefetch_buffer_size) if prefetched else 0
    augmented = resolved_value(data.num_parallel_calls) if batched and data.vectorized_augment else 0
    return own + augmented + fused + (INJECTED_BUFFER if data.inject_prefetch else 0) + (DEVICE_BUFFER if on_gpu else 0)
