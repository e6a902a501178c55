"""Records for other tools: CSV, JSON for benchmark trackers, TensorBoard."""
