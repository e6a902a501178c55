"""Which files are the TFRecord shards that a folder, a file or a glob names, both for reading and for checking.

Files that lie beside shards (README, manifests, labels, indexes) are left out of a folder and of a glob, and counted; a
file that is named is a shard. Neighbours: `data_paths` matches, `framing` reads. Imports no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resnet_bench.data.data_paths import is_folder, list_folder, matches
from resnet_bench.data.manifest import MANIFEST_NAME
from resnet_bench.errors import DataError

_SIDE_SUFFIXES = frozenset(
    {
        *(".json", ".jsonl", ".txt", ".md", ".rst", ".csv", ".tsv", ".yaml", ".yml", ".toml", ".xml", ".html"),
        *(".idx", ".index", ".labels", ".pbtxt", ".log", ".md5", ".sha1", ".sha256", ".crc", ".py", ".pdf", ".part"),
    }
)
_SIDE_NAMES = frozenset({"readme", "license", "copying", "changelog", "md5sums", "sha1sums", "sha256sums", "_success"})

NAMES = "Name TFRecord shards with a glob in quotes, like 'imagenet/train-*', a folder of shards, or one shard."


@dataclass(frozen=True)
class ShardFiles:
    """The shards, sorted by path; how many other files of the folder were left out, in words (empty if none); and the
    folder, None where files were named or matched."""

    files: tuple[Path, ...]
    left_out: str = ""
    folder: Path | None = None


def find_shards(data: str, flag: str = "--data ") -> ShardFiles:
    """The shards that `data` names; none where a folder holds none. Raises `DataError` where nothing matches, or a
    folder may not be listed."""
    found = matches(data)
    if len(found) == 1 and is_folder(found[0]):
        return _in_folder(found[0])
    candidates = [path for path in found if not is_folder(path)]
    if not candidates:
        what = "matches folders, and no file" if found else "matches no file"
        raise DataError(f"{flag}{data} {what}.", NAMES)
    if len(candidates) == 1:
        return ShardFiles(tuple(candidates))
    return _sorted_out(candidates, None)


def _in_folder(folder: Path) -> ShardFiles:
    entries = list_folder(folder)
    found = _sorted_out([path for path in entries if not path.name.startswith(".") and path.is_file()], folder)
    below = [path for path in entries if is_folder(path) and not path.name.startswith(".")]
    if not found.files and below and MANIFEST_NAME not in {path.name for path in entries}:
        names = ", ".join(path.name for path in below[:5])
        raise DataError(f"{folder} holds no shards, but folders ({names}).", f"Name one: {below[0]}.")
    return found


def _sorted_out(files: list[Path], folder: Path | None) -> ShardFiles:
    """The shards among `files`. JSON files are left out without a word: manifests lie beside shards."""
    shards = tuple(path for path in files if not _lies_beside(path))
    others = [path.name for path in files if _lies_beside(path) and path.suffix != ".json"]
    few = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
    counted = "1 file that is no shard" if len(others) == 1 else f"{len(others):,} files that are no shards"
    return ShardFiles(shards, f"{counted} ({few})" if others else "", folder)


def _lies_beside(path: Path) -> bool:
    return path.suffix.lower() in _SIDE_SUFFIXES or path.stem.lower() in _SIDE_NAMES
