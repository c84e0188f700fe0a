"""No id of an image stands in a report unless it was asked for."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Failure, Finding
from covidreport.report.anonymous import hide_ids
from covidreport.report.formats import render_csv, render_html, render_json, render_markdown
from covidreport.text import digest_case
from tests.report.study import BEST


def _named(study):
    """The study with an image that failed, and findings about images and about a run."""
    first = study.runs[0]
    assert first.evaluation is not None
    finding = Finding(
        "warning", "images-failed", "2 images could not be scored",
        "doe-1.png: truncated; doe-12.png and other-doe-1.png too", "Mend doe-1.png.",
        ("doe-1.png", "doe-12.png"),
    )  # fmt: skip
    about = Finding("note", "of-a-run", f"{BEST} is odd", "see doe-1.png", "", (BEST,))
    failures = (Failure("doe-1.png", "decode", "truncated"),)
    evaluation = replace(first.evaluation, findings=(finding,), failures=failures)
    runs = (replace(first, evaluation=evaluation), *study.runs[1:])
    return replace(study, runs=runs, findings=(finding, about))


def test_ids_become_digests_in_subjects_texts_and_failures(study):
    """Whole ids only: `doe-12.png` is not `doe-1` with something behind it."""
    data = hide_ids(_named(study))
    salt = data.rankings[0].fingerprint or ""
    one, other = digest_case("doe-1.png", salt), digest_case("doe-12.png", salt)

    assert data.findings[0].subjects == (one, other)
    assert data.findings[0].evidence == f"{one}: truncated; {other} and other-doe-1.png too"
    assert data.findings[0].remedy == f"Mend {one}."
    evaluation = data.runs[0].evaluation
    assert evaluation is not None
    assert evaluation.failures[0].subject == one
    assert evaluation.findings == data.findings[:1]


def test_runs_keep_their_names(study):
    """A finding about a run is left as it is."""
    data = hide_ids(_named(study))

    assert data.findings[1].subjects == (BEST,)


def test_no_format_shows_an_id(study):
    """The id of the image that failed is in none of the four formats, and its digest is."""
    data = hide_ids(_named(study))
    named = replace(data, findings=data.findings[:1])
    digest = digest_case("doe-1.png", data.rankings[0].fingerprint or "")

    for render in (render_html, render_markdown, render_json, render_csv):
        assert "doe-12.png" not in render(named)
    assert digest in render_html(named)
