"""Words of tuning results. Pure.

Neighbours: `report/terminal/` and `report/page/` show them.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from resnet_bench import units
from resnet_bench.analysis import ratio as ratios
from resnet_bench.config import Config
from resnet_bench.config.fields import Value
from resnet_bench.config.option import find_option, options
from resnet_bench.records.base import Notice, distinct
from resnet_bench.records.columns import value_of
from resnet_bench.records.tuning import Candidate, Contribution, TuningRecord, preset_path, words
from resnet_bench.report.words.comparison import interval, ratio
from resnet_bench.report.words.next_step import step

LONGEST_REASON = 120


CONTRIBUTIONS = "Contribution of each option: the best configuration, with and without it"


CANDIDATES = "Candidates, each against the best configuration so far, in order"


CONTRIBUTION_COLUMNS = ("option", "value", "instead of", "ratio", "95 % CI", "finding")


CANDIDATE_COLUMNS = ("change", "img/s", "ratio", "corrected CI", "pairs", "result")


_MODES = {"train": "training", "infer": "inference", "eval": "evaluation", "input": "the input pipeline"}


def title(tuning: TuningRecord) -> str:
    """What was searched for."""
    mode = tuning.defaults.step.mode if tuning.defaults else str(tuning.given.get("mode", "train"))
    return f"The fastest configuration for {_MODES[mode]}"


def answer(tuning: TuningRecord) -> tuple[str, str, str]:
    """The result in words, its interval or the reason why there is none, and the finding where there is one."""
    gain = tuning.gain
    if tuning.recommended == "defaults":
        why = f"({_status_count(tuning)})" if gain is None else f"(best candidate: {ratio(gain.ratio.value)}x)"
        return "No configuration was significantly faster than TensorFlow's defaults", why, ""
    if gain is None:
        return "Faster than TensorFlow's defaults", "(the gain was not measured)", ""
    between = (
        f"(95 % CI {interval(gain.ratio)})" if gain.ratio.low is not None else "(no confidence interval: one pair)"
    )
    return f"{ratio(gain.ratio.value)} times TensorFlow's defaults", between, gain.finding


def _status_count(tuning: TuningRecord) -> str:
    cut = sum(each.status == "out of time" for each in tuning.candidates)
    unfinished = f", {cut} of them cut by --max-time" if cut else ""
    return f"{_plural(len(tuning.candidates), 'candidate', 'candidates')}{unfinished}"


def _plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def rows(tuning: TuningRecord, path: Path | None = None) -> list[tuple[str, str]]:
    """The command (with `path` of the result: the preset file, too), both sides of the gain, and how it was measured,
    each with its name."""
    listed = [("command", tuning.command)]
    if path is not None:
        listed.append(("preset file", f"bench-cli run --preset-file {preset_path(path)}"))
    gain = tuning.gain
    if tuning.defaults is not None and tuning.best is not None:
        listed.append(("defaults", _side(tuning.defaults, tuning, None if gain is None else gain.images_per_s_a)))
        if tuning.best != tuning.defaults:
            listed.append(("best", _side(tuning.best, tuning, None if gain is None else gain.images_per_s_b)))
    return [*listed, ("measured", _measured(tuning))]


def _side(config: Config, tuning: TuningRecord, images_per_s: float | None) -> str:
    by_name = {option.name: option for option in options()}
    chosen = ", ".join(f"{name} {shown(value_of(config, by_name[name]))}" for name in tuning.space)
    return f"{units.rate(images_per_s)}: {chosen}" if images_per_s is not None else chosen


def _measured(tuning: TuningRecord) -> str:
    pairs = sum(len(each.pairs) for each in tuning.candidates)
    words = _plural(len(tuning.candidates), "candidate", "candidates")
    words += f" in {_plural(pairs, 'pair of processes', 'pairs of processes')}"
    if tuning.gain is not None:
        words += f", the gain in {len(tuning.gain.pairs)} more"
    return f"{words}, {units.duration(tuning.wall_s)} in all"


def shown(value: Value) -> str:
    """An option's value in words."""
    return ("on" if value else "off") if isinstance(value, bool) else "-" if value is None else str(value)


