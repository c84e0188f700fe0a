"""The cases in words and signs, from a table that was made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covidreport.records import Case, CaseTable, LeftOut, ReportData
from covidreport.report.view import view_report
from covidreport.report.view.section_records import CasesView
from tests.report.study import BEST, SECOND, SILENT


def _case(name: str, answers: str, group: str | None = None) -> Case:
    """A case by a letter a run: y, n or f."""
    said = {"y": "yes", "n": "no", "f": "failed"}
    return Case(
        name=name,
        group=group,
        attributes={"sex": "F"} if group else {},
        answers=tuple(said[letter] for letter in answers),  # type: ignore[misc]
        scores=tuple({"y": 0.75, "n": 0.125, "f": None}[letter] for letter in answers),
    )


@pytest.fixture
def table() -> CaseTable:
    """Two runs and four cases: one missed by both, one by the second, one failed, one found."""
    return CaseTable(
        runs=(BEST, SECOND),
        thresholds=(0.5, 0.5),
        positives=(
            _case("aa", "nn", "p1"), _case("bb", "yn"), _case("cc", "yf"), _case("dd", "yy"),
        ),
        positives_left_out=0,
        false_alarms=(_case("ee", "yn"),),
        false_alarms_left_out=3,
        left_out=(LeftOut(SILENT, "its stored scores are gone"),),
    )  # fmt: skip


def _view(study: ReportData, table: CaseTable | None) -> CasesView:
    cases = view_report(replace(study, cases=table)).cases
    assert cases is not None
    return cases


def test_each_run_has_a_sign_for_each_case_that_somebody_missed(study, table):
    """dd was found by both and has no column; a case that failed counts as missed."""
    grid = _view(study, table).grid
    assert grid is not None

    assert [row.signs for row in grid.rows] == ["×··", "××?"]
    assert grid.totals == ("2", "1", "1")
    assert [head.anchor for head in grid.heads] == ["case-1", "case-2", "case-3"]


def test_the_first_sentence_counts_what_all_and_none_missed(study, table):
    """Of four cases one was missed by both runs and one found by both."""
    assert _view(study, table).sentences[0] == (
        "Of 4 COVID-19 cases, 1 was missed by both ranked runs and 1 was found by both ranked runs."
    )


def test_cases_that_are_left_out_are_counted(study, table):
    """Where there were too many, nothing is said of those that all found."""
    said = " ".join(_view(study, replace(table, positives_left_out=96)).sentences)

    assert said.startswith("Of 100 COVID-19 cases, 1 was missed by both ranked runs.")
    assert "Shown are the 4 cases that most runs missed; 96 cases" in said


def test_false_alarms_have_the_signs_of_what_was_wrong(study, table):
    """The first run raised it (0.750) and the second cleared it (0.125); 3 more are not shown."""
    cases = _view(study, table)
    (alarm,) = cases.alarms

    assert [(one.sign, one.meaning, one.score) for one in alarm.scores] == [
        ("×", "false alarm", "0.750"), ("·", "cleared", "0.125"),
    ]  # fmt: skip
    assert alarm.gist == "false alarm of 1 of 2 runs"
    assert "the first 1 of 4" in cases.alarms_note


def test_a_case_that_failed_shows_a_dash_for_its_score(study, table):
    """The second run could not score cc."""
    one = _view(study, table).positives[2].scores[1]

    assert (one.score, one.sign, one.meaning) == ("–", "?", "not scored")


def test_a_picture_is_embedded_and_described(study, table):
    """The bytes stand in the page as base64, with words for who can't see them."""
    cases = _view(study, replace(table, pictures={"aa": b"\xff\xd8\xff"}))

    assert cases.positives[0].picture == "data:image/jpeg;base64,/9j/"
    assert cases.positives[0].alt == "Small picture of image aa, with COVID-19"
    assert cases.positives[1].picture == ""
    assert "whoever gets it gets them" in cases.pictures_note
    assert "3 cases shown here without one" in cases.pictures_note


def test_runs_that_are_not_in_the_grid_are_named(study, table):
    """With the reason why."""
    left_out = _view(study, table).left_out
    assert left_out is not None

    assert left_out.rows[0].cells[1].text == "Its stored scores are gone"


def test_counts_alone_say_so(study):
    """The study has no scores, and the section tells what that means."""
    cases = _view(study, None)

    assert cases.grid is None
    assert "which ones is not" in cases.none
