"""Our worker, with a raw loop over its own compiled step after every round: is the reported rate the real one?

Each `RoundDone` of the product is followed by one that the bare loop timed: no probe, no garbage-collector
guard, no error translation, just calls of the compiled function and one wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from resnet_bench.records.run import Round
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Handler
from resnet_bench.worker.backends.tensorflow import TensorFlowBackend


class RawLoop(TensorFlowBackend):
    """Rounds in pairs: the product's, then the bare loop's."""

    def handlers(self) -> Mapping[type, Handler]:
        """Measures in its own way."""
        return {**super().handlers(), p.Measure: self._measure}

    def _measure(self, command: p.Measure) -> p.Timed:
        assert self.bench is not None
        with self.phases.enter("timed"):
            for _ in range(command.rounds):
                self.phases.send(p.RoundDone(round=self.bench.round(command.steps)))
                self.phases.send(p.RoundDone(round=self._bare(command.steps)))
        return p.Timed()

    def _bare(self, steps: int) -> Round:
        call, batch, wait = self.step._call, self.step._batch, self.runtime.wait
        start = time.perf_counter()
        for _ in range(steps):
            call(*batch)
        wait()
        wall_s = time.perf_counter() - start
        return Round(steps=steps, images=steps * self.step.images_per_call, wall_s=wall_s, dispatch_s=wall_s)


if __name__ == "__main__":
    child.main(RawLoop)
