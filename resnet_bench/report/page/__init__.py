"""Results as one document, written as HTML or Markdown."""
