"""Interleaved runs of live workers: the source of every ratio that we report.

`side.py` has one side, `interleave.py` alternates the timed rounds of any number of them, `ab.py` runs two sides (`ab`
and `noise`), `noise.py` looks up the machine's noise floor. `experiments/bottleneck.py` runs three.
"""
