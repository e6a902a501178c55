"""A report takes what `bottleneck`, `ab`, `noise` and `tune` found: beside the records' answers, and in sections."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from resnet_bench.config import TrainingConfig
from resnet_bench.records.evaluation import ClassScore
from resnet_bench.records.read import SavedResults
from resnet_bench.records.record import Record
from resnet_bench.records.run import Outcome
from resnet_bench.report.page import html, markdown, report
from resnet_bench.report.page.document import Cell, Document, Figure, Heading, Headline, Section, Table
from tests.report.test_html import Page
from tests.support import report_records as made
from tests.support import report_results as results


def named(*found: object) -> list[tuple[Path, object]]:
    return [(Path(f"runs/{number}.json"), each) for number, each in enumerate(found, 1)]


def document(*records: Record, **found: list[tuple[Path, object]]) -> Document:
    return report.document(made.saved(list(records)), results=SavedResults(**found))  # type: ignore[arg-type]


def answer(record: Record, *bottlenecks: object) -> Headline:
    return document(record, bottlenecks=named(*bottlenecks)).chapters[0].answer


def section(found: Document, anchor: str) -> Section:
    return next(each for each in found.sections if each.anchor == anchor)


@pytest.mark.parametrize(
    ("model", "pipeline", "spread", "word", "tone"),
    [
        (80.0, 40.0, 0.0, "input-bound", "warn"),
        (40.0, 80.0, 0.0, "compute-bound", "good"),
        (40.0, 41.0, 0.0, "balanced", "good"),
        (40.0, 44.0, 0.1, "inconclusive", "warn"),
    ],
)
def test_the_bottlenecks_verdict_stands_beside_the_throughput(
    model: float, pipeline: float, spread: float, word: str, tone: str
) -> None:
    record = made.make()
    found = answer(record, results.bottleneck_of(record, model, pipeline, spread=spread))
    assert found.rate.endswith("img/s")
    assert found.limit == Cell(word, tone=tone, href="#bottleneck-1")  # type: ignore[arg-type]
    assert "x as fast as the model alone" in found.bottleneck
    assert "other options" not in found.bottleneck


@pytest.mark.parametrize(
    "other",
    [
        made.make(batch_size=32),
        made.make(mode="infer"),
        made.make(image_size=(64, 64)),
        replace(made.make(), environment=replace(made.environment(), machine_id="m2")),
        replace(made.make(), machine=replace(made.MACHINE, device_kind="gpu", gpu_name="H200")),
    ],
    ids=["batch", "mode", "image size", "machine", "device"],
)
def test_a_bottleneck_of_other_work_or_another_machine_says_nothing_of_a_record(other: Record) -> None:
    found = answer(made.make(), results.bottleneck_of(other))
    assert found.limit is None
    assert "bench-cli bottleneck" in found.bottleneck


def test_other_options_of_the_same_work_are_named() -> None:
    found = answer(made.make(), results.bottleneck_of(made.make(xla=True)))
    assert found.limit is not None
    assert "That was measured with other options: xla (off here, on there)." in found.bottleneck


def test_of_several_the_one_with_the_records_options_counts_then_the_newest() -> None:
    record = made.make()
    newest = results.bottleneck_of(made.make(xla=True), 40.0, 80.0, created_at="2026-11-22T00:00:00+00:00")
    new = results.bottleneck_of(record, 80.0, 40.0, created_at="2026-11-21T00:00:00+00:00")
    old = results.bottleneck_of(record, 40.0, 80.0, created_at="2026-11-20T00:00:00+00:00")
    found = answer(record, old, newest, new)
    assert found.limit is not None
    assert (found.limit.text, found.limit.href) == ("input-bound", "#bottleneck-3")


def test_a_bottleneck_that_found_nothing_is_shown_but_answers_nothing() -> None:
    record = made.make()
    outcome = Outcome(kind="crashed", message="The worker crashed.", log_tail=("last words",))
    broken = replace(results.bottleneck_of(record), analysis=None, repetitions=(), outcome=outcome)
    found = document(record, bottlenecks=named(broken))
    assert found.chapters[0].answer.limit is None
    text = Page(html.render(found)).text
    assert "The worker crashed." in text
    assert "last words" in text


def test_without_one_the_answer_names_the_command_with_the_records_options() -> None:
    found = answer(made.make(batch_size=16, precision="float32", rounds=5))
    assert found.limit is None
    assert found.bottleneck.endswith(": bench-cli bottleneck --batch-size 16 --precision float32")


@pytest.mark.parametrize(
    ("record", "part"),
    [
        (made.make(source="synthetic"), "Synthetic data has no input pipeline"),
        (made.make(mode="input"), "Find its slowest stage with bench-cli data bench."),
        (made.full(), "Most of a profiled step is CPU operations: 88.4 % (380 ms); waiting for input takes 2.33 %."),
    ],
    ids=["synthetic", "input", "profile"],
)
def test_without_one_the_answer_says_what_the_record_shows(record: Record, part: str) -> None:
    assert part in answer(record).bottleneck


def test_what_a_profile_shows_stands_beside_the_measured_verdict() -> None:
    record = made.full()
    found = answer(record, results.bottleneck_of(record))
    assert "x as fast as the model alone" in found.bottleneck
    assert "waiting for input takes 2.33 %" in found.bottleneck


def test_the_three_speeds_are_drawn_and_listed_once() -> None:
    record = made.make()
    found = section(document(record, bottlenecks=named(results.bottleneck_of(record))), "bottleneck")
    (figure,) = (block for block in found.blocks if isinstance(block, Figure))
    assert [row[0].text for row in figure.table.rows] == ["model alone", "pipeline alone", "possible", "end to end"]
    words = Page(html.render(document(record, bottlenecks=named(results.bottleneck_of(record))))).text
    assert "1 / (1/model + 1/pipeline): both share the cores" in words
    assert "4 threads share 2 usable cores" in words


def test_matches_are_drawn_together_and_told_one_by_one() -> None:
    failed = results.ab_record(label="--freeze", outcome=Outcome(kind="config", message="--freeze is for inference."))
    matches = named(results.ab_record(1.5, 1.52, 1.48), results.ab_record(0.9, 0.91, label="--loop fit"), failed)
    found = section(document(made.make(), ab=matches), "turns")
    headings = [block.text for block in found.blocks if isinstance(block, Heading)]
    assert headings == [
        "1: --xla against the defaults",
        "2: --loop fit against the defaults",
        "3: --freeze against the defaults",
    ]
    (figure,) = (block for block in found.blocks if isinstance(block, Figure))
    assert [row[3].text for row in figure.table.rows] == ["faster", "slower"]
    words = markdown.render(document(made.make(), ab=matches))
    assert "faster: B ran at 1.500 times A's speed" in words
    assert "xla (off, on)" in words
    assert "config: --freeze is for inference." in words


def test_identical_sides_that_differ_are_a_false_positive_and_the_floor_is_shown() -> None:
    words = markdown.render(document(ab=named(results.ab_record(1.1, 1.11, 1.09, kind="noise", label="--mode infer"))))
    assert "false positive (faster): One ran at 1.100 times the other's speed" in words
    assert "**noise floor**" in words


def test_a_search_gives_its_gain_its_command_and_its_contributions() -> None:
    words = markdown.render(document(tunings=named(results.tuning())))
    assert "faster: 1.500 times TensorFlow's defaults" in words
    assert "bench-cli run --mode infer --onednn on" in words
    assert "| batch\\_norm | fused | keras | - |  | --batch-size 64 does not fit. |" in words
    assert "faster: the new best" in words


def test_results_alone_make_a_report() -> None:
    found = document(bottlenecks=named(results.bottleneck_of(made.make())), tunings=named(results.tuning()))
    page = Page(html.render(found))
    assert found.chapters == ()
    assert [each["id"] for each in page.all("h2")] == ["bottleneck", "tuned", "raw"]
    assert "#records" not in [each.get("href") for each in page.all("a")]
    assert [file.name for file in found.downloads] == ["1.json", "1.json"]


def test_many_records_link_their_verdicts() -> None:
    records = [made.make(1), made.make(2, mode="infer"), made.failed(3)]
    found = document(*records, bottlenecks=named(results.bottleneck_of(records[0])))
    page = Page(html.render(found))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(each["href"])[1:] for each in page.all("a") if str(each.get("href", "")).startswith("#")]
    assert set(links) <= set(ids)
    overview = section(found, "overview").blocks[0]
    assert isinstance(overview, Table)
    assert [row[4].text for row in overview.rows] == ["input-bound", "-", "-"]


def test_what_a_result_says_is_text_and_never_markup() -> None:
    found = document(ab=named(results.ab_record(1.5, 1.6, label=made.HOSTILE)))
    page = Page(html.render(found))
    assert "alert(1)" in page.text
    assert page.all("img") == []
    assert len(page.all("script")) == 1


def test_a_training_answers_with_its_accuracy_then_its_speed() -> None:
    record = made.make()
    record = replace(record, training=made.training(), config=replace(record.config, training=TrainingConfig()))
    found = document(record, bottlenecks=named(results.bottleneck_of(made.make())))
    answered = found.chapters[0].answer
    assert (answered.rate, answered.interval) == ("85.7 % test accuracy", "80.0 % after 108 s; at 39.8 img/s")
    assert (answered.limit, answered.bottleneck) == (None, "")
    titles = [each.title for each in found.chapters[0].sections]
    assert titles.index("Training") < titles.index("Step times")
    words = markdown.render(found)
    assert "**ended**: all epochs done" in words
    assert "| epoch | loss | accuracy | test loss | test accuracy | learning rate | img/s | elapsed |" in words


def test_an_evaluation_is_a_table_of_scores_and_one_of_classes() -> None:
    blocks = section(document(made.make(), evaluations=named(results.evaluation())), "evaluations").blocks
    text, tables = repr(blocks), [each for each in blocks if isinstance(each, Table)]
    assert [each.caption for each in tables] == ["Scores", "Classes"]
    assert [cell.text for cell in tables[0].rows[1]] == ["b.keras", "0.5", "85.0 % (75.0 to 95.0)", "120"]
    assert [cell.text for cell in tables[1].rows[0]] == ["cat", "20", "90.0 %", "90.0 %", "85.0 %", "85.0 %"]
    assert "The second is -5.0 points in accuracy" in text
    assert "Its speed is 1.20 times the first's" in text


def test_several_evaluations_are_numbered_and_many_classes_cut_to_those_of_lowest_recall() -> None:
    one = results.evaluation()
    many = tuple(ClassScore(name=f"c{n}", images=1, precision=None, recall=n / 200) for n in range(150, -1, -1))
    model = replace(one.models[0], path=f"{made.HOSTILE}.keras", classes=many)
    large = replace(one, models=(model,), difference=None)
    found = document(evaluations=named(one, large))
    blocks = section(found, "evaluations").blocks
    headings = [each.text for each in blocks if isinstance(each, Heading)]
    title = "40 images of digits, test part"
    assert headings == [f"1: {title}, 2 classes", f"2: {title}, 151 classes"]
    cut = [each for each in blocks if isinstance(each, Table)][-1]
    assert cut.caption == "Classes, the 100 of lowest recall"
    assert [cell.text for cell in cut.rows[0]] == ["c0", "1", "-", "0.0 %"]
    assert made.HOSTILE not in html.render(found).decode()
