"""Curves over epochs: gaps stay gaps, and signs stay signs."""

from __future__ import annotations

from itertools import pairwise

from covidreport.report.charts.curves import Series, draw_curves


def _draw(*values: float | None, exported: int | None = None, whole: bool = False):
    epochs = list(range(1, len(values) + 1))
    chart = draw_curves(
        "Loss", "in words", epochs, [Series("training", "train", values)], exported, whole=whole
    )
    assert chart is not None
    return chart


def test_a_missing_epoch_leaves_a_gap():
    """Five epochs with the third missing: two pieces, never a line across."""
    chart = _draw(5.0, 4.0, None, 2.0, 1.0)

    assert [len(line.split()) for line in chart.curves[0].lines] == [2, 2]


def test_an_epoch_between_two_gaps_is_a_dot():
    """A line of one point can't be seen."""
    chart = _draw(None, 4.0, None, 2.0, 1.0)

    assert [len(line.split()) for line in chart.curves[0].lines] == [2]
    assert len(chart.curves[0].dots) == 2


def test_one_epoch_is_a_point():
    """A run that was trained for an epoch has a figure, not an empty chart."""
    chart = _draw(0.69)

    curve = chart.curves[0]
    assert curve.lines == ()
    assert len(curve.dots) == 1
    assert chart.left < curve.dots[0][0] < chart.right
    assert chart.top < curve.dots[0][1] < chart.bottom
    assert [tick.text for tick in chart.x_ticks] == ["1"]


def test_losses_below_zero_are_drawn_below_zero():
    """The recorded losses of the study: lower values stand lower, and ticks have their sign."""
    chart = _draw(-0.02, -0.0269)

    (_, first), (_, last) = (
        tuple(map(float, point.split(","))) for point in chart.curves[0].lines[0].split()
    )
    assert last > first
    assert all(tick.text.startswith("−") for tick in chart.y_ticks if tick.text.strip("0."))
    assert chart.zero is None


def test_zero_is_marked_where_values_lie_on_both_sides():
    """A loss that crosses zero is a fault that one should see."""
    chart = _draw(0.5, -0.5)

    assert chart.zero is not None
    assert chart.top < chart.zero < chart.bottom


def test_no_values_give_no_chart():
    """An empty frame would look like a curve that failed to load."""
    nothing = Series("training", "train", (None, None))

    assert draw_curves("Loss", "", [1, 2], [nothing]) is None


def test_labels_are_moved_apart():
    """Two curves that end at one value have two labels that can be read."""
    series = [Series(name, "other", (1.0, 1.0)) for name in ("one", "two", "three")]
    chart = draw_curves("Loss", "", [1, 2], series)

    assert chart is not None
    heights = sorted(curve.label_y for curve in chart.curves)
    assert all(b - a >= 13 for a, b in pairwise(heights))
    assert heights[-1] <= chart.bottom


def test_the_exported_epoch_is_marked_if_it_is_there():
    """An epoch that the history lacks is not put anywhere."""
    assert _draw(3.0, 2.0, 1.0, exported=2).exported is not None
    assert _draw(3.0, 2.0, 1.0, exported=9).exported is None


def test_counts_begin_at_zero():
    """Missed cases per epoch are whole numbers over zero."""
    chart = _draw(12.0, 9.0, whole=True)

    assert [tick.text for tick in chart.y_ticks] == ["0", "3", "6", "9", "12"]
