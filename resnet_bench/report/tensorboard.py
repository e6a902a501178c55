"""Records as TensorBoard event files: scalars and the HParams view, a run per record.

The `tensorboard` package has the messages and the framing of its files; nothing here imports TensorFlow.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resnet_bench.columns import METRICS, row, value_of, varied
from resnet_bench.options import Option, options
from resnet_bench.record import Record, write_atomically

Cell = bool | int | float | str


def hyperparameters(records: Sequence[Record]) -> tuple[Option, ...]:
    """The options that differ among the records; where none does, those given on the command lines."""
    found = varied([record.config.requested for record in records])
    given = {name for record in records for name in record.config.given}
    return found or tuple(option for option in options() if option.name in given and option.section != "output")


def write(records: Sequence[tuple[Path, Record]], folder: Path) -> tuple[Path, ...]:
    """Write an event file per record below `folder`, and one that describes them all; returns their paths.

    A second call with the same records replaces its own files. A record without results has
    hyperparameters alone.
    """
    shown = hyperparameters([record for _, record in records])
    values = _values([record for _, record in records], shown)
    written = [_write(folder / "events.out.tfevents.0.resnet-bench", 0.0, [_experiment(shown, values)])]
    for (path, record), own in zip(records, values, strict=True):
        moment = datetime.datetime.fromisoformat(record.created_at).timestamp()
        name = f"events.out.tfevents.{int(moment)}.resnet-bench"
        summaries = [_session(record, own, moment), *_scalars(path, record), _end(record, moment)]
        written.append(_write(folder / path.stem / name, moment, summaries))
    return tuple(written)


def _write(path: Path, moment: float, summaries: list[Any]) -> Path:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    writer.write(Event(wall_time=moment, file_version="brain.Event:2").SerializeToString())
    for summary in summaries:
        writer.write(Event(wall_time=moment, step=0, summary=summary).SerializeToString())
    write_atomically(path, buffer.getvalue())
    return path


def _values(records: Sequence[Record], shown: Sequence[Option]) -> list[dict[str, Cell]]:
    """What each record gives to each option; one that is text in some ("auto") is text in all."""
    found: list[dict[str, Cell]] = [{} for _ in records]
    for option in shown:
        values = [value_of(record.config.requested, option) for record in records]
        alike = len({type(value) for value in values}) == 1
        for own, value in zip(found, values, strict=True):
            own[option.name] = value if alike and value is not None else str(value).lower()
    return found


def _experiment(shown: Sequence[Option], values: Sequence[dict[str, Cell]]) -> Any:
    from tensorboard.plugins.hparams import summary_v2 as hp

    parameters = [
        hp.HParam(option.name, hp.Discrete(sorted({own[option.name] for own in values})), description=option.help)
        for option in shown
    ]
    metrics = [hp.Metric(each.name, display_name=f"{each.words} [{each.unit}]") for each in METRICS]
    return hp.hparams_config_pb(parameters, metrics, time_created_secs=0.0)


def _session(record: Record, own: dict[str, Cell], moment: float) -> Any:
    from tensorboard.plugins.hparams import summary_v2 as hp

    return hp.hparams_pb(own, trial_id=record.id, start_time_secs=moment)


def _scalars(path: Path, record: Record) -> list[Any]:
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    values = row(path, record)
    return [
        Summary(
            value=[
                Summary.Value(
                    tag=each.name,
                    tensor=make_tensor_proto(np.float32(values[each.name])),
                    metadata=create_summary_metadata(display_name="", description=f"{each.words} in {each.unit}"),
                )
            ]
        )
        for each in METRICS
        if values[each.name] is not None
    ]


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
