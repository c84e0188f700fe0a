"""A browser, and reports opened in it as a reader does: from a file, without network.

Without a browser the tests that open one are skipped; where `CI` is set they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
"""The first draws pages as the others do and has no windows, which take longer than most tests."""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
)  # fmt: skip
"""The last: else each window has two pages more, of what drops from its line of address, which
take longer than to open a report."""

OPEN_FOLDS = "document.querySelectorAll('details').forEach(one => { one.open = true })"
"""So that nothing is passed over."""
SIDEWAYS = """() => [...document.querySelectorAll(".scroll")].filter(one => one.offsetParent)
    .filter(one => one.scrollWidth > one.clientWidth + 3).map(one => one.ariaLabel)"""
"""The tables that are wider than their place, by their names."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


@dataclass
class Visit:
    """A page that was opened, what its console said, and what it asked the network for."""

    page: Any
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser):
    """Opens a report: `visit(path, width=360, color_scheme="dark", java_script_enabled=False)`.

    The page's console must stay silent and nothing but the file may be asked for; that is checked
    when the test ends, in every test.
    """
    visits: list[Visit] = []
    contexts: list[Any] = []

    def visit(path: Path, width: int = 1280, height: int = 900, **choices: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **choices)
        context.set_default_timeout(10_000)
        contexts.append(context)
        seen = Visit(context.new_page())
        visits.append(seen)

        def watch(route: Any) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                seen.requests.append(route.request.url)
                route.abort()

        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
        seen.page.route("**/*", watch)
        seen.page.goto(path.as_uri())
        return seen.page

    yield visit
    for context in contexts:
        context.close()
    assert [seen.console for seen in visits if seen.console] == []
    assert [seen.requests for seen in visits if seen.requests] == []
