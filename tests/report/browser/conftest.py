"""The reports that are opened in a browser."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.records import PixelSpec, ReportData, Scores, StoredMap, StoredMaps
from covidreport.report.choices import ReportChoices
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


def render_report(
    folders: list[Path], output: Path, options: RenderOptions = PLAIN, **choices: Any
) -> Path:
    """The report of these run folders as a file."""
    data = collect_report(discover_runs(folders), ReportChoices("covid-19", 0.5), **choices)
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
def scored_data(scored_runs, share: Share) -> ReportData:
    """What the report of 18 runs with scores holds."""
    runs = discover_runs([scored_runs])
    return share("scored-data", lambda _: collect_report(runs, ReportChoices("covid-19", 0.5)))


@pytest.fixture(scope="session")
def scored_page(scored_data, share: Share) -> Path:
    """The report of 18 runs with scores."""

    def make(folder: Path) -> Path:
        (folder / "report.html").write_text(render_html(scored_data), encoding="utf-8")
        return folder / "report.html"

    return share("scored-page", make)


@pytest.fixture(scope="session")
def readers_page(beside_readers, share: Share) -> Path:
    """The report of two runs and three readers, two of whom call alike."""

    def make(folder: Path) -> Path:
        (folder / "report.html").write_text(render_html(beside_readers), encoding="utf-8")
        return folder / "report.html"

    return share("readers-page", make)


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
