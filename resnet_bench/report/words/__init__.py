"""Words that the terminal and the report share: rows, findings and sentences of records and results. Pure."""
