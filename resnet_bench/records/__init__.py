"""Every type that is stored or crosses the pipe to a worker, and the files that hold them."""
