"""A worker that answers `data bench` with invented numbers: stages of known cost on a machine that drifts."""

from __future__ import annotations

from collections.abc import Mapping

from resnet_bench.records.base import Notice
from resnet_bench.records.pipeline import EpochRate, MemorySample
from resnet_bench.records.run import DataFacts, Interference, Round
from resnet_bench.worker import child, preparation
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Handler
from tests.support.fake_worker import FakeBackend

SECONDS_PER_IMAGE = {
    "read": 0.0001,
    "parse": 0.00012,
    "decode": 0.0008,
    "crop_resize": 0.0009,
    "augment": 0.00092,
    "batch": 0.001,
    "prefetch": 0.00098,
    "full": 0.001,
    "prefetch off": 0.002,
    "parallel map": 0.0018,
    "cache": 0.0009,
    "naive": 0.004,
}
FACTS = DataFacts(source="photos", images=512, files=8, bytes=512 * 100_000, mean_pixels=180e3)


class FakePipeline(FakeBackend):
    """`SCENARIO` as in `fake_worker`; `GROWTH` bytes per image are lost."""

    def handlers(self) -> Mapping[type, Handler]:
        """What `data bench` asks."""
        return {
            p.OpenPipeline: self._open,
            p.RunEpochs: self._run_epochs,
            p.MeasureVariants: self._measure_variants,
            p.ComparePixels: lambda command: p.PixelsCompared(
                mean_absolute={variant.name: 0.25 for variant in command.variants}, images=128
            ),
        }

    def _open(self, command: p.OpenPipeline) -> p.PipelineOpened:
        preparation.start(self, command.config)
        with self.phases.enter("data"):
            return p.PipelineOpened(data=FACTS)

    def _run_epochs(self, command: p.RunEpochs) -> p.EpochsRun:
        with self.phases.enter("epochs"):
            return self._epochs(command)

    def _measure_variants(self, command: p.MeasureVariants) -> p.VariantsMeasured:
        with self.phases.enter("interleaved"):
            return self._turns(command)

    def _epochs(self, command: p.RunEpochs) -> p.EpochsRun:
        read = EpochRate(epoch=1, page_cache="cold", images=512, wall_s=0.5, images_per_s=1024, until="read")
        whole = [
            EpochRate(
                epoch=number,
                page_cache="warm" if number > 1 else "cold",
                images=512,
                wall_s=0.6 if number > 1 else 1.0,
                images_per_s=512 / (0.6 if number > 1 else 1.0),
            )
            for number in range(1, command.epochs + 1)
        ]
        growth = float(self.environ.get("GROWTH", "0"))
        memory = [
            MemorySample(images=64 * number, resident_bytes=800_000_000 + int(64 * number * growth))
            for number in range(1, 8 * command.epochs + 1)
        ]
        notice = Notice(kind="page_cache_not_evicted", facts={"share": 0.4})
        return p.EpochsRun(epochs=(read, *whole), memory=tuple(memory), notices=(notice,))

    def _turns(self, command: p.MeasureVariants) -> p.VariantsMeasured:
        ran = min(command.rounds, int(self.environ.get("TURNS_THAT_FIT", "1000")))
        for turn in range(ran):
            for variant in command.variants:
                if variant.name == self.environ.get("NO_TURN"):
                    continue
                seconds = SECONDS_PER_IMAGE.get(variant.name, 0.001)
                wall_s = 64 * seconds * (1 + 0.05 * turn)
                watched = Interference(cpu_s=1.9 * wall_s, other_cpu_s=0.0, steal_s=0.0)
                one = Round(steps=1, images=64, wall_s=wall_s, dispatch_s=wall_s, interference=watched)
                self.phases.send(p.RoundDone(round=one, variant=variant.name))
            if turn == 1 and self.where == "interleaved-half":
                self._end(self.what)
        return p.VariantsMeasured(rounds=ran)


if __name__ == "__main__":
    child.main(FakePipeline)
