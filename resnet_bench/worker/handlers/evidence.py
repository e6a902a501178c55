"""Evidence of what ran, inside the worker: the prepared step, logs and dumps of an untimed pass, output error.

Neighbours: the readers are in `evidence/`; the parent (`experiments/evidence_pass.py`) decides what is collected.
TensorFlow is imported inside the functions.
"""

from __future__ import annotations

import ctypes
import gzip
import os
import re
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import Changes, Compiled, OneDnn, Operations, Seen
from resnet_bench.worker import preparation
from resnet_bench.worker import protocol as p

if TYPE_CHECKING:
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession

T = TypeVar("T")

GRAPHS = "executed_graphs.tsv.gz"
ONEDNN = "onednn.log.gz"
HLO = "step_after_optimizations.hlo.gz"
HLO_BEFORE = "step_before_optimizations.hlo.gz"
TRACED = "the traced function's graph, in the running process"
NOT_KEPT = "(not kept: the run has no output folder)"


def observe(session: TensorFlowSession, graph: bool) -> tuple[Seen, tuple[Notice, ...]]:
    """The watched window and, with `graph`, the traced graph and the running pipeline; nothing runs on the device."""
    from resnet_bench.evidence import graph as graphs
    from resnet_bench.evidence import live

    tries = _TolerantParsers()
    inside = session.step.inside()
    windows = () if session.window is None else (session.window,)
    if not graph:
        return Seen(windows=windows), ()

    def traced() -> Operations | None:
        if inside.graph is None or session.model is None:
            return None
        return graphs.count(graphs.nodes_of_function(inside.graph), TRACED, session.runtime.device)

    seen = Seen(
        windows=windows,
        traced=tries.get("the traced graph", traced),
        pipeline=None if inside.iterator is None else tries.get("tf.data", lambda: live.pipeline(inside.iterator)),
        output_device=inside.output_device,
    )
    return seen, tuple(tries.notices)


