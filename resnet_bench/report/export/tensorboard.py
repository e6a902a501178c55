"""Records as TensorBoard event files: scalars and the HParams view, a run per record; the rounds of each process.

The `tensorboard` package has the messages and the framing of its files; nothing here imports TensorFlow.
"""

from __future__ import annotations

import datetime
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_bench.config.fields import Value
from resnet_bench.config.options import Option, options
from resnet_bench.records.columns import METRICS, row, value_of, varied
from resnet_bench.records.files import write_atomically
from resnet_bench.records.record import Record
from resnet_bench.records.run import ProcessSamples

Cell = bool | int | float | str

RESULT, ROUNDS = "result/", "rounds/"
"""What tags begin with; TensorBoard shows those with the same beginning under one heading."""


def hyperparameters(records: Sequence[Record]) -> tuple[Option, ...]:
    """The options that differ among the records; where none does, those given on the command lines.

    How it was measured (`config.PROTOCOL`) counts only where nothing else differs.
    """
    differ = varied([record.config.requested for record in records])
    found = tuple(option for option in differ if option.extra.get("role") != "protocol") or differ
    given = {name for record in records for name in record.config.given}
    return found or tuple(option for option in options() if option.name in given and option.section != "output")


def run_names(records: Sequence[tuple[Path, Record]]) -> list[str]:
    """The run that TensorBoard shows for each record: its file's name, with the record's id where that is taken."""
    names: list[str] = []
    for path, record in records:
        names.append(f"{path.stem}-{record.id[:8]}" if path.stem in names else path.stem)
    return names


def write(records: Sequence[tuple[Path, Record]], folder: Path) -> tuple[Path, ...]:
    """Write an event file per record below `folder`, and one that describes them all; returns their paths.

    The rounds of each process are runs below the record's, by steps done: those that count, and the warm-up. A
    second call with the same records replaces its own files. A record without results has hyperparameters alone.
    """
    shown = hyperparameters([record for _, record in records])
    values = _values([record for _, record in records], shown)
    written = [_write(folder / "events.out.tfevents.0.resnet-bench", 0.0, [_experiment(shown, values)])]
    for run, (path, record), own in zip(run_names(records), records, values, strict=True):
        moment = datetime.datetime.fromisoformat(record.created_at).timestamp()
        name = f"events.out.tfevents.{int(moment)}.resnet-bench"
        summaries = [_session(record, own, moment), *_scalars(path, record), _end(record, moment)]
        written.append(_write(folder / run / name, moment, summaries))
        for process in record.samples.processes:
            for part, steps in _rounds(process).items():
                place = folder / run / f"process {process.process}" / part
                written.append(_write(place / name, moment, list(steps.values()), list(steps)))
    return tuple(written)


def _rounds(process: ProcessSamples) -> dict[str, dict[int, Any]]:
    """Step time and images per second of each round, by the steps done when it ended, warm-up apart; parts
    without rounds are left out."""
    parts: dict[str, dict[int, Any]] = {"warm-up": {}, "timed": {}}
    done = 0
    for number, one in enumerate((*process.warmup, *process.rounds)):
        done += one.steps
        part = "warm-up" if number < len(process.warmup) + process.first_counted_round else "timed"
        step_s, rate = one.wall_s / one.steps, one.images / one.wall_s
        parts[part][done] = _summary(
            [
                (ROUNDS + "step_s", step_s, "seconds per step of each round"),
                (ROUNDS + "images_per_s", rate, "images per second of each round"),
            ]
        )
    return {part: steps for part, steps in parts.items() if steps}


def _write(path: Path, moment: float, summaries: list[Any], steps: Sequence[int] = ()) -> Path:
    """Write summaries, at their `steps` or all at 0."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    writer.write(Event(wall_time=moment, file_version="brain.Event:2").SerializeToString())
    for summary, step in itertools.zip_longest(summaries, steps, fillvalue=0):
        writer.write(Event(wall_time=moment, step=step, summary=summary).SerializeToString())
    write_atomically(path, buffer.getvalue())
    return path


def _values(records: Sequence[Record], shown: Sequence[Option]) -> list[dict[str, Cell]]:
    """What each record gives to each option; one that is text in some ("auto") is text in all."""
    found: list[dict[str, Cell]] = [{} for _ in records]
    for option in shown:
        values = [value_of(record.config.requested, option) for record in records]
        same_type = len({type(value) for value in values}) == 1
        for own, value in zip(found, values, strict=True):
            own[option.name] = value if same_type and value is not None else str(value).lower()
    return found


def _experiment(shown: Sequence[Option], values: Sequence[dict[str, Cell]]) -> Any:
    from tensorboard.plugins.hparams import summary_v2 as hp

    parameters = [
        hp.HParam(option.name, hp.Discrete(sorted({own[option.name] for own in values})), description=option.help)
        for option in shown
    ]
    metrics = [hp.Metric(RESULT + each.name, display_name=f"{each.words} [{each.unit}]") for each in METRICS]
    return hp.hparams_config_pb(parameters, metrics, time_created_secs=0.0)


def _session(record: Record, own: dict[str, Cell], moment: float) -> Any:
    from tensorboard.plugins.hparams import summary_v2 as hp

    return hp.hparams_pb(own, trial_id=record.id, start_time_secs=moment)


def _scalars(path: Path, record: Record) -> list[Any]:
    values = row(path, record)
    known = [each for each in METRICS if values[each.name] is not None]
    return [_summary([(RESULT + each.name, values[each.name], f"{each.words} in {each.unit}")]) for each in known]


def _summary(scalars: Sequence[tuple[str, Value, str]]) -> Any:
    """A message of scalars, each with its tag, value and description."""
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    return Summary(
        value=[
            Summary.Value(
                tag=tag,
                tensor=make_tensor_proto(np.float32(value)),
                metadata=create_summary_metadata(display_name="", description=words),
            )
            for tag, value, words in scalars
        ]
    )


def _end(record: Record, moment: float) -> Any:
    """The message that closes a run. The package's own maker of it imports TensorFlow, so it is put together here."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = api_pb2.STATUS_SUCCESS if record.outcome.kind == "ok" else api_pb2.STATUS_FAILURE
    ended = SessionEndInfo(status=status, end_time_secs=moment + (record.wall_s or 0.0))
    return Summary(
        value=[
            Summary.Value(
                tag=metadata.SESSION_END_INFO_TAG,
                tensor=metadata.NULL_TENSOR,
                metadata=metadata.create_summary_metadata(HParamsPluginData(session_end_info=ended)),
            )
        ]
    )
