"""Occlusion maps as arrays, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.metrics import find_peak, measure_drops, share_outside


def test_a_drop_is_the_score_without_less_that_with_the_patch_hidden():
    """Logits 0 and ln 3 are 0.5 and 0.75; probabilities stay as they are."""
    whole, occluded = np.array([np.log(3)]), np.array([[0.0, np.log(3), np.log(9)]])
    assert measure_drops(whole, occluded, "logit")[0] == pytest.approx([0.25, 0.0, -0.15])
    assert measure_drops(np.array([0.75]), np.array([[0.5]]), "sigmoid")[0, 0] == 0.25


@pytest.mark.parametrize("shape", [(8, 8), (5, 7), (10, 10)])
def test_an_even_map_has_the_share_of_the_area_outside(shape):
    """The middle 0.8 by 0.8 is 64 % of it, whether or not patches end at its edge."""
    assert share_outside(np.full(shape, 0.3)) == pytest.approx(0.36)


def test_a_patch_on_the_edge_counts_by_its_area():
    """Of eight by eight the corner patch has a fifth of each side inside: 0.2 * 0.2 of its area."""
    corner, edge, centre = (np.zeros((8, 8)) for _ in range(3))
    corner[0, 0], edge[0, 4], centre[3, 4] = 0.5, 0.5, 0.5
    found = [share_outside(each) for each in (corner, edge, centre)]
    assert found == pytest.approx([0.96, 0.8, 0.0], abs=1e-12)
    assert share_outside(corner + centre) == pytest.approx(0.48)


def test_what_raises_the_score_has_no_weight():
    """A map of rises alone has no share; its peak is the largest rise."""
    drops = np.zeros((8, 8))
    drops[2, 5] = -0.4
    assert share_outside(drops) is None
    assert find_peak(drops) == (2, 5)
    drops[7, 0] = 0.1
    assert share_outside(drops) == pytest.approx(0.96)
