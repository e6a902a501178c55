"""Folders of class subfolders as people have them: with loops, parts, housekeeping, special files and odd names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.gauntlet.images import READ, REFUSED, encode, jpeg, picture

IMAGES_PER_CLASS = 4
Make = Callable[[Path], None]


def put(path: Path, content: bytes) -> Path:
    """A file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def plain(root: Path, *classes: str, suffix: str = ".jpg") -> None:
    """Two classes of four photographs."""
    for name in classes or ("cat", "dog"):
        for number in range(IMAGES_PER_CLASS):
            put(root / name / f"{number}{suffix}", jpeg(seed=number))


def _with(change: Callable[[Path], object]) -> Make:
    """A plain folder, then a change."""

    def make(root: Path) -> None:
        plain(root)
        change(root)

    return make


def _linked(target: str, *places: str) -> Make:
    def link(root: Path) -> None:
        for place in places:
            (root / place).symlink_to(target)

    return _with(link)


def _copies(*places: str) -> Make:
    """A plain folder with a small photograph at more places."""

    def copy(root: Path) -> None:
        for place in places:
            put(root / place, jpeg(16, 16))

    return _with(copy)


def _parts(*names: str) -> Make:
    def make(root: Path) -> None:
        for name in names:
            plain(root / name)

    return make


def _macos(root: Path) -> None:
    put(root / ".DS_Store", b"\0\0\0\1Bud1")
    for name in ("cat", "dog"):
        put(root / name / ".DS_Store", b"x")
        put(root / name / "._0.jpg", b"\0\5\x16\7" + bytes(100))
        put(root / "__MACOSX" / name / "._0.jpg", b"\0\5\x16\7" + bytes(100))


def _windows(root: Path) -> None:
    for name in ("cat", "dog"):
        put(root / name / "Thumbs.db", b"\xd0\xcf\x11\xe0")
        put(root / name / "desktop.ini", b"[.ShellClassInfo]")


def _links_to_store(root: Path) -> None:
    plain(root / "store")
    (root / "set").mkdir()
    for name in ("cat", "dog"):
        (root / "set" / name).symlink_to(Path("..") / "store" / name)


