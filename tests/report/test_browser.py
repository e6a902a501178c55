"""Reports in Chromium: no error, no network, both themes, keyboard, and colours that can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resnet_bench.records.read import SavedResults
from resnet_bench.records.record import Record
from resnet_bench.report.page import downloads, html, report
from tests.support import report_records as made
from tests.support import report_results as results

if TYPE_CHECKING:
    from playwright.sync_api import Page

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3

CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const found = {};
  const read = "p, li, dt, dd, th, td, caption, summary, a, h1, h2, h3, button, .badge, .label, svg text";
  for (const node of document.querySelectorAll(read)) {
    const style = getComputedStyle(node);
    const colour = node instanceof SVGElement ? style.fill : style.color;
    const [high, low] = [light(colour), light(behind(node))].sort((a, b) => b - a);
    const key = `${node.tagName}.${node.getAttribute("class") || ""} ${colour}`;
    found[key] = Math.min(found[key] ?? 21, (high + 0.05) / (low + 0.05));
  }
  return found;
}"""


def write(folder: Path, *records: Record, others: SavedResults | None = None) -> str:
    path = folder / "report.html"
    path.write_bytes(html.render(report.document(made.saved(list(records)), results=others)))
    return path.as_uri()


def others() -> SavedResults:
    """A result of each command, two matches among them."""
    return SavedResults(
        bottlenecks=[(Path("1.json"), results.bottleneck_of(made.full()))],
        ab=[
            (Path("2.json"), results.ab_record(1.5, 1.52)),
            (Path("3.json"), results.ab_record(0.9, 0.91, kind="noise")),
        ],
        tunings=[(Path("4.json"), results.tuning())],
    )


@pytest.fixture
def errors(page: Page) -> list[str]:
    """Whatever the console and the page complain about."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.mark.parametrize("records", [1, 2, 50])
def test_it_opens_without_errors_and_asks_nobody(
    page: Page, errors: list[str], refused: list[str], tmp_path: Path, records: int
) -> None:
    page.goto(write(tmp_path, *([made.full()] if records == 1 else made.many(records))))
    assert page.locator("h1").is_visible()
    assert page.locator("figure svg").first.is_visible()
    assert (errors, refused) == ([], [])


def test_what_a_hostile_record_says_does_not_run(page: Page, errors: list[str], tmp_path: Path) -> None:
    shown: list[str] = []
    page.on("dialog", lambda dialog: shown.append(dialog.message))
    page.goto(write(tmp_path, made.failed(message=made.HOSTILE)))
    assert page.get_by_text("alert(1)").is_visible()
    assert (shown, errors) == ([], [])


def test_the_theme_follows_the_system_until_it_is_chosen(page: Page, tmp_path: Path) -> None:
    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="light")
    address = write(tmp_path, made.make())
    page.goto(address)
    light = background()
    page.emulate_media(color_scheme="dark")
    dark = background()
    assert light != dark
    toggle = page.get_by_role("button", name="Theme")
    toggle.click()
    assert (toggle.inner_text(), background()) == ("Theme: light", light)
    page.emulate_media(color_scheme="light")
    toggle.click()
    assert (toggle.inner_text(), background()) == ("Theme: dark", dark)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_both_themes(page: Page, tmp_path: Path, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(write(tmp_path, made.full(), made.failed(2), made.make(3, batch_norm="keras"), others=others()))
    page.get_by_role("button", name="Open all").click()
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert len(contrasts) > 15
    assert {name: ratio for name, ratio in contrasts.items() if ratio < LEAST_CONTRAST} == {}


def test_the_keyboard_reaches_the_results_and_sorts_them(page: Page, tmp_path: Path) -> None:
    page.goto(write(tmp_path, *made.many(12)))
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the results"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    heading = page.get_by_role("columnheader", name="img/s")
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    column = heading.evaluate("each => each.cellIndex + 1")
    cells = page.locator(f"table.sortable tbody tr > :nth-child({column})").all_inner_texts()
    rates = [float(cell) for cell in cells if cell != "-"]
    assert heading.get_attribute("aria-sort") == "ascending"
    assert rates == sorted(rates)
    assert cells[-1] == "-"


def test_a_link_of_the_overview_opens_its_record(page: Page, tmp_path: Path) -> None:
    page.goto(write(tmp_path, *made.many(12)))
    details = page.locator("details.chapter")
    assert not details.nth(4).evaluate("each => each.open")
    page.get_by_role("link", name="record 5", exact=True).click()
    assert details.nth(4).evaluate("each => each.open")
    assert details.nth(4).locator("figure svg").first.is_visible()


def test_the_verdict_on_the_bottleneck_links_to_its_speeds(page: Page, errors: list[str], tmp_path: Path) -> None:
    page.goto(write(tmp_path, made.full(), others=others()))
    page.locator(".answer").get_by_role("link", name="input-bound").click()
    assert page.url.endswith("#bottleneck-1")
    assert page.get_by_role("img", name="Throughput of model and pipeline").is_visible()
    assert errors == []


def test_without_scripts_it_can_still_be_read(page: Page, tmp_path: Path) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(write(tmp_path, *made.many(12)))
    assert plain.get_by_text("All records").is_visible()
    assert not plain.locator("#theme").is_visible()
    context.close()


def test_the_record_inside_can_be_saved(page: Page, tmp_path: Path) -> None:
    record = made.make()
    page.goto(write(tmp_path, record))
    with page.expect_download() as download:
        page.get_by_role("link", name="(JSON)").click()
    assert Path(download.value.path()).read_bytes() == downloads.compact(record)


def test_a_phone_scrolls_tables_and_not_the_page(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(write(tmp_path, *made.many(6)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
