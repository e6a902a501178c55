"""The search for the fastest configuration: `tune.py` is a whole one.

`search_space.py` has the choices, `search.py` the order of candidates, `stopping_rule.py` when one has won or lost,
`constraints.py` latency and output error, `confirm.py` measures what is reported in the end. `records/tuning.py` has
the result that is saved.
"""
