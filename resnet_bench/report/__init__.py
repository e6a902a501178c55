"""Records become something a person reads: `sentences.py` words, `text.py` the terminal."""
