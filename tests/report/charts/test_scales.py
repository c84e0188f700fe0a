"""Axes that end on round steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.report.charts.scales import fit_scale, round_step


@pytest.mark.parametrize(
    ("span", "parts", "step"),
    [(10, 5, 2), (1, 5, 0.2), (12, 5, 2.5), (0.05, 5, 0.01), (600, 4, 200)],
)
def test_steps_are_round(span, parts, step):
    """1, 2, 2.5 or 5 times a power of ten, worked out by hand."""
    assert round_step(span, parts) == pytest.approx(step)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.78, 0.93], ["0.75", "0.80", "0.85", "0.90", "0.95"]),
        ([-0.0269, -0.0254], ["−0.0270", "−0.0265", "−0.0260", "−0.0255", "−0.0250"]),
        ([-0.5, 0.5], ["−0.6", "−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6"]),
        ([2000, 12000], ["2,000", "4,000", "6,000", "8,000", "10,000", "12,000"]),
    ],
)
def test_ticks_have_as_many_decimals_as_their_step(values, texts):
    """Losses below zero have a minus sign, zero has none."""
    _, ticks = fit_scale(values, 100.0, 0.0, 5)

    assert [tick.text for tick in ticks] == texts


def test_counts_have_whole_steps_from_zero():
    """No axis of images says 2.5."""
    _, ticks = fit_scale([1, 3], 0.0, 90.0, 10, whole=True, floor=0.0)

    assert [(tick.text, tick.at) for tick in ticks] == [("0", 0.0), ("1", 30), ("2", 60), ("3", 90)]


@pytest.mark.parametrize("value", [0.0, 0.5, -0.02, 7.0])
def test_a_single_value_stands_inside_its_axis(value):
    """One epoch, or figures that never change, still have an axis."""
    scale, _ = fit_scale([value], 0.0, 100.0, 5)

    assert 0 < scale.place(value) < 100


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(2, 8))
def test_every_value_stands_on_its_axis(values, parts):
    """Whatever the figures: all lie between the first tick and the last, in their order."""
    scale, ticks = fit_scale(values, 0.0, 100.0, parts)

    assert ticks[0].at == 0.0
    assert ticks[-1].at == 100.0
    assert all(0 <= scale.place(value) <= 100 for value in values)
    assert scale.place(min(values)) <= scale.place(max(values))
