"""History and exports: which records are chosen, what a row holds, where a level changes, what others read."""

from __future__ import annotations

import csv
import datetime
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from resnet_bench.cli import group
from resnet_bench.errors import ConfigError
from resnet_bench.records import history
from resnet_bench.records.base import Estimate
from resnet_bench.records.columns import METRICS, columns, machine, row, settings
from resnet_bench.records.profile import ProfileResult
from resnet_bench.records.record import Record
from resnet_bench.records.run import Verdict
from resnet_bench.report.export.tensorboard import hyperparameters, run_names
from resnet_bench.report.export.tensorboard_server import fill
from tests.experiments.test_run import run

START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def base() -> Record:
    return run("--mode infer --processes 2 --rounds 3 --steps 2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, base: Record) -> Path:
    """Twelve daily records of one workload; the last six are 20 % slower. And one of another workload."""
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(5)
    for day in range(12):
        rate = (100 if day < 6 else 80) * float(np.exp(rng.normal(0, 0.01)))
        at(base, day, rate).save(folder)
    at(run("--mode train --processes 1 --rounds 3 --steps 2 --batch-size 4"), 12, 40.0).save(folder)
    return folder


def at(record: Record, day: int, rate: float) -> Record:
    assert record.summary is not None
    estimate = Estimate(value=rate, low=rate * 0.98, high=rate * 1.02)
    when = (START + datetime.timedelta(days=day)).isoformat(timespec="seconds")
    summary = replace(record.summary, images_per_s=estimate)
    verdict = Verdict(kind="valid" if day % 2 else "provisional")
    return replace(record, id=f"{day:032x}", created_at=when, summary=summary, verdict=verdict)


def invoke(*words: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, [str(word) for word in words])


def test_a_row_has_every_documented_column_and_no_other(base: Record) -> None:
    cells = row(Path("a.json"), base)
    assert list(cells) == ["file", *(column.name for column in columns())]
    assert len(set(cells)) == len(columns()) + 1
    assert (cells["batch_size"], cells["image_size"], cells["stage_sizes"]) == (16, "224x224", "3,4,6,3")
    assert cells["images_per_s"] == pytest.approx(160)
    assert {metric.name for metric in METRICS} <= set(cells)


def test_settings_follow_the_work_and_its_options_not_how_it_was_measured(base: Record) -> None:
    assert settings(run("--mode infer --processes 1 --rounds 4 --steps 3")) == settings(base)
    assert settings(run("--mode infer --processes 1 --rounds 3 --steps 2 --xla")) != settings(base)
    assert machine(base) is not None
    assert machine(replace(base, environment=None)) is None


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ((), 13),
        (("--mode", "infer"), 12),
        (("--verdict", "valid"), 6),
        (("--verdict", "provisional"), 7),
        (("--verdict", "indicative"), 7),
        (("--where", "verdict = 'indicative' AND mode = 'infer'"), 6),
        (("--since", "2026-03-10"), 4),
        (("--since", "2026-03-10T12:00:00+02:00"), 4),
        (("--since", "1w", "--mode", "train"), 0),
        (("--where", "images_per_s < 90 AND batch_size = 16"), 6),
        (("--where", "xla OR mode = 'train'"), 1),
        (("--device", "cpu", "--mode", "infer", "--since", "2026-03-10"), 3),
    ],
)
def test_records_are_chosen(folder: Path, words: tuple[str, ...], number: int) -> None:
    result = invoke("history", folder, "--json", *words)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert len(rows) == number
    assert [each["created_at"] for each in rows] == sorted(each["created_at"] for each in rows)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--where", "batch > 3"), "bench-cli history --columns"),
        (("--where", "1 = (SELECT count(*) FROM read_csv('/etc/passwd'))"), "is not valid SQL"),
        (("--since", "yesterday"), "12h, 7d, 2w"),
        (("--plot", "x.bmp"), ".svg"),
        (("--plot", "x.svg"), "differ in settings"),
        (("--mode", "eval", "--plot", "x.svg"), "no chosen record has throughput"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(folder: Path, words: tuple[str, ...], part: str) -> None:
    result = invoke("history", folder, *words)
    assert result.exit_code == 2
    assert part in result.stderr


def test_a_broken_file_is_named_and_the_others_are_listed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_bytes(next(folder.glob("*.json")).read_bytes()[:200])
    (tmp_path / "future.json").write_text('{"schema_version": 99}')
    run("--processes 1 --rounds 3 --steps 2").save(tmp_path)
    for words in (("history", tmp_path), ("export", tmp_path, "--format", "csv", "-o", tmp_path / "out.csv")):
        result = invoke(*words)
        assert result.exit_code == 8
        assert "cut.json" in result.stderr
        assert "schema version 99" in result.stderr
    assert "1 of 1 records" in invoke("history", tmp_path).stdout
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(("words", "extra"), [((), "history"), (("--plot", "out.svg"), "plots")])
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, folder: Path, words: tuple[str, ...], extra: str
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(history, "import_module", absent)
    result = invoke("history", folder, *words)
    assert result.exit_code == 2
    assert f"pip install 'resnet-bench[{extra}]'" in result.stderr


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_metric_is_drawn_and_its_change_is_named(folder: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"plot.{kind}"
    result = invoke("history", folder, "--mode", "infer", "--plot", path)
    assert result.exit_code == 0, result.output
    assert "level changes at 2026-03-07 12:00 UTC" in result.stdout
    content = path.read_bytes()
    assert content.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[kind])
    again = tmp_path / f"again.{kind}"
    invoke("history", folder, "--mode", "infer", "--plot", again)
    assert again.read_bytes() == content


def test_a_change_of_level_is_found_where_it_is() -> None:
    rng = np.random.default_rng(11)
    values = np.exp(rng.normal(0, 0.01, 40))
    values[25:] *= 0.95
    assert history.changes(values.tolist()) == [25]


def test_noise_is_no_change_of_level() -> None:
    rng = np.random.default_rng(12)
    series = [np.exp(rng.normal(0, 0.02, 30)).tolist() for _ in range(100)]
    assert sum(bool(history.changes(values)) for values in series) <= 5


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 1.0], [3.0] * 20])
def test_too_little_or_nothing_new_is_no_change(values: list[float]) -> None:
    assert history.changes(values) == []


