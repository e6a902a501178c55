"""A report is one file that says what its records say, loads nothing, and trusts no record."""

from __future__ import annotations

import re
import zipfile
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from resnet_bench.analysis.summary import summarize
from resnet_bench.records.record import Record
from resnet_bench.records.roofline import Energy
from resnet_bench.records.run import Samples
from resnet_bench.report.page import downloads, html, markdown, report
from resnet_bench.report.page.document import Document
from tests.support import report_records as made

GOLDEN = Path(__file__).parents[1] / "golden"
OPTIONAL = {
    "outcome": "What went wrong",
    "notes": "Warnings",
    "steps": "Step times",
    "cold": "Cold start",
    "input": "Input pipeline",
    "roofline": "Roofline",
    "operations": "Operations",
    "evidence": "Option checks",
    "energy": "Energy",
    "training": "Training",
    "published": "Published elsewhere",
}


class Page(HTMLParser):
    """Tags with their attributes, ids, and the text outside script and style."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(re.sub(r'<span class="flag">(--[a-z-]+)</span>', r"\1", content.decode()))
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def document(*records: Record, allow: frozenset[str] = frozenset()) -> Document:
    return report.document(made.saved(list(records)), allow)


def page(*records: Record) -> Page:
    return Page(html.render(document(*records)))


@pytest.fixture(scope="module")
def full() -> Page:
    return page(made.full())


@pytest.fixture(scope="module")
def fifty() -> bytes:
    return html.render(document(*made.many(50)))


def test_the_answer_comes_first(full: Page) -> None:
    words = full.text
    assert (
        words.index("39.8 img/s") < words.index("provisional") < words.index("bottleneck") < words.index("402 ms mean")
    )
    assert "Only 2 of the 3 processes needed for a useful confidence interval ran." in words


def test_every_section_is_there_when_its_data_are(full: Page) -> None:
    titles = {section.title for section in document(made.full()).chapters[0].sections}
    assert titles == {*OPTIONAL.values(), "Summary", "Configuration and environment"} - {"What went wrong"}
    anchors = {attributes.get("id") for _, attributes in full.tags}
    links = {str(attributes["href"]) for attributes in full.all("a")}
    assert {link[1:] for link in links if link.startswith("#")} <= anchors


def test_a_section_without_data_is_not_there() -> None:
    titles = {section.title for section in document(made.make()).chapters[0].sections}
    assert titles == {
        *("Summary", "Step times", "Cold start", "Published elsewhere", "Configuration and environment"),
    }


def test_a_failed_run_says_what_went_wrong_and_nothing_of_speed() -> None:
    found = page(made.failed())
    assert "The worker was killed by signal 9. Use a smaller --batch-size." in found.text
    assert "last line" in found.text
    assert "no throughput" in found.text
    assert found.all("figure") == []


def test_a_record_of_the_first_schema_is_shown() -> None:
    path = GOLDEN / "schema_1.json"
    found = Page(html.render(report.document([(path, Record.load(path))])))
    assert "provisional" in found.text
    assert len(found.all("figure")) == 3


def test_what_a_record_says_is_text_and_never_markup() -> None:
    found = page(made.failed(message=made.HOSTILE))
    assert len(found.all("script")) == 1
    assert found.all("img") == []
    assert "alert(1)" in found.text


def test_nothing_is_loaded_from_anywhere(full: Page) -> None:
    for tag, attributes in full.tags:
        for name in ("src", "srcset", "action", "poster", "data", "background", "xlink:href"):
            assert name not in attributes
        if tag == "link":
            assert attributes["href"] == "data:,"
        if tag == "a":
            assert str(attributes["href"]).startswith(("#", "data:", "https://"))
    content = html.render(document(made.full())).decode()
    assert "@import" not in content
    assert "url(" not in content


def test_only_the_reports_own_script_and_style_may_run() -> None:
    content = html.render(document(made.make())).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', content)
    assert policy.startswith("default-src 'none'")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
        assert f"{directive} '{html._hash(inside)}'" in policy
    assert not re.search(r'\s(style|on\w+)="', content)


def test_ids_are_unique_and_labels_exist(fifty: bytes) -> None:
    found = Page(fifty)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_a_screen_reader_has_landmarks_headings_and_words_for_charts(full: Page) -> None:
    tags = [tag for tag, _ in full.tags]
    assert {"header", "nav", "main", "footer", "h1"} <= set(tags)
    assert tags.count("h1") == 1
    assert full.all("html")[0]["lang"] == "en"
    drawings = [attributes for attributes in full.all("svg") if attributes.get("role") == "img"]
    assert len(drawings) == len(full.all("figure")) == len(full.all("figcaption")) >= 8
    assert tags.count("desc") == len(drawings)
    assert tags.count("caption") == tags.count("table")
    assert all(attributes.get("scope") in ("col", "row") for attributes in full.all("th"))


def test_each_figure_has_its_data_as_a_table(full: Page) -> None:
    titles = [attributes.get("aria-label") for attributes in full.all("div") if attributes.get("role") == "region"]
    assert {"Step time of each round", "Cold start, median of the processes", "Input pipeline"} <= set(titles)


def test_one_record_is_downloaded_whole() -> None:
    record = made.make()
    content = html.render(document(record)).decode()
    (encoded,) = re.findall(r'href="data:application/json;base64,([^"]*)"', content)
    assert b64decode(encoded) == downloads.compact(record)


def test_many_records_are_downloaded_as_one_archive(fifty: bytes, tmp_path: Path) -> None:
    (encoded,) = re.findall(r'href="data:application/zip;base64,([^"]*)"', fifty.decode())
    with zipfile.ZipFile(BytesIO(b64decode(encoded))) as archive:
        assert len(archive.namelist()) == 50
        archive.extract(archive.namelist()[0], tmp_path)
    (path,) = tmp_path.iterdir()
    assert Record.load(path) == made.many(50)[0]


def test_fifty_records_fit_one_file_of_reasonable_size(fifty: bytes) -> None:
    assert len(fifty) < 4_000_000


def test_fifty_records_have_a_sortable_overview_and_closed_details(fifty: bytes) -> None:
    found = Page(fifty)
    chapters = [attributes for attributes in found.all("details") if attributes.get("class") == "chapter"]
    assert len(chapters) == 50
    assert not any("open" in attributes for attributes in chapters)
    assert [attributes.get("class") for attributes in found.all("table")].count("sortable") == 1
    assert "invalid: killed" in found.text


def test_two_records_are_compared_and_open() -> None:
    records = made.make(1), made.make(2, step_s=0.36, batch_norm="keras", tensorflow="2.21.1")
    titles = [section.title for section in document(*records).sections]
    assert titles == ["Overview", "Comparison", "Differing environments"]
    found = page(*records)
    assert all("open" in a for a in found.all("details") if a.get("class") == "chapter")
    assert "batch_norm keras, tensorflow.version 2.21.1" in found.text
    assert "tensorflow.version 2.21.0 (train, batch norm fused); 2.21.1 (train, batch norm keras)" in found.text


def test_what_is_not_comparable_is_refused_unless_allowed() -> None:
    records = made.make(1), made.make(2, batch_size=32)
    assert "It differs in batch_size (16, 32)" in page(*records).text
    allowed = Page(html.render(document(*records, allow=frozenset({"batch_size"}))))
    assert "Ratio to the base" in allowed.text


def test_batch_sizes_make_a_curve_with_its_knee() -> None:
    found = page(*made.sweep())
    assert "The knee is batch 8" in found.text
    assert "Training" not in found.text


def test_published_figures_name_their_source_and_are_of_the_same_mode(full: Page) -> None:
    assert "They are not directly comparable" in full.text
    assert "NVIDIA, 2020" in full.text
    assert "Published elsewhere" not in page(made.make(image_size=(64, 64), mode="eval")).text


def test_a_training_that_was_not_timed_answers_with_its_accuracy() -> None:
    record = replace(made.make(), summary=None, samples=Samples(), training=made.training())
    found = document(record).chapters[0]
    assert (found.answer.rate, found.answer.interval) == ("85.7 % test accuracy", "80.0 % after 108 s")
    assert {"Training", "Configuration and environment"} <= {section.title for section in found.sections}


def test_one_round_of_one_process_is_enough_for_a_page() -> None:
    record = made.make()
    one = made.samples(16, 0.4, processes=1, rounds=1)
    few = Samples(processes=(replace(one.processes[0], warmup=(), latency=()),))
    found = page(replace(record, samples=few, summary=summarize(few)))
    assert "no confidence interval: one process" in found.text
    assert len(found.all("figure")) == 1  # the cold start alone


def test_energy_that_was_not_measured_says_why() -> None:
    record = replace(made.make(), energy=Energy(status="unavailable", why="no counter"))
    assert "unavailable: no counter" in page(record).text


def test_markdown_says_the_same_without_drawings() -> None:
    found = markdown.render(document(made.full()))
    assert "**39.8 img/s**" in found
    assert "| oneDNN | on | off | failed | graph |" in found
    assert "Step time of each round: 66 rows, which the HTML report shows." in found
    assert "<svg" not in found


def test_markdown_of_many_records_is_an_overview() -> None:
    found = markdown.render(document(*made.many(6)))
    assert "## Overview" in found
    assert "## Training" not in found


def test_markdown_escapes_what_a_record_says() -> None:
    found = markdown.render(document(made.failed(message=made.HOSTILE + "\n| # [x](y)")))
    assert "<script>" not in found.replace("\\<script\\>", "")
    assert "\\| \\# \\[x\\]" in found
