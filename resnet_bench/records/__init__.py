"""Every type that is stored or sent between parent and worker, and the files they are stored in."""
