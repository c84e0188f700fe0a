"""From counts at thresholds to what charts draw, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.report.charts.rows import (
    epoch_rows,
    operating_rows,
    point_of,
    reliability_rows,
)

# Four positives and six negatives; at 0.2, 0.5 and 0.8 the run calls (4, 5), (3, 2) and (1, 0).
CURVE = {"outline": [0, 0, 1, 0, 2, 2, 1, 3, 0, 1], "found": [4, -1, -2], "alarms": [5, -3, -2]}
ONE = {"at": 0.5, "positives": 4, "negatives": 6, "found": 3, "alarms": 2, "curve": CURVE}
COUNTED = {"at": 0.4, "positives": 4, "negatives": 6, "found": 2, "alarms": 1}
CHARTS = {
    "thresholds": {"sick": [0.2, 0.5, 0.8]},
    "runs": [
        {
            "labels": {"sick": ONE},
            "epochs": {
                "at": [1, 2],
                "training_loss": [0.5, 0.4],
                "validation_loss": [0.6, None],
            },
            "bins": {"sick": [[0.25, 0.1, 0.0, 0.4, 12]]},
        },
        {"labels": {"sick": COUNTED}},
        {"labels": {}},
    ],
}


def _places(rows):
    return np.array([(row["x"], row["y"]) for row in rows])


def _near(places):
    return pytest.approx(np.array(places))


def test_the_roc_curve_is_found_against_false_alarms():
    """Shares of four positives and of six negatives, from the highest score down."""
    roc = operating_rows(CHARTS, [0], "sick", None)["roc"]

    assert _places(roc["lines"]) == _near([(0, 0), (0, 0.25), (2 / 6, 0.75), (5 / 6, 1), (1, 1)])
    assert _places(roc["points"]) == _near([(2 / 6, 0.75)])


def test_precision_begins_where_something_is_called_positive():
    """1 of 1, 3 of 5, 4 of 9, 4 of 10; the guide is the prevalence of 4 in 10."""
    recall = operating_rows(CHARTS, [0], "sick", None)["precision-recall"]

    assert _places(recall["lines"]) == _near([(0.25, 1), (0.75, 0.6), (1, 4 / 9), (1, 0.4)])
    assert _places(recall["guide"]) == _near([(0, 0.4), (1, 0.4)])


def test_net_benefit_weighs_false_alarms_by_the_threshold():
    """(4 - 5 / 4) / 10, (3 - 2) / 10 and (1 - 0) / 10; treating everybody at 0.2 is 0.25."""
    benefit = operating_rows(CHARTS, [0], "sick", None)["net-benefit"]

    assert _places(benefit["lines"]) == _near([(0.2, 0.275), (0.5, 0.1), (0.8, 0.1)])
    assert _places(benefit["guide"]) == _near([(0.2, 0.25)])
    assert benefit["chosen"] == []


def test_a_point_moves_with_the_step_and_one_without_scores_stays():
    """At 0.8 the first run finds one; the second is known at its own threshold alone."""
    rows = operating_rows(CHARTS, [0, 1], "sick", 2)

    assert _places(rows["roc"]["points"]) == _near([(0, 0.25), (1 / 6, 0.5)])
    assert rows["net-benefit"]["chosen"] == [{"x": 0.8}]
    assert point_of(ONE, [0.2, 0.5, 0.8], 0) == (0.2, 4, 5)
    assert point_of(COUNTED, [0.2, 0.5, 0.8], 0) == (0.4, 2, 1)


def test_a_free_look_and_a_run_without_the_label_draw_nothing():
    """The second look stays that of the second place."""
    rows = operating_rows(CHARTS, [2, None, 0], "sick", None)

    assert {row["slot"] for row in rows["roc"]["lines"]} == {2}


def test_epochs_without_a_figure_leave_a_gap():
    """The point stands at the last epoch that has a figure of the validation split."""
    rows = epoch_rows(CHARTS, [0, 1], "loss")

    assert [(r["split"], r["x"], r["y"]) for r in rows["lines"]] == [
        ("training", 1, 0.5), ("training", 2, 0.4), ("validation", 1, 0.6), ("validation", 2, None),
    ]  # fmt: skip
    assert rows["points"] == [{"slot": 0, "x": 1, "y": 0.6}]
    assert epoch_rows(CHARTS, [0], "accuracy") == {"lines": [], "points": []}


def test_bins_carry_their_interval_and_their_images():
    """One bin of twelve images."""
    rows = reliability_rows(CHARTS, [0, 1], "sick")

    assert rows["points"] == [
        {"slot": 0, "x": 0.25, "y": 0.1, "order": 0, "low": 0.0, "high": 0.4, "count": 12}
    ]
