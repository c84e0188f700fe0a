"""Failed images that hit one label more than another."""

from __future__ import annotations

import pytest

from covidreport.audit import failures
from covidreport.records import Counts
from tests.audit.data import change_survey, make_evidence
from tests.metrics.study import make_evaluation, make_report, make_run


@pytest.mark.parametrize(
    ("failed_positive", "failed_negative", "found"),
    [
        (0, 0, False),
        (1, 20, False),
        (15, 0, True),
        (15, 320, False),
        (3, 30, False),
        (0, 60, False),
    ],
)
def test_failures_are_uneven_where_they_go_with_the_label(failed_positive, failed_negative, found):
    """28 with the label and 600 without; 15 of 28 against 320 of 600 is the same share."""
    counts = Counts(600 - failed_negative, 0, 0, 28 - failed_positive, failed_positive,
                    failed_negative)  # fmt: skip
    report = make_report([make_run(make_evaluation("a", counts))])
    assert bool(failures.audit_failed_images(report)) is found


def test_the_same_failures_of_many_runs_are_said_once():
    """Images fail alike for all runs that were evaluated on them."""
    counts = Counts(600, 0, 0, 13, 15, 0)
    runs = [make_run(make_evaluation(name, counts)) for name in "abc"]
    (finding,) = failures.audit_failed_images(make_report(runs))
    assert "COVID-19: 0.536 (15 of 28) with it failed and 0.000 (0 of 600)" in finding.evidence


def test_images_that_cannot_be_decoded_are_named_with_the_reason():
    """And where they are all of one label, that is said as well."""
    evidence = make_evidence(160)
    reasons = ["truncated" if i % 4 == 0 and i < 48 else None for i in range(160)]
    named, uneven = failures.audit_undecodable_images(
        change_survey(evidence, reasons=tuple(reasons))
    )
    assert named.what == "12 images of 160 can't be decoded"
    assert named.evidence == "0000.png: truncated; and 11 more"
    assert uneven.code == "failures-uneven"
