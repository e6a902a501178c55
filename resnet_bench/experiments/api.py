"""The Python API: `resnet_bench.run`, `ab`, `load` and `compare`, for notebooks and scripts.

The same measurements as the commands of those names, in worker processes of their own: TensorFlow is not imported
here. Neighbours: `run.py` and `paired/ab.py` measure, `records/read.py` reads, `analysis/compare.py` compares.
"""

from __future__ import annotations

import difflib
import os
import shlex
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from resnet_bench.analysis import compare as comparing
from resnet_bench.analysis.compare import ComparisonReport, NamedRecord, Pool
from resnet_bench.config.option import Option, as_text, coerce, options, options_of
from resnet_bench.config.options import build
from resnet_bench.config.paired import PairedConfig
from resnet_bench.errors import ConfigError, IncomparableError, RecordError
from resnet_bench.experiments import run as running
from resnet_bench.experiments.budget import TURN_SECONDS
from resnet_bench.experiments.paired import ab as pairing
from resnet_bench.experiments.paired.noise import known as known_floor
from resnet_bench.experiments.paired.side import Budget, Side
from resnet_bench.records.ab import AbRecord
from resnet_bench.records.files import check_folder
from resnet_bench.records.read import RecordOrResult, read_each
from resnet_bench.records.read import load as read_file
from resnet_bench.records.record import Record
from resnet_bench.records.saved import Saved

Where = str | os.PathLike[str]
"""A file or folder."""

Records = Record | Where
"""A record, or the file or folder that holds records."""

_COMMAND_LINE_ONLY = ("output", "json", "require_valid")


def run(*, save: Where | None = None, **given: Any) -> Record:
    """Measure one configuration, as `bench-cli run` does; blocks until it is done.

    Options are those of `bench-cli run` with underscores; values may be Python's or as on the command line:

        record = resnet_bench.run(mode="infer", image_size=64, batch_size=8, precision="mixed_bfloat16")
        record = resnet_bench.run(preset="smoke", max_time="2m", save="runs")
        record.images_per_s, record.verdict.kind

    `save` is the folder to save the record in; without it nothing is kept. Failures and interrupts do not raise:
    `record.outcome` says how the run ended, `record.raise_if_failed()` raises. Raises `ConfigError` for options that
    are unknown, not allowed or contradict each other, `RecordError` where `save` cannot be written to.
    """
    values = _values(given, "run()", _run_options())
    if save is not None:
        check_folder(Path(save), "save")
        values["output"] = os.fspath(save)
    config, names = build(values)
    record = running.run(config, names, keep=save is not None)
    _keep(record, save)
    return record


def ab(
    a: Mapping[str, Any] | str,
    b: Mapping[str, Any] | str,
    *,
    common: Mapping[str, Any] | str = "",
    save: Where | None = None,
    **protocol: Any,
) -> AbRecord:
    """Compare two configurations with interleaved runs, as `bench-cli ab` does; blocks until it is done.

    A side is a dict of `run`'s options or a string of its flags; `common` belongs to both. `protocol` are `ab`'s own
    options: `pairs`, `turns`, `turn_steps`, `precision_target` (a fraction, or "1%"), `max_time` and `timeout`:

        result = resnet_bench.ab({"batch_norm": "keras"}, {"batch_norm": "fused"}, common={"preset": "smoke"})
        result = resnet_bench.ab("", "--xla", common="--mode infer", pairs=4, max_time="5m")
        result.ratio, result.result.finding

    `ratio` is b's throughput over a's with its 95 % confidence interval. `save` is the folder to save the result in.
    Raises as `run` does; `result.outcome` says how it ended.
    """
    shared = _words(common)
    one, two = (_side(side, shared) for side in (a, b))
    budget = _budget(protocol)
    if save is not None:
        check_folder(Path(save), "save")
    result = pairing.run_ab("ab", one, two, budget)
    _keep(result, save)
    return result


def _budget(protocol: Mapping[str, Any]) -> Budget:
    """How much to measure, from `ab`'s own options."""
    own = {option.name: option for option in options_of(PairedConfig)}
    general = {option.name: option for option in options() if option.name in ("max_time", "timeout")}
    values = {"max_time": 600.0, **_values(protocol, "ab()", {**own, **general})}
    paired = PairedConfig(**{name: value for name, value in values.items() if name in own})
    measure = build({name: value for name, value in values.items() if name in general})[0].measure
    return Budget(
        turns=paired.turns,
        steps=paired.turn_steps,
        pairs=paired.pairs,
        precision_target=paired.precision_target,
        max_time_s=measure.max_time,
        silence_s=measure.timeout,
        turn_s=TURN_SECONDS,
    )


