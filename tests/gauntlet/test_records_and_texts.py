"""Records, preset and sweep files in every encoding and damage: one bad file costs that file, and is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.gauntlet.inputs import Inputs
from tests.gauntlet.records import READABLE, UNREADABLE
from tests.gauntlet.rows import RUN, Row, check, table

RECORD_ERROR, NOT_COMPARABLE = 8, 10
READERS = {
    "show": "show {records/NAME}",
    "history": "history {records/NAME}",
    "report": "report {records/NAME} -o {out}.html",
    "export": "export {records/NAME} --format csv -o {out}.csv",
}


def _records() -> Iterator[Row]:
    for name in READABLE:
        yield Row(f"show_{name}", f"show {{records/{name}.json}}", says=("photos",))
        yield Row(f"show_json_{name}", f"show --json {{records/{name}.json}}", says=("photos",))
        for verb, command in READERS.items():
            yield Row(f"{verb}_among_{name}", command.replace("NAME", f"among_{name}"))
    for name, (_, reason) in UNREADABLE.items():
        alone = (f"{name}.json", reason)
        yield Row(f"show_{name}", f"show {{records/{name}.json}}", RECORD_ERROR, alone)
        compare = f"compare {{records/{name}.json}} {{records/plain.json}}"
        yield Row(f"compare_{name}", compare, NOT_COMPARABLE, alone)
        for verb, command in READERS.items():
            yield Row(
                f"{verb}_among_{name}", command.replace("NAME", f"among_{name}"), RECORD_ERROR, ("z.json", reason)
            )
    for name, reason in (
        ("dangling", "cannot be read"),
        ("fifo", "not a regular file"),
        ("folder", "Is a directory"),
    ):
        for verb, command in READERS.items():
            yield Row(
                f"{verb}_among_{name}", command.replace("NAME", f"among_{name}"), RECORD_ERROR, ("z.json", reason)
            )
    for verb, command in READERS.items():
        yield Row(f"{verb}_among_foreign", command.replace("NAME", "among_foreign"), never=("training.json",))
        yield Row(f"{verb}_folder_in_brackets", command.replace("NAME", "set [old]"))
        yield Row(f"{verb}_no_records", command.replace("NAME", "no_records"), RECORD_ERROR, ("holds no records",))
        missing = command.replace("{records/NAME}", "/nowhere/a.json")
        yield Row(f"{verb}_missing", missing, RECORD_ERROR, ("/nowhere/a.json",))


REFUSED_TEXTS = {
    "utf16.toml": ("UTF-16",),
    "latin1.toml": ("not UTF-8",),
    "zeros.toml": ("is not TOML",),
    "json.toml": ("is not TOML",),
    "yaml.toml": ("is not TOML",),
    "twice.toml": ("is not TOML",),
    "unknown.toml": ("batchsize",),
    "text_value.toml": ("--batch-size many", "whole number"),
    "table_value.toml": ("batch_size",),
    "date_value.toml": ("--batch-size 2026-01-01",),
    "nan_value.toml": ("--learning-rate nan",),
    "deep.toml": ("nested too deeply",),
    "markup.toml": ("[/bold]",),
    "escapes.toml": ("escapes.toml",),
    "folder.toml": ("folder.toml",),
}


def _texts() -> Iterator[Row]:
    command = RUN.replace("--batch-size 4 ", "") + " --source synthetic --preset-file {texts/NAME}"
    for name in ("plain.toml", "mark.toml", "crlf.toml", "empty.toml"):
        yield Row(f"preset_{name}", command.replace("NAME", name))
    for name, says in REFUSED_TEXTS.items():
        yield Row(f"preset_{name}", command.replace("NAME", name), 2, says)
    yield Row("preset_missing", command.replace("{texts/NAME}", "/nowhere/a.toml"), 2, ("/nowhere/a.toml",))


@table(_records(), _texts())
def test_a_text_is_read_or_named_for_what_it_is(row: Row, inputs: Inputs, tmp_path: Path) -> None:
    check(row, inputs, tmp_path / "out")
    for page in tmp_path.glob("*.html"):
        assert "<script>words" not in page.read_text()
