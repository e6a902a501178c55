"""A process that ends with the one that started it. Imports no TensorFlow.

Neighbours: `worker/child.py` and `data/service_process.py` bind their processes this way.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import threading
import time

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, even while it is stopped.

    Where the kernel cannot (not Linux), a thread looks once a second. On Linux the parent is the thread that
    started this process, which must live as long as this one shall.
    """
    if platform.system() == "Linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        return
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
