"""Groups of images in the report: their figures, and why a rate is in no comparison."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from covidreport.metrics import estimate_subgroups
from covidreport.records import Estimate, GroupReference, Scores
from covidreport.report.formats import render_html, render_markdown
from covidreport.report.groups import WORST_OF_SEVERAL
from covidreport.report.run_groups import GroupQuestion, describe_groups, find_refused
from covidreport.report.sections.subgroups import LEAD
from tests.report.blocks import (
    build,
    find_run,
    find_table,
    list_sentences,
    list_tables,
    read_lines,
    say,
)
from tests.report.detailed import PLAN, detailed_study, evaluate
from tests.report.reading import read_html


def _group(**counts):
    """Groups by value, each of (positives, found, negatives, cleared)."""
    truth, predicted, values = [], [], []
    for value, (positives, found, negatives, cleared) in counts.items():
        truth += [1] * positives + [0] * negatives
        predicted += [i < found for i in range(positives)]
        predicted += [i >= cleared for i in range(negatives)]
        values += ["" if value == "blank" else value] * (positives + negatives)
    failed = np.zeros(len(truth), bool)
    return estimate_subgroups(np.array(truth, np.int8), np.array(predicted), failed, values)


RUN = "focal-0"


def _show(found):
    """The report where one run alone has groups, by site: its data."""
    data = detailed_study()
    runs = []
    for each in data.runs:
        assert each.evaluation is not None
        details = each.evaluation.score_metrics
        if details is not None:
            by_label = {"site": {"covid-19": found}} if each.run.name == RUN else {}
            details = replace(details, subgroups=by_label)
        runs.append(replace(each, evaluation=replace(each.evaluation, score_metrics=details)))
    return replace(data, runs=tuple(runs))


def _own(data):
    """What stands in that run's own section."""
    return find_run(data, RUN)


def _cells(data, value):
    """The lines of the row of a value, in the run's own section."""
    (row,) = (r for r in read_lines(find_table(_own(data), "Parts of")) if r[1] == value)
    return row


def _line(table, value):
    """The same in the section of the best runs: the cell of the first."""
    (row,) = (row for row in read_lines(table) if row[1] == value)
    return row[3]


def test_no_group_is_called_the_lowest():
    """One of several is the lowest by chance alone, and 0.986 against 0.987 is no difference: the
    figures stand with their intervals, and no word says which is the worst."""
    data = _show(_group(a=(10, 5, 20, 20), b=(20, 10, 30, 30), c=(10, 9, 30, 15)))
    section = build(data, "subgroups")
    assert list_sentences(section) == [LEAD, WORST_OF_SEVERAL]
    assert WORST_OF_SEVERAL in say(_own(data), "remark")
    for text in (render_markdown(data), read_html(render_html(data))):
        assert "lowest" not in text


def test_a_reason_for_no_comparison_stands_with_the_rate_that_it_concerns():
    """Nine cases are too few for a sensitivity and say nothing of the specificity; so do nine
    whose site is not stated, and of more of those no comparison is made either."""
    groups = {"a": (10, 5, 20, 10), "b": (9, 5, 20, 10), "c": (0, 0, 20, 5), "d": (20, 5, 0, 0)}
    data = _show(_group(**groups, blank=(9, 3, 20, 10)))
    shown = {
        "b": ("too few to compare", ""), "c": ("no cases", ""), "d": ("", "none without it"),
        "not stated": ("too few to compare", "not compared"),
    }  # fmt: skip
    for value, wanted in shown.items():
        own = _cells(data, value)
        assert own[1] == value
        first = [_line(table, value) for table in list_tables(build(data, "subgroups"))]
        for cells in ((own[4], own[6]), first):
            for cell, reason in zip(cells, wanted, strict=True):
                said = [one for one in set(sum(shown.values(), ())) - {""} if one in cell]
                assert said == ([reason] if reason else []), (value, cell)


def test_a_figure_without_an_interval_says_so():
    """The cases of one patient alone give none: a mark without a line is no certain figure."""
    group = replace(_group(a=(10, 5, 20, 10)), not_stated=None)
    (one,) = group.groups
    alone = replace(one, sensitivity=Estimate(1.0, numerator=10, denominator=10))
    sensitivity, _ = list_tables(build(_show(replace(group, groups=(alone,))), "subgroups"))
    assert _line(sensitivity, "a").endswith("no interval)")


