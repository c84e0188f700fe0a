"""Foreign pictures beside a run's false alarms, on scores and counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binomtest, fisher_exact

from covidreport.compare.foreign import compare_foreign, correct_foreign
from covidreport.errors import RunError
from covidreport.metrics import estimate_counts, holm
from covidreport.records import FOREIGN_CHANGES, Counts, Scores, tag_row
from tests.metrics.study import make_evaluation

LABELS = ("covid-19",)
N = 30
"""Negatives, of which the first two are called as they are."""


def _usual(counts, patients=None, images=200):
    """An evaluation with these counts of covid-19."""
    found = make_evaluation("a", {"covid-19": counts}, n_groups=patients)
    estimates = estimate_counts({"covid-19": counts})
    return replace(
        found, thresholds={"covid-19": 0.5}, estimates=estimates, n_images=images,
        n_groups=patients,
    )  # fmt: skip


USUAL = _usual(Counts(tn=150, fp=10, fn=5, tp=35))


def _scores(kinds, groups=None):
    """Rows of a kind from its scores; None could not be scored. kinds: by tag."""
    rows = [(f"{i}", tag, score) for tag, of in kinds.items() for i, score in enumerate(of)]
    values = np.array([np.nan if score is None else score for *_, score in rows], np.float32)
    truth = [-1 if tag.startswith("all-") else 0 for _, tag, _ in rows]
    return Scores(
        tuple(tag_row(name, tag) for name, tag, _ in rows), LABELS,
        np.array(truth, np.int8)[:, np.newaxis], values[:, np.newaxis], "sigmoid",
        tuple("broken" if score is None else None for *_, score in rows),
        groups=None if groups is None else tuple(groups(name, tag) for name, tag, _ in rows),
    )  # fmt: skip


def _call(first, last):
    """30 scores of which those from `first` to `last` are above the threshold."""
    return [0.8 if first <= i < last else 0.1 for i in range(N)]


def _kinds(**others):
    """Of 30 negatives 2 are called, and the same 2 under every change, unless stated."""
    same = {"as-is": _call(0, 2), **dict.fromkeys(FOREIGN_CHANGES, _call(0, 2))}
    return same | {name.replace("_", "-"): of for name, of in others.items()}


def test_a_change_is_paired_with_the_negatives_as_they_are():
    """9 newly called and 1 no longer: McNemar's exact p is that of 1 of 10 at 1/2."""
    found = compare_foreign(USUAL, _scores(_kinds(mirrored=_call(1, 11))), "covid-19")
    mirrored = found.find("mirrored")
    assert (mirrored.called.numerator, mirrored.called.denominator) == (10, N)
    each = mirrored.comparison
    assert (each.only_first, each.only_second, each.test) == (9, 1, "mcnemar-exact")
    assert each.p_value == pytest.approx(binomtest(1, 10).pvalue)
    assert each.difference == pytest.approx(-8 / N)
    assert found.find("turned-90").comparison.p_value == 1
    assert (found.false_alarms.numerator, found.false_alarms.denominator) == (10, 160)


@pytest.mark.parametrize("called", [0, 1, 4, 12])
def test_a_folder_is_compared_with_all_negatives_as_scipy_does(called):
    """Of 12 pictures and one that is broken, against 10 false alarms of 160; its sign is that of
    specificity, and it stands in no share."""
    pictures = [0.9] * called + [0.2] * (12 - called) + [None]
    found = compare_foreign(USUAL, _scores(_kinds(hands=pictures)), "covid-19")
    hands = found.find("hands")
    assert (hands.images, hands.failed) == (13, 1)
    assert (hands.called.numerator, hands.called.denominator) == (called, 12)
    each = hands.comparison
    assert each.p_value == pytest.approx(
        fisher_exact(np.array([[called, 12 - called], [10, 150]])).pvalue
    )
    assert each.difference == pytest.approx(10 / 160 - called / 12)
    assert np.all(np.diff([each.low, each.difference, each.high]) >= 0)


def test_images_of_one_patient_count_once():
    """200 images of 100 patients: 10 of 160 negatives count as 5 of 80."""
    usual = _usual(Counts(tn=150, fp=10, fn=5, tp=35), patients=100)
    found = compare_foreign(usual, _scores(_kinds(hands=[0.9] * 4 + [0.2] * 8)), "covid-19")
    each = found.find("hands").comparison
    assert each.p_value == pytest.approx(fisher_exact(np.array([[4, 8], [5, 75]])).pvalue)


def test_patients_with_several_images_are_flipped_together():
    """9 newly called images of one patient are one sign: p is 1."""
    kinds = _kinds(mirrored=_call(0, 11))
    scores = _scores(kinds, groups=lambda name, _: "p" if 2 <= int(name) < 11 else name)
    each = compare_foreign(USUAL, scores, "covid-19").find("mirrored").comparison
    assert (each.only_first, each.p_value) == (9, 1)
    assert each.test == "sign-flip over groups"


def test_holm_goes_over_all_kinds_of_all_runs():
    """Three runs of four changes and a folder; only more calls than before are told of."""
    kinds = [
        _kinds(hands=[0.1] * 12),
        _kinds(mirrored=_call(0, 20), hands=[0.9] * 6 + [0.1] * 6),
        _kinds(as_is=_call(0, 20), hands=[0.1] * 12),
    ]
    runs = [
        replace(compare_foreign(USUAL, _scores(each), "covid-19"), run=f"run{i}")
        for i, each in enumerate(kinds)
    ]
    after = correct_foreign(runs)
    every = [k.comparison for run in after for k in run.kinds if k.comparison]
    before = [each.p_value for each in every if each.p_value is not None]
    adjusted = [each.adjusted_p_value for each in every]
    assert len(adjusted) == 15
    assert adjusted == pytest.approx(holm(before))
    told = [[kind.name for kind in run.list_called(0.05)] for run in after]
    assert told == [[], ["mirrored", "hands"], []]
    assert all(kind.comparison.is_significant(0.05) for kind in after[2].kinds[1:5])


def test_a_folder_of_which_nothing_could_be_read_is_compared_with_nothing():
    """It stands there, with no share, no score and no test."""
    found = compare_foreign(USUAL, _scores(_kinds(hands=[None, None])), "covid-19")
    hands = found.find("hands")
    assert (hands.failed, hands.called.value, hands.quartiles) == (2, None, None)
    assert hands.comparison is None
    assert correct_foreign([found])[0].find("hands") == hands


def test_single_pictures_are_shown_with_their_score():
    """One that could not be scored has none; none of them is a kind."""
    singles = {"all-black": [0.9], "all-white": [None]}
    found = compare_foreign(USUAL, _scores({**_kinds(), **singles}), "covid-19")
    assert [(s.name, s.called) for s in found.singles] == [
        ("all-black", True), ("all-white", False)
    ]  # fmt: skip
    assert [s.score for s in found.singles] == [pytest.approx(0.9), None]
    assert not {"all-black", "all-white"} & {kind.name for kind in found.kinds}


def test_pictures_without_negatives_as_they_are_are_refused():
    """There is nothing to compare with."""
    with pytest.raises(RunError, match="none as it is"):
        compare_foreign(USUAL, _scores({"mirrored": [0.1]}), "covid-19")
