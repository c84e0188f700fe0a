"""Radiologists beside runs: their points in the ROC chart, and what is said of each."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.report.charts.vega import draw_alone
from covidreport.report.index import index_runs
from covidreport.report.reader_points import describe_marks, explain_marks, mark_readers
from covidreport.report.shown import choose_shown
from tests.report.blocks import (
    build,
    build_all,
    list_charts,
    list_drawings,
    list_scatters,
    list_tables,
    read_lines,
)


def _counts(data, name):
    (run,) = (each for each in data.runs if each.run.name == name)
    return run.evaluation.counts["covid-19"]


def test_each_reader_stands_at_the_calls_and_the_average_between_them(beside_readers):
    """12 and 10 of 14 found, 5 and 24 of 106 false alarms; two of the three call alike."""
    marks = mark_readers(beside_readers, index_runs(beside_readers))
    alike = (24 / 106, 10 / 14)
    assert [(one.x, one.y) for one in marks[:3]] == [(5 / 106, 12 / 14), alike, alike]
    assert [one.words for one in marks[:3]] == [
        "sensitivity 0.857 (12 of 14), specificity 0.953 (101 of 106)",
        "sensitivity 0.714 (10 of 14), specificity 0.774 (82 of 106); the same: twin",
        "sensitivity 0.714 (10 of 14), specificity 0.774 (82 of 106); the same: radiologist 2",
    ]
    assert _counts(beside_readers, "radiologist 1").tp == 12
    average = marks[3]
    assert (average.x, average.y) == pytest.approx((53 / 318, 32 / 42))
    assert average.average
    assert average.name == "average of 3 readers"
    study = beside_readers.readers
    across, upright = average.spans
    assert [x for x, _ in across] == [1 - study.specificity.high, 1 - study.specificity.low]
    assert [y for _, y in upright] == [study.sensitivity.low, study.sensitivity.high]


def test_the_roc_chart_has_them_for_the_target_alone(beside_readers):
    """Its key tells them from runs, its words say the average; a picture of its own has the key."""
    charts = list_charts(build(beside_readers, "operating"))
    of_target, *others = list_drawings(charts[0])
    assert [one.name for one in of_target.lines.marks][:1] == ["radiologist 1"]
    assert not any(one.lines.marks for one in others)
    assert not any(one.lines.marks for chart in charts[1:] for one in list_drawings(chart))
    key = "Open diamond: a radiologist’s calls. Filled: their average, with its 95 % intervals."
    assert charts[0].key.endswith(key)
    assert "The average of 3 readers: sensitivity 0.762" in charts[0].summary
    assert "<" in (drawn := draw_alone(of_target.lines, "ROC", ["a", "b"], key))
    assert key in drawn


def test_readers_are_points_before_they_are_curves(beside_readers):
    """Runs are shown at first, though a reader is ranked before them; then readers in order."""
    shown = choose_shown(beside_readers, index_runs(beside_readers))
    names = [each.run.name for each in shown]
    assert {"exp1-resnet18-bce", "exp2-vgg16-focal"} <= set(names)
    assert len(names) == 4


def test_one_reader_is_no_average_and_readers_who_do_not_differ_have_no_interval(beside_readers):
    """What is drawn and said of fewer."""
    study = beside_readers.readers
    alone = replace(beside_readers, readers=replace(study, readers=("radiologist 1",)))
    marks = mark_readers(alone, index_runs(alone))
    assert [one.name for one in marks] == ["radiologist 1"]
    assert explain_marks(marks) == "Open diamond: a radiologist’s calls."
    assert describe_marks(marks).startswith("radiologist 1: sensitivity 0.857 (12 of 14)")
    bare = {name: replace(getattr(study, name), low=None, high=None)
            for name in ("sensitivity", "specificity")}  # fmt: skip
    alike = replace(beside_readers, readers=replace(study, **bare))
    *_, average = marks = mark_readers(alike, index_runs(alike))
    assert average.spans == ()
    assert explain_marks(marks).endswith("Filled: their average.")
    assert average.words == "sensitivity 0.762, specificity 0.833"
    without = replace(beside_readers, readers=None)
    assert mark_readers(without, index_runs(without)) == ()
    assert explain_marks(()) == describe_marks(()) == ""
    assert build_all(without, "readers") == ()


def test_the_table_has_each_reader_and_the_average(beside_readers):
    """With sensitivity and specificity of the calls."""
    table = list_tables(build(beside_readers, "readers"))[1]
    rows = {row[0]: row[1:] for row in read_lines(table)}
    assert [*rows] == ["radiologist 1", "radiologist 2", "twin", "Average"]
    assert "0.857" in rows["radiologist 1"][1]
    assert "12 of 14" in rows["radiologist 1"][1]
    assert "0.762" in rows["Average"][1]


def test_the_picture_of_the_ranking_has_readers_as_diamonds(beside_readers):
    """They stand at their counts; the average at 14 x 10 / 42 missed and 106 x 53 / 318 false
    alarms, in the values too, where it has no rank."""
    (chart,) = list_charts(build(beside_readers, "ranking"))
    for scatter in list_scatters(chart):
        shapes = {dot.title.split(":")[0]: (dot.reader, dot.kind) for dot in scatter.dots}
        assert shapes["exp1-resnet18-bce"][0] is False
        assert shapes["radiologist 1"][0] is True
        assert shapes["average of 3 readers"] == (True, "average")
        words = "average of 3 readers: 3.3 missed cases, 17.7 false alarms"
        assert words in [dot.title for dot in scatter.dots]
    said = "Open diamonds are radiologists, the filled one is their average."
    assert said in chart.key
    *runs, (name, rank, alarms, missed) = chart.values.rows
    assert len(runs) == 5
    assert (name, rank) == ("average of 3 readers", None)
    assert (alarms, missed) == pytest.approx((106 * 53 / 318, 14 * 10 / 42))
    table = list_tables(build(beside_readers, "ranking"))[0]
    people = {row[1] for row in read_lines(table) if "radiologist" in row[1]}
    assert any("twin" in name for name in people)


def test_runs_alone_have_no_diamonds(detailed):
    """Neither in the picture nor in its words."""
    chart = list_charts(build(detailed, "ranking"))[0]
    assert "diamond" not in chart.key
    assert not any(dot.reader for scatter in list_scatters(chart) for dot in scatter.dots)