def _not_utf8_name(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/cat/bild_\xe9.jpg")).write_bytes(jpeg())


def _not_utf8_class(root: Path) -> None:
    put(Path(os.fsdecode(os.fsencode(root) + b"/stra\xdfe")) / "0.jpg", jpeg())


def _socket(root: Path) -> None:
    import socket

    path = root / "cat" / "s.jpg"
    with socket.socket(socket.AF_UNIX) as held:
        before = Path.cwd()
        os.chdir(path.parent)  # the address of a socket may have 108 bytes
        try:
            held.bind(path.name)
        finally:
            os.chdir(before)


def _suffixes(root: Path) -> None:
    for name in ("cat", "dog"):
        for number, suffix in enumerate((".jfif", ".JPG", ".jpe", ".JPEG")):
            put(root / name / f"{number}{suffix}", jpeg(seed=number))


def _no_suffixes(root: Path) -> None:
    plain(root, suffix="")


def _flat(root: Path) -> None:
    for number in range(4):
        put(root / f"{number}.jpg", jpeg(seed=number))


def _case_twins(root: Path) -> None:
    plain(root, "Cat", "cat")


def _one_class(root: Path) -> None:
    plain(root, "cat")


def _only_hidden(root: Path) -> None:
    plain(root, ".cat", ".dog")


def _nested(root: Path) -> None:
    for name in ("cat", "dog"):
        for source in ("bought", "own"):
            put(root / name / source / "0.jpg", jpeg())
            put(root / name / source / "1.jpg", jpeg(seed=1))


def _file(root: Path) -> None:
    put(root, jpeg())


def _all_kinds(root: Path) -> None:
    for number, (name, make) in enumerate(READ.items()):
        put(root / ("cat", "dog")[number % 2] / f"{name}.jpg", make())


FOLDERS: dict[str, Make] = {
    "plain": plain,
    "self_loop": _linked(".", "cat/current"),
    "two_loops": _linked("..", "cat/up", "dog/up"),
    "root_loop": _linked(".", "current"),
    "class_twice": _linked("cat", "kitty"),
    "class_in_class": _linked("../dog", "cat/more"),
    "dangling_image": _linked("/nowhere/x.jpg", "cat/gone.jpg"),
    "dangling_class": _linked("/nowhere", "bird"),
    "link_to_itself": _linked("knot.jpg", "cat/knot.jpg"),
    "hard_link": _with(lambda root: (root / "cat" / "again.jpg").hardlink_to(root / "cat" / "0.jpg")),
    "links_to_store": _links_to_store,
    "fifo": _with(lambda root: os.mkfifo(root / "cat" / "pipe.jpg")),
    "fifo_beside_classes": _with(lambda root: os.mkfifo(root / "pipe")),
    "socket": _with(_socket),
    "folder_named_jpg": _with(lambda root: (root / "cat" / "folder.jpg").mkdir()),
    "checkpoints": _copies(".ipynb_checkpoints/0-checkpoint.jpg", "cat/.ipynb_checkpoints/0-checkpoint.jpg"),
    "thumbnails": _copies("cat/.thumbnails/0.jpg", "dog/.thumbnails/0.jpg"),
    "synology": _copies("@eaDir/cat/T.jpg", "cat/@eaDir/0.jpg/T.jpg"),
    "git": _copies(".git/objects/a.jpg", "cat/.git/x.jpg"),
    "recycle_bins": _copies("$RECYCLE.BIN/a.jpg", "#recycle/b.jpg", "lost+found/c.jpg"),
    "macos": _with(_macos),
    "windows": _with(_windows),
    "side_files": _with(lambda root: (put(root / "README.md", b"#"), put(root / "cat" / "notes.txt", b"x"))),
    "train_val": _parts("train", "val"),
    "three_parts": _parts("train", "validation", "test"),
    "parts_in_capitals": _parts("Training", "TESTING"),
    "val_only": _parts("val"),
    "train_only": _parts("train"),
    "train_beside_others": _parts("train", "cat"),
    "one_level_too_high": lambda root: plain(root / "photos", "daisy", "rose"),
    "one_class": _one_class,
    "empty": lambda root: root.mkdir(),
    "empty_class": _with(lambda root: (root / "bird").mkdir()),
    "only_hidden": _only_hidden,
    "flat": _flat,
    "file": _file,
    "nested": _nested,
    "suffixes": _suffixes,
    "no_suffixes": _no_suffixes,
    "case_twins": _case_twins,
    "unicode": lambda root: plain(root, "Katze 猫", "собака"),
    "brackets": lambda root: plain(root, "cat [old]", "dog[/]"),
    "markup": lambda root: plain(root, "[bold]cat", "dog [red]"),
    "escapes": lambda root: plain(root, "cat\x1b]0;owned\x07", "dog\x1b[31m"),
    "newline": _with(lambda root: put(root / "cat" / "a\nb.jpg", jpeg())),
    "set [v1]*": plain,
    "name_not_utf8": _with(_not_utf8_name),
    "class_not_utf8": _with(_not_utf8_class),
    "png_named_jpg": _with(lambda root: put(root / "cat" / "p.jpg", encode(picture(), "PNG"))),
    "all_kinds": _all_kinds,
}


def _holding(make: Callable[[], bytes], root: Path) -> None:
    plain(root)
    put(root / "cat" / "odd.jpg", make())


HOLDING: dict[str, Make] = {
    name: partial(_holding, make)
    for name, make in {**READ, **{name: make for name, (make, _) in REFUSED.items()}}.items()
}
"""A plain folder with one image of each kind, `cat/odd.jpg`."""
