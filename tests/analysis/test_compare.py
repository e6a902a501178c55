"""Records to a comparison or a refusal, pure and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from resnet_bench.analysis import compare
from resnet_bench.analysis.compare import NamedRecord, Pool
from resnet_bench.analysis.summary import summarize
from resnet_bench.cli import group
from resnet_bench.config import Config, TrainingConfig
from resnet_bench.config.options import options, parse_args
from resnet_bench.errors import ConfigError, IncomparableError
from resnet_bench.records.base import Difference, Notice
from resnet_bench.records.noise_floor import NoiseFloor
from resnet_bench.records.record import Configuration, Record
from resnet_bench.records.run import DataFacts, Outcome, ProcessSamples, Round, Samples, Verdict
from resnet_bench.runtime.resolve import resolve
from tests.support.fake_worker import ENVIRONMENT, MACHINE


def record(*rates: float, words: str = "", identity: str = "photos-1", name: str = "", **changes: Any) -> Record:
    """A record with one process per rate, in images per second."""
    requested, given = parse_args(words.split())
    samples = Samples(
        processes=tuple(
            ProcessSamples(process=n, rounds=(Round(steps=10, images=160, wall_s=160 / rate, dispatch_s=None),) * 5)
            for n, rate in enumerate(rates)
        )
    )
    made = Record(
        id=name or f"{words} {rates}",
        created_at="2026-01-31T12:00:00+00:00",
        tool_version="0",
        outcome=Outcome(kind="ok"),
        verdict=Verdict(kind="valid"),
        config=Configuration(requested=requested, resolved=resolve(requested, MACHINE)[0], given=given),
        machine=MACHINE,
        environment=ENVIRONMENT,
        data=DataFacts(source="photos", manifest_hash=identity),
        samples=samples,
        summary=summarize(samples),
    )
    return replace(made, **changes)


def pool(*records: Record) -> Pool:
    return Pool(tuple(NamedRecord(each.id, each) for each in records))


def one(base: Record, new: Record, *allow: str, floor: float | None = None) -> compare.Comparison:
    report = compare.compare(pool(base), [pool(new)], frozenset(allow), floor)
    (found,) = report.comparisons
    return found


BASE = record(100, 101, 99)


# Each option has its role


def test_each_option_is_declared_workload_option_or_protocol() -> None:
    roles = {option.name: option.extra.get("role") for option in options()}
    assert {name for name, role in roles.items() if role not in ("workload", "option", "protocol")} == set()


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("mode", "workload"),
        ("batch_size", "workload"),
        ("image_size", "workload"),
        ("xla", "option"),
        ("precision", "option"),
        ("batch_norm", "option"),
        ("prefetch_buffer_size", "option"),
        ("rounds", "protocol"),
        ("output", "protocol"),
    ],
)
def test_roles(name: str, role: str) -> None:
    assert {option.name: option.extra["role"] for option in options()}[name] == role


# What a comparison says


@pytest.mark.parametrize(
    ("rates", "finding"),
    [
        ((120, 121, 119), "faster"),
        ((80, 81, 79), "slower"),
        ((100.5, 99, 101), "no difference"),
        ((150,), "inconclusive"),
    ],
)
def test_findings(rates: tuple[float, ...], finding: str) -> None:
    assert one(BASE, record(*rates, words="--xla")).finding == finding


def test_the_ratio_is_new_over_base_with_its_interval() -> None:
    found = one(BASE, record(120, 121.2, 118.8, words="--xla"))
    assert found.ratio.value == pytest.approx(1.2)
    assert found.ratio.low is not None
    assert found.ratio.high is not None
    assert found.ratio.low < 1.2 < found.ratio.high
    assert found.new.label == "xla on"


def test_one_process_supports_no_interval() -> None:
    found = one(record(100), record(150, 151, 149, words="--xla"))
    assert (found.ratio.low, found.p_value, found.finding) == (None, None, "inconclusive")


def test_several_comparisons_widen_their_intervals() -> None:
    news = [pool(record(103, 104, 102, words=f"--threads {n}")) for n in (1, 3, 4)]
    alone, together = (compare.compare(pool(BASE), some).comparisons[0] for some in (news[:1], news))
    assert alone.confidence == 0.95
    assert together.confidence > 0.98
    assert together.ratio.high is not None
    assert alone.ratio.high is not None
    assert together.ratio.high > alone.ratio.high


def test_a_difference_below_the_noise_floor_is_marked() -> None:
    assert one(BASE, record(101, 102, 100, words="--xla"), floor=0.05).below_noise_floor is True
    assert one(BASE, record(120, 121, 119, words="--xla"), floor=0.05).below_noise_floor is False
    assert one(BASE, record(120, 121, 119, words="--xla")).below_noise_floor is None


# What is refused


def fields(differences: tuple[Difference, ...]) -> list[str]:
    return [each.field for each in differences]


def test_another_workload_is_refused_field_by_field() -> None:
    report = compare.compare(pool(BASE), [pool(record(9, 9, 9, words="--batch-size 32 --image-size 64"))])
    assert report.comparisons == ()
    assert fields(report.refused[0].differences) == ["image_size", "batch_size", "learning_rate"]
    assert report.refused[0].differences[0] == Difference(field="image_size", base="224x224", new="64x64")


def test_other_data_are_refused_by_content_not_by_path() -> None:
    assert compare.compare(pool(BASE), [pool(record(1, 1, identity="other"))]).refused
    moved = "--source folder --data"
    one_path, other = record(9, 9, words=f"{moved} a", identity="h"), record(8, 8, words=f"{moved} b", identity="h")
    assert compare.compare(pool(one_path), [pool(other)]).refused == ()


def test_another_machine_is_refused() -> None:
    elsewhere = replace(ENVIRONMENT, machine_id="m2", cpu=replace(ENVIRONMENT.cpu, model="Other"))
    report = compare.compare(pool(BASE), [pool(record(100, 101, environment=elsewhere))])
    assert fields(report.refused[0].differences) == ["machine_id", "cpu.model"]


def test_allowed_fields_are_compared_and_kept() -> None:
    found = one(BASE, record(50, 51, 49, words="--batch-size 32"), "batch_size", "learning_rate")
    assert fields(found.allowed) == ["batch_size", "learning_rate"]


def test_versions_and_environment_are_reported_not_refused() -> None:
    newer = replace(ENVIRONMENT, python="CPython 4", packages={"keras": "9"})
    found = one(BASE, record(100, 101, 99, name="n", environment=newer))
    assert fields(found.environment) == ["python", "packages.keras"]


def test_another_protocol_is_reported() -> None:
    assert fields(one(BASE, record(100, 101, 99, words="--rounds 7")).protocol) == ["rounds"]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (replace(BASE, outcome=Outcome(kind="crashed")), "did not finish"),
        (replace(BASE, summary=None), "no summary"),
        (replace(BASE, verdict=Verdict(kind="invalid", reasons=(Notice(kind="loss_not_finite"),))), "loss_not_finite"),
    ],
)
def test_records_that_cannot_be_used_say_why(made: Record, reason: str) -> None:
    assert reason in (compare.unusable(made) or "")


def test_an_invalid_verdict_may_be_allowed() -> None:
    invalid = replace(BASE, verdict=Verdict(kind="invalid"))
    assert compare.unusable(invalid, frozenset({"verdict"})) is None


@pytest.mark.parametrize("name", ["xla", "nonsense"])
def test_allow_names_a_field_that_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--allow {name}"):
        compare.check_allowed([name])


# Pooling


def test_records_of_one_configuration_pool_their_processes() -> None:
    found = compare.pools([NamedRecord("1", record(100, name="1")), NamedRecord("2", record(101, name="2"))])
    (only,) = found
    assert list(only.rates) == pytest.approx([100, 101])


def test_the_same_record_counts_once() -> None:
    (found,) = compare.pools([NamedRecord("1", BASE), NamedRecord("again", BASE)])
    assert len(found.rates) == 3


def test_other_configurations_and_versions_do_not_pool() -> None:
    sources = [
        NamedRecord(str(n), each)
        for n, each in enumerate((BASE, record(9, words="--xla"), replace(BASE, id="v", tool_version="1")))
    ]
    assert len(compare.pools(sources)) == 3
    assert len(compare.pools(sources, frozenset({"tool_version"}))) == 2


def test_runs_under_variables_that_change_what_is_computed_do_not_pool() -> None:
    def under(**variables: str) -> Record:
        environment = replace(BASE.environment, variables=variables) if BASE.environment else None
        return replace(BASE, id=str(variables), environment=environment)

    plain, quiet, steered = under(), under(TF_CPP_MIN_LOG_LEVEL="3"), under(TF_XLA_FLAGS="--tf_xla_auto_jit=2")
    found = compare.pools([NamedRecord(each.id, each) for each in (plain, quiet, steered)])
    assert [len(each.sources) for each in found] == [2, 1]
    (only,) = compare.compare(pool(plain), [pool(steered)]).comparisons
    assert only.new.label == "variables TF_XLA_FLAGS=--tf_xla_auto_jit=2"
    assert fields(only.environment) == ["variables.TF_XLA_FLAGS"]
    assert fields(one(plain, quiet).environment) == []


def test_trainings_that_differ_in_what_only_training_has_do_not_pool() -> None:
    def trained(**options: Any) -> Record:
        config = replace(BASE.config, training=TrainingConfig(**options))
        return replace(BASE, id=str(options), config=config)

    plain, longer, shared = trained(), trained(epochs=3), trained(strategy="mirrored", logical_devices=2)
    found = compare.pools([NamedRecord(each.id, each) for each in (plain, longer, shared)])
    assert [len(each.sources) for each in found] == [2, 1]
    assert "strategy" in fields(one(plain, shared).options)
    report = compare.compare(pool(plain), [pool(trained(split_seed=1))])
    assert fields(report.refused[0].differences) == ["split_seed"]


def test_a_base_of_several_configurations_is_refused() -> None:
    found = compare.pools([NamedRecord("1", BASE), NamedRecord("2", record(9, words="--xla"))])
    with pytest.raises(IncomparableError, match="2 configurations, which differ in xla off and on"):
        compare.only(found, "runs")


# The command


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("RESNET_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def invoke(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(group, ["compare", *words])


def saved(folder: Path, *records: Record) -> list[str]:
    named = [replace(each, id=f"{n}{each.id.encode().hex():0>32}") for n, each in enumerate(records)]
    return [str(each.save(folder)) for each in named]


SLOW = record(80, 81, 79, words="--xla")


def test_the_table_has_base_and_new(tmp_path: Path) -> None:
    base, new = saved(tmp_path, BASE, SLOW)
    done = invoke(base, new)
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert any(line[:2] == ["base", "3"] and line[-1] == "1" for line in lines)
    assert any(line[:5] == ["xla", "on", "3", "80.0", "0.800"] and line[-1] == "slower" for line in lines)
    assert "bench-cli ab" in done.stdout


def test_json_and_markdown(tmp_path: Path) -> None:
    base, new = saved(tmp_path, BASE, SLOW)
    report = msgspec.json.decode(invoke(base, new, "--json").stdout, type=compare.ComparisonReport)
    assert report.comparisons[0].finding == "slower"
    text = invoke(base, new, "--format", "markdown").stdout
    assert "| configuration | processes | img/s | ratio | 95 % CI | finding |" in text
    assert "| xla on | 3 | 80.0 | 0.800 |" in text


@pytest.mark.parametrize(("threshold", "code"), [("3%", 9), ("0.03", 9), ("30%", 0)])
def test_fail_if_slower_needs_the_whole_interval_beyond_the_threshold(
    tmp_path: Path, threshold: str, code: int
) -> None:
    base, new = saved(tmp_path, BASE, SLOW)
    done = invoke(base, new, "--fail-if-slower", threshold)
    assert done.exit_code == code
    assert ("xla on (0.7" in done.stderr) == (code == 9)


def test_a_slowdown_that_may_be_smaller_passes(tmp_path: Path) -> None:
    base, new = saved(tmp_path, BASE, record(96, 104, 90, words="--xla"))
    assert invoke(base, new, "--fail-if-slower", "3%").exit_code == 0
    assert invoke(base, new, "--fail-if-slower", "3").exit_code == 2


def test_refusals_are_printed_with_their_fields_and_exit_10(tmp_path: Path) -> None:
    base, new = saved(tmp_path, BASE, record(9, 9, words="--batch-size 32"))
    done = invoke(base, new)
    assert done.exit_code == 10
    words = " ".join(done.stdout.split())
    assert "It differs in batch_size (16, 32), learning_rate (0.00625, 0.0125)." in words
    assert invoke(base, new, "--allow", "batch_size", "--allow", "learning_rate").exit_code == 0


def test_bad_and_unfinished_files_are_named_and_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    base = saved(tmp_path, BASE)[0]
    saved(folder, SLOW, record(1, 1, words="--threads 1", outcome=Outcome(kind="crashed")))
    (folder / "cut.json").write_text('{"schema_version": 1, ')
    done = invoke(base, str(folder))
    assert done.exit_code in (8, 10)
    assert "cut.json is not a record" in done.stderr
    assert "the run did not finish (crashed)" in done.stderr
    assert "xla on" in done.stdout


def test_globs_and_folders_pool(tmp_path: Path) -> None:
    saved(tmp_path / "base", record(100, name="a"), record(101, name="b"))
    saved(tmp_path / "new", record(80, name="c", words="--xla"), record(81, name="d", words="--xla"))
    done = invoke(str(tmp_path / "base"), str(tmp_path / "new" / "*.json"), "--json")
    printed = json.loads(done.stdout)
    assert printed["comparisons"][0]["finding"] == "slower"
    assert (printed["type"], printed["schema_version"]) == ("comparison", 2)


def test_the_noise_floor_of_this_machine_is_shown(tmp_path: Path, cache: Path) -> None:
    base, new = saved(tmp_path, BASE, record(101, 102, 100, words="--xla"))
    floor = NoiseFloor(
        machine_id=None,
        kind="train-cpu",
        created_at="2026-01-31T12:00:00+00:00",
        floor=0.05,
        pair_sd=0.01,
        process_sd=0.1,
        pairs=5,
    )
    floor.save(cache)
    assert "smaller than this machine's noise floor of 5 %" in " ".join(invoke(base, new).stdout.split())


def test_a_record_is_not_compared_with_itself(tmp_path: Path) -> None:
    base = saved(tmp_path, BASE)[0]
    done = invoke(base, str(tmp_path))
    assert done.exit_code == 10
    assert "holds no record to compare" in done.stderr


def test_the_default_configuration_needs_no_role_lookup_to_differ_from_itself() -> None:
    for role in ("workload", "option", "protocol"):
        assert compare.config_differences(Config(), Config(), role) == ()