def load(path: Where) -> RecordOrResult:
    """Read a saved file: a `Record`, or the result of ab, noise, bottleneck, tune or evaluate.

    `RecordError` names the file and says what is wrong with it.
    """
    return read_file(Path(path))


def compare(
    base: Records | Iterable[Records],
    *new: Records | Iterable[Records],
    allow: Iterable[str] = (),
) -> ComparisonReport:
    """Compare records with a base, as `bench-cli compare` does: speedups with confidence intervals.

    Each argument is a record, a file, a folder of records, or several of these, whose records are pooled:

        report = resnet_bench.compare("runs/before", "runs/after")
        report.comparisons[0].ratio, report.comparisons[0].finding

    `allow` names fields that may differ nevertheless. Records that must not be compared are in `report.refused`, with
    the reason. Raises `RecordError` for a file that is no record, `IncomparableError` where a run did not finish, or
    the base or the rest holds nothing that can be compared.
    """
    allowed = comparing.check_allowed(allow)
    before = comparing.only(_pools(base, allowed), "The base")
    ids = {source.record.id for source in before.sources}
    after = [pool for each in new for pool in _pools(each, allowed, ids)]
    if not after:
        raise IncomparableError("There is no record to compare with the base.", "Give records of other runs.")
    record = before.record
    floor = known_floor(record.config.resolved or record.config.requested, record.machine, record.environment)
    return comparing.compare(before, after, allowed, floor)


def _keep(result: Saved, save: Where | None) -> None:
    """Save a result; a disk that fails now costs the file, not the result."""
    if save is None:
        return
    try:
        result.save(Path(save))
    except RecordError as error:
        warnings.warn(str(error), stacklevel=3)


def _pools(found: Records | Iterable[Records], allow: frozenset[str], without: Iterable[str] = ()) -> list[Pool]:
    """The records of one argument, by configuration; `IncomparableError` names one that cannot be compared."""
    named = [each for each in _named(found) if each.record.id not in set(without)]
    for each in named:
        reason = comparing.unusable(each.record, allow)
        if reason is not None:
            raise IncomparableError(f"{each.name} cannot be compared: {reason}.")
    return comparing.pools(named, allow)


def _named(found: Records | Iterable[Records]) -> list[NamedRecord]:
    if isinstance(found, Record):
        return [NamedRecord(f"record {found.id[:8]}", found)]
    if not isinstance(found, str | os.PathLike):
        return [named for each in found for named in _named(each)]
    bad: list[RecordError] = []
    records = [NamedRecord(str(path), record) for path, record in read_each([Path(found)], bad, Record.load)]
    for error in bad:
        raise error
    return records


def _run_options() -> dict[str, Option]:
    return {option.name: option for option in options() if option.name not in _COMMAND_LINE_ONLY}


def _values(given: Mapping[str, Any], where: str, known: Mapping[str, Option]) -> dict[str, Any]:
    """Options by name with their typed values; `ConfigError` for an unknown one suggests the nearest."""
    found = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            remedy = f"Did you mean {' or '.join(near)}?" if near else f"The options are {', '.join(known)}."
            raise ConfigError(f"{where} has no option {name!r}.", remedy)
        found[name] = coerce(known[name], os.fspath(value) if isinstance(value, os.PathLike) else value)
    return found


def _words(side: Mapping[str, Any] | str) -> list[str]:
    """A side's options as command-line words."""
    if isinstance(side, str):
        try:
            return shlex.split(side)
        except ValueError as error:
            raise ConfigError(f"{side!r} is not understood: {error}.", "Close every quote.") from error
    words: list[str] = []
    for name, value in _values(side, "A side", _run_options()).items():
        option = _run_options()[name]
        yes, _, no = option.flag.partition("/")
        if option.is_switch:
            words.append(yes if value else no)
        elif value is not None:
            words += [yes, as_text(name, value)]
    return words


def _side(side: Mapping[str, Any] | str, common: list[str]) -> Side:
    words = _words(side)
    return pairing.parse_side(shlex.join(words), [*common, *words])
