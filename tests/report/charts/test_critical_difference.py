"""Runs on a line with bars over those that are not significantly different."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.report.charts.critical_difference import draw_critical_differences, group_alike
from covidreport.report.charts.diagram import Label, Shape
from covidreport.report.charts.pair_matrix import PairedRun


def test_bars_join_the_longest_rows_of_runs_without_a_difference():
    """Of five the first differs from the last two, and the second from the last."""
    assert group_alike(5, {(0, 3), (0, 4), (1, 4)}) == [(0, 2), (1, 3), (2, 4)]
    assert group_alike(5, set()) == [(0, 4)]
    assert group_alike(3, {(0, 1), (1, 2), (0, 2)}) == []
    # The first and the third differ although neither differs from the second nor from the fourth.
    assert group_alike(4, {(0, 2)}) == [(0, 1), (1, 3)]


@given(st.integers(2, 12), st.data())
def test_bars_are_all_maximal_rows(runs, data):
    """By trying every row of neighbours."""
    pairs = list(combinations(range(runs), 2))
    different = set(data.draw(st.lists(st.sampled_from(pairs))))
    alike = {
        pair for pair in pairs
        if not any(pair[0] <= i and j <= pair[1] for i, j in different)
    }  # fmt: skip
    longest = {
        (i, j) for i, j in alike
        if not any((k, m) != (i, j) and k <= i and j <= m for k, m in alike)
    }  # fmt: skip
    assert set(group_alike(runs, different)) == longest


@pytest.mark.parametrize("width", [760, 340])
@pytest.mark.parametrize("runs", [2, 3, 18, 60])
def test_every_run_has_its_name_on_the_picture_and_a_line_to_its_count(runs, width):
    """Names stand inside, one line each; lines start where the counts stand on the axis."""
    made = [PairedRun(f"exp{i}-vgg16-bce-balanced", str(i), 3 + i // 2) for i in range(runs)]
    drawing = draw_critical_differences(made, set(), width)
    labels = [shape for shape in drawing.shapes if isinstance(shape, Label)]
    names = [label for label in labels if label.text.startswith("exp") or width == 340][-runs:]
    assert [label.text for label in names] == [
        run.name if width == 760 else run.short for run in made
    ]
    for label in names:
        length = len(label.text) * 6.6
        ends = (label.x - length, label.x) if label.anchor == "end" else (label.x, label.x + length)
        assert ends[0] >= 0, label
        assert ends[1] <= width, label
        assert label.y < drawing.height
    lines = [
        shape.d for shape in drawing.shapes
        if isinstance(shape, Shape) and "V" in shape.d and "H" in shape.d
    ]  # fmt: skip
    starts = [float(line[1:].split()[0]) for line in lines]
    assert len(starts) == runs
    assert all(after >= before for before, after in pairwise(starts))
    assert [a == b for a, b in pairwise(starts)] == [
        made[i].missed == made[i + 1].missed for i in range(runs - 1)
    ]
