"""A profile of a few steps: taken with TensorFlow's profiler, read without it.

`capture.py` traces steps inside a worker, outside any timed window, and compares steps with and without the
profiler. `xplane.py` reads the events that it left, `operations.py` says what executed, `xprof.py` asks XProf
where a GPU was traced, and `summary.py` makes a `ProfileSummary` of it all. Only `capture.py` needs TensorFlow
running, so nothing is imported here.
"""
