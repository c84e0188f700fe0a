"""The section of cases as blocks, from a table that was made by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.records import Case, CaseTable, ExcludedRun, ReportData
from covidreport.report.blocks import Answer, Grid, Picture, Pictures, Section
from covidreport.report.cells import write_cell
from tests.report.blocks import build, find_table, list_blocks, list_sentences, read_values
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
        positives_omitted=0,
        false_alarms=(_case("ee", "yn"),),
        false_alarms_omitted=3,
        excluded=(ExcludedRun(SILENT, "its stored scores are gone"),),
    )  # fmt: skip


def _build(study: ReportData, table: CaseTable | None) -> Section:
    return build(replace(study, cases=table), "cases")


def _pictures(section: Section) -> list[Pictures]:
    return [one for one in list_blocks(section) if isinstance(one, Pictures)]


def _positives(section: Section) -> tuple[Picture, ...]:
    return _pictures(section)[0].pictures


def test_each_run_has_a_sign_for_each_case_that_somebody_missed(study, table):
    """dd was found by both and has no column; a case that failed counts as missed."""
    (grid,) = (one for one in list_blocks(_build(study, table)) if isinstance(one, Grid))

    assert ["".join(cell.text for cell in row.cells) for row in grid.rows] == ["×··", "××?"]
    assert grid.totals is not None
    assert [cell.text for cell in grid.totals.cells] == ["2", "1", "1"]
    ((first, *_),) = grid.heads
    assert (first.cell.target, first.title) == ("case-1", "aa: missed by 2 of 2 runs")
    assert [row.run for row in grid.rows] == ["1", "2"]


def test_each_case_of_the_grid_has_its_row_in_the_list(study, table):
    """The link at the head of its column leads there; of aa nobody gave more than 0.125."""
    listed = find_table(_build(study, table), "The cases, of 2 runs")

    assert [row.id for row in listed.rows] == ["case-1", "case-2", "case-3"]
    assert read_values(listed)[0] == ["1", "aa", "p1", "F", "2", "0.125", "0.125"]
    assert read_values(listed)[2] == ["3", "cc", "–", "–", "1", "0.750", "0.750"]


def test_the_first_sentence_counts_what_all_and_none_missed(study, table):
    """Of four cases one was missed by both runs and one found by both."""
    assert list_sentences(_build(study, table))[0].startswith(
        "Of 4 COVID-19 images, 1 was missed by both ranked runs and 1 was found by both ranked "
        "runs."
    )


def test_cases_that_are_left_out_are_counted(study, table):
    """Where there were too many, nothing is said of those that all found."""
    said = list_sentences(_build(study, replace(table, positives_omitted=96)))[0]

    assert said.startswith("Of 100 COVID-19 images, 1 was missed by both ranked runs. Shown")
    assert "Shown are the 4 cases that most runs missed; 96 cases" in said


def test_false_alarms_have_the_signs_of_what_was_wrong(study, table):
    """The first run raised it (0.750) and the second cleared it (0.125); 3 more are not shown."""
    section = _build(study, table)
    (alarm,) = _pictures(section)[1].pictures

    assert alarm.answers == (
        Answer(0.75, "wrong", "false alarm"), Answer(0.125, "right", "cleared"),
    )  # fmt: skip
    assert alarm.gist == "false alarm of 1 of 2 runs"
    assert any("the first 1 of 4" in one for one in list_sentences(section))


def test_a_case_that_failed_has_no_score(study, table):
    """The second run could not score cc."""
    assert _positives(_build(study, table))[2].answers[1] == Answer(None, "unscored", "not scored")


def test_a_picture_is_embedded_and_described(study, table):
    """The bytes stand in the page as base64, with words for who can't see them."""
    section = _build(study, replace(table, pictures={"aa": b"\xff\xd8\xff"}))
    first, second, _ = _positives(section)

    assert first.image == "data:image/jpeg;base64,/9j/"
    assert first.alt == "Small picture of image aa, with COVID-19"
    assert second.image == ""
    note = _pictures(section)[1].note
    assert "whoever gets it gets them" in note
    assert "3 cases shown here without one" in note


def test_runs_that_are_not_in_the_grid_are_named(study, table):
    """With the reason why."""
    left_out = find_table(_build(study, table), "1 ranked run without cases")

    assert write_cell(left_out.rows[0].cells[1]).value == "Its stored scores are gone"


def test_counts_alone_say_so(study):
    """The study has no scores, and the section tells what that means."""
    section = _build(study, None)

    assert len(section.blocks) == 1
    assert "which ones is not" in list_sentences(section)[0]
