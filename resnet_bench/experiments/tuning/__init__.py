"""The search for the fastest configuration of a machine: `tune.py` is a whole one.

`space.py` has the choices, `race.py` when a challenger has won or lost, `search.py` who meets whom, `proof.py` what may
be claimed in the end, `bounds.py` latency and output error, `tuned.py` the result that is saved.
"""
