"""A worker: one fresh Python process per configuration and repetition.

`protocol/` has the messages. The parent's side, which never imports a framework: `interface.py` and `process.py`.
Inside the process: `child.py` reads commands, `commands.py` maps them to calls of a backend (`backends/`, one file
per runtime), `preparation.py` has the order of a start, `phases.py` and `timing.py` measure, `handlers/` do what only
the TensorFlow backend does.
"""
