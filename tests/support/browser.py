"""Headless Chromium for tests that look at pages; they skip where it, or Playwright, is not installed.

Playwright drives the system's Chromium and downloads none. The fixtures are known everywhere (`conftest.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SLOWEST_MS = 60_000.0
"""How long a page may take to show something: long, because a failure here should mean a defect."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of a module; Playwright keeps an event loop running meanwhile."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def refused() -> list[str]:
    """The addresses beyond this machine that `page` has asked for; nothing answers there."""
    return []


@pytest.fixture
def page(browser: Browser, refused: list[str]) -> Iterator[Page]:
    """A new page that reaches files and this machine alone, whether or not there is a network."""

    def keep_local(route: Route) -> None:
        if urlsplit(route.request.url).hostname in (None, "", "127.0.0.1", "localhost"):
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(SLOWEST_MS)
    context.route("**/*", keep_local)
    yield context.new_page()
    context.close()
