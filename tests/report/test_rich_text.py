"""Text on a terminal is literal: brackets are no markup, and nothing of ours reaches Rich as a bare str."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console, Group
from rich.table import Table

from resnet_bench.cli.progress.paired import LivePaired
from resnet_bench.cli.progress.run import LiveRun
from resnet_bench.cli.progress.sweep import _LiveSweep
from resnet_bench.cli.progress.train import LiveTrain
from resnet_bench.cli.progress.tune import _LiveTune
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.base import Notice
from resnet_bench.report.terminal import ab, tables
from resnet_bench.report.terminal.rich_text import add_row, bullets, cell, console, marked, show, whole_line
from tests.support.report_results import ab_record

PACKAGE = Path(__file__).parents[2] / "resnet_bench"
HOSTILE = (
    "test_infer[fused]",
    "/d/train-[ab]*",
    "/d/[/x]/y",
    "[fe80::1]:5050",
    "'resnet-bench[gpu]'",
    ":smile: [red]a",
)


def shown(content: object) -> str:
    screen = io.StringIO()
    console(file=screen, width=200).print(content)
    return screen.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_a_row_and_a_line_show_brackets_as_they_are(text: str) -> None:
    grid = Table(text)
    add_row(grid, text, cell(text, "red"))
    assert shown(grid).count(text) == 3
    assert text in shown(text)
    assert shown(marked("!", "yellow", text)).rstrip() == f"! {text}"


@pytest.mark.parametrize("text", HOSTILE)
def test_an_ab_result_shows_its_labels_and_path(text: str) -> None:
    record: AbRecord = ab_record(1.1, 1.2, 1.3, label=text)
    assert shown(ab.render(record, Path(text))).count(text) >= 2


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sweep_shows_its_values_and_reasons(text: str) -> None:
    assert text in shown(tables.sweep([({"data": text}, "waiting", None)]))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [LiveRun, _LiveSweep, LivePaired, _LiveTune, LiveTrain])
def test_a_live_line_shows_notices_and_phases(kind: type[LiveRun], text: str) -> None:
    """A training was killed by a notice whose path had `[/x]`."""
    screen = io.StringIO()
    with kind(Console(file=screen, force_terminal=True, width=200)) as line:
        line.note(Notice(kind="data_service_runs_on", facts={"address": text}))
        line.say(text, "+", "green")
        line._bar.update(line._task, description=text, status=text)
        line._bar.refresh()
    assert screen.getvalue().count(text) >= 4


@pytest.mark.parametrize(
    ("columns", "width"), [("0", 80), ("-3", 80), ("wide", 80), ("", 80), ("60", 60), ("140", 140)]
)
def test_the_width_is_that_of_columns_or_80(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console(file=io.StringIO()).width == width


def test_a_line_to_copy_is_not_cut_and_sentences_wrap_beside_their_mark(capsys: pytest.CaptureFixture[str]) -> None:
    command, sentence = "bench-cli run " + "--option value " * 20, "A sentence that is long. " * 8
    show(Group(whole_line("Next:", command), bullets([("!", "red", sentence)])))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Next:    {command}"
    assert lines[1].startswith("! A sentence")
    assert all(line.startswith("  ") for line in lines[2:])


def test_nothing_else_makes_a_console_or_adds_a_row() -> None:
    direct = re.compile(r"\bConsole\(|\.add_row\(|TextColumn\(|from_markup|rich\.markup")
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.name != "rich_text.py" and direct.search(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_pages_figures_and_exports_share_words_with_the_terminal_but_import_nothing_of_it() -> None:
    terminal = re.compile(r"report\.terminal|\brich\b")
    folders = ("page", "figures", "export", "words")
    found = {
        str(path.relative_to(PACKAGE))
        for folder in folders
        for path in (PACKAGE / "report" / folder).rglob("*.py")
        if any(terminal.search(line) for line in path.read_text(encoding="utf-8").splitlines() if "import" in line)
    }
    assert found == set()
