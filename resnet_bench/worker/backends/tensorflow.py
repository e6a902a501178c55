"""The TensorFlow backend: the session, and every command that this runtime answers beyond the common ones.

Neighbours: `tensorflow_session.py` has the live state, `handlers/` answer one area of commands each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from resnet_bench.records.base import Notice
from resnet_bench.records.evidence import Seen
from resnet_bench.records.run import Split
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Handler
from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.timing import split_in_turns

_HANDLERS: dict[type, tuple[str, str]] = {
    p.Profile: ("profile", "take"),
    p.ReadTrace: ("profile", "read"),
    p.Build: ("build", "build"),
    p.Evaluate: ("evaluate", "evaluate"),
    p.Predict: ("evaluate", "predict"),
    p.RunDoctor: ("doctor", "examine"),
    p.MeasurePeaks: ("peaks", "measure_peaks"),
    p.CollectEvidence: ("evidence", "collect"),
    p.CompareOutputs: ("evidence", "compare_outputs"),
    p.Train: ("train", "train"),
}
"""Module of `handlers/` and function, by command. A worker needs few of them, so each is imported when needed."""


class TensorFlowBackend(TensorFlowSession):
    """ResNet-50 of this package in TensorFlow, as its options say."""

    def __init__(self, phases: Phases) -> None:
        super().__init__(phases)
        self._pipeline: Any = None

    def split(self, rounds: int, until: float | None) -> Split:
        """Each part is a compiled function of its own."""
        from resnet_bench.step.split import split_functions

        assert self.config is not None
        functions = split_functions(self.config, self.runtime, self.model)
        return split_in_turns(functions, self.runtime.wait, rounds, until=until)

    def seen(self, graph: bool) -> tuple[Seen, tuple[Notice, ...]]:
        """The traced graph, the running pipeline, and the watched window."""
        from resnet_bench.worker.handlers.evidence import observe

        return observe(self, graph)

    def handlers(self) -> Mapping[type, Handler]:
        """All commands of the protocol."""
        of_pipeline: dict[type, Handler] = {
            p.OpenPipeline: self._of_pipeline("open"),
            p.RunEpochs: self._of_pipeline("epochs"),
            p.MeasureVariants: self._of_pipeline("measure"),
            p.ComparePixels: self._of_pipeline("compare_pixels"),
        }
        late: dict[type, Handler] = {command: partial(_late, *where, self) for command, where in _HANDLERS.items()}
        return {**late, **of_pipeline}

    def _of_pipeline(self, method: str) -> Callable[[Any], Any]:
        """A method of the one pipeline that this process measures."""

        def answer(command: p.Command) -> Any:
            from resnet_bench.worker.handlers.pipeline import PipelineHandler

            self._pipeline = self._pipeline or PipelineHandler(self)
            return getattr(self._pipeline, method)(command)

        return answer


def _late(module: str, function: str, session: TensorFlowSession, command: p.Command) -> Any:
    """Import a handler and let it answer."""
    return getattr(import_module(f"resnet_bench.worker.handlers.{module}"), function)(session, command)


def new_backend(phases: Phases) -> TensorFlowBackend:
    """The backend of `--runtime tensorflow`."""
    return TensorFlowBackend(phases)
