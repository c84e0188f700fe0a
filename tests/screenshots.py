"""Takes the README's two pictures of the report: `python -m tests.screenshots` after `make demo`.

The first is the published study in light, the second the demo's runs in dark. Sizes are fixed, so a
picture changes where the report does.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from tests.report.browser.conftest import STUDY, render_report
from tests.visits import FLAGS

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT, SCALE = 1280, 860, 1.5
COLOURS = 256
"""A page of text and charts needs no more, and the file is a third of the size."""


@dataclass(frozen=True)
class Shot:
    """One picture: where the page is scrolled to, in which colours, and the file it becomes."""

    file: str
    section: str | None
    scheme: Literal["light", "dark"]


def main() -> None:
    """Render both reports, open them, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "demo" / "runs", metavar="RUNS")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", metavar="DIR")
    chosen = parser.parse_args()
    if not chosen.runs.is_dir():
        parser.error(f"{chosen.runs}: no such folder; `make demo` fills it")
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        parser.error("Chromium is not installed")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        study = render_report(
            [STUDY], Path(folder) / "study.html", title="Eighteen classifiers of a study of 2020"
        )
        demo = render_report(
            [chosen.runs], Path(folder) / "demo.html", title="Five classifiers of the demo"
        )
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        _take(browser, study, Shot("report.png", None, "light"), chosen.output)
        _take(browser, demo, Shot("report-dark.png", "#ranking", "dark"), chosen.output)
        browser.close()


def _take(browser: Any, page_file: Path, shot: Shot, folder: Path) -> None:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
        color_scheme=shot.scheme,
        reduced_motion="reduce",
    )
    page.goto(page_file.as_uri())
    if shot.section is not None:
        page.locator(shot.section).evaluate("element => element.scrollIntoView()")
        page.wait_for_timeout(500)  # charts are drawn when they come into view
    picture = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    picture.convert("RGB").quantize(
        COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    ).save(folder / shot.file, optimize=True)


if __name__ == "__main__":
    main()
