"""Saving what was measured, whatever the disk does."""

from __future__ import annotations

import tempfile
from pathlib import Path

from resnet_bench.cli.output import echo_json_bytes
from resnet_bench.errors import RecordError
from resnet_bench.records.saved import Saved

FALLBACK_FOLDER = "resnet-bench-rescued"


def save_with_fallback(result: Saved, folder: Path) -> Path:
    """Save into `folder`; if that fails, save elsewhere, or print the JSON, and raise `RecordError` to say so."""
    try:
        return result.save(folder)
    except RecordError as error:
        try:
            refuge = result.save(Path(tempfile.gettempdir()) / FALLBACK_FOLDER)
        except RecordError:
            echo_json_bytes(result.to_json())
            raise RecordError(error.message, f"The {result.noun} was printed instead.") from error
        raise RecordError(error.message, f"The {result.noun} was saved as {refuge} instead.") from error
