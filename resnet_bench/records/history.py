"""Many records: read from folders, selected by SQL, followed over time.

The records in a folder are the source of truth: there is no index, each query reads them again through
`Record.load`, so that old schema versions are included and a broken file is named. DuckDB (the extra
`history`) sees one row per record, with the columns of `columns.py`. Neighbour: `report/figures/timeline.py`
plots.
"""

from __future__ import annotations

import datetime
import math
import re
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_bench.config.printable import encode_json
from resnet_bench.errors import ConfigError, RecordError
from resnet_bench.records.columns import Column, Row, columns, row
from resnet_bench.records.files import write_atomically
from resnet_bench.records.read import read_each
from resnet_bench.records.record import Record

if TYPE_CHECKING:
    import duckdb

SavedRecord = tuple[Path, Record]

MIN_SEGMENT = 3
"""Points on each side of a change: with fewer, a change cannot be distinguished from an outlier."""

PENALTY, SHORT = 4.0, 10
"""What one more change must gain, in units of the noise's variance: PENALTY x ln n x (1 + SHORT / n). Of
simulated series of white noise, 5 % show a change at 10 points, 2 % at 20 and under 1 % from 50 on.
"""

_NORMAL = statistics.NormalDist().inv_cdf(0.75)


def optional(name: str, needed_for: str) -> Any:
    """The optional module `name`; `ConfigError` names the extra where it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        extra = "plots" if name == "matplotlib" else "history"
        raise ConfigError(
            f"{needed_for} needs {error.name}, which is not installed.", f"Use: pip install 'resnet-bench[{extra}]'"
        ) from error


def read(paths: Iterable[Path]) -> tuple[list[SavedRecord], list[RecordError]]:
    """The records in files and folders (*.json in them), and an error for each file that is none.

    A file that is named twice, and a copy of a record under another name, count once.
    """
    good: list[SavedRecord] = []
    bad: list[RecordError] = []
    known: set[str] = set()
    for path, record in read_each(paths, bad, Record.load):
        if record.id not in known:
            known.add(record.id)
            good.append((path, record))
    return good, bad


@dataclass(frozen=True)
class Condition:
    """A condition in SQL with its parameters."""

    sql: str
    values: tuple[object, ...] = ()


def equals(column: str, value: str) -> Condition:
    """Rows whose `column` has that value."""
    return Condition(f"{column} = ?", (value,))


def since(text: str, now: datetime.datetime | None = None) -> Condition:
    """Rows from that day or moment on (2026-01-31, or with a time; UTC), or of the last 12h, 7d or 2w."""
    ago = re.fullmatch(r"(\d+)([hdw])", text)
    try:
        if ago:
            unit = {"h": "hours", "d": "days", "w": "weeks"}[ago[2]]
            now = now or datetime.datetime.now(datetime.UTC)
            moment = now - datetime.timedelta(**{unit: int(ago[1])})
        else:
            moment = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"--since {text} is not a time.", "Give a date (2026-01-31, in UTC), or how far back: 12h, 7d, 2w."
        ) from error
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return Condition("created_at >= ?", (moment,))


def select(records: Sequence[SavedRecord], conditions: Sequence[Condition] = ()) -> list[SavedRecord]:
    """The records that meet every condition, oldest first. Needs DuckDB."""
    with _table([row(path, record) for path, record in records]) as connection:
        where = " AND ".join(f"({condition.sql})" for condition in conditions) or "true"
        values = [value for condition in conditions for value in condition.values]
        query = f"SELECT number FROM records WHERE {where} ORDER BY created_at, number"
        chosen = _execute(connection, query, values, " AND ".join(condition.sql for condition in conditions))
    return [records[number] for (number,) in chosen]


def _execute(connection: duckdb.DuckDBPyConnection, query: str, values: list[object], shown: str) -> list[Any]:
    try:
        return connection.execute(query, values).fetchall()
    except optional("duckdb", "history").Error as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"The condition {shown!r} is not valid SQL here: {first}",
            "It is SQL over the columns that `bench-cli history --columns` lists, such as "
            "--where \"batch_size >= 64 AND precision = 'float32'\".",
        ) from error


@contextmanager
def _table(rows: Sequence[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose table `records` holds the rows, numbered from 0.

    It is closed to files once it is filled, so that an expression cannot read or write any.
    """
    duckdb = optional("duckdb", "This command")
    types = {"number": "BIGINT", "file": "VARCHAR", **{column.name: column.sql_type for column in columns()}}
    with tempfile.TemporaryDirectory(prefix="resnet-bench-") as folder, duckdb.connect(":memory:") as connection:
        lines = [encode_json({"number": number, **each}) for number, each in enumerate(rows)]
        path = Path(folder) / "rows.json"
        path.write_bytes(b"\n".join(lines) + b"\n")
        declared = ", ".join(f"{_quoted(name)} {kind}" for name, kind in types.items())
        connection.execute(f"CREATE TABLE records ({declared})")
        if rows:
            names = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
            connection.execute(
                f"INSERT INTO records SELECT * FROM read_json(?, format='newline_delimited', columns={{{names}}})",
                [str(path)],
            )
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    """A path as a literal of SQL, where no parameter may stand."""
    return "'" + str(path).replace("'", "''") + "'"


