"""From counts at thresholds to what charts draw, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.records import Counts, LabelCurve, NetBenefit
from covidreport.report.charts.lines import Mark
from covidreport.report.charts.threshold import (
    RunCurve,
    draw_net_benefit,
    draw_precision_recall,
    draw_roc,
)

# Four positives and six negatives; at 0.2, 0.5 and 0.8 the run calls (4, 5), (3, 2) and (1, 0).
STEPS = (0.2, 0.5, 0.8)
CURVE = LabelCurve(
    positives=4, negatives=6, failed_positive=0, failed_negative=0,
    outline=((0, 0), (1, 0), (3, 2), (4, 5), (4, 6)), found=(4, 3, 1), false_alarms=(5, 2, 0),
)  # fmt: skip
ONE = RunCurve("1", 0.5, Counts(tn=4, fp=2, fn=1, tp=3), CURVE)
COUNTED = RunCurve("2", 0.4, Counts(tn=5, fp=1, fn=2, tp=2), None)
NOBODY = RunCurve("3", 0.5, Counts(tn=6, fp=0, fn=0, tp=0), None)


def _near(places):
    return pytest.approx(np.array(places))


def _places(series):
    return np.array(series.places)


def test_the_roc_curve_is_found_against_false_alarms():
    """Shares of four positives and of six negatives, from the highest score down."""
    roc = draw_roc([ONE], ("1",))

    (line,), (dot,) = roc.lines, roc.dots
    assert _places(line) == _near([(0, 0), (0, 0.25), (2 / 6, 0.75), (5 / 6, 1), (1, 1)])
    assert _places(dot) == _near([(2 / 6, 0.75)])
    assert (line.run, dot.run, roc.guide) == ("1", "1", ((0, 0), (1, 1)))


def test_precision_begins_where_something_is_called_positive():
    """1 of 1, 3 of 5, 4 of 9, 4 of 10; the guide is the prevalence of 4 in 10."""
    recall = draw_precision_recall([ONE], ("1",))

    assert _places(recall.lines[0]) == _near([(0.25, 1), (0.75, 0.6), (1, 4 / 9), (1, 0.4)])
    assert np.array(recall.guide) == _near([(0, 0.4), (1, 0.4)])


def test_net_benefit_weighs_false_alarms_by_the_threshold():
    """(4 - 5 / 4) / 10, (3 - 2) / 10 and (1 - 0) / 10; treating everybody is (4 - 6 / 4) / 10 at
    0.2; on the way to -0.2 at 0.5 it meets the lower edge, beyond which nothing is drawn."""
    benefit = draw_net_benefit([ONE], STEPS, ("1",))

    assert _places(benefit.lines[0]) == _near([(0.2, 0.275), (0.5, 0.1), (0.8, 0.1)])
    assert benefit.guide[0] == pytest.approx((0.2, 0.25))
    assert np.array(benefit.guide[1]) == _near([0.2 + 0.3 * 0.35 / 0.45, -0.1])
    assert (benefit.y.low, benefit.guide[2]) == (-0.1, (0.8, None))
    assert benefit.threshold
    assert benefit.level == 0


def test_a_run_without_scores_has_a_dot_and_no_line():
    """At its own threshold alone: 2 of 4 found, 1 of 6 false alarms."""
    roc = draw_roc([ONE, COUNTED], ("1", "2"))

    assert [one.run for one in roc.lines] == ["1"]
    assert _places(roc.dots[1]) == _near([(1 / 6, 0.5)])


def test_a_run_without_positives_draws_nothing():
    """It has no sensitivity at all."""
    for chart in (draw_roc([NOBODY], ()), draw_net_benefit([NOBODY], STEPS, ())):
        assert (chart.lines, chart.dots) == ((), ())


def test_axes_hold_the_runs_that_are_not_shown_too():
    """They can be shown without a new axis; the second has a net benefit of (3 - 3) / 10."""
    worse = RunCurve("2", 0.5, Counts(tn=3, fp=3, fn=1, tp=3), None)
    alone = draw_net_benefit([ONE], STEPS, ("1",))
    both = draw_net_benefit([ONE, worse], STEPS, ("1",))

    assert alone.y.high == both.y.high >= 0.275
    assert both.dots[1].places == ((0.5, 0.0),)
    assert both.y.low <= 0


@pytest.mark.parametrize(("shown", "share"), [(("1",), 0.4), (("3",), 0.0), ((), 0.4)])
def test_the_guide_is_of_the_first_run_that_is_shown(shown, share):
    """Runs on other images have another prevalence."""
    recall = draw_precision_recall([ONE, NOBODY], shown)

    assert recall.guide == ((0.0, share), (1.0, share))


def test_the_roc_axis_ends_where_every_run_has_found_nearly_all():
    """Of 1,000 negatives one run has found all with 80 false alarms, and stands at 30."""
    curve = replace(
        CURVE, negatives=1000, outline=((0, 0), (2, 10), (4, 80), (4, 1000)), found=(4, 3, 1),
        false_alarms=(80, 30, 0),
    )  # fmt: skip
    one = RunCurve("1", 0.5, Counts(tn=970, fp=30, fn=1, tp=3), curve)
    roc = draw_roc([one], ("1",))
    assert roc.x.high == 0.1
    assert roc.guide == ((0.0, 0.0), (0.1, 0.1))
    assert _places(roc.lines[0]) == _near([(0, 0), (0.01, 0.5), (0.08, 1), (0.1, 1)])
    far = RunCurve("2", 0.4, Counts(tn=750, fp=250, fn=2, tp=2), None)
    assert draw_roc([one, far], ("1",)).x.high == 0.3


def test_a_line_is_cut_at_the_end_of_its_axis_where_it_passes_it():
    """Half-way between (0.2, 0.5) and (0.4, 1.0) at 0.3, which the other run's dot asks for."""
    curve = replace(CURVE, negatives=10, outline=((0, 0), (2, 2), (4, 4), (4, 10)))
    one = RunCurve("1", 0.5, Counts(tn=8, fp=2, fn=2, tp=2), curve)
    roc = draw_roc([one], ("1",))
    assert roc.x.high == 0.4
    assert _places(roc.lines[0])[-1] == _near((0.4, 1.0))


