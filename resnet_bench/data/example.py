"""tf.train.Example on the wire, without TensorFlow: what shards are written as and checked against.

The message (`tensorflow/core/example/{example,feature}.proto`) is a map from names to lists of bytes, floats
or int64. Only what an image data set needs is kept: floats are skipped. `image_supply` writes with it,
`verify_shards` and the sources `tfrecord` and `tfds` read. Imports no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

ENCODED, LABEL = "image/encoded", "image/class/label"
"""The two features that every record of an image data set needs."""

FEATURES_WORDS = (
    f"Shards need {ENCODED} (bytes) and {LABEL} (int64). For a data set of TFDS, write such shards: "
    "bench-cli data make OUTPUT --source tfds --data FOLDER."
)

Value = bytes | int
Feature = list[bytes] | list[int]

_BYTES_LIST, _INT64_LIST = 1, 3
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_KEY, _VALUE = 1, 2


class WireError(ValueError):
    """The bytes are not an Example."""


def example_words(features: Iterable[str]) -> str:
    """The features that a record holds, for an error."""
    names = sorted(features)
    return f"it holds {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}" if names else "it holds none"


def encode(features: Mapping[str, Value | str]) -> bytes:
    """A serialized Example with one value per feature, sorted by name, as TensorFlow's deterministic serialization
    gives it if no name is a prefix of another. Text is stored as UTF-8, names of
    files as their bytes, numbers as int64."""
    entries = []
    for name in sorted(features):
        value = features[name]
        if isinstance(value, int):
            feature = _field(_INT64_LIST, _field(1, _varint(value & 0xFFFFFFFFFFFFFFFF)))
        else:
            feature = _field(
                _BYTES_LIST, _field(1, value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value)
            )
        entries.append(_field(1, _field(_KEY, name.encode()) + _field(_VALUE, feature)))
    return _field(1, b"".join(entries))


def decode(record: bytes) -> dict[str, Feature]:
    """The features of a serialized Example, each with all its values; `WireError` for other bytes.

    A feature of floats, or without a value, gives an empty list.
    """
    found: dict[str, Feature] = {}
    try:
        for number, features in _messages(record):
            if number != 1:
                continue
            for kind, entry in _messages(features):
                if kind == 1:
                    name, feature = _entry(entry)
                    found[name] = feature
    except (IndexError, UnicodeDecodeError) as error:
        raise WireError(str(error)) from error
    return found


def _entry(entry: bytes) -> tuple[str, Feature]:
    parts = dict(_messages(entry))
    lists = dict(_messages(parts.get(_VALUE, b"")))
    if _BYTES_LIST in lists:
        return parts.get(_KEY, b"").decode(), [value for number, value in _messages(lists[_BYTES_LIST]) if number == 1]
    return parts.get(_KEY, b"").decode(), list(_integers(lists.get(_INT64_LIST, b"")))


def _integers(data: bytes) -> Iterator[int]:
    """The values of an Int64List, packed or not."""
    for number, kind, start, end in _fields(data):
        if number != 1:
            continue
        if kind == _VARINT:
            yield _signed(_read_varint(data, start)[0])
        elif kind == _LENGTH:
            position = start
            while position < end:
                value, position = _read_varint(data, position)
                yield _signed(value)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(field number, content) of each length-delimited field."""
    for number, kind, start, end in _fields(data):
        if kind == _LENGTH:
            yield number, data[start:end]


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(field number, wire type, start, end) of each field's content."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, kind = key >> 3, key & 7
        start = position
        if kind == _VARINT:
            _, end = _read_varint(data, position)
        elif kind == _LENGTH:
            size, start = _read_varint(data, position)
            end = start + size
        elif kind in (_FIXED64, _FIXED32):
            end = position + (8 if kind == _FIXED64 else 4)
        else:
            raise WireError(f"wire type {kind} at byte {position}")
        if number == 0 or end > len(data):
            raise WireError(f"a field at byte {position} reaches beyond the record")
        yield number, kind, start, end
        position = end


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise WireError(f"a number at byte {position} is too long")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | _LENGTH,)) + _varint(len(content)) + content
