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


class Windows:
    """Pages that were shut and are opened again: another process for each takes half a visit.

    One shows what the last test left in no way: it went to an empty page, its mouse to the corner.
    Reports store nothing.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._idle: dict[tuple[tuple[str, Any], ...], list[Any]] = {}

    def open(self, width: int, height: int, choices: dict[str, Any]) -> Any:
        """An empty page of that size, of a context that these choices made."""
        size = {"width": width, "height": height}
        idle = self._idle.get(tuple(sorted(choices.items())))
        if not idle:
            context = self._browser.new_context(viewport=size, **choices)
            context.set_default_timeout(10_000)
            return context.new_page()
        page = idle.pop()
        page.set_viewport_size(size)
        page.emulate_media(media="null", color_scheme=choices.get("color_scheme", "light"))
        return page

    def shut(self, page: Any, choices: dict[str, Any]) -> None:
        """Empty a page for the next that asks for one."""
        page.unroute_all()
        page.goto("about:blank")
        page.mouse.move(0, 0)
        self._idle.setdefault(tuple(sorted(choices.items())), []).append(page)


@pytest.fixture(scope="session")
def windows(browser) -> Windows:
    return Windows(browser)


@dataclass
class Visit:
    """A page that was opened, what its console said, and what it asked the network for."""

    page: Any
    choices: dict[str, Any]
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: Any) -> None:
        """What the console said, or an error that nothing caught."""
        self.console.append(getattr(message, "text", str(message)))


@pytest.fixture
def visit(windows):
    """Opens a report: `visit(path, width=360, color_scheme="dark", java_script_enabled=False)`.

    The page's console must stay silent and nothing but the file may be asked for; that is checked
    when the test ends, in every test.
    """
    visits: list[Visit] = []

    def visit(path: Path, width: int = 1280, height: int = 900, **choices: Any) -> Any:
        seen = Visit(windows.open(width, height, choices), choices)
        visits.append(seen)

        def watch(route: Any) -> None:
            if route.request.url == path.as_uri():
                route.continue_()
            else:
                seen.requests.append(route.request.url)
                route.abort()

        seen.page.on("console", seen.hear)
        seen.page.on("pageerror", seen.hear)
        seen.page.route("**/*", watch)
        seen.page.goto(path.as_uri())
        return seen.page

    yield visit
    for seen in visits:
        windows.shut(seen.page, seen.choices)
        seen.page.remove_listener("console", seen.hear)
        seen.page.remove_listener("pageerror", seen.hear)
    assert [seen.console for seen in visits if seen.console] == []
    assert [seen.requests for seen in visits if seen.requests] == []
