"""Marks of figures on the axis that all rows share."""

from __future__ import annotations

from covidreport.records import Estimate
from covidreport.report.blocks import RATES, Difference, Rate, Text
from covidreport.report.cells import mark_cell
from covidreport.report.charts.intervals import WIDTH, fit_rates, list_ticks


def test_marks_stand_where_the_axis_says():
    """A rate of 0.5 stands on the tick of 0.5, and the ends of 0 and 1 on theirs."""
    mark = mark_cell(Rate(Estimate(0.5, 0.0, 1.0)), RATES)

    assert mark is not None
    assert [mark.low, mark.at, mark.high] == [tick.at for tick in list_ticks(RATES)]
    assert [tick.text for tick in list_ticks(RATES)] == ["0", "0.5", "1"]
    assert mark.at == WIDTH / 2


def test_a_difference_of_nothing_stands_in_the_middle():
    """On an axis from minus to plus a half, and its ends at the ends."""
    domain = (-0.5, 0.5)
    mark = mark_cell(Difference(0.0, -0.5, 0.5), domain)

    assert mark is not None
    assert [mark.low, mark.at, mark.high] == [tick.at for tick in list_ticks(domain)]
    assert [tick.text for tick in list_ticks(domain)] == ["−0.5", "0", "0.5"]


def test_a_rate_without_an_interval_is_a_dot():
    """Nothing is drawn that nobody computed."""
    mark = mark_cell(Rate(Estimate(0.25)), RATES)

    assert mark is not None
    assert (mark.low, mark.high) == (None, None)


def test_what_is_undefined_or_no_figure_has_no_mark():
    """A dash, and no dot at zero."""
    for cell in (Rate(Estimate(None)), Rate(None), Difference(None), Text("0.5"), "0.5"):
        assert mark_cell(cell, RATES) is None


def test_rates_use_the_room_of_their_axis():
    """From 0.41 on the axis begins at 0.4; what is not known changes nothing; 0 begins at 0."""
    rates = [Estimate(0.9, 0.81, 0.97), Estimate(0.6, 0.41, 0.8), None, Estimate(None)]
    assert fit_rates(rates) == (0.4, 1.0)
    assert fit_rates([*rates, Estimate(0.0, 0.0, 0.2)]) == (0.0, 1.0)
    assert fit_rates([Estimate(0.99, 0.95, 1.0)]) == (0.9, 1.0)
    assert fit_rates([]) == (0.0, 1.0)
