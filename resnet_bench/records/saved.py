"""The base of everything that is saved: a type tag, a schema version, an identity; one way to write and to read it.

The tag `type` says which class a file belongs to; files from before the tag (record schema 1 and 2, results schema
1) have none, and `untagged_type` tells them apart. Each class counts its own schema versions and reads all earlier
ones. Neighbours: `files.py` writes files, `read.py` reads files of any type.
"""

from __future__ import annotations

import codecs
import datetime
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import fields

from resnet_bench.config.printable import encode_json
from resnet_bench.errors import RecordError
from resnet_bench.records.base import Data
from resnet_bench.records.files import stem, write_atomically
from resnet_bench.records.run import Outcome

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Every way in which bytes can be no JSON, or not of the wanted type."""

_FOREIGN = {
    "the request of a training (train)": {"config", "training", "given"},
    "a manifest of image files (data make)": {"format", "images", "shards"},
    "a result of pytest-benchmark": {"machine_info", "benchmarks"},
    "a list for a benchmark tracker (export)": {"name", "unit", "value"},
}
"""Other JSON files that lie beside records, by fields that they have."""


class Saved(Data, frozen=True, kw_only=True, tag_field="type"):
    """A result as one JSON file: what wrote it, when, and how the command ended.

    Subclasses set the tag, the newest schema version as the default of `schema_version`, `noun` (what messages call
    it) and `subfolder` (where in --output it is saved).
    """

    noun: ClassVar[str] = "result"
    subfolder: ClassVar[str] = ""

    schema_version: int
    id: str
    created_at: str
    tool_version: str
    outcome: Outcome

    @property
    def label(self) -> str:
        """The part of the file's name that says what it is: a mode, or the type."""
        return self.type_tag()

    @property
    def file_name(self) -> str:
        """The file's name; it sorts by time."""
        return f"{stem(self.created_at, self.label, self.id)}.json"

    @property
    def brief(self) -> tuple[tuple[str, str], ...]:
        """What identifies it to a reader, and what it found: name and text."""
        return (("outcome", self.outcome.kind),)

    @property
    def contradiction(self) -> str:
        """Why its parts do not fit together, which types alone cannot say; empty where they do."""
        return ""

    def __repr__(self) -> str:
        """One line; the fields are in `to_json`."""
        words = ", ".join(f"{name} {text}" for name, text in self.brief)
        return f"<{type(self).__name__} {self.id[:8]}: {words}>"

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        rows = (("type", self.noun), ("made", self.created_at), *self.brief)
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
        return f"<table>{cells}</table>"

    def raise_if_failed(self) -> None:
        """Raise the `BenchError` that ended the run; nothing where it finished."""
        error = self.outcome.error
        if error is not None:
            raise error

    def to_json(self) -> bytes:
        """Indented JSON; equal results give equal bytes. Of a name that is not UTF-8, the bytes that are not become
        escapes (\\xe9)."""
        return msgspec.json.format(encode_json(self, order="deterministic"), indent=2) + b"\n"

    def save(self, folder: Path) -> Path:
        """Write it into `folder`/`subfolder` (made if missing), whole or not at all; returns the file's path.

        Raises `RecordError` for a result that could not be read again, before anything is written.
        """
        path = folder / self.subfolder / self.file_name
        content = self.to_json()
        self.from_json(content, path)
        write_atomically(path, content)
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of this type; `RecordError` names the file and says what is wrong with it."""
        return cls.from_json(read_bytes(path), path)

    @classmethod
    def from_json(cls, content: bytes, path: Path) -> Self:
        """As `load`, from a file's content; `path` is for messages."""
        header = read_header(content, path)
        if header.tag != cls.type_tag():
            raise RecordError(
                f"{path} is not a {cls.noun}: its type is {header.tag!r}.", "bench-cli show prints every type."
            )
        if header.schema_version < 1:
            raise RecordError(f"{path} has schema version {header.schema_version}, which no version wrote.")
        if header.schema_version > cls.newest_schema():
            raise RecordError(
                f"{path} has schema version {header.schema_version}; this version reads up to {cls.newest_schema()}.",
                "Read it with a newer resnet-bench.",
            )
        try:
            found = msgspec.json.decode(content, type=cls)
        except UNREADABLE as error:
            raise RecordError(f"{path} is not a valid {cls.noun}: {error}.") from error
        problem = found.contradiction or _time_problem(found.created_at)
        if problem:
            raise RecordError(f"{path} is not a valid {cls.noun}: {problem}.")
        return found

    @classmethod
    def type_tag(cls) -> str:
        """What the field `type` holds in the file."""
        return str(cls.__struct_config__.tag)

    @classmethod
    def newest_schema(cls) -> int:
        """The schema version that is written."""
        return next(int(field.default) for field in fields(cls) if field.name == "schema_version")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (2020-12) of files of this type."""
        schema = msgspec.json.schema(cls)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"resnet-bench {cls.noun}",
            **schema,
        }


def _time_problem(created_at: str) -> str:
    """Why a time is none that can be compared with others; empty where it is."""
    try:
        return "" if datetime.datetime.fromisoformat(created_at).tzinfo else f"created_at {created_at} has no time zone"
    except ValueError:
        return f"created_at {created_at!r} is no time"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says about itself: its type tag and schema version."""

    tag: str
    schema_version: int


