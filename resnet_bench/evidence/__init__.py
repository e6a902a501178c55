"""Did each requested option take effect? Looks at what ran, and makes a `Claim` of it.

`claims.make` (pure, the parent's) judges what was `Seen`; `network.py`, `numerics.py`, `execution.py` and
`pipeline.py` hold a family of claims each. The readers turn artefacts into counts: `graph.py` TensorFlow's
graphs, `hlo.py` XLA's dumps, `onednn_log.py` oneDNN's log, `threads.py` /proc. `live.py`, `outputs.py` and
`variables.py` ask TensorFlow and run inside a worker. Importing this package imports no TensorFlow.
"""

from __future__ import annotations

from resnet_bench.evidence.claims import make

__all__ = ["make"]
