"""Run the guided tour from top to bottom and keep what it showed: python tools/notebook.py

Needs nbclient and ipykernel. What programs wrote to stderr is left out; nothing is written where a step fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

PATH = Path(__file__).parent.parent / "notebooks" / "residual_network_from_scratch.ipynb"
CELL_TIMEOUT_S = 3600


def main() -> None:
    """Execute the notebook and replace the file."""
    files: Any = nbformat  # Its functions have no types.
    notebook = files.read(PATH, as_version=4)
    os.environ["MPLBACKEND"] = ""
    NotebookClient(notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3", record_timing=False).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    part = PATH.with_suffix(".part")
    files.write(notebook, part)
    part.replace(PATH)


if __name__ == "__main__":
    main()