class ForeignFileError(RecordError):
    """A JSON file of a known kind that is no record or result; scans of a folder leave it out."""


def read_bytes(path: Path) -> bytes:
    """A file's content as UTF-8, without a byte-order mark; `RecordError` where it cannot be read or has another
    encoding."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RecordError(
            f"{path} is not a record or result: it is UTF-16 text, and JSON is UTF-8.",
            "Convert it: iconv -f UTF-16 -t UTF-8.",
        )
    return content.removeprefix(codecs.BOM_UTF8)


def read_header(content: bytes, path: Path) -> Header:
    """The type and schema version of a saved file; `RecordError` where it is not one."""
    try:
        content.decode()
        found = msgspec.json.decode(content, type=_Header)
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{path} is not a record or result: byte {error.start} (0x{content[error.start]:02x}) is not UTF-8.",
            "If it was converted to Latin-1: iconv -f LATIN1 -t UTF-8.",
        ) from error
    except UNREADABLE as error:
        kind = _foreign_kind(content)
        if kind is not None:
            raise ForeignFileError(f"{path} is {kind}, not a record or result.") from error
        raise RecordError(
            f"{path} is not a record or result: {error}.", "It may be cut off, or another kind of file."
        ) from error
    tag = untagged_type(found) if isinstance(found.type, msgspec.UnsetType) else found.type
    return Header(tag=tag, schema_version=found.schema_version)


def _foreign_kind(content: bytes) -> str | None:
    """What a JSON file without a schema version is, if it is of a kind that often lies beside records."""
    try:
        found = msgspec.json.decode(content, type=dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])
    except UNREADABLE:
        return None
    names = set(found) if isinstance(found, dict) else set().union(*found)
    return next((kind for kind, fields in _FOREIGN.items() if fields <= names), None)


class _Header(msgspec.Struct):
    """The fields that `read_header` needs: the tag, and what told the types apart before there was one."""

    schema_version: int
    type: str | msgspec.UnsetType = msgspec.UNSET
    repetitions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    precision_target: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    challenges: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    models: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    pair_sd: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def untagged_type(found: _Header) -> str:
    """The type of a file from before the tag, by a field that only this type had. For old files only."""
    telling = {
        "bottleneck": found.repetitions,
        "tuning": found.challenges,
        "ab": found.precision_target,
        "evaluation": found.models,
        "noise_floor": found.pair_sd,
    }
    return next((tag for tag, field in telling.items() if not isinstance(field, msgspec.UnsetType)), "record")