def contribution(found: Contribution) -> tuple[str, ...]:
    """A cell for each of `CONTRIBUTION_COLUMNS`."""
    cells = (found.option, shown(found.value), shown(found.without))
    if found.ratio is None:
        why = found.outcome.message if found.outcome else ""
        return (*cells, units.UNKNOWN, "", why or "not measured")
    return (*cells, ratio(found.ratio.value), interval(found.ratio), ratios.finding(found.ratio))


def candidate(found: Candidate) -> tuple[str, ...]:
    """A cell for each of `CANDIDATE_COLUMNS`."""
    return (
        ", ".join(f"{name} {shown(value)}" for name, value in found.changes.items()),
        units.significant(found.images_per_s) if found.images_per_s is not None else units.UNKNOWN,
        ratio(found.ratio.value) if found.ratio else units.UNKNOWN,
        interval(found.ratio) if found.ratio else "",
        str(len(found.pairs)),
        status(found),
    )


def status(candidate: Candidate) -> str:
    """The result of a candidate, in words."""
    if candidate.status == "out of bounds":
        return f"faster, but breaks {candidate.broken}{_by(candidate)}"
    if candidate.status == "failed" and candidate.outcome is not None:
        return f"failed: {_first(candidate.outcome.message.removeprefix('Side B: '))}"
    return {
        "won": "faster: the new best",
        "dropped": "slower",
        "no difference": "no significant gain",
        "out of time": "time ran out",
    }.get(candidate.status, candidate.status)


def _first(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON].rstrip()} ..."


def _by(candidate: Candidate) -> str:
    probe = candidate.constraint_check
    if probe is None:
        return ""
    if candidate.broken == "--max-latency" and probe.latency_p90_s is not None:
        return f" ({units.duration(probe.latency_p90_s.value)})"
    return f" ({probe.output_error:.2g})" if probe.output_error is not None else ""


def warnings(tuning: TuningRecord) -> tuple[Notice, ...]:
    """Notices of the search and of the gain, and that the sides of a comparison did not fit in memory."""
    gain = tuning.gain.notices if tuning.gain else ()
    memory = [notice for each in tuning.candidates for notice in each.notices if notice.topic == "memory of sides"]
    return distinct((*tuning.warnings, *tuning.notices, *gain, *memory))


def notes(tuning: TuningRecord) -> list[str]:
    """How to read the numbers."""
    found = []
    if len(tuning.contributions) > 1:
        found.append(
            f"Intervals of the contributions are corrected for {len(tuning.contributions)} comparisons (Holm); their "
            "ratios need not multiply to the gain, because options interact."
        )
    if tuning.candidates:
        again = " The gain was measured again, in interleaved runs of its own." if tuning.gain else ""
        found.append(f"Search intervals are Bonferroni-corrected and used for selection only.{again}")
    if tuning.defaults is not None and tuning.best is not None and _batch(tuning.defaults) != _batch(tuning.best):
        found.append("The best has another batch size: the ratio compares images per second of different trainings.")
    return found


def _batch(config: Config) -> Value:
    return config.step.batch_size


def next_step(tuning: TuningRecord, path: Path) -> str:
    """How to use what was found, or to continue the search."""
    if tuning.outcome.kind != "ok":
        return f"continue the search: the same command with --resume {shlex.quote(str(path))}"
    if tuning.recommended == "defaults":
        workload = {
            name: value for name, value in tuning.given.items() if find_option(name, "tune").extra["role"] != "protocol"
        }
        return step("where does a step's time go?", ["bench-cli", "profile", *words(workload)])
    return step("measure the best in full", ["bench-cli", "run", "--preset-file", str(preset_path(path))])
