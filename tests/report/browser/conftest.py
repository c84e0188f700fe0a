"""A browser, and the reports that its tests open as a reader does: from a file, without network.

Without a browser the tests of this folder are skipped; where `CI` is set that fails instead.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.records import PixelSpec, Scores, StoredMap, StoredMaps
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_html
from covidreport.report.logo import embed_logo
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.storage.runs import discover_runs, read_evaluations
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    name_thumbnail,
    read_scores,
    thumbnail_file,
    write_atomic,
    write_evaluation,
    write_maps,
)
from tests.report.scored_runs import write_runs
from tests.shared import Share

STUDY = Path(__file__).parents[3] / "examples" / "study-2020"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


def render_report(
    folders: list[Path], output: Path, options: RenderOptions = PLAIN, **choices: Any
) -> Path:
    """The report of these run folders as a file."""
    choices.setdefault("specificity_floor", 0.5)
    data = collect_report(discover_runs(folders), target="covid-19", **choices)
    output.write_text(render_html(data, options), encoding="utf-8")
    return output


@pytest.fixture(scope="session")
def study_page(share: Share) -> Path:
    """The published study: counts and histories, no scores."""
    return share("study-page", lambda folder: render_report([STUDY], folder / "report.html"))


@pytest.fixture(scope="session")
def scored_runs(share: Share) -> Path:
    """Run folders of 18 runs with scores of the same 628 images."""

    def make(folder: Path) -> Path:
        write_runs(folder)
        return folder

    return share("scored-runs", make)


@pytest.fixture(scope="session")
def scored_page(scored_runs, share: Share) -> Path:
    """The report of 18 runs with scores."""
    return share("scored-page", lambda folder: render_report([scored_runs], folder / "report.html"))


def _picture(kind: str = "JPEG") -> bytes:
    sink = io.BytesIO()
    Image.linear_gradient("L").resize((96, 96)).save(sink, kind)
    return sink.getvalue()


@pytest.fixture(scope="session")
def pictured_page(share: Share) -> Path:
    """Four runs on 200 images, under a logo; the first's folder has a picture of every image."""
    return share("pictured-page", _write_pictured)


def _write_pictured(folder: Path) -> Path:
    write_runs(folder, runs=4, images=200)
    (run,) = discover_runs([folder / "exp1"])
    evaluation = read_evaluations(run)[0][0]
    place = evaluation_folder(run.folder, evaluation.key)
    scores: Scores = read_scores(place / SCORES_FILE)
    for sample in scores.sample_ids:
        name = name_thumbnail(sample, evaluation.fingerprint)
        write_atomic(thumbnail_file(place, name), _picture())
    (folder / "logo.png").write_bytes(_picture("PNG"))
    options = RenderOptions(logo=embed_logo(folder / "logo.png"))
    return render_report([folder], folder / "report.html", options)


@pytest.fixture(scope="session")
def mapped_page(share: Share) -> Path:
    """The same with a map of each positive for the first run: all of it hangs on one corner."""
    return share("mapped-page", _write_mapped)


def _write_mapped(folder: Path) -> Path:
    _write_pictured(folder)
    (run,) = discover_runs([folder / "exp1"])
    evaluation = replace(read_evaluations(run)[0][0], provenance={"key": "of these"})
    write_evaluation(run.folder, evaluation)
    place = evaluation_folder(run.folder, evaluation.key)
    scores: Scores = read_scores(place / SCORES_FILE)
    rows = [row for row, truth in enumerate(scores.truth[:, 0]) if truth == 1]
    maps = tuple(
        StoredMap(
            name_thumbnail(scores.sample_ids[row], evaluation.fingerprint),
            float(scores.scores[row, 0]),
            (float(scores.scores[row, 0]) / 2, *[float(scores.scores[row, 0])] * 63),
        )
        for row in rows
    )
    spec = PixelSpec(96, 96)
    write_maps(
        place,
        StoredMaps("of these", "covid-19", "black", 8, 8, scores.activation, spec, len(rows), maps),
    )
    return render_report([folder], folder / "report.html")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
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
