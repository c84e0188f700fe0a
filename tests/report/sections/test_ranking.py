"""Rankings, and runs without a rank."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Counts, RankedRun
from covidreport.report.blocks import Link
from covidreport.report.view import view_report
from tests.report.blocks import (
    build,
    list_charts,
    list_runs,
    list_scatters,
    list_sentences,
    list_tables,
    read_lines,
)
from tests.report.study import BEST, SECOND, SILENT


def _tables(data):
    """The tables of the first ranking."""
    return list_tables(view_report(data).sections["ranking"][0])


def test_the_table_has_missed_first_of_all_figures(study):
    """Whatever else is interesting stands to the right of it."""
    table = _tables(study)[0]

    assert [column.title for column in table.columns] == [
        "Rank", "Run", "Block", "Missed", "Found", "False alarms", "Sensitivity", "Specificity",
        "F1", "Micro F1", "Label accuracy", "Exact match",
    ]  # fmt: skip
    assert [row.best for row in table.rows] == [True, False]
    assert table.rows[0].cells[1] == Link(BEST, "run-1")


def test_unranked_runs_have_a_dash_where_nothing_was_counted(study):
    """`counted` is false where the run lacks the label: 0 missed would be a lie."""
    rows = (
        *study.rankings[0].rows[:2],
        RankedRun(SILENT, None, 0, 0, "was not evaluated for covid-19", counted=False),
    )
    data = replace(study, rankings=(replace(study.rankings[0], rows=rows),))
    (section,) = view_report(data).sections["ranking"]
    _, unranked = list_tables(section)
    (chart,) = list_charts(section)

    assert read_lines(unranked) == [
        [SILENT, "–", "–", "–", "Was not evaluated for covid-19"],
    ]
    assert all(SILENT not in dot.title for scatter in list_scatters(chart) for dot in scatter.dots)


def test_denominators_stand_in_the_cells_where_runs_differ(study):
    """One number in the head would be wrong for one of the runs."""
    other = replace(study.runs[0].evaluation, counts={"covid-19": Counts(90, 10, 5, 15, 1, 2)})
    runs = (replace(study.runs[0], evaluation=other), *study.runs[1:])
    table = _tables(replace(study, runs=runs))[0]

    assert [column.note for column in table.columns[3:6]] == ["", "", ""]
    assert read_lines(table)[1][3:6] == [
        "6 of 21 (1 not scored)", "15 of 21", "12 of 102 (2 not scored)",
    ]  # fmt: skip


def test_a_second_ranking_says_why_it_is_one(hostile):
    """Runs on other images stand in their own table, and the table says what differs."""
    first, second = view_report(hostile).sections["ranking"]

    assert "can’t be compared" not in " ".join(list_sentences(first))
    assert second.title == "Ranking 2"
    assert list_sentences(second)[0].endswith(
        "fingerprint ffffffffffff. These runs stand in a table of their own because they were "
        "evaluated with other images. Their figures can’t be compared with those of the first "
        "ranking."
    )


def test_ranks_of_a_second_ranking_are_not_mixed_with_the_first(hostile):
    """Two runs with a badge `1` would both look like the winner."""
    runs = list_runs(hostile)

    assert [run.gist.split(" · ")[0] for run in runs] == [
        "rank 1", "rank 1", "rank 1", "rank 1 of ranking 2",
    ]  # fmt: skip
    assert [run.state for run in runs] == ["open", "open", "open", "folded"]


def test_dots_carry_the_numbers_of_the_experiments(study):
    """As the study calls its runs; by rank where it does not."""
    (numbered,) = list_charts(build(study, "ranking"))
    runs = tuple(replace(one, run=replace(one.run, settings={})) for one in study.runs)
    (plain,) = list_charts(build(replace(study, runs=runs), "ranking"))

    assert [dot.label for dot in list_scatters(numbered)[0].dots] == ["15", "3", "9: 0, 28 missed"]
    assert "the number of its experiment" in numbered.key
    assert [dot.label for dot in list_scatters(plain)[0].dots] == [
        "1", "2", "exp9-vgg16-…: 0, 28 missed",
    ]  # fmt: skip
    assert "under its rank" in plain.key
    assert (
        list_scatters(numbered)[0].dots[1].title == f"{SECOND}: 10 missed cases, 204 false alarms"
    )
