"""Refresh the sample outputs of README.md and docs/, and the picture of a report, from real runs.

    python tools/samples.py                       run every sample's command again: minutes, on a quiet machine
    python tools/samples.py --only doctor         only samples whose command contains that word
    python tools/samples.py --picture RECORD      docs/images/report.png, of a saved record (needs Chromium)
    python tools/samples.py --show RECORD         the sample of `bench-cli run`, from a saved record

A sample is a `text` block between `<!-- sample: COMMAND -->` and `<!-- end of sample -->`. Read what it printed before
you commit it: a sample of `run` should be a `valid` one. Width is 80 columns.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
SAMPLE = re.compile(r"(<!-- sample: (.*?) -->\n)```text\n.*?```(\n<!-- end of sample -->)", re.DOTALL)
CLI = [sys.executable, "-c", "from resnet_bench.cli import main; main()"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=900,880",
)


def main() -> None:
    """Run the samples, or draw the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--picture", type=Path, metavar="RECORD")
    parser.add_argument("--show", type=Path, metavar="RECORD")
    chosen = parser.parse_args()
    if chosen.picture:
        draw(chosen.picture, ROOT / "docs" / "images" / "report.png")
        return
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        if chosen.show:
            refresh(path, "bench-cli run", lambda _: output(["show", str(chosen.show)]))
        else:
            refresh(path, chosen.only, lambda command: output(shlex.split(command)[1:]))


def refresh(path: Path, word: str, run: Callable[[str], str]) -> None:
    """Replace the samples of a file whose command contains the word."""

    def replaced(match: re.Match[str]) -> str:
        start, command, end = match.groups()
        if word not in command:
            return match[0]
        print("$", command, file=sys.stderr)
        return f"{start}```text\n$ {command}\n{run(command)}\n```{end}"

    text = path.read_text()
    path.write_text(SAMPLE.sub(replaced, text))


def output(words: list[str]) -> str:
    """What `bench-cli` prints at 80 columns, without the name of the file that was saved."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*CLI, *words], env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("Record:", "Result:", "Model:", "Trace:"))).strip(
        "\n"
    )


def draw(record: Path, picture: Path) -> None:
    """The first screen of a report on that record, as a PNG."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"tools/samples.py: none of {', '.join(BROWSERS)} is installed")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        output(["report", str(record), "-o", str(page)])
        options = [*BROWSER_OPTIONS, f"--user-data-dir={folder}/profile", f"--screenshot={folder}/report.png"]
        subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True, timeout=120)
        from PIL import Image

        picture.parent.mkdir(exist_ok=True)
        Image.open(f"{folder}/report.png").convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(
            picture, optimize=True
        )


if __name__ == "__main__":
    main()
