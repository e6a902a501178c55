"""What a worker does on one command each."""
