"""What remains of a run without the lungs, and when that is suspicious."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.audit import occlusion
from covidreport.records import Estimate
from tests.audit.cases import make_counts
from tests.metrics.study import make_evaluation, make_report, make_run


def _evaluate(area, variant=None, *, fingerprint="f1", positives=100, **interval):
    evaluation = make_evaluation(
        "a", make_counts(5, 30, positives), variant=variant, fingerprint=fingerprint
    )
    return replace(evaluation, estimates={"covid-19": {"roc_auc": Estimate(area, **interval)}})


def _audit(*evaluations):
    return occlusion.audit_occlusion(make_report([make_run(*evaluations)]))


@pytest.mark.parametrize(
    ("usual", "occluded", "suspected"),
    [
        (0.95, 0.90, True),
        (0.95, 0.50, False),
        (0.95, 0.70, False),  # less than half of what was over chance
        (0.70, 0.68, True),
        (0.60, 0.58, False),  # the interval reaches below 0.6
        (0.45, 0.90, False),  # the run itself is no better than chance
    ],
)
def test_a_shortcut_is_suspected_where_most_remains(usual, occluded, suspected):
    """The interval begins at 0.6 or higher, and half of what is over chance remains."""
    found = _audit(_evaluate(usual), _evaluate(occluded, "occlude-centre-0.8"))
    assert [each.code for each in found] == (["shortcut-suspected"] if suspected else [])


def test_few_cases_suspect_nobody():
    """0.75 on 8 cases may be chance: the interval reaches 0.54."""
    few = _evaluate(0.9, positives=8), _evaluate(0.75, "occlude-centre-0.8", positives=8)
    assert _audit(*few) == ()


@pytest.mark.parametrize("variant", ["occlude-corners-0.2", "occlude-borders-0.1", "fp16"])
def test_only_the_lungs_count(variant):
    """Without corners, borders or precision a good run remains a good run."""
    assert _audit(_evaluate(0.95), _evaluate(0.94, variant)) == ()


@pytest.mark.parametrize("variant", ["occlude-corners-0.2", "occlude-borders-0.1"])
@pytest.mark.parametrize(
    ("usual", "occluded", "needed"),
    [
        (0.94, 0.69, True),  # 0.19 of 0.44 remain
        (0.94, 0.75, False),
        (0.61, 0.55, False),  # the interval reaches the whole picture's
        (0.52, 0.30, False),  # the run itself is no better than chance
    ],
)
def test_a_run_that_needs_the_borders_is_named(variant, usual, occluded, needed):
    """Less than half of what is over chance remains without them."""
    found = _audit(_evaluate(usual), _evaluate(occluded, variant))
    assert [each.code for each in found] == (["borders-needed"] if needed else [])
    assert all("0.940 with and 0.690 (0.6" in each.evidence for each in found)


def test_other_images_are_not_compared():
    """The occlusion was evaluated before the data set changed."""
    other = _evaluate(0.94, "occlude-centre-0.8", fingerprint="f0")
    assert _audit(_evaluate(0.95), other) == ()


def test_a_stored_interval_goes_before_the_formula():
    """Where the evaluation has one, over patients say, it is the one that is used and named."""
    stored = _evaluate(0.9, "occlude-centre-0.8", low=0.55, high=0.99, method="delong")
    assert _audit(_evaluate(0.95), stored) == ()


def test_without_a_stored_interval_it_has_that_of_every_area():
    """0.9 of 100 and 600, as an export of another program has it; 1 is no single point, and of one
    positive nothing is said."""
    usual, export = _evaluate(0.95), _evaluate(0.9, "occlude-centre-0.8")
    one = occlusion.compare_occluded(usual, export, "covid-19")
    assert one.low < 0.9 < one.high
    assert one.method == "wilson, hanley-mcneil variance"
    perfect = occlusion.compare_occluded(usual, _evaluate(1.0, "occlude-centre-0.8"), "covid-19")
    assert 0.9 < perfect.low < perfect.high == 1
    counts = {"covid-19": make_counts(0, 30, 1)}
    alone = replace(_evaluate(1.0, "occlude-centre-0.8"), counts=counts)
    assert occlusion.compare_occluded(usual, alone, "covid-19") is None
