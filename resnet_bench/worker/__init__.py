"""A worker: one fresh Python process per configuration and repetition.

`protocol.py` has the messages, `child.py` and `phases.py` run inside the process, `handle.py` is the
parent's side, which never imports TensorFlow.
"""
