"""Parts that are streamed: a folder of class subfolders, or TFRecord shards, through `data/pipeline.py`.

A training part is a pipeline per epoch, whose seed follows from the training's seed and the epoch's number,
so that any batch of any epoch can be made again. Opening imports no TensorFlow for folders; reading does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from resnet_bench.config import DataConfig
from resnet_bench.data import folder, framing
from resnet_bench.data.datasets.augment import Augmentation, augmented
from resnet_bench.data.datasets.base import Batch, Crop, Dataset, stratified
from resnet_bench.data.source import Source
from resnet_bench.errors import BenchError, ConfigError, DataError
from resnet_bench.records.run import DataFacts

if TYPE_CHECKING:
    from resnet_bench.data.pipeline import PipelinePlan

REMEDY = "Repair or remove the file."


@dataclass(frozen=True)
class View:
    """How images are shown to the network; `data` is resolved."""

    image_size: tuple[int, int]
    channels: Literal[1, 3]
    data: DataConfig


@dataclass(frozen=True)
class FilePart:
    """A `Part` that is read from files each time; see `base.Part` for what its methods promise."""

    source: Source
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
        """The record with a label out of range, once one was seen."""
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


def open_folder_set(
    data: str, test_data: str | None, test_share: float, split_seed: int, classes: int | None, view: View
) -> Dataset:
    """A folder of class subfolders; the test part is another such folder, or split off class by class.

    Raises `DataError` for folders that are missing or empty, and classes that only the test folder has.
    """
    names = tuple(entry.name for entry in folder.class_folders(Path(data).expanduser()))
    if len(names) < 2 or (classes is not None and classes != len(names)):
        asked = f"--classes is {classes}" if len(names) > 1 else "a classifier needs two or more"
        raise DataError(
            f"{data} has {len(names)} class subfolders ({_some(names)}), but {asked}.",
            "Name the folder that holds one subfolder per class.",
        )
    source = folder.open_folder(data, len(names), "error")
    assert source.labels is not None
    _check_all_present(data, names, source.labels)
    if test_data is None:
        train, test = (_chosen(source, part) for part in stratified(np.array(source.labels), test_share, split_seed))
        facts = replace_hash(source.facts, f"{source.facts.manifest_hash} {test_share} {split_seed}")
    else:
        train, test = source, _relabelled(test_data, names)
        facts = joined(source.facts, test.facts)
    parts = [FilePart(part, view, len(names)) for part in (train, test)]
    return Dataset(class_names=names, train=parts[0], test=parts[1], facts=facts)


def open_tfrecord_set(data: str, test_data: str | None, classes: int | None, view: View) -> Dataset:
    """ImageNet-style shards; the test part is another glob, or there is none. Counts all records.

    Raises `ConfigError` where `classes` is not given, `DataError` for shards that are missing or damaged.
    """
    if classes is None:
        raise ConfigError("TFRecords do not say how many classes they have.", "Give --classes, like --classes 1000.")
    train = FilePart(_shards(data), view, classes)
    test = None if test_data is None else FilePart(_shards(test_data), view, classes)
    facts = train.source.facts if test is None else joined(train.source.facts, test.source.facts)
    names = tuple(str(number) for number in range(classes))
    return Dataset(class_names=names, train=train, test=test, facts=facts)


def _shards(data: str) -> Source:
    from resnet_bench.data import tfrecord

    source = tfrecord.open_shards(data, "error", 1)
    if source.records is not None:
        return source
    records = 0
    for path in source.files:
        try:
            records += sum(1 for _ in framing.walk(Path(path)))
        except framing.DamageError as damage:
            raise DataError(f"{path}, record {damage.index}: {damage.reason}.", REMEDY) from damage
    return replace(source, records=records, facts=msgspec.structs.replace(source.facts, images=records))


def _check_all_present(data: str, names: Sequence[str], labels: Sequence[int]) -> None:
    absent = sorted(set(range(len(names))) - set(labels))
    if absent:
        raise DataError(
            f"{Path(data) / names[absent[0]]} holds no image ({', '.join(sorted(folder.DECODABLE))}).",
            "Add images of this class, or remove the folder.",
        )


def _chosen(source: Source, indices: Any) -> Source:
    assert source.labels is not None
    files, labels = source.files, source.labels
    return replace(
        source,
        files=tuple(files[index] for index in indices),
        labels=tuple(labels[index] for index in indices),
        records=len(indices),
    )


def _relabelled(test_data: str, names: tuple[str, ...]) -> Source:
    """A test folder with the labels of the train folder's classes of the same names."""
    own = [entry.name for entry in folder.class_folders(Path(test_data).expanduser())]
    unknown = [name for name in own if name not in names]
    if unknown:
        raise DataError(
            f"{Path(test_data) / unknown[0]} is a class that the train part does not have ({_some(names)}).",
            "Both folders need subfolders of the same names.",
        )
    source = folder.open_folder(test_data, len(own), "error")
    assert source.labels is not None
    return replace(source, labels=tuple(names.index(own[label]) for label in source.labels))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


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
    """The facts of a set that `identity` tells from others."""
    return msgspec.structs.replace(facts, manifest_hash=hashlib.sha256(identity.encode()).hexdigest())
