"""pytest-benchmark harnesses: each chooses a configuration and calls one fixture."""
