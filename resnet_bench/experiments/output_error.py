"""The error of a configuration's outputs against float32: the parent's side, untimed.

Neighbours: `worker/handlers/evidence.py` computes both in one process; `evidence_pass.py` asks after a run,
`tuning/constraints.py` for a candidate.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from resnet_bench.config import Config
from resnet_bench.records.evidence import OutputError
from resnet_bench.worker import protocol as p
from resnet_bench.worker.interface import Worker


def measure_output_error(
    config: Config,
    worker: Worker,
    deadline: float | None = None,
    on_event: Callable[[p.Events], None] = lambda _event: None,
) -> OutputError:
    """Logits of `config` against float32, Keras' batch norm, channels_last, without XLA: on the same weights,
    images and device, in inference. Blocks; times nothing.

    `worker` is fresh (it starts TensorFlow for `config`) or has been prepared for the same `config`. `deadline`
    is on `time.monotonic`; None allows --max-time from now. Raises `BenchError`, also where an output is not
    finite, and `ConfigError` for --mode input, which has no outputs.
    """
    until = time.monotonic() + config.measure.max_time if deadline is None else deadline
    reply = worker.request(
        p.CompareOutputs(config=config),
        p.OutputsCompared,
        silence_s=config.measure.timeout,
        deadline=until,
        on_event=on_event,
    )
    return reply.parity


__all__ = ["measure_output_error"]
