"""Scores that speak against their run: swapped labels, values that can't be."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.audit.scores import audit_score_range, audit_scores, audit_swapped_labels
from covidreport.records import Scores

LABELS = ("covid-19", "normal", "pneumonia")


def _make_scores(n=300, skill=2.0, seed=0, labels=LABELS):
    """Logits of a run that tells every label by `skill` standard deviations."""
    rng = np.random.default_rng(seed)
    truth = np.eye(len(labels), dtype=np.int8)[np.arange(n) % len(labels)]
    values = skill * truth + rng.normal(size=truth.shape)
    return Scores(
        sample_ids=tuple(f"{i}" for i in range(n)),
        labels=labels,
        truth=truth,
        scores=values.astype(np.float32),
        activation="logit",
        reasons=(None,) * n,
    )


def _reorder(scores, *order):
    return replace(scores, scores=scores.scores[:, order])


def test_a_healthy_run_has_no_findings():
    """Nor has one that knows nothing."""
    assert audit_scores("a", _make_scores()) == ()
    assert audit_scores("a", _make_scores(skill=0.0)) == ()


def test_two_swapped_columns_are_found_and_the_third_is_not_accused():
    """The most common slip: labels sorted in one place and not in the other."""
    (finding,) = audit_swapped_labels("a", _reorder(_make_scores(), 1, 0, 2))
    assert (finding.severity, finding.code) == ("error", "labels-swapped")
    assert finding.what == "The label names of a look swapped: covid-19 and normal"
    assert "by that of normal" in finding.evidence
    assert finding.subjects == ("a",)


def test_three_columns_in_a_ring_are_swapped_too():
    """Each label is answered by the next one's output."""
    (finding,) = audit_swapped_labels("a", _reorder(_make_scores(), 1, 2, 0))
    assert finding.what.endswith("covid-19 and normal and pneumonia")


def test_one_output_that_answers_two_labels_is_not_called_a_swap():
    """The run never learned pneumonia; covid-19's output tells it better, in reverse order."""
    scores = _make_scores()
    values = scores.scores.copy()
    values[:, 2] = np.random.default_rng(9).normal(size=len(values))
    truth = scores.truth.copy()
    truth[:, 2] = truth[:, 0]
    (finding,) = audit_swapped_labels("a", replace(scores, scores=values, truth=truth))
    assert (finding.severity, finding.code) == ("warning", "answered-by-another-output")


def test_what_chance_explains_is_no_swap():
    """Nine cases, or a difference of a hair, in 50 draws of a run that knows nothing."""
    few = _make_scores(n=27)
    assert audit_swapped_labels("a", _reorder(few, 1, 0, 2)) == ()
    for seed in range(50):
        assert audit_swapped_labels("a", _make_scores(skill=0.1, seed=seed)) == ()


def test_failed_images_and_unknown_truth_do_not_stop_the_check():
    """Rows of NaN with a reason, and a label that is unknown for some."""
    scores = _reorder(_make_scores(), 1, 0, 2)
    values, truth = scores.scores.copy(), scores.truth.copy()
    values[:5] = np.nan
    truth[5:10, 0] = -1
    reasons = tuple("broken" if i < 5 else None for i in range(len(values)))
    (finding,) = audit_swapped_labels(
        "a", replace(scores, scores=values, truth=truth, reasons=reasons)
    )
    assert finding.code == "labels-swapped"


@pytest.mark.parametrize(
    ("activation", "change", "code"),
    [
        ("logit", lambda p: 8 * p - 4, None),
        ("logit", lambda p: p, "logits-look-like-probabilities"),
        ("sigmoid", lambda p: p, None),
        ("sigmoid", lambda p: 1.00001 * p, None),
        ("sigmoid", lambda p: 8 * p - 4, "scores-out-of-range"),
        ("sigmoid", lambda p: 100 * p, "scores-out-of-range"),
        ("softmax", lambda p: p / p.sum(axis=1, keepdims=True), None),
        ("softmax", lambda p: np.minimum(p + 0.5, 1), "scores-out-of-range"),
    ],
)
def test_scores_outside_what_their_activation_gives_are_found(activation, change, code):
    """Rounding is allowed for; probabilities called logits would all be yes."""
    p = np.random.default_rng(0).uniform(size=(300, 3))
    p[0] = 1.0
    values = change(p).astype(np.float32)
    scores = replace(_make_scores(), scores=values, activation=activation)
    assert [each.code for each in audit_score_range("a", scores)] == ([code] if code else [])


def _round_softmax(values, kind):
    """A softmax of these logits, as a model or a printer rounds it."""
    powers = np.exp(values.astype(np.float64))
    shares = powers / powers.sum(axis=1, keepdims=True)
    if isinstance(kind, int):
        return np.round(shares, kind)
    if kind == "bfloat16":
        bits = shares.astype(np.float32).view(np.uint32)
        return ((bits + 0x8000) & np.uint32(0xFFFF0000)).view(np.float32)
    half = np.exp(values.astype(np.float16))
    return (half / half.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 6, "float16", "bfloat16"])
@pytest.mark.parametrize("stored", [np.float32, np.float64])
def test_a_softmax_that_was_rounded_is_no_fault(kind, stored):
    """By its own type, or by whoever printed it: sums of 1.01 and 1.0003 are rounding."""
    rounded = _round_softmax(_make_scores(n=600).scores, kind)
    assert rounded.sum(axis=1).max() > 1
    scores = replace(_make_scores(n=600), scores=rounded.astype(stored), activation="softmax")
    assert audit_score_range("a", scores) == ()


@pytest.mark.parametrize("kind", [2, 3, 6, "float16"])
def test_what_rounding_can_not_do_is_an_error_all_the_same(kind):
    """Sigmoids that are called a softmax: their sums reach 1.2, printed in whatever way."""
    shares = 1 / (1 + np.exp(-_make_scores(n=600).scores.astype(np.float64)))
    values = np.round(shares, kind) if isinstance(kind, int) else shares.astype(np.float16)
    scores = replace(_make_scores(n=600), scores=values.astype(np.float32), activation="softmax")
    (finding,) = audit_score_range("a", scores)
    assert (finding.severity, finding.code) == ("error", "scores-out-of-range")


def test_zeros_and_ones_show_no_rounding():
    """A one in two columns of an image is no softmax, whatever it was rounded from."""
    scores = _make_scores(n=30)
    values = np.zeros_like(scores.scores)
    values[:, :2] = 1
    (finding,) = audit_score_range("a", replace(scores, scores=values, activation="softmax"))
    assert "add up to 2" in finding.evidence
