"""The section in which a reader moves the threshold says what its curves leave out."""

from __future__ import annotations

import pytest

from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.index import index_runs
from tests.report.blocks import (
    build,
    list_charts,
    list_drawings,
    list_sentences,
    list_tables,
    read_notes,
    read_values,
)
from tests.report.scored_runs import write_runs


@pytest.mark.parametrize(("images", "thinned"), [(200, False), (260, True)])
def test_curves_drawn_through_fewer_points_say_so(tmp_path, images, thinned):
    """Exactly where the report holds curves with fewer points than there were."""
    runs = write_runs(tmp_path, runs=2, images=images)
    data = collect_report(runs, ReportChoices("covid-19", 0.5))
    # One image failed; its score is on no curve, and every curve begins with nothing called.
    held = [len(curve.outline) for run in data.curves.runs.values() for curve in run.values()]
    assert (min(held) < images) == thinned
    said = list_sentences(build(data, "methods"))
    remarks = [remark for remark in said if "through fewer of them" in remark]
    assert len(remarks) == thinned


def test_every_label_has_its_drawing_and_the_target_is_first(everything):
    """A reader changes to another without anything being drawn anew."""
    charts = list_charts(build(everything, "operating"))

    assert [chart.name for chart in charts] == ["roc", "precision-recall", "net-benefit"]
    for chart in charts:
        labels = [one.label for one in list_drawings(chart)]
        assert labels[0] == everything.target
        assert len(set(labels)) == len(labels) == 3
        assert chart.summary == list_drawings(chart)[0].summary


def test_runs_stand_in_the_order_of_their_looks(everything):
    """In the table and in every chart, those that are shown at first."""
    section = build(everything, "operating")
    (table,) = list_tables(section)
    keys = list_drawings(list_charts(section)[0])[0].lines.shown

    assert [row.style for row in table.rows] == list(range(len(keys)))
    runs = [reported.run.name for reported in index_runs(everything).runs]
    assert [runs[int(key) - 1] for key in keys] == [row[0] for row in read_values(table)]


def test_as_evaluated_counts_and_intervals_stand_in_the_table(everything):
    """All that the page's script may not make up: fractions and intervals of what was evaluated."""
    (table,) = list_tables(build(everything, "operating"))
    index = index_runs(everything)
    for row, notes in zip(read_values(table), read_notes(table), strict=True):
        evaluation = index.find(row[0]).evaluation
        counts = evaluation.counts[everything.target]
        assert row[2:6] == [
            str(n) for n in (counts.missed, counts.tp, counts.false_alarms, counts.tn)
        ]
        assert notes[2] == f"of {counts.positives}"
        sensitivity = evaluation.estimates[everything.target]["sensitivity"]
        assert notes[6].startswith(f"{sensitivity.low:.3f} to {sensitivity.high:.3f}")
