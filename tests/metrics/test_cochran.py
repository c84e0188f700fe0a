"""Cochran's Q: against statsmodels, a textbook example, and equal runs."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import cochrans_q

from covidreport.metrics.cochran import cochran_q
from tests.metrics.simulation import Design, draw_wrong


@pytest.mark.parametrize("runs", [2, 5, 18])
def test_equals_statsmodels(runs):
    """Q, degrees of freedom and p-value of the same table."""
    wrong, _ = draw_wrong(Design(runs, 90, 0.3), np.random.default_rng(runs))
    expected = cochrans_q(wrong.T.astype(int))
    ours = cochran_q(wrong)
    assert ours.q == pytest.approx(expected.statistic)
    assert ours.p_value == pytest.approx(expected.pvalue)
    assert (ours.degrees, ours.method) == (runs - 1, "chi-squared")


def test_groups_of_one_image_change_nothing():
    """A patient for each image is no grouping."""
    wrong, _ = draw_wrong(Design(4, 50, 0.3), np.random.default_rng(0))
    assert cochran_q(wrong, np.arange(50)) == cochran_q(wrong)


def test_runs_that_err_alike_have_no_q():
    """All right, all wrong, or the same images wrong: nothing tells them apart."""
    same = np.tile(np.arange(20) % 3 == 0, (3, 1))
    assert (cochran_q(same).q, cochran_q(same).p_value) == (None, 1.0)


def test_equal_runs_with_correlated_images_pass_one_time_in_twenty():
    """200 sets of 4 equal runs, 5 images a patient: chi-squared would find 30 % of them unequal."""
    rng = np.random.default_rng(1)
    design = Design(4, 150, 0.3, 0.2, 0.7, 5)
    by_patient = by_image = 0
    for _ in range(200):
        wrong, patients = draw_wrong(design, rng)
        by_patient += cochran_q(wrong, patients, permutations=199).p_value <= 0.05
        by_image += cochran_q(wrong).p_value <= 0.05
    assert by_patient <= 20  # 10 expected, standard deviation 3
    assert by_image > 40


def test_the_shuffles_agree_with_chi_squared_where_both_hold():
    """Patients of two images of which one tells nothing: as good as independent images."""
    wrong, _ = draw_wrong(Design(3, 200, 0.3), np.random.default_rng(5))
    doubled = np.concatenate([wrong, np.zeros_like(wrong)], axis=1)
    shuffled = cochran_q(doubled, np.tile(np.arange(200), 2), permutations=4999)
    assert shuffled.method == "permutation within groups"
    assert shuffled.q == pytest.approx(cochran_q(wrong).q)
    assert shuffled.p_value == pytest.approx(cochran_q(wrong).p_value, abs=0.03)


def test_of_very_many_patients_shuffles_and_chi_squared_say_the_same(monkeypatch):
    """Patients of three correlated images: by images alone p would be far smaller."""
    wrong, patients = draw_wrong(Design(6, 3000, 0.3, 0.2, 0.7, 3), np.random.default_rng(8))
    wrong[0] &= np.random.default_rng(9).random(3000) < 0.97
    shuffled = cochran_q(wrong, patients, permutations=4999)
    monkeypatch.setattr("covidreport.metrics.cochran._MANY_CELLS", 1000)
    found = cochran_q(wrong, patients)
    assert (shuffled.method, found.method) == (
        "permutation within groups",
        "chi-squared over groups",
    )
    assert found.q == shuffled.q
    assert found.p_value == pytest.approx(shuffled.p_value, abs=0.02)
    assert found.p_value > 0.01
    assert cochran_q(wrong).p_value < found.p_value / 2


def test_of_one_image_each_it_is_cochrans_own(monkeypatch):
    """Beside a patient whose images are all found, which tells nothing."""
    monkeypatch.setattr("covidreport.metrics.cochran._MANY_CELLS", 1000)
    wrong, _ = draw_wrong(Design(4, 2000, 0.3), np.random.default_rng(2))
    more = np.concatenate([wrong, np.zeros((4, 2), np.bool_)], axis=1)
    found = cochran_q(more, np.array([*range(2000), 2000, 2000]))
    assert found.method == "chi-squared over groups"
    assert found.p_value == pytest.approx(cochran_q(wrong).p_value)


def test_one_run_has_nothing_to_be_compared_with():
    with pytest.raises(ValueError, match="two runs"):
        cochran_q(np.zeros((1, 5), dtype=np.bool_))


def test_the_data_are_one_of_the_shuffles():
    """Thirty patients of two images, all missed by one run alone: p is 1 of 200, never 0."""
    wrong = np.array([[True] * 60, [False] * 60])
    found = cochran_q(wrong, np.arange(60) // 2, permutations=199)
    assert (found.method, found.p_value) == ("permutation within groups", 1 / 200)
