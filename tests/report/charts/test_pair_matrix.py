"""All pairs of runs as coloured cells."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from covidreport.report.charts.diagram import Label, Shape
from covidreport.report.charts.pair_matrix import MOST_NAMED, Pair, PairedRun, draw_pairs
from covidreport.report.charts.palette import ACCENT, INK, MISSED

_STROKE = re.compile(r"m(-?[\d.]+) ?(-?[\d.]+)h([\d.]+)")
TITLES = ("sensitivity", "specificity")


def _drawn(runs, width, below=lambda i, j: Pair(0.01 * (j - i)), above=lambda i, j: Pair(-0.02)):
    made = [PairedRun(f"exp{i}-resnet18-bce-balanced", str(i), i + 3) for i in range(runs)]
    pairs = list(combinations(range(runs), 2))
    return draw_pairs(
        made, {pair: below(*pair) for pair in pairs}, {pair: above(*pair) for pair in pairs},
        TITLES, width,
    )  # fmt: skip


def _cells(drawing, colour):
    """Corner and depth of each coloured cell: strokes of a path, which may be of several cells."""
    found = []
    for shape in drawing.shapes:
        if isinstance(shape, Shape) and shape.stroke == colour and not shape.dots:
            x = y = 0.0
            for across, down, length in _STROKE.findall(shape.d):
                x, y = x + float(across), y + float(down)
                count = round(float(length) / shape.width)
                found += [
                    (x + i * shape.width, y - shape.width / 2, shape.opacity) for i in range(count)
                ]
                x += float(length)
    return found


def test_a_cell_is_blue_where_the_higher_ranked_run_is_better_and_deeper_the_more():
    """Of three runs: below the diagonal 0.1, 0.2 and a tie; above it one worse by 0.05."""
    below = {(0, 1): 0.1, (0, 2): 0.2, (1, 2): 0.0}
    drawing = _drawn(
        3, 760, lambda i, j: Pair(below[i, j]),
        lambda i, j: Pair(-0.05 if (i, j) == (0, 2) else None),
    )  # fmt: skip
    blue = sorted(_cells(drawing, ACCENT), key=lambda cell: cell[1])
    (red,) = _cells(drawing, MISSED)
    (left, top, weak), (other_left, other_top, strong) = blue
    assert left == other_left
    assert other_top - top == pytest.approx(72)
    assert strong == pytest.approx(2 * weak)
    assert red[0] == pytest.approx(left + 2 * 72)
    assert red[1] == pytest.approx(top - 72)
    texts = [shape.text for shape in drawing.shapes if isinstance(shape, Label)]
    assert {"+0.100", "+0.200", "0.000", "−0.050", "–"} <= set(texts)


def test_every_significant_pair_has_a_dot_in_its_cell():
    """Two of the six below, one above; none on the diagonal."""
    drawing = _drawn(
        4, 340, lambda i, j: Pair(0.1, significant=j == 3 and i < 2),
        lambda i, j: Pair(0.1, significant=(i, j) == (1, 2)),
    )  # fmt: skip
    dots = [shape for shape in drawing.shapes if isinstance(shape, Shape) and shape.dots]
    assert (
        sum(shape.d.count("h0") for shape in dots if shape.stroke == INK) == 3 + 1
    )  # the legend's


@pytest.mark.parametrize("width", [760, 340])
@pytest.mark.parametrize("runs", [3, 5, 18, 25, 26, 60, 200])
def test_any_number_of_runs_fits_the_picture(runs, width):
    """Labels stand inside and apart from each other; a cell is never under a unit."""
    drawing = _drawn(runs, width)
    labels = [shape for shape in drawing.shapes if isinstance(shape, Label)]
    for label in labels:
        length = len(label.text) * 6.4
        start = {"start": 0.0, "middle": -length / 2, "end": -length}[label.anchor]
        assert label.x + start >= -1, label
        assert label.x + start + length <= width + 1, label
        assert 0 < label.y <= drawing.height, label
    heads = sorted((one.y, one.x) for one in labels if one.size == 11 and one.anchor == "middle")
    first = [x for y, x in heads if y == heads[0][0]]
    assert len(first) == runs if runs <= MOST_NAMED else 3 <= len(first) <= runs // 10 + 1
    assert all(
        after - before >= (10 if runs <= MOST_NAMED else 22) for before, after in pairwise(first)
    )
    assert drawing.height <= 760  # beneath a narrow one stand 25 names
    assert len(_cells(drawing, ACCENT)) == runs * (runs - 1) // 2


def test_many_runs_take_as_much_room_as_a_few():
    """Of 6 and of 60 the squares are as large, but for what a cell's edge rounds away."""
    heights = [_drawn(runs, 760).height for runs in (6, 18, 60)]
    assert max(heights) - min(heights) <= 45
