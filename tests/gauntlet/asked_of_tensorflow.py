"""Which inputs TensorFlow's pipeline runs over: few, for each is compiled anew. Neighbour: `tensorflow_child.py`."""

from __future__ import annotations

DAMAGED_SHARDS = (
    "gzip",
    "words",
    "short",
    "cut",
    "flipped_data",
    "no_example",
    "other_keys",
    "text_label",
    "large_label",
)
"""A header cut off at the end of a file is not among them: TensorFlow takes it for the end, and only `data check` and
`--on-bad-record skip` walk over all headers."""

SOUND_SHARDS = ("good", "set [v1]", "with_readme")
READ_FOLDERS = ("plain", "brackets", "escapes", "name_not_utf8", "class_not_utf8")
REFUSED_IN_FOLDERS = ("tiff", "webp_animated", "bmp_1_bit", "jpeg_half", "empty")
