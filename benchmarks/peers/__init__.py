"""What we are compared with, each a worker of its own that speaks the same protocol."""
