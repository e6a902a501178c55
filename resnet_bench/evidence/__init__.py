"""Did each requested option take effect? Option checks of what ran.

`checks.check_options` (pure, in the parent) checks what was `Seen`; `execution.py`, `numerics.py`, `network.py` and
`pipeline.py` hold a family of checks each. The readers turn artefacts into counts: `graph.py` TensorFlow's graphs,
`hlo.py` XLA's dumps, `onednn_log.py` oneDNN's log, `threads.py` /proc. `live.py` and `outputs.py` ask TensorFlow and
run inside a worker. Importing this package imports no TensorFlow.
"""

from __future__ import annotations

from resnet_bench.evidence.checks import CHECKS, check_options

__all__ = ["CHECKS", "check_options"]