def collect(session: TensorFlowSession, command: p.CollectEvidence) -> p.Observed:
    """Run some steps with all logs on, in a process that times nothing."""
    from resnet_bench.evidence import live

    log, dump = Path(command.log_path), Path(command.log_path).parent / "xla"
    _switch_logs_on(command.config, dump)
    graphs: list[Any] = []

    @contextmanager
    def collecting() -> Iterator[None]:
        with live.collected_graphs() as found:
            yield
        graphs.extend(found)

    session.collect_around = collecting
    preparation.prepare(session, p.Prepare(config=command.config, log_path=command.log_path))
    config, keep = session.config, None if command.folder is None else _Keep(Path(command.folder))
    assert config is not None
    tries = _TolerantParsers()
    with session.phases.enter("evidence"):
        before = log.stat().st_size
        changes = _run(session, command.steps)
        _flush()
        said = log.read_bytes()[before:].decode(errors="replace")
        calls = max(1, command.steps // config.step.steps_per_call)
        seen = Seen(
            executed=tries.get("the executed graphs", lambda: _executed(session, graphs, keep)),
            compiled=tries.get("XLA's dump", lambda: _compiled(dump, keep)) if config.step.xla else None,
            compilations=_compilations(log),
            xla_clusters=tries.get("the executed graphs' clusters", lambda: live.xla_clusters(graphs)),
            onednn=tries.get("oneDNN's log", lambda: _onednn(said, calls * config.step.steps_per_call, keep)),
            changes=changes,
            output_device=session.step.inside().output_device,
            arithmetic=tries.get("rounding", lambda: live.arithmetic(session.runtime.device)),
        )
    return p.Observed(seen=seen, notices=tuple(tries.notices))


def compare_outputs(session: TensorFlowSession, command: p.CompareOutputs) -> p.OutputsCompared:
    """Compare the logits with float32's, in a fresh worker or in one prepared for the same configuration."""
    from resnet_bench import data
    from resnet_bench.evidence import outputs

    if session.runtime is None:
        session.start_tensorflow(command.config)
    config, inp = session.config, session.input
    assert config is not None
    with session.phases.enter("output error"):
        if inp is None:
            inp = data.open_input(config, session.runtime.threads, data.default_cache_dir(), session.runtime.device)
        return p.OutputsCompared(parity=outputs.parity(config, session.runtime, inp))


class _TolerantParsers:
    """Runs parsers of unstable log formats; a failure becomes a notice, not an error."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def get(self, what: str, read: Callable[[], T]) -> T | None:
        """What `read` gives, or None where it raised."""
        try:
            return read()
        except Exception as error:
            traceback.print_exc()
            facts: dict[str, Value] = {"what": what, "error": f"{type(error).__name__}: {str(error)[:200]}"}
            self.notices.append(Notice.make("evidence_unreadable", **facts))
            return None


class _Keep:
    """A folder for artefacts; `source` names them relative to the record that lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def source(self, name: str) -> str:
        """The artefact's path, seen from the record."""
        return f"{self.folder.name}/{name}"

    def text(self, name: str, content: str) -> str:
        """Write a compressed artefact; returns its path, seen from the record."""
        with gzip.open(self.folder / name, "wt", encoding="utf-8") as file:
            file.write(content)
        return self.source(name)


def _switch_logs_on(config: Config, dump: Path) -> None:
    """oneDNN's log, XLA's dumps and its lines per compilation, which show as well that nothing was compiled; all read
    the environment once, when TensorFlow is loaded."""
    from resnet_bench.runtime.environ import log_compilations

    os.environ["ONEDNN_VERBOSE"] = "1"
    log_compilations(os.environ)
    if config.step.xla:
        dump.mkdir(exist_ok=True)
        flags = f"--xla_dump_to={dump} --xla_dump_hlo_as_text"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()


def _run(session: TensorFlowSession, steps: int) -> Changes | None:
    """Run that many steps; in training, return which variables they changed."""
    from resnet_bench.evidence import live

    config, step = session.config, session.step
    assert config is not None
    calls = max(1, steps // config.step.steps_per_call)

    def run() -> tuple[int | None, bool | None]:
        step.dispatch(calls)
        outcome = step.finish()
        return outcome.skipped, outcome.finite

    if config.step.mode == "train":
        return live.changes(session.model, calls * config.step.steps_per_call, run)
    run()
    return None


def _flush() -> None:
    """oneDNN prints through the C library, which buffers lines that go to a file."""
    ctypes.CDLL(None).fflush(None)
    os.fsync(2)


def _executed(session: TensorFlowSession, graphs: list[Any], keep: _Keep | None) -> Operations | None:
    """What the executors were given; None if XLA compiled all convolutions."""
    from resnet_bench.evidence import graph, live

    source = f"executed graphs {NOT_KEPT}" if keep is None else keep.source(GRAPHS)
    inside = session.step.inside()
    sizes = {} if inside.graph is None else graph.sizes(inside.graph)
    found = live.executed(graphs, source, session.runtime.device, sizes)
    if not found.convolutions:
        return None
    if keep is not None:
        live.keep_graphs(graphs, keep.folder / GRAPHS)
    return found


def _compiled(dump: Path, keep: _Keep | None) -> Compiled | None:
    """The largest dumped module, which is the step's; None if nothing was dumped."""
    from resnet_bench.evidence import hlo

    after = max(dump.glob("*after_optimizations.txt"), key=lambda path: path.stat().st_size, default=None)
    if after is None:
        return None
    platform = "gpu" if "gpu_after" in after.name else "cpu"
    stem = re.sub(r"\.[^.]*(?:\.\d+)?_?(?:cpu|gpu)_after_optimizations\.txt$", "", after.name)
    before = next(iter(dump.glob(f"{stem}*before_optimizations.txt")), None)
    text, text_before = after.read_text(), "" if before is None else before.read_text()
    source = f"XLA's optimised module {NOT_KEPT}"
    if keep is not None:
        keep.text(HLO_BEFORE, text_before)
        source = keep.text(HLO, text)
    shutil.rmtree(dump, ignore_errors=True)
    return hlo.read(text_before, text, source, platform)


def _compilations(log: Path) -> tuple[str, ...]:
    from resnet_bench.runtime.xla_log import parse_compilations

    return tuple(one.name for one in parse_compilations(log.read_text(errors="replace")))


def _onednn(said: str, steps: int, keep: _Keep | None) -> OneDnn:
    """What oneDNN logged of the steps."""
    from resnet_bench.evidence import onednn_log

    lines = "\n".join(line for line in said.splitlines() if "onednn_verbose" in line)
    source = f"oneDNN's log of {steps} steps {NOT_KEPT}"
    if keep is not None and lines:
        source = keep.text(ONEDNN, lines)
    return onednn_log.read(lines, steps, source)
