"""Inputs as users bring them, sound and damaged, and what every command makes of each.

`images`, `folders`, `arrays`, `shards` and `records` make the inputs; `inputs.Inputs` makes each once per session, when
a row first names it; `rows.Row` is one line of the tables in the test files: a command, its exit code, the words that
must be said and those that must not. Longer forms are campaigns: `benchmarks/test_fuzz.py`, `benchmarks/test_kills.py`.
"""
