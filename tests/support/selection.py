"""Which tests import TensorFlow and which start processes: what `make test-fast` leaves out.

A folder stands for all files in it; files that differ from their folder stand apart. `tests/conftest.py` puts the
markers on, and a guard there fails a test that does what its markers do not say. A single test may also carry
`@pytest.mark.process` or `@pytest.mark.tensorflow` itself; users of the fixtures below are marked by themselves.
"""

from __future__ import annotations

from collections.abc import Collection

MARKERS = ("tensorflow", "process")
"""Declared in pyproject.toml."""

_DATA_WITHOUT_TENSORFLOW = ("caching", "checksum", "datasets", "folder", "manifest", "sources", "verify_shards")
_PROFILE_WITHOUT_TENSORFLOW = ("summary",)
_IN_PROCESS = {
    "cli": ("progress", "report", "serve", "show"),
    "experiments": (
        "ab",
        "api",
        "batch_search",
        "bottleneck",
        "budget",
        "data_bench",
        "evidence_pass",
        "interleave",
        "pipeline_variants",
        "roofline_pass",
        "run",
        "search",
        "search_space",
        "stopping_rule",
        "tune",
    ),
    "worker": ("commands", "timing"),
}

TENSORFLOW = ("data", "model", "profile", "step")
"""Folders whose tests import TensorFlow, except for `WITHOUT_TENSORFLOW`."""
WITHOUT_TENSORFLOW = {
    *(f"data/test_{name}.py" for name in _DATA_WITHOUT_TENSORFLOW),
    *(f"profile/test_{name}.py" for name in _PROFILE_WITHOUT_TENSORFLOW),
}
TENSORFLOW_FILES = {
    "evidence/test_sabotage.py",
    "gauntlet/test_tensorflow.py",
    "report/test_tensorboard_server.py",
    "runtime/test_environment.py",
    "runtime/test_peaks.py",
    "runtime/test_precision.py",
    "runtime/test_state.py",
    "test_end_to_end.py",
    "test_gpu.py",
    "test_input_peers.py",
    "test_notebook.py",
    "test_train_end_to_end.py",
}

PROCESS = ("cli", "experiments", "plugin", "worker")
"""Folders whose tests start processes, except for `WITHOUT_PROCESS`."""
WITHOUT_PROCESS = {f"{folder}/test_{name}.py" for folder, names in _IN_PROCESS.items() for name in names}
PROCESS_FILES = {
    "analysis/test_compare.py",
    "data/test_input.py",
    "data/test_service.py",
    "data/test_write_shards.py",
    "evidence/test_outputs.py",
    "evidence/test_sabotage.py",
    "gauntlet/test_processes.py",
    "gauntlet/test_tensorflow.py",
    "records/test_history.py",
    "report/test_browser.py",
    "report/test_profile.py",
    "report/test_tensorboard_server.py",
    "report/test_text.py",
    "runtime/test_doctor.py",
    "runtime/test_environment.py",
    "runtime/test_state.py",
    "test_bootstrap.py",
    "test_end_to_end.py",
    "test_input_peers.py",
    "test_notebook.py",
    "test_train_end_to_end.py",
}
PROCESS_FIXTURES = {"browser", "child", "page"}

SLOW_FIRST = ("test_train_end_to_end.py", "test_end_to_end.py", "test_notebook.py", "experiments/test_tune.py")
"""Files with few but long tests: started first, so that no process is left with one of them at the end."""


def markers(path: str, fixtures: Collection[str] = ()) -> set[str]:
    """The markers of a test, from its file below tests/ and the fixtures that it uses."""
    folder = path.rsplit("/", 1)[0]
    found = set()
    if path in TENSORFLOW_FILES or (folder in TENSORFLOW and path not in WITHOUT_TENSORFLOW):
        found.add("tensorflow")
    starts = path in PROCESS_FILES or (folder in PROCESS and path not in WITHOUT_PROCESS)
    if starts or PROCESS_FIXTURES.intersection(fixtures):
        found.add("process")
    return found


def deselected(expression: str, path: str) -> bool:
    """Whether all of that file is left out by pytest's `-m`, so that it need not even be imported."""
    return any(f"not {name}" in expression for name in markers(path))
