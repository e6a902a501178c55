"""What commands print, on streams of every kind (other encodings, full, closed), and what outside text cannot do."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from resnet_bench.cli import group
from resnet_bench.cli.progress.run import run_progress
from resnet_bench.records.base import Notice
from resnet_bench.report.terminal.rich_text import console
from tests.support import report_records as made

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "resnet_bench"
HOSTILE = "\x1b]0;title\x07\x1b[31mred\x9b2J\r\u202e"
SHOWN = "\\x1b]0;title\\x07\\x1b[31mred\\x9b2J\\x0d\\u202e"
SENT_BY_RICH = SHOWN.replace("\\x07", "").replace("\\x0d", "")
"""Rich drops some control characters from a text before any of ours sees it."""

FULL = Path("/dev/full")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with one record."""
    made.make().save(tmp_path / "runs")
    return tmp_path / "runs"


def start(
    *words: str, stdout: int = subprocess.PIPE, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from resnet_bench.cli import main; main()", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1", "cp1252", "koi8-r", "utf-16"])
def test_a_stream_that_is_not_utf8_gets_what_it_can_show(runs: Path, encoding: str) -> None:
    done = start("show", str(runs), environment={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr.decode(encoding.partition(":")[0])) == (0, "")
    assert "Training, ResNet-50" in done.stdout.decode(encoding.partition(":")[0])


def test_the_posix_locale_is_no_obstacle(runs: Path) -> None:
    environment = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = start("show", str(runs), environment=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Training, ResNet-50" in done.stdout


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "words", ["show RUNS", "show RUNS --json", "schema", "history RUNS", "--help", "completion bash"]
)
def test_a_full_device_is_one_line_and_an_exit_code(runs: Path, words: str) -> None:
    with FULL.open("wb") as full:
        done = start(*words.replace("RUNS", str(runs)).split(), stdout=full.fileno())
    assert done.returncode == 12
    assert done.stderr.decode() == (
        "bench-cli: Standard output cannot be written: No space left on device. "
        "What was measured or written to files is complete.\n"
    )


@pytest.mark.parametrize("words", ["show RUNS", "show RUNS --json", "schema"])
def test_a_closed_pipe_is_one_line_and_an_exit_code(runs: Path, words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = start(*words.replace("RUNS", str(runs)).split(), stdout=writer)
    os.close(writer)
    assert done.returncode == 12
    assert re.fullmatch(r"bench-cli: Standard output cannot be written: Broken pipe\. .*\n", done.stderr.decode())


def test_a_standard_error_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end a measurement or a training."""
    if not FULL.exists():
        pytest.skip("there is no /dev/full")
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with run_progress() as observer:
            observer.resolved(made.make().config.requested, (Notice(kind="x", message="words"),))
        console(stderr=True, force_terminal=True).print("words")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()


@pytest.mark.parametrize("columns", ["0", "1", "-1", "x", ""])
def test_a_width_that_no_terminal_has_counts_as_unknown(runs: Path, columns: str) -> None:
    runner = CliRunner()
    narrow = runner.invoke(group, ["show", str(runs)], env={"COLUMNS": columns}).stdout
    assert narrow == runner.invoke(group, ["show", str(runs)], env={"COLUMNS": "80"}).stdout
    assert "img/s" in narrow


def test_escapes_in_fields_of_a_record_and_in_names_of_files_are_shown(tmp_path: Path) -> None:
    record = made.make(source="folder", data=f"/d/{HOSTILE}")
    other = made.failed(2, message=f"It failed: {HOSTILE}")
    folder = tmp_path / f"runs {HOSTILE}".replace("\r", "")
    paths = [record.save(folder), other.save(folder)]
    (folder / "bad.json").write_text("{")
    for words in (["show", str(folder)], ["show", "--full", str(folder)], ["show", str(paths[0]), "--json"]):
        result = CliRunner(env={"COLUMNS": "300"}).invoke(group, words)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", result.output), words
    assert SENT_BY_RICH in CliRunner(env={"COLUMNS": "300"}).invoke(group, ["show", str(paths[1])]).stdout
    shown = CliRunner().invoke(group, ["show", "--json", str(paths[1])]).stdout
    assert json.loads(shown)["outcome"]["message"] == f"It failed: {HOSTILE}"


def test_a_styled_console_sends_its_own_sequences_alone() -> None:
    screen = io.StringIO()
    console(file=screen, force_terminal=True, width=200).print(HOSTILE, style="red")
    assert SENT_BY_RICH in screen.getvalue()
    assert screen.getvalue().startswith("\x1b[31m")


def test_commands_print_through_one_module() -> None:
    direct = re.compile(r"click\.s?echo\(|\bprint\((?!\))|sys\.std(out|err)\.write")
    found = {
        str(path.relative_to(PACKAGE))
        for path in (PACKAGE / "cli").rglob("*.py")
        if path.name != "output.py" and direct.search(path.read_text(encoding="utf-8").replace(".print(", ""))
    }
    assert found == set()
