"""Parts of data sets that are streamed from files through `data/pipeline.py`.

A training part is one pipeline per epoch, whose seed follows from the training's seed and the epoch's number, so that
any batch of any epoch can be made again. `sources/folder.py` and `sources/tfrecord.py` open them. Reading imports
TensorFlow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from resnet_bench.config import DataConfig
from resnet_bench.data.datasets.augment import Augmentation, augmented
from resnet_bench.data.datasets.base import Batch, Crop
from resnet_bench.data.sources.base import IMAGE_SIZE, DatasetRequest, SourceFiles
from resnet_bench.errors import BenchError, DataError
from resnet_bench.records.run import DataFacts
from resnet_bench.runtime.resolve import resolve_data

if TYPE_CHECKING:
    from resnet_bench.data.pipeline import PipelinePlan


@dataclass(frozen=True)
class View:
    """Size, channels and pipeline options of the images; `data` is resolved."""

    image_size: tuple[int, int]
    channels: Literal[1, 3]
    data: DataConfig

    @classmethod
    def of(cls, request: DatasetRequest, source: Literal["folder", "tfrecord"]) -> View:
        """What a request asks for; the pipeline's defaults for two threads where it names no options."""
        data = request.reading or resolve_data(DataConfig(source=source), 2)
        return cls(request.image_size or IMAGE_SIZE, request.channels, data)


@dataclass(frozen=True)
class FilePart:
    """A `DatasetPart` that is read from files each time; `base.DatasetPart` says what its methods promise."""

    source: SourceFiles
    view: View
    classes: int
    crop: Crop = "centre"

    @property
    def count(self) -> int:
        """How many images it has."""
        assert self.source.records is not None, "parts are counted when they are opened"
        return self.source.records

    def epoch(
        self, number: int, batch_size: int, seed: int, augmentation: Augmentation, skip: int = 0
    ) -> Iterator[Batch]:
        """Shuffled whole batches: random-resized crops with `crop`, else whole images stretched to size."""
        from resnet_bench.data import pipeline

        area_min = augmentation.crop_area_min if augmentation.crop else 1.0
        data = msgspec.structs.replace(self.view.data, crop_area_min=area_min, flip=augmentation.flip, cache="none")
        mixed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) >> 1
        plan = replace(self._plan(batch_size, mixed), data=data, training=True, skip=skip * batch_size)
        shift = Augmentation(shift=augmentation.shift)
        for step, (images, labels) in enumerate(pipeline.build(plan, repeat=False), start=skip):
            noise = np.random.default_rng((seed, number, step))
            yield (augmented(images.numpy(), shift, noise) if shift.shift else images), labels

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """Every image once, its centre."""
        from resnet_bench.data import pipeline

        plan = self._plan(batch_size, 0)
        elements = pipeline.build(plan, until="augment", repeat=False).batch(batch_size).prefetch(2)
        for batch in elements.as_numpy_iterator():
            labels = batch["label"]
            if labels.min() < 0 or labels.max() >= self.classes:
                wrong = labels[(labels < 0) | (labels >= self.classes)][0]
                raise self.explain_labels(int(wrong))
            yield batch["image"], labels

    def explain(self, failure: BaseException) -> BenchError | None:
        """The record or file behind `failure`; reads up to the first bad one."""
        from resnet_bench.data import diagnose

        return diagnose.explain(failure, self._plan(1, 0))

    def explain_labels(self, wrong: int) -> DataError:
        """The record with a label out of range, once one was found."""
        from resnet_bench.data import diagnose

        found = diagnose.first_bad(self._plan(1, 0))
        return found or DataError(
            f"{self.source.files[0]}, or a file beside it, has label {wrong}, but --classes is {self.classes}.",
            "Check --classes and --label-offset.",
        )

    def _plan(self, batch_size: int, seed: int) -> PipelinePlan:
        from resnet_bench.data.pipeline import PipelinePlan

        return PipelinePlan(
            source=self.source,
            data=self.view.data,
            training=False,
            image_size=self.view.image_size,
            channels=self.view.channels,
            classes=self.classes,
            batch_size=batch_size,
            seed=seed,
        )


def joined(train: DataFacts, test: DataFacts) -> DataFacts:
    """The facts of two parts together; means are left to the train part."""
    together = msgspec.structs.replace(
        train,
        images=None if train.images is None or test.images is None else train.images + test.images,
        files=None if train.files is None or test.files is None else train.files + test.files,
        bytes=None if train.bytes is None or test.bytes is None else train.bytes + test.bytes,
    )
    return replace_hash(together, f"{train.manifest_hash} {test.manifest_hash}")


def replace_hash(facts: DataFacts, identity: str) -> DataFacts:
    """The facts with the hash of `identity`, which differs for every other set."""
    return msgspec.structs.replace(facts, manifest_hash=hashlib.sha256(identity.encode()).hexdigest())
