"""Groups of images in the report: their figures, and why a rate is in no comparison."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from covidreport.metrics import estimate_subgroups
from covidreport.report.formats import render_html, render_markdown
from covidreport.report.groups import WORST_OF_SEVERAL
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
from tests.report.detailed import detailed_study
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


def test_a_group_without_cases_has_none_missed_and_none_alarmed():
    """0 missed of nobody is no figure."""
    data = _show(_group(a=(10, 5, 20, 10), c=(0, 0, 20, 5), d=(20, 5, 0, 0)))
    sensitivity, specificity = list_tables(build(data, "subgroups"))
    assert _line(sensitivity, "c") == "– (no cases)"
    assert _line(specificity, "d") == "– (none without it)"