def save_parquet(records: Sequence[SavedRecord], path: Path) -> None:
    """Write the rows as Parquet, whole or not at all. Needs DuckDB."""
    duckdb = optional("duckdb", "--format parquet")
    with tempfile.TemporaryDirectory(prefix="resnet-bench-") as folder, duckdb.connect(":memory:") as connection:
        source, target = Path(folder) / "rows.json", Path(folder) / "rows.parquet"
        source.write_bytes(b"".join(encode_json(row(*each)) + b"\n" for each in records))
        types = {"file": "VARCHAR", **{column.name: column.sql_type for column in columns()}}
        names = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        rows = f"SELECT * FROM read_json(?, format='newline_delimited', columns={{{names}}})"
        connection.execute(f"COPY ({rows}) TO {_text(target)} (FORMAT parquet)", [str(source)])
        write_atomically(path, target.read_bytes())


def one_line(records: Sequence[SavedRecord], name: str) -> None:
    """Refuse records that differ in the column `name`: they are not one time series."""
    (column,) = (column for column in columns() if column.name == name)
    found = Counter(column.read(record) for _, record in records)
    if len(found) > 1:
        listed = ", ".join(f"{value or 'unknown'} ({number} of them)" for value, number in found.most_common())
        raise ConfigError(
            f"A plot follows one workload on one machine, but these records differ in {name}: {listed}.",
            f"Choose one with --{name} {found.most_common(1)[0][0]}.",
        )


def changes(values: Sequence[float]) -> list[int]:
    """Where a series of positive values changes level: the index of the first point of each new level.

    PELT (Killick, Fearnhead and Eckley, 2012) with a Gaussian cost on the logarithms, from ruptures. The
    noise is taken from the differences of neighbours (median absolute deviation), which a change of level
    hardly touches. Needs ruptures.
    """
    if len(values) < 2 * MIN_SEGMENT:
        return []
    import numpy as np

    ruptures = optional("ruptures", "Marking changes")
    logs = np.log(np.asarray(values, dtype=np.float64))
    steps = np.diff(logs)
    noise = float(np.median(np.abs(steps - np.median(steps)))) / (_NORMAL * math.sqrt(2))
    # The noise estimate of a short series is poor: require more.
    penalty = PENALTY * math.log(len(logs)) * (1 + SHORT / len(logs))
    # Identical values have no noise; a hundredth of a percent is below what can be measured here.
    scaled = (logs / max(noise, 1e-4)).reshape(-1, 1)
    found = ruptures.Pelt(model="l2", min_size=MIN_SEGMENT, jump=1).fit(scaled).predict(pen=penalty)
    return [int(index) for index in found[:-1]]


__all__ = [
    "Column",
    "Condition",
    "SavedRecord",
    "changes",
    "equals",
    "one_line",
    "optional",
    "read",
    "save_parquet",
    "select",
    "since",
]
