"""The sick, one dot each."""

from __future__ import annotations

from covidreport.records import Counts
from covidreport.report.charts.tally import draw_tally


def test_every_positive_is_one_dot_and_the_missed_come_first():
    """8 missed, of them 2 not scored, and 20 found: four rows of seven."""
    tally = draw_tally(Counts(405, 195, 6, 20, 2, 3))

    assert tally is not None
    assert [dot.kind for dot in tally.dots] == ["missed"] * 6 + ["unscored"] * 2 + ["found"] * 20
    assert len({(dot.x, dot.y) for dot in tally.dots}) == 28
    assert (tally.width, tally.height) == (7 * 14.0, 4 * 14.0)


def test_too_many_or_no_positives_have_no_picture():
    """More dots than one can count by eye say nothing."""
    assert draw_tally(Counts(10, 0, 0, 0)) is None
    assert draw_tally(Counts(10, 0, 100, 100)) is None
