"""Pairwise comparisons, as a reader sees them."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.compare.bounds import bound_from_counts
from covidreport.compare.pairs import Plan
from covidreport.records import RunCombination
from covidreport.report.blocks import Chart, walk_blocks
from covidreport.report.cells import write_line
from covidreport.report.charts.intervals import WIDTH, fit_domain, list_ticks, place_mark
from covidreport.report.view import view_report
from tests.report.blocks import (
    build,
    find_table,
    list_sentences,
    list_tables,
    list_titles,
    read_lines,
    read_values,
    say,
)
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.study import BEST, SECOND

FOLDED = "Differences in numbers"


def _made(data):
    made = data.rankings[0].comparisons
    assert made is not None
    return made


def test_the_ranking_sets_the_group_off_in_words_and_by_a_line(compared):
    """Every run of the group has the mark, and its cell says what the mark means."""
    table = list_tables(build(compared, "ranking"))[0]
    shown = read_values(table)
    titles = [column.title for column in table.columns]
    at = titles.index("Significantly different")
    assert {"Rank interval", "Is the best"} & set(titles) == set()
    told = {each.run: each.significantly_different for each in _made(compared).rank_evidence}
    words = set()
    ranks = compared.rankings[0].rows
    for row, values, ranked in zip(table.rows, shown, ranks, strict=True):
        assert row.alike is (told[ranked.run] is False)
        expected = "yes" if told[ranked.run] else "no"
        assert values[at] == ("the best" if ranked.rank == 1 else expected)
        words.add(values[at])
    assert words == {"the best", "yes", "no"}


def test_the_answer_says_by_how_much_whether_it_is_chance_and_after_how_many(compared):
    """One paragraph from the record; the finding is not repeated beside it."""
    answer = build(compared, "answer")
    ranking, made = compared.rankings[0], _made(compared)
    gap = ranking.rows[1].missed - ranking.rows[0].missed
    (lead,) = say(answer, "doubt")
    ahead = f"misses {gap} more." if gap else "misses as many"
    assert lead.startswith(f"The next, {ranking.rows[1].run}, {ahead}")
    assert "not significantly different from" in lead
    assert "after 28 comparisons" in lead
    assert f"of fewer than {made.detectable_difference.cases} of " in lead
    assert "positives" not in lead
    assert say(answer, "assured") == []


def test_a_best_run_told_from_all_others_is_said_so():
    """No warning, and the closest comparison named."""
    answer = build(compared_study(2, positives=300), "answer")
    (assured,) = say(answer, "assured")
    assert " misses significantly fewer " in assured
    assert "after 1 comparison " in assured
    assert say(answer, "doubt") == []


def test_many_pairs_are_those_with_the_best_and_a_grid_of_all(compared):
    """Seven rows; above the diagonal p, on it the misses, below it who missed what alone."""
    section = build(compared, "against")
    made, rows = _made(compared), compared.rankings[0].rows
    pairs = read_values(find_table(section, "The best, "))
    assert [row[0] for row in pairs] == [row.run for row in rows[1:]]
    pair = made.sensitivity[0]
    assert pairs[0][1:3] == [str(pair.only_first), str(pair.only_second)]
    grid = [row[2:] for row in read_values(find_table(section, "All pairs at a glance"))]
    assert [grid[i][i] for i in range(8)] == [str(row.missed) for row in rows]
    assert grid[1][0] == f"{pair.only_second}:{pair.only_first}"
    told = sum(c.adjusted_p_value <= 0.05 for c in made.sensitivity)
    assert sum(cell.startswith("≠ ") for row in grid for cell in row) == told > 0


def test_a_picture_of_all_pairs_says_how_many_are_significantly_different(compared):
    """Of eight runs: the matrix is seen, its numbers folded beneath it."""
    section = build(compared, "against")
    made = _made(compared)
    matrix, line = (block for block in walk_blocks(section.blocks) if isinstance(block, Chart))
    found = [
        sum(each.adjusted_p_value <= made.alpha for each in metric)
        for metric in (made.sensitivity, made.specificity)
    ]
    assert matrix.summary == (
        f"Significantly different are {found[0]} of 28 pairs of runs in sensitivity and "
        f"{found[1]} in specificity."
    )
    assert matrix in section.blocks
    assert line not in section.blocks
    (folded,) = (one for one in section.blocks if getattr(one, "title", "") == FOLDED)
    assert folded.state == "folded"


def test_planned_comparisons_and_two_runs_have_no_matrix():
    """A matrix of some pairs would look as if the others were equal."""
    for data in (compared_study(4, Plan("exp3", 0.2)), compared_study(2)):
        blocks = walk_blocks(build(data, "against").blocks)
        assert not [block for block in blocks if isinstance(block, Chart)]


def test_few_runs_have_all_their_pairs_in_one_table():
    """Three runs: three rows that name both."""
    pairs = find_table(build(compared_study(3), "against"), "All 3 pairs")
    assert [column.title for column in pairs.columns[:2]] == ["Run", "Compared with"]
    assert len(pairs.rows) == 3


def test_planned_comparisons_take_the_place_of_all_pairs():
    """Each run with the baseline; the sentence says where it was named."""
    data = compared_study(4, Plan("exp3", 0.2))
    section = build(data, "against")
    naming = "the baseline exp3, named on the command line"
    assert len(find_table(section, f"Each run minus {naming}").rows) == 3
    assert not [one for one in list_tables(section) if one.style == "grid"]
    assert any(f"Compared with {naming}" in one for one in list_sentences(section))
    # "Each p ... adjusted for 6" is that of the ranking; the table's are corrected over 3.
    assert (
        "The table has these 3 comparisons alone, and its adjusted p are for them: they were "
        "planned."
    ) in list_sentences(section)
    judged = find_table(section, "Non-inferiority")
    assert "at most 0.2 less sensitive than exp3; intervals of 98.33 %" in judged.caption
    answers = {row[0]: row[1] for row in read_values(judged)}
    assert set(answers) == {"exp1", HOSTILE_NAME, "exp4"}
    assert answers["exp1"] == "yes"


def test_a_baseline_that_is_not_there_is_said(compared):
    """Nobody takes all pairs for planned comparisons."""
    made = replace(_made(compared), baseline="nobody", planned=False)
    data = replace(compared, rankings=(replace(compared.rankings[0], comparisons=made),))
    sentences = list_sentences(build(data, "against"))
    assert any("baseline nobody is not among" in one for one in sentences)


def test_runs_that_were_not_compared_are_listed_with_the_reason(compared):
    """Left out is never left unsaid."""
    reasons = find_table(build(compared, "against"), "1 run not compared")
    assert read_values(reasons) == [["gone", "Has no scores"]]


def test_counts_alone_show_bounds_and_no_section(study):
    """The columns that only scores could fill are not there. 8 and 10 of 28 missed: 2 / 2**2 = 0.5
    at best; 8 against 10 at worst, p = 0.81."""
    ranking = study.rankings[0]
    rows = [row for row in ranking.rows if row.rank is not None]
    evaluation = next(one.evaluation for one in study.runs if one.run.name == rows[0].run)
    made = bound_from_counts(rows, evaluation, "covid-19")
    data = replace(study, rankings=(replace(ranking, comparisons=made),))
    view = view_report(data)
    table = list_tables(build(data, "ranking"))[0]
    assert [column.title for column in table.columns][6:8] == [
        "Significantly different",
        "Sensitivity",
    ]
    assert [row[6] for row in read_lines(table)] == [
        "the best",
        "no (0.50 to 0.82; unadjusted 0.50 to 0.82)",
    ]
    assert view.sections["against"] == ()
    assert say(build(data, "answer"), "doubt") == [
        f"The next, {SECOND}, misses 2 more. Whoever missed which image, {BEST} is not "
        f"significantly different from {SECOND} (10 missed), after 1 comparison. A "
        "difference of fewer than 6 images can't be significant; one of as many need not be.",
    ]


def test_methods_describe_what_was_computed(compared, study):
    """The section is there where runs were compared, and speaks of what was done."""
    section = build(compared, "methods")
    groups = {group.title: group for group in section.blocks[0].blocks}
    text = " ".join(write_line(block.words) for block in groups["Pairwise comparisons"].blocks)
    assert "max-T by 9,999 sign-flips" in text
    assert "2,000 resamples" in text
    assert "Pairwise comparisons" not in list_titles(build(study, "methods"))


def test_the_axis_of_differences_has_zero_in_the_middle(compared):
    """And every interval lies on it."""
    made = _made(compared).sensitivity
    domain = fit_domain(end for each in made for end in (each.difference, each.low, each.high))
    start, middle, end = list_ticks(domain)
    assert (middle.text, middle.at) == ("0", WIDTH / 2)
    for each in made:
        mark = place_mark(each.difference, each.low, each.high, domain)
        assert mark is not None
        places = [start.at, mark.low, mark.at, mark.high, end.at]
        assert places == sorted(places)  # type: ignore[type-var]  # each has an interval
    assert [tick.text for tick in list_ticks(fit_domain([]))] == ["−0.1", "0", "0.1"]


def test_votes_that_gain_nothing_are_not_named(compared):
    """Only those that would have missed fewer than the best run alone."""
    ranking, made = compared.rankings[0], _made(compared)
    least = ranking.rows[0].missed

    def build_with(*missed):
        votes = tuple(
            RunCombination((row.run, BEST), "any-positive", one, 5, 8)
            for row, one in zip(ranking.rows[1:], missed, strict=False)
        )
        changed = replace(ranking, comparisons=replace(made, combinations=votes))
        return build(replace(compared, rankings=(changed,)), "against")

    table = find_table(build_with(least, least - 1), "Runs that would have missed fewest together")
    assert [row[2] for row in read_values(table)] == [str(least - 1)]
    assert "covidreport combine" not in " ".join(list_sentences(build_with(least - 1)))
    none = build_with(least, least + 1)
    assert not [one for one in list_tables(none) if one.caption.startswith("Runs that would")]
    assert "No two or three of these runs would by vote have missed fewer than the best alone." in (
        list_sentences(none)
    )
    assert "Runs together" not in list_titles(build_with())


def test_runs_that_gain_together_come_with_the_command_that_writes_them_as_one(compared):
    """At the threshold that they voted by; where each has its own, at those."""
    ranking, made = compared.rankings[0], _made(compared)
    vote = RunCombination(("exp3", "exp1"), "any-positive", ranking.rows[0].missed - 1, 5, 8)
    changed = replace(ranking, comparisons=replace(made, combinations=(vote,)))

    def say_command(**thresholds):
        runs = []
        for one in compared.runs:
            run = replace(one.run, model=one.run.folder / "model.onnx")
            runs.append(replace(one, run=run, evaluation=replace(one.evaluation, **thresholds)))
        made = build(replace(compared, rankings=(changed,), runs=tuple(runs)), "against")
        return [one for one in list_sentences(made) if "covidreport combine" in one]

    said = "Where they take the same pixels, they are written as one run to be tried there: "
    fixed = f"{said}covidreport combine exp3 exp1 --how either --threshold covid-19=0.3"
    at = {"covid-19": 0.3}
    assert say_command(thresholds=at) == [fixed]
    tuned = say_command(thresholds=at, thresholds_from="tuned on tuning")
    assert tuned == [fixed.replace("--threshold covid-19=0.3", "--thresholds tuned")]
    assert say_command(thresholds={}, thresholds_from="argmax") == []
