"""Evaluate trained networks and classify images inside the worker.

Both networks of a comparison live in one process and run interleaved, batch by batch. Neighbours:
`backends/tensorflow.py` hands the commands on, `step/evaluate.py` runs a network, `analysis/classification.py` does
the statistics.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_bench import __version__
from resnet_bench.analysis import classification
from resnet_bench.config import resolved_value
from resnet_bench.config.dataset import PixelsName
from resnet_bench.errors import BenchError, ConfigError, DataError
from resnet_bench.records.base import Notice
from resnet_bench.records.evaluation import EvaluationRecord, LikelyClass, Prediction
from resnet_bench.records.files import new_id, now
from resnet_bench.worker import protocol as p
from resnet_bench.worker.phases import DIAGNOSIS, Phases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resnet_bench.data.datasets import Dataset, DatasetPart
    from resnet_bench.step.evaluate import LoadedModel
    from resnet_bench.worker.backends.tensorflow_session import TensorFlowSession


def evaluate(session: TensorFlowSession, command: p.Evaluate) -> p.Evaluated:
    """Scores of each network, their difference, and the speed of each, interleaved; blocks."""
    session.start_tensorflow(command.config)
    config = session.config
    assert config is not None
    subjects = _load(session, command.models, resolved_value(config.step.batch_size), command.pixels)
    if len({subject.classes for subject in subjects}) > 1:
        counts = " and ".join(f"{subject.classes:,}" for subject in subjects)
        raise ConfigError(
            f"The models have different numbers of classes ({counts}).", "Compare networks of the same classes."
        )
    with session.phases.enter("data"), session.phases.listing():
        sets = [_open(subject, command.images) for subject in subjects]
        parts = [_parts(data, command.images) for data in sets]
        notices = [notice for pair in zip(subjects, sets, strict=True) for notice in _check(*pair)]
    with session.phases.enter("evaluate"):
        labels, answers, batches = _ask(subjects, parts, session.phases)
    with session.phases.enter("timed"):
        times = _time_interleaved(subjects, batches, command.turns, time.perf_counter() + command.budget_s)
    rates = [len(own) * subjects[0].batch_size / sum(own) if own else None for own in times]
    evaluated = zip(answers, sets, rates, strict=True)
    return p.Evaluated(
        evaluation=EvaluationRecord(
            id=new_id(),
            created_at=now(),
            tool_version=__version__,
            config=config,
            machine=session.runtime.machine,
            environment=session.environment,
            data=sets[0].facts,
            part=command.images.part,
            models=tuple(
                classification.score(answer, labels, data.class_names, rate) for answer, data, rate in evaluated
            ),
            difference=_difference(answers, labels, times) if len(answers) == 2 else None,
            notices=tuple(notices),
        )
    )


def _load(session: TensorFlowSession, paths: Sequence[str], batch: int, pixels: PixelsName | None) -> list[LoadedModel]:
    from resnet_bench.step.evaluate import load_model

    with session.phases.enter("load"):
        return [load_model(path, session.runtime, batch, pixels) for path in paths]


def _open(subject: LoadedModel, images: p.ImageSet) -> Dataset:
    """The data set as `subject` reads it, in as many classes as it tells apart."""
    from resnet_bench.data.sources import open_dataset

    try:
        return open_dataset(
            images.source,
            images.data,
            test_data=images.test_data,
            test_share=images.test_share,
            split_seed=images.split_seed,
            image_size=subject.image_size,
            channels=subject.channels,
            classes=subject.classes,
        )
    except DataError as problem:
        if "--classes" not in str(problem):
            raise
        raise DataError(
            f"{subject.path} has {subject.classes} classes: {problem.message}",
            "Evaluate it on images of the classes that it was trained on.",
        ) from problem


def _parts(data: Dataset, images: p.ImageSet) -> list[DatasetPart]:
    """The parts that were requested; "all" is whatever there is."""
    by_name = {"train": data.train, "test": data.test}
    found = [part for name, part in by_name.items() if part is not None and images.part in (name, "all")]
    if not found:
        raise ConfigError("This data set has no test part.", "Name one with --test-data, or use --part all.")
    return found


def _check(subject: LoadedModel, data: Dataset) -> list[Notice]:
    """Refuse classes of other names; say what was assumed, and whether the network has seen another split."""
    card = subject.card
    names = card.class_names if card is not None else None
    if names is not None and names != data.class_names:
        raise DataError(
            f"{subject.path} was trained on classes {_some(names)}, but these images have {_some(data.class_names)}.",
            "Evaluate it on images of its own classes, in the same order.",
        )
    notices = list(subject.notices)
    seen = card.trained_on if card is not None else None
    if seen is not None and seen.manifest_hash != data.facts.manifest_hash:
        notices.append(Notice.make("trained_on_other_data", model=subject.path, source=seen.source))
    return [*notices, *data.notices]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _ask(
    subjects: list[LoadedModel], parts: list[list[DatasetPart]], phases: Phases
) -> tuple[Any, list[classification.Predictions], list[Any]]:
    """The labels int [N], what each network answered, and a full batch of images for each."""
    import numpy as np

    from resnet_bench.data.datasets import padded

    size = subjects[0].batch_size
    predicted: list[list[Any]] = [[] for _ in subjects]
    losses, top5 = [0.0] * len(subjects), [0] * len(subjects)
    labels: list[Any] = []
    batches: list[Any] = []
    images_asked = sum(part.count for part in parts[0])
    for views in zip(*(_in_order(each, size, phases) for each in parts), strict=True):
        labels.append(np.asarray(views[0][1]))
        phases.send(p.Tested(images=sum(map(len, labels)), of=images_asked))
        batches = batches or [padded(view[0], view[1], size)[0] for view in views]
        for index, (subject, (images, own)) in enumerate(zip(subjects, views, strict=True)):
            filled, _, count = padded(images, own, size)
            logs = subject(filled)[:count]
            predicted[index].append(logs.argmax(axis=1))
            losses[index] -= float(logs[np.arange(count), own].sum())
            top5[index] += int(
                np.sum(np.argsort(-logs, axis=1)[:, : classification.TOP] == np.asarray(own)[:, np.newaxis])
            )
    every = np.concatenate(labels)
    answers = [
        classification.Predictions(
            path=subject.path,
            predicted=np.concatenate(predicted[index]),
            loss=losses[index] / len(every),
            among_top5=top5[index] if subject.classes > classification.TOP else None,
        )
        for index, subject in enumerate(subjects)
    ]
    return every, answers, batches


def _in_order(parts: list[DatasetPart], size: int, phases: Phases) -> Any:
    """The batches of some parts; an exception that the data is to blame for names the file."""
    for part in parts:
        try:
            yield from part.in_order(size)
        except BenchError:
            raise
        except Exception as failure:
            with phases.kept_alive(DIAGNOSIS):
                found = part.explain(failure)
            raise found or failure from failure


def _time_interleaved(subjects: list[LoadedModel], batches: list[Any], turns: int, until: float) -> list[list[float]]:
    """Seconds per batch of each network, interleaved in alternating order; ends early at `until`."""
    times: list[list[float]] = [[] for _ in subjects]
    for number in range(turns):
        order = range(len(subjects)) if number % 2 == 0 else reversed(range(len(subjects)))
        for index in order:
            start = time.perf_counter()
            subjects[index](batches[index])
            times[index].append(time.perf_counter() - start)
        if time.perf_counter() > until:
            break
    return times


def _difference(answers: list[classification.Predictions], labels: Any, times: list[list[float]]) -> Any:
    speeds = [first / second for first, second in zip(*times, strict=True)]
    return classification.difference(answers[0], answers[1], labels, speeds)


def predict(session: TensorFlowSession, command: p.Predict) -> p.Predicted:
    """The most probable classes of each image file; one that cannot be read is named with its problem. Blocks."""
    session.start_tensorflow(command.config)
    config = session.config
    assert config is not None
    (subject,) = _load(session, [command.model], resolved_value(config.step.batch_size), command.pixels)
    with session.phases.enter("predict"):
        crop = command.crop or (subject.card.crop if subject.card is not None else "centre")
        found = []
        for path in command.images:
            found.append(_read_image(path, subject, crop))
            session.phases.send(p.Tested(images=len(found), of=len(command.images)))
        readable = [image for image in found if not isinstance(image, str)]
        likely = iter(_likely(readable, subject, min(command.top, subject.classes)))
        predictions = tuple(
            Prediction(path=path, problem=image)
            if isinstance(image, str)
            else Prediction(path=path, likely=next(likely))
            for path, image in zip(command.images, found, strict=True)
        )
    assumed = subject.notices[0].facts["pixels"] if subject.notices else None
    return p.Predicted(predictions=predictions, assumed=None if assumed is None else str(assumed))


def _read_image(path: str, subject: LoadedModel, crop: str) -> Any:
    """uint8 [height, width, channels] as evaluation shows it to the network, or the reason why not, in words."""
    from resnet_bench.data import decode
    from resnet_bench.data.datasets import fitted
    from resnet_bench.data.encoded_image import image_problem

    try:
        encoded = Path(path).read_bytes()
    except OSError as problem:
        return problem.strerror or str(problem)
    reason = image_problem(encoded)
    if reason is not None:
        return reason
    try:
        if crop == "whole":
            image = decode.decode_whole(encoded, subject.channels).numpy()
            return fitted(image[None], subject.image_size, subject.channels)[0]
        decoder = decode.Decoder(channels=subject.channels)
        window = decode.decode_window(encoded, lambda shape: decode.centre_window(shape, subject.image_size), decoder)
        return decode.resize(window, subject.image_size).numpy()
    except Exception as problem:
        if not isinstance(problem, UnicodeError) and type(problem).__module__.partition(".")[0] != "tensorflow":
            raise
        return f"TensorFlow cannot decode it ({decode.reason_of(problem)})"


def _likely(images: list[Any], subject: LoadedModel, top: int) -> list[tuple[LikelyClass, ...]]:
    """The `top` most likely classes of each image."""
    import numpy as np

    from resnet_bench.data.datasets import padded

    names = subject.card.class_names if subject.card is not None else None
    found = []
    for start in range(0, len(images), subject.batch_size):
        chosen = np.stack(images[start : start + subject.batch_size])
        filled, _, count = padded(chosen, np.zeros(len(chosen), np.int32), subject.batch_size)
        for logs in subject(filled)[:count]:
            best = np.argsort(-logs)[:top]
            found.append(
                tuple(
                    LikelyClass(label=int(k), name=names[k] if names else None, probability=float(np.exp(logs[k])))
                    for k in best
                )
            )
    return found
