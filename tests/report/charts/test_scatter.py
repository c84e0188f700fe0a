"""Missed cases against false alarms."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from covidreport.report.charts.scatter import Scatter, ScatterPoint, draw_scatter
from covidreport.report.trade_off import count_labels


def _points(*places: tuple[int, int], kind: str = "ranked") -> list[ScatterPoint]:
    return [
        ScatterPoint(alarms, missed, str(i), f"run {i}", kind)  # type: ignore[arg-type]  # a kind
        for i, (alarms, missed) in enumerate(places, 1)
    ]


def _boxes(scatter: Scatter) -> list[tuple[float, float, float, float]]:
    """The places of the labels, a little smaller than they are drawn."""
    labelled = [dot for dot in scatter.dots if dot.label]
    reaches = [(6.6 * len(dot.label)) / 2 for dot in labelled]
    return [
        (dot.label_x - reach, dot.label_y - 9, dot.label_x + reach, dot.label_y + 2)
        for dot, reach in zip(labelled, reaches, strict=True)
    ]


def test_one_run_alone_has_no_trade_off():
    """A picture with one dot compares nothing."""
    assert draw_scatter(_points((3, 1)), 300, 300, 10) is None


def test_fewer_of_both_is_lower_and_further_left():
    """Both axes begin at zero, in the lower left corner."""
    scatter = draw_scatter(_points((0, 0), (200, 28)), 300, 300, 10)

    assert scatter is not None
    best, worst = scatter.dots
    assert (best.x, best.y) == (scatter.left, scatter.bottom)
    assert worst.x > best.x
    assert worst.y < best.y
    assert scatter.x_ticks[0].text == scatter.y_ticks[0].text == "0"


def test_an_average_of_readers_is_beaten_by_nobody_and_beats_nobody():
    """It stands on no line, hides no run at its place and is labelled beside all marks."""
    readers = [
        replace(each, reader=True) for each in _points((4, 9), (5, 8), (7, 8), (8, 6), (9, 9))
    ]
    average = ScatterPoint(5, 8, "average", "of five", "average", (1, 12, 5, 11), reader=True)
    runs = _points((2, 10), (12, 3))
    scatter = draw_scatter([*runs, *readers, average], 340, 320, 12)
    assert scatter is not None
    dots = {dot.title: dot for dot in scatter.dots}
    assert (dots["of five"].x, dots["of five"].y) == (dots["run 2"].x, dots["run 2"].y)
    assert dots["of five"].cross is not None
    alone = draw_scatter([*runs, *readers], 340, 320, 12)
    assert alone is not None
    assert scatter.front == alone.front
    boxes = _boxes(scatter)
    assert len(boxes) == 8
    for left, top, right, bottom in boxes:
        for dot in scatter.dots:
            assert not (left < dot.x + 4 and dot.x - 4 < right and top < dot.y + 4
                        and dot.y - 4 < bottom), dot  # fmt: skip
    far = replace(average, across=3.4, missed=11.6)
    higher = draw_scatter([*runs, far], 340, 320, 12)
    assert higher is not None
    assert higher.beyond is None
    assert min(dot.y for dot in higher.dots) >= higher.top


def test_the_line_runs_along_the_runs_that_nobody_beats():
    """Of (1, 9), (4, 5), (5, 6), (8, 2) the third is beaten by the second."""
    scatter = draw_scatter(_points((1, 9), (4, 5), (5, 6), (8, 2)), 300, 300, 10)

    assert scatter is not None
    places = {dot.label: f"{dot.x},{dot.y}" for dot in scatter.dots}
    assert places["3"] not in scatter.front
    assert [corner for corner in scatter.front.split() if corner in places.values()] == [
        places["1"], places["2"], places["4"],
    ]  # fmt: skip


def test_unranked_runs_are_not_on_the_line():
    """A run that says yes to all misses nobody; it is shown, and beats nobody."""
    points = [*_points((4, 5), (8, 2)), *_points((600, 0), kind="unranked")]
    scatter = draw_scatter(points, 300, 300, 10)

    assert scatter is not None
    assert len(scatter.front.split()) == 3


def test_a_run_that_is_not_ranked_does_not_press_the_others_into_a_corner():
    """Beyond the axes it stands at the edge, with its values; the ranked ones have all the room."""
    ranked = _points((1, 5), (3, 5), (8, 2))
    scatter = draw_scatter([*ranked, *_points((163, 0), kind="unranked")], 760, 360, 10)
    alone = draw_scatter(ranked, 760, 360, 10)

    assert scatter is not None
    assert alone is not None
    assert alone.beyond is None
    assert scatter.beyond is not None
    assert [tick.text for tick in scatter.x_ticks] == [tick.text for tick in alone.x_ticks]
    *_, last, out = scatter.dots
    assert last.x == scatter.beyond[0]
    assert scatter.beyond[0] < out.x < 760
    assert out.label == "1: 163, 0 missed"
    far = draw_scatter([*ranked, *_points((1_234_567, 0), kind="unranked")], 760, 360, 10)
    assert far is not None
    assert far.dots[-1].label == "1: 1,234,567, 0 missed"
    missed_all = draw_scatter([*ranked, *_points((0, 28), kind="unranked")], 760, 360, 10)
    assert missed_all is not None
    assert missed_all.beyond is not None
    assert missed_all.dots[-1].y < missed_all.beyond[1]


def test_a_count_many_times_the_others_gets_an_axis_of_square_roots():
    """Without it three quarters of the room would be empty; its ticks are round and stand apart."""
    scatter = draw_scatter(_points((1, 5), (3, 5), (8, 2), (160, 9)), 760, 360, 10)

    assert scatter is not None
    assert [tick.text for tick in scatter.x_ticks] == [
        "0", "2", "10", "20", "50", "100", "200",
    ]  # fmt: skip
    places = [tick.at for tick in scatter.x_ticks]
    assert min(b - a for a, b in pairwise(places)) > 40
    third = scatter.dots[2]
    share = (third.x - scatter.left) / (scatter.right - scatter.left)
    assert share == pytest.approx((8 / 200) ** 0.5, abs=0.001)


def test_a_cross_shows_both_intervals_as_far_as_the_axes_go():
    """From 2 to 6 false alarms and 3 to 900 missed, of which the axis holds 10."""
    first, second = _points((4, 5), (8, 10))
    scatter = draw_scatter([replace(first, reach=(2, 6, 3, 900)), second], 760, 360, 10)

    assert scatter is not None
    cross = scatter.dots[0].cross
    assert cross is not None
    left, right, low, high = cross
    assert (left + right) / 2 == pytest.approx(scatter.dots[0].x)
    assert low > scatter.dots[0].y > high == scatter.top
    assert scatter.dots[1].cross is None


def test_runs_at_one_place_share_a_dot_and_its_label():
    """Two dots on each other would hide a run."""
    scatter = draw_scatter(_points((4, 5), (4, 5), (8, 2)), 300, 300, 10)

    assert scatter is not None
    assert [dot.label for dot in scatter.dots] == ["1, 2", "3"]
    assert scatter.dots[0].title == "run 1; run 2"


def test_only_the_first_are_labelled_where_runs_are_many():
    """200 labels would be a smear; the dots are all there."""
    scatter = draw_scatter(_points(*((i, 40 - i) for i in range(40))), 700, 400, 3)

    assert scatter is not None
    assert len(scatter.dots) == 40
    assert [dot.label for dot in scatter.dots if dot.label] == ["1", "2", "3"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 28)), min_size=2, max_size=18),
    st.sampled_from([(760, 360), (340, 320)]),
    st.sampled_from([0, 100, 5_000]),
)
def test_no_label_lies_on_another_or_outside(places, size, far):
    """18 runs, however they lie: labels can be read, on a wide page and on a narrow one; also where
    one is far out and not ranked."""
    points = [*_points(*places), *_points((far, 28), kind="unranked")]
    scatter = draw_scatter(points, size[0], size[1], 40)

    assert scatter is not None
    boxes = _boxes(scatter)
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart
    assert all(box[0] >= 0 and box[2] <= size[0] for box in boxes)
    assert all(box[1] >= 0 and box[3] <= size[1] for box in boxes)


@pytest.mark.parametrize("size", [(760, 360), (340, 320)])
@pytest.mark.parametrize("runs", [2, 18, 60, 200])
@pytest.mark.parametrize("far", [(600, 0), (40, 28)])
def test_with_one_run_far_out_no_label_meets_a_label_or_a_dot(runs, size, far):
    """Of as many as a page labels, wide and narrow."""
    rng = np.random.default_rng(runs)
    places = sorted(zip(rng.integers(5, 61, runs), rng.integers(1, 13, runs), strict=True))
    ranked = _points(*((int(x), int(y)) for x, y in places))
    points = [*ranked, *_points(far, kind="unranked")]
    scatter = draw_scatter(points, size[0], size[1], count_labels(len(points)))
    assert scatter is not None
    boxes = _boxes(scatter)
    assert len(boxes) >= min(runs, 5)
    for one, other in combinations(boxes, 2):
        assert not _overlap(one, other)
    for dot in scatter.dots:
        around = (dot.x - 4, dot.y - 4, dot.x + 4, dot.y + 4)
        assert not [box for box in boxes if _overlap(box, around)], dot
    assert all(box[0] >= 0 and box[2] <= size[0] and box[1] >= 0 for box in boxes)


def _overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_an_interval_that_goes_on_beyond_the_axes_ends_in_an_arrow():
    """Both axes end where the runs do: at 10 false alarms and 20 missed."""
    points = _points((2, 3), (8, 17), kind="ranked")
    whole, cut = replace(points[0], reach=(1, 6, 1, 9)), replace(points[1], reach=(3, 40, 9, 26))
    scatter = draw_scatter([whole, cut], 340, 320, 12)
    assert scatter is not None
    inside, beyond = scatter.dots
    assert inside.cut == ""
    right, top = beyond.cut.split("M")[1:]
    assert right.startswith(f"{scatter.right - 4:g} {beyond.y - 4:g}l4 4")
    assert top.startswith(f"{beyond.x - 4:g} {scatter.top + 4:g}l4-4")
    assert beyond.cross[1::2] == (scatter.right, scatter.top)  # type: ignore[index]


def test_an_axis_by_square_roots_says_so():
    """One run with 163 false alarms beside others with 1 to 7: across is a root, missed is not."""
    scatter = draw_scatter(_points((1, 4), (3, 5), (5, 6), (7, 7), (163, 8)), 760, 360, 12)
    plain = draw_scatter(_points((1, 4), (3, 5), (7, 7)), 760, 360, 12)
    assert scatter is not None
    assert plain is not None
    assert (scatter.across, scatter.missed) == ("false alarms (square-root scale)", "")
    assert (plain.across, plain.missed) == ("false alarms", "")