def test_a_group_without_cases_has_none_missed_and_none_alarmed():
    """0 missed of nobody is no figure."""
    data = _show(_group(a=(10, 5, 20, 10), c=(0, 0, 20, 5), d=(20, 5, 0, 0)))
    sensitivity, specificity = list_tables(build(data, "subgroups"))
    assert _line(sensitivity, "c") == "– (no cases)"
    assert _line(specificity, "d") == "– (none without it)"


def _planted(*references):
    """The report of one run that finds 20 of 40 of site a and all of 40 of site b, and clears all;
    the cases of each site lie in two views, half in each."""
    data = detailed_study()
    truth = np.tile([1] * 40 + [0] * 40, 2)[:, np.newaxis].astype(np.int8)
    found = np.array([1, -1] * 20 + [-1] * 40 + [1] * 40 + [-1] * 40)[:, np.newaxis]
    attributes = {"site": ("a",) * 80 + ("b",) * 80, "view": (("PA",) * 20 + ("AP",) * 20) * 4}
    scores = Scores(
        tuple(f"{i}.png" for i in range(160)), ("covid-19",), truth, found.astype(np.float32),
        "logit", (None,) * 160, None, attributes,
    )  # fmt: skip
    evaluation = evaluate(RUN, scores)
    groups = describe_groups(scores, evaluation, GroupQuestion("covid-19", 1, references), PLAN)
    assert groups is not None
    return replace(data, groups=(groups,))


def test_groups_are_told_apart_and_crossed():
    """The largest of one sentence with the interval for all five differences that were looked at
    (Newcombe's at 0.99 of 20 of 40 and 40 of 40), the crossed groups with their cases."""
    data = _planted()
    section = build(data, "subgroups")
    (told,) = (each for each in list_sentences(section) if "looked at" in each)
    assert told == (
        "Of 5 differences that were looked at, the clearest of focal-0 is +0.500 (99 % CI +0.264 "
        "to +0.689) in sensitivity (Site: b against a). Its interval, which allows for all of "
        "them, does not contain 0: these two differ."
    )
    _, _, differences, odds, crossed = list_tables(section)
    rows = read_lines(differences)
    assert rows[0][:4] == ["Site", "b", "a", "40"]
    assert rows[0][4].startswith("+0.500")
    assert read_lines(odds)[0][4].startswith("0.250")
    assert rows[1][:4] == ["View", "PA", "AP", "40"]
    assert [row[1:4] for row in read_lines(crossed)][2] == [
        "b, AP", "20", "1.000 (0 missed; 20 of 20; 95 % CI 0.839 to 1.000)"
    ]  # fmt: skip


def test_a_chosen_reference_is_used_everywhere_and_the_page_says_who_chose_it():
    """Site b, as large as a: the difference changes its sign, crossed groups are compared with the
    largest of b; the view's reference is not named by anybody."""
    data = _planted(GroupReference("site", "b", "in the settings"))
    section = build(data, "subgroups")
    (told,) = (each for each in list_sentences(section) if "looked at" in each)
    assert "is −0.500 (99 % CI −0.689 to −0.264) in sensitivity (Site: a against b)" in told
    (words,) = (
        each for each in list_sentences(section) if "the reference of its attribute" in each
    )
    assert "as chosen (site: b, in the settings; site and view: b, " in words
    assert words.count("in the settings") == 2
    _, _, differences, odds, _ = list_tables(section)
    rows = read_lines(differences)
    assert rows[0][:3] == ["Site", "a", "b"]
    assert rows[1][:3] == ["View", "PA", "AP"]
    assert {row[2][:1] for row in rows[2:]} == {"b"}
    assert read_lines(odds)[0][1:3] == ["a", "b"]
    assert find_refused(data.groups, ()) == ()


def test_a_chosen_reference_without_cases_is_said_and_never_replaced():
    """No image is of site c: groups of site, and those crossed with it, are not compared; those of
    the view are."""
    reference = GroupReference("site", "c", "on the command line")
    data = _planted(reference)
    (groups,) = data.groups
    assert {each.attribute for each in groups.differences} == {"view"}
    (finding,) = find_refused(data.groups, (reference,))
    assert finding.what == ("Groups of site are not compared: the reference c has too few cases")
    assert finding.evidence == "site=c was chosen on the command line, and has no case"
    assert "--reference-group site=VALUE" in str(finding.remedy)
