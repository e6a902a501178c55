"""What the parent process runs: one configuration, sweeps, A/B runs, searches, training."""
