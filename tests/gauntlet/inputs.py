"""The inputs of the gauntlet by name (`folders/self_loop`), each made when it is first asked for and then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.gauntlet import arrays, folders, models, records, shards, texts

Make = Callable[[Path], None]
"""Writes a file or a folder at this path, whose parent exists."""

KINDS: Mapping[str, Mapping[str, Make]] = {
    "folders": folders.FOLDERS,
    "holding": folders.HOLDING,
    "shards": shards.SHARDS,
    "sharded": shards.HOLDING,
    "arrays": arrays.FILES,
    "models": models.FILES,
    "records": records.RECORDS,
    "texts": texts.FILES,
}


class Inputs:
    """A folder that fills up with inputs as rows name them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._made: set[str] = set()

    def path(self, name: str) -> Path:
        """The path of `kind/name`, which exists from now on."""
        kind, _, which = name.partition("/")
        path = self.root / kind / which
        if name not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            KINDS[kind][which](path)
            self._made.add(name)
        return path
