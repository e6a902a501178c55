"""The guided tour runs from top to bottom, and what is committed shows a run of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PATH = ROOT / "notebooks" / "residual_network_from_scratch.ipynb"
CELLS: list[dict[str, Any]] = json.loads(PATH.read_text())["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]

EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
print(sum(1 for cell in notebook.cells if cell.cell_type == "code" and cell.execution_count))
"""


def text_of(output: dict[str, Any]) -> str:
    """What an output says in words."""
    return "".join(output.get("text", output.get("data", {}).get("text/plain", "")))


def test_every_step_runs_on_a_few_images() -> None:
    pytest.importorskip("nbclient", reason="needs nbclient and ipykernel (pip install 'resnet-bench[dev]')")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel (pip install 'resnet-bench[dev]')")
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(PATH)],
        cwd=ROOT,
        env={**os.environ, "NOTEBOOK": "short", "PYTHONPATH": str(ROOT), "MPLBACKEND": ""},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout.split()[-1]) == len(CODE)


def test_what_is_committed_was_run_in_order_and_without_a_complaint() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_it_can_be_read_on_its_own() -> None:
    pictures = [output for cell in CODE for output in cell["outputs"] if "image/png" in output.get("data", {})]
    assert len(pictures) >= 8
    assert PATH.stat().st_size < 1_500_000
    assert not re.search(r"/(tmp|home|root|Users)/", " ".join(text_of(o) for cell in CODE for o in cell["outputs"]))
    kinds = "".join("m" if cell["cell_type"] == "markdown" else "c" for cell in CELLS)
    assert kinds.startswith("m")
    assert "ccc" not in kinds, "no more than two steps without an explanation"


@pytest.mark.parametrize("words", ["identity block", "convolutional block", "one-hot", "shortcut", "epoch", "Evaluate"])
def test_the_tour_comes_by_every_step(words: str) -> None:
    assert words in " ".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
