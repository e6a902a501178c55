"""Statistics and judgements over records. Pure: no clock, no files, no TensorFlow."""
