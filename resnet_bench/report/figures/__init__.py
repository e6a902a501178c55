"""Charts: SVG elements for the report page, and Matplotlib pictures in files."""