def test_csv_reads_back(folder: Path, tmp_path: Path) -> None:
    assert invoke("export", folder, "--format", "csv", "-o", tmp_path / "a.csv").exit_code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert len(rows) == 13
    assert (rows[-1]["mode"], rows[-1]["batch_size"], rows[-1]["xla"], rows[-1]["gpu"]) == ("train", "4", "false", "")


def test_parquet_reads_back_with_types(folder: Path, tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "a.parquet"
    assert invoke("export", folder, "--format", "parquet", "-o", path).exit_code == 0
    query = "SELECT sum(batch_size), min(created_at), count(*) FILTER (NOT xla) FROM read_parquet(?)"
    with duckdb.connect(":memory:") as connection:
        assert connection.execute(query, [str(path)]).fetchone() == (196, datetime.datetime(2026, 3, 1, 12), 13)


def test_a_temporary_folder_with_a_quote_takes_parquet(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "it's"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    result = invoke("export", folder, "--format", "parquet", "-o", tmp_path / "a.parquet")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.parquet").read_bytes().startswith(b"PAR1")


def test_a_folder_named_twice_and_a_copied_record_count_once(folder: Path, tmp_path: Path) -> None:
    one = sorted(folder.glob("*.json"))[0]
    (tmp_path / one.name).write_bytes(one.read_bytes())
    (tmp_path / "copy.json").write_bytes(one.read_bytes())
    found, bad = history.read([folder, folder, one, tmp_path])
    assert bad == []
    assert len(found) == len({record.id for _, record in found}) == 13


def test_results_of_other_commands_are_named_and_the_records_are_listed(folder: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "tagged" / "tuning.json"
    found, (error,) = history.read([folder, golden])
    assert len(found) == 13
    assert "tuning.json is not a record: its type is 'tuning'" in str(error)


def test_trackers_get_the_newest_of_each_workload(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    result = invoke("export", folder, "--format", "github-benchmark", "-o", path)
    assert result.exit_code == 0
    assert "11 older records" in result.stderr
    first, second = json.loads(path.read_text())
    assert first["name"].startswith("Inference, ResNet-50 v1.5 on photos, 224x224 pixels, batch 16")
    assert (first["unit"], first["value"]) == ("img/s", pytest.approx(80, rel=0.05))
    assert second["name"].endswith(": throughput")
    assert "(95 % CI)" in first["range"]


def test_trackers_get_nothing_invalid(tmp_path: Path) -> None:
    run("--processes 1", "nan").save(tmp_path)
    result = invoke("export", tmp_path, "--format", "github-benchmark", "-o", tmp_path / "out")
    assert result.exit_code == 8
    assert "is left out: Process 0 computed infinity or NaN." in result.stderr
    assert json.loads((tmp_path / "out").read_text()) == []


def test_nothing_to_export_is_an_error(tmp_path: Path) -> None:
    result = invoke("export", tmp_path, "--format", "csv", "-o", tmp_path / "a.csv")
    assert result.exit_code == 8
    assert not (tmp_path / "a.csv").exists()


def test_a_file_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = invoke("export", folder, "--format", "csv", "-o", tmp_path / "file" / "a.csv")
    assert result.exit_code == 8
    assert "cannot be written" in result.stderr


def test_hyperparameters_are_what_differs_else_what_was_given(base: Record) -> None:
    other = run("--mode infer --processes 2 --rounds 3 --steps 2 --xla")
    assert [option.name for option in hyperparameters([base, other])] == ["xla"]
    assert {option.name for option in hyperparameters([base])} == {"mode", "processes", "rounds", "steps"}


READ_BACK = """
import json, sys, types
# TensorBoard's own loaders, over its stand-in for TensorFlow.
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer as multiplexers
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
multiplexer = multiplexers.EventMultiplexer().AddRunsFromDirectory(sys.argv[1])
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, sys.argv[1])
context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
request = RequestContext()
metadata = context.hparams_metadata(request, "")
experiment = context.experiment_from_metadata(request, "", True, metadata, [])
ask = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=10, allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
)
groups = list_session_groups.Handler(request, context, "", ask).run().session_groups
found = [
    {
        "hparams": {name: value.number_value or value.string_value or value.bool_value
                    for name, value in group.hparams.items()},
        "metrics": {value.name.tag: value.value for value in group.metric_values},
        "status": group.sessions[0].status,
    }
    for group in groups
]
print(json.dumps([[info.name for info in experiment.hparam_infos], found, "tensorflow" in sys.modules]))
"""


def test_tensorboard_reads_the_hyperparameters_and_the_scalars(
    folder: Path, tmp_path: Path, child: Callable[..., str]
) -> None:
    one = sorted(folder.glob("*.json"))[0]
    failed = run("--mode infer --batch-size 4 --processes 1 --rounds 3 --steps 2", "crash:build").save(tmp_path)
    events = tmp_path / "events"
    assert invoke("export", one, failed, "--format", "tensorboard", "-o", events).exit_code == 0
    code = f"import sys; sys.argv = ['', {str(events)!r}]\n{READ_BACK}"
    names, groups, loaded_tensorflow = json.loads(child(code, "-W", "ignore"))
    assert set(names) == {"batch_size"}  # and not processes, which only say how it was measured
    assert not loaded_tensorflow
    by_batch = {group["hparams"]["batch_size"]: group for group in groups}
    assert by_batch["auto"]["metrics"]["result/images_per_s"] == pytest.approx(100, rel=0.05)
    assert by_batch["auto"]["metrics"]["result/step_s"] == pytest.approx(0.1)
    assert (by_batch["auto"]["status"], by_batch["4"]["metrics"]) == (1, {})


def test_two_files_of_one_name_are_two_runs_for_tensorboard(base: Record, tmp_path: Path) -> None:
    other = replace(base, id="f" * 32)
    records = [(tmp_path / folder / "run.json", record) for folder, record in (("a", base), ("b", other))]
    assert run_names(records) == ["run", "run-ffffffff"]
    linked = []
    for path, record in records:
        trace = path.parent / "trace"
        trace.mkdir(parents=True)
        (trace / "host.xplane.pb").write_bytes(b"x")
        result = ProfileResult(path="trace", bytes=1, steps=1, wall_s=1.0, device_traced=False)
        linked.append((path, replace(record, trace=result)))
    assert fill(linked, tmp_path / "logdir") == (2, ())


def test_exports_import_no_tensorflow(folder: Path, tmp_path: Path, child: Callable[..., str]) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from resnet_bench.cli import group;"
        f"words = ['export', {str(folder)!r}, '--format', 'tensorboard', '-o', {str(tmp_path / 'e')!r}];"
        "assert CliRunner().invoke(group, words).exit_code == 0;"
        f"words = ['history', {str(folder)!r}, '--mode', 'infer', '--plot', {str(tmp_path / 'p.svg')!r}];"
        "assert CliRunner().invoke(group, words).exit_code == 0; print('tensorflow' in sys.modules)"
    )
    assert child(code).strip() == "False"


def test_moments_are_utc_whatever_they_are_given_in() -> None:
    now = datetime.datetime(2026, 5, 10, tzinfo=datetime.UTC)
    assert history.since("2d", now).values == (datetime.datetime(2026, 5, 8),)
    assert history.since("2026-05-08T02:00:00+02:00").values == (datetime.datetime(2026, 5, 8),)
    with pytest.raises(ConfigError, match="--since 2x"):
        history.since("2x")
