"""Statistics of records, and what follows from them. Pure: no clock, no files, no TensorFlow."""
