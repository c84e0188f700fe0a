"""Runs against each other, as a reader sees it."""

from __future__ import annotations

from dataclasses import replace

from covidreport.compare.bounds import bound_from_counts
from covidreport.compare.pairs import Plan
from covidreport.records import Counts
from covidreport.report.cells import write_line
from covidreport.report.charts.intervals import WIDTH, fit_differences
from covidreport.report.view import view_report
from tests.report.blocks import build, list_titles
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.study import BEST, SECOND


def _made(data):
    made = data.rankings[0].comparisons
    assert made is not None
    return made


def test_the_ranking_sets_the_group_off_in_words_and_by_a_line(compared):
    """Every run of the group has the mark, and its cell says what the mark means."""
    table = view_report(compared).rankings[0].ranked
    assert table is not None
    titles = [column.title for column in table.columns]
    at = titles.index("Against the best")
    assert titles[at : at + 3] == ["Against the best", "Rank interval", "Is the best"]
    told = {each.run: each.told_apart for each in _made(compared).standings}
    words = set()
    for row, ranked in zip(table.rows, compared.rankings[0].rows, strict=True):
        assert row.alike is (told[ranked.run] is False)
        expected = "told apart" if told[ranked.run] else "not told apart"
        assert row.cells[at].text == ("the best" if ranked.rank == 1 else expected)
        words.add(row.cells[at].text)
    assert words == {"the best", "told apart", "not told apart"}


def test_the_answer_says_by_how_much_whether_it_is_chance_and_after_how_many(compared):
    """One paragraph from the record; the finding is not repeated beside it."""
    answer = view_report(compared).answer
    ranking, made = compared.rankings[0], _made(compared)
    gap = ranking.rows[1].missed - ranking.rows[0].missed
    (lead,) = answer.against
    ahead = f"misses {gap} more." if gap else "misses as many"
    assert lead.startswith(f"The next, {ranking.rows[1].run}, {ahead}")
    assert "can't be told apart from" in lead
    assert "after 28 comparisons" in lead
    assert f"The smallest gap that these data could show is {made.smallest_gap.cases} cases" in lead
    assert f"about {made.smallest_gap.positives_needed:,} positives would be needed" in lead
    assert answer.doubts == ()
    assert not answer.assured


def test_a_best_run_told_from_all_others_is_said_so():
    """No warning, and the closest comparison named."""
    answer = view_report(compared_study(2, positives=300)).answer
    assert answer.assured
    assert "by more than chance, after 1 comparison " in answer.against[0]
    assert answer.doubts == ()


def test_many_pairs_are_those_with_the_best_and_a_grid_of_all(compared):
    """Seven rows; above the diagonal p, on it the misses, below it who missed what alone."""
    (view,) = view_report(compared).against
    made, rows = _made(compared), compared.rankings[0].rows
    assert view.pairs is not None
    assert view.grid is not None
    assert [row.cells[0].text for row in view.pairs.rows] == [row.run for row in rows[1:]]
    pair = made.sensitivity[0]
    cells = [cell.text for cell in view.pairs.rows[0].cells]
    assert cells[1:3] == [str(pair.only_first), str(pair.only_second)]
    grid = [[cell.text for cell in row.cells[2:]] for row in view.grid.rows]
    assert [grid[i][i] for i in range(8)] == [str(row.missed) for row in rows]
    assert grid[1][0] == f"{pair.only_second}:{pair.only_first}"
    told = sum(c.adjusted_p_value <= 0.05 for c in made.sensitivity)
    assert sum(cell.startswith("≠ ") for row in grid for cell in row) == told > 0


def test_few_runs_have_all_their_pairs_in_one_table():
    """Three runs: three rows that name both."""
    (view,) = view_report(compared_study(3)).against
    assert view.pairs is not None
    assert [column.title for column in view.pairs.columns[:2]] == ["Run", "Against"]
    assert len(view.pairs.rows) == 3


def test_planned_comparisons_take_the_place_of_all_pairs():
    """Each run with the baseline; the sentence says where it was named."""
    data = compared_study(4, Plan("exp3", 0.2))
    (view,) = view_report(data).against
    assert view.pairs is not None
    naming = "the baseline exp3, named on the command line"
    assert view.pairs.caption.startswith(f"Each run minus {naming}")
    assert view.grid is None
    assert len(view.pairs.rows) == 3
    assert any(f"Against {naming}" in one for one in view.sentences)
    assert view.non_inferiority is not None
    assert "at most 0.2 less sensitive than exp3; intervals of 98.33 %" in (
        view.non_inferiority.caption
    )
    answers = {row.cells[0].text: row.cells[1].text for row in view.non_inferiority.rows}
    assert set(answers) == {"exp1", HOSTILE_NAME, "exp4"}
    assert answers["exp1"] == "yes"


def test_a_baseline_that_is_not_there_is_said(compared):
    """Nobody takes all pairs for planned comparisons."""
    made = replace(_made(compared), baseline="nobody", planned=False)
    data = replace(compared, rankings=(replace(compared.rankings[0], comparisons=made),))
    (view,) = view_report(data).against
    assert any("baseline nobody is not among" in one for one in view.sentences)


def test_runs_that_were_not_compared_are_listed_with_the_reason(compared):
    """Left out is never left unsaid."""
    (view,) = view_report(compared).against
    assert view.left_out is not None
    assert [[cell.text for cell in row.cells] for row in view.left_out.rows] == [
        ["gone", "Has no scores"]
    ]


def test_counts_alone_show_bounds_and_no_section(study):
    """The columns that only scores could fill are not there."""
    ranking = study.rankings[0]
    rows = [row for row in ranking.rows if row.rank is not None]
    made = bound_from_counts(rows, Counts(405, 195, 8, 20))
    data = replace(study, rankings=(replace(ranking, comparisons=made),))
    view = view_report(data)
    table = view.rankings[0].ranked
    assert table is not None
    assert [column.title for column in table.columns][6:8] == ["Against the best", "Sensitivity"]
    assert [row.cells[6].plain for row in table.rows] == ["the best", "not told apart (0.50)"]
    assert view.against == ()
    assert view.answer.doubts == (f"{BEST} can't be told apart from {SECOND}.",)
    assert view.answer.against == (
        f"The next, {SECOND}, misses 2 more. To be told apart at all takes a gap of 6 cases.",
    )


def test_methods_describe_what_was_computed(compared, study):
    """The section is there where runs were compared, and speaks of what was done."""
    section = build(compared, "methods")
    groups = {group.title: group for group in section.blocks[0].blocks}
    text = " ".join(write_line(block.words) for block in groups["Runs against each other"].blocks)
    assert "max-T by 9,999 sign-flips" in text
    assert "2,000 resamples" in text
    assert "Runs against each other" not in list_titles(build(study, "methods"))


def test_the_axis_of_differences_has_zero_in_the_middle(compared):
    """And every interval lies on it."""
    made = _made(compared).sensitivity
    axis = fit_differences(made)
    assert [tick.text for tick in axis.ticks][1] == "0"
    assert axis.ticks[1].at == WIDTH / 2
    for each in made:
        mark = axis.place(each)
        assert mark is not None
        assert axis.ticks[0].at <= mark.low <= mark.at <= mark.high <= axis.ticks[2].at  # type: ignore[operator]
    assert [tick.text for tick in fit_differences([]).ticks] == ["−0.1", "0", "0.1"]
