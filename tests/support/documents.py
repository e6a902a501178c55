"""README.md and docs/*.md as text: their code blocks, tables, links and command lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def name(path: Path) -> str:
    """The path below the repository's root."""
    return path.relative_to(ROOT).as_posix()


def commands(program: str, path: Path) -> list[list[str]]:
    """The command lines of that program: whole lines of `sh` blocks, and all that stands between backticks."""
    text = path.read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [_without_comment(line) for block in blocks for line in block.splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines += re.findall(r"`([^`\n]+)`", prose)
    return [shlex.split(line) for line in lines if line.split(" ")[0] == program]


def _without_comment(line: str) -> str:
    return re.sub(r"\s#.*", "", line).strip()


def links(path: Path) -> list[str]:
    """Where the links and pictures of a document lead, as written."""
    return re.findall(r"\]\(([^)\s]+)\)", path.read_text())


def anchors(path: Path) -> set[str]:
    """The fragments that GitHub makes of a document's headings."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