def test_net_benefit_ends_beyond_the_evaluated_thresholds_and_has_a_band():
    """Evaluated at 0.15 with a prevalence of 0.05: to 0.2; the band as far."""
    curve = replace(CURVE, positives=10, negatives=190, found=(8, 5, 1), false_alarms=(30, 9, 0))
    points = tuple(NetBenefit(t, 0.02, 0.0, 0.01, 0.04) for t in (0.05, 0.1, 0.2, 0.5))
    bare = NetBenefit(0.15, 0.02, 0.0)
    one = RunCurve("1", 0.15, Counts(tn=160, fp=30, fn=2, tp=8), curve, (*points, bare))
    drawn = draw_net_benefit([one], STEPS, ("1",))
    assert drawn.x.high == 0.2
    assert [x for x, _ in drawn.lines[0].places] == [0.2]
    (band,) = drawn.bands
    assert band.places == ((0.05, 0.01, 0.04), (0.1, 0.01, 0.04), (0.2, 0.01, 0.04))


def test_the_roc_axis_holds_readers_with_their_intervals():
    """A reader at 0.25 asks for 0.3; the average, at 0.1, has an interval to 0.55."""
    curve = replace(CURVE, negatives=1000, outline=((0, 0), (4, 80), (4, 1000)))
    one = RunCurve("1", 0.5, Counts(tn=970, fp=30, fn=1, tp=3), curve)
    reader = Mark(0.25, 0.5, "ann", "")
    average = Mark(0.1, 0.5, "", "", (((0.05, 0.5), (0.55, 0.5)),), average=True)
    assert draw_roc([one], ("1",), (reader,)).x.high == 0.3
    roc = draw_roc([one], ("1",), (reader, average))
    assert roc.x.high == 0.6
    assert roc.marks == (reader, average)
