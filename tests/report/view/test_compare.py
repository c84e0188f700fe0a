"""Runs side by side, all matrices and the subgroups of the best, as strings."""

from __future__ import annotations

from dataclasses import replace

from covidreport.records import Case, CaseTable
from covidreport.report.view import view_report
from covidreport.text import share
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.study import BEST, SECOND


def _compare(data):
    compare = view_report(data).compare
    assert compare is not None
    return compare


def test_the_first_two_of_the_ranking_stand_side_by_side(study):
    """Without a script the reader gets the best and the next."""
    compare = _compare(study)

    assert [run.name for run in compare.runs[:2]] == [BEST, SECOND]
    facts = {fact.name: fact.value for fact in compare.runs[0].facts}
    assert facts["Missed"] == "8 of 28"
    assert facts["Sensitivity"] == "0.714 (0.529 to 0.847)"
    assert compare.pairs == ()
    assert "counts alone" in compare.no_pair


def test_only_settings_that_differ_are_listed(study):
    """What is equal in both is left out; what one lacks is a dash."""
    settings = {
        BEST: {"hyperparameters": {"loss": "bce", "lr": 0.1}},
        SECOND: {"hyperparameters": {"loss": "bce"}},
    }
    runs = tuple(
        replace(each, run=replace(each.run, settings=settings.get(each.run.name, {})))
        for each in study.runs
    )
    rows = _compare(replace(study, runs=runs)).settings.rows

    assert [[cell.text for cell in row.cells] for row in rows] == [["lr", "0.1", "–"]]


def test_what_a_run_goes_by_is_no_setting(study):
    """Its number, block and revision differ by nature; the seed was chosen."""
    settings = [
        {"experiment": n, "block": n, "in_report": n == "1", "git_revision": n * 8, "seed": int(n)}
        for n in ("1", "2", "3", "4")
    ]
    runs = tuple(
        replace(each, run=replace(each.run, settings=stated))
        for each, stated in zip(study.runs, settings, strict=True)
    )
    compare = _compare(replace(study, runs=runs))

    assert [row.cells[0].text for row in compare.settings.rows] == ["seed"]
    assert {fact.name for run in compare.runs for fact in run.settings} == {"seed"}


def test_pairs_are_found_by_their_places():
    """Eight runs, 28 pairs, three figures each; the hostile name is text."""
    data = compared_study()
    compare = _compare(data)

    assert len(compare.pairs) == 28
    assert {pair.first < pair.second for pair in compare.pairs} == {True}
    names = [name for name, *_ in compare.pairs[0].figures]
    assert names == ["Sensitivity", "Specificity", "ROC AUC"]
    made = data.rankings[0].comparisons
    assert made is not None
    pair = compare.pairs[0]
    assert compare.runs[pair.first].name == made.sensitivity[0].first
    assert HOSTILE_NAME in [run.name for run in compare.runs]


def test_cases_that_only_one_of_two_found_are_listed_by_name(study):
    """The first found b alone, the second c alone; what failed was not found."""
    said = {"a": ("no", "no"), "b": ("yes", "no"), "c": ("failed", "yes"), "d": ("yes", "yes")}
    cases = tuple(
        Case(name, None, {}, answers, (None, None))  # type: ignore[arg-type]
        for name, answers in said.items()
    )
    table = CaseTable((BEST, SECOND), (0.5, 0.5), cases, 0, (), 0)
    rows = _compare(replace(study, cases=table)).cases

    assert rows is not None
    assert [[cell.text for cell in row.cells[1:]] for row in rows.rows] == [["1", "b"], ["1", "c"]]


def test_one_table_holds_every_matrix_of_every_split(study):
    """The ranked split first, then training; the target's missed cases are told from others."""
    matrices = view_report(study).matrices
    assert matrices is not None
    best = matrices.runs[0]

    assert matrices.splits[0].title == "Validation split"
    assert matrices.targets[:3] == (True, False, False)
    assert [cell.text for cell in best.no[0] or ()] == ["405", "195"]
    assert [(cell.text, cell.share) for cell in best.yes[0] or ()] == [
        ("8", "28.6 %"), ("20", "71.4 %"),
    ]  # fmt: skip


def test_a_share_never_reads_as_all_or_none_when_it_is_not():
    """1 of 4,000 is not 0.0 %, and 3,999 are not all."""
    assert share(1, 4000) == "0.1 %"
    assert share(3999, 4000) == "99.9 %"
    assert share(0, 4000) == "0.0 %"
    assert share(4000, 4000) == "100.0 %"
    assert share(1, 3) == "33.3 %"
    assert share(0, 0) == ""


def test_data_without_attributes_have_no_subgroups(study):
    """The section is not there where nothing is stated of the images."""
    assert view_report(study).subgroups is None
