"""Keras runs on TensorFlow here, or not at all: a check before the first import of Keras.

Neighbours: `environ.py` decides for workers; `model/` is also imported by users, whose environment is theirs. No
TensorFlow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from resnet_bench.errors import ConfigError

BACKEND_VARIABLE = "KERAS_BACKEND"
NNX_VARIABLE = "KERAS_NNX_ENABLED"
TENSORFLOW = "tensorflow"


def require_tensorflow(environ: MutableMapping[str, str] | None = None) -> None:
    """Raise `ConfigError` where Keras runs, or is configured to run, on another backend.

    Where the environment says nothing it is set, so that a keras.json cannot choose otherwise.
    """
    environ = os.environ if environ is None else environ
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "backend"):
        running = keras.backend.backend()
        if running != TENSORFLOW:
            raise ConfigError(
                f"Keras runs on {running} in this process; this package needs {TENSORFLOW}.",
                f"Set {BACKEND_VARIABLE}={TENSORFLOW} before Keras is imported.",
            )
        return
    given = environ.setdefault(BACKEND_VARIABLE, TENSORFLOW)
    if given != TENSORFLOW:
        raise ConfigError(
            f"{BACKEND_VARIABLE} is {given} in the environment; this package needs {TENSORFLOW}.",
            f"Unset it, or set {BACKEND_VARIABLE}={TENSORFLOW}.",
        )
    environ.setdefault(NNX_VARIABLE, "false")
