"""Records become something a person reads: `terminal/` words for the terminal, `page/` HTML and Markdown."""
