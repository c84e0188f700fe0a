"""Marks of rates on the axis that all rows share."""

from __future__ import annotations

from covidreport.records import Estimate
from covidreport.report.charts.intervals import INTERVAL_TICKS, WIDTH, place_interval


def test_marks_stand_where_the_axis_says():
    """A rate of 0.5 stands on the tick of 0.5, and the ends of 0 and 1 on theirs."""
    mark = place_interval(Estimate(0.5, 0.0, 1.0))

    assert mark is not None
    assert [mark.low, mark.at, mark.high] == [tick.at for tick in INTERVAL_TICKS]
    assert mark.at == WIDTH / 2


def test_a_rate_without_an_interval_is_a_dot():
    """Nothing is drawn that nobody computed."""
    mark = place_interval(Estimate(0.25))

    assert mark is not None
    assert (mark.low, mark.high) == (None, None)


def test_an_undefined_rate_has_no_mark():
    """A dash, and no dot at zero."""
    assert place_interval(Estimate(None)) is None
    assert place_interval(None) is None
