"""Attributes whose values part the ranked images by the target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.audit.document import Audit, include_audit
from covidreport.audit.separation import audit_separation, find_separation
from covidreport.metrics import estimate_subgroups, group_values
from covidreport.records import (
    Consistency,
    Estimate,
    Finding,
    MetricPlan,
    ReportData,
    ReportedRun,
    ScoreMetrics,
    Subgroups,
)
from tests.audit.cases import make_counts
from tests.metrics.study import make_evaluation, make_report, make_run

NONE = Consistency(Estimate(None), Estimate(None), 0)


def _part(**values: tuple[int, int]) -> Subgroups:
    """Subgroups of so many images with and without the target; `blank` is what is not stated."""
    truth = [t for yes, no in values.values() for t in [1] * yes + [0] * no]
    names = ["" if name == "blank" else name for name, of in values.items() for _ in range(sum(of))]
    no = np.zeros(len(truth), np.bool_)
    return estimate_subgroups(np.array(truth, np.int8), no, no, names)


def _run(
    attributes: Mapping[str, Subgroups], name: str = "a", groups: int | None = None
) -> ReportedRun:
    """A run on 280 images, of so many patients."""
    evaluation = make_evaluation(name, make_counts(1, 2, 30, 250), n_groups=groups)
    by_label = {attribute: {"covid-19": parts} for attribute, parts in attributes.items()}
    return make_run(
        replace(evaluation, score_metrics=ScoreMetrics(MetricPlan(), {}, NONE, by_label, "u"))
    )


def report_separated() -> ReportData:
    """One run on images that their source tells apart."""
    return make_report([_run({"source": _part(ieee8023=(30, 0), nih=(0, 250))})])


def _find(groups: int | None = None, **attributes: Subgroups) -> tuple[Finding, ...]:
    return audit_separation(make_report([_run(attributes, groups=groups)]))


def test_a_source_that_is_the_target_is_said_with_its_counts():
    """30 images with it from one collection, 250 without it from another, as in real data."""
    (finding,) = _find(source=_part(ieee8023=(30, 0), nih=(0, 250)))
    assert (finding.severity, finding.subjects) == ("error", ())
    assert finding.what == (
        "Every COVID-19 image is of source ieee8023 and no other image is: these metrics can't "
        "distinguish finding COVID-19 from recognising the source"
    )
    assert finding.evidence == (
        "On validation, by source: 30 of 30 images with COVID-19 and 0 of 250 without it are of "
        "ieee8023, 0 and 250 of nih (balanced accuracy of the source alone: 1.000)."
    )


def test_a_trait_of_the_patient_is_a_warning():
    """A disease may depend on who has it; with a trait of the picture beside it it's an error."""
    parts = _part(F=(30, 0), M=(0, 250))
    (finding,) = _find(sex=parts)
    assert finding.severity == "warning"
    (finding,) = _find(sex=parts, source=_part(a=(30, 0), b=(0, 250)))
    assert finding.severity == "error"


def test_a_source_that_is_nearly_the_target_is_said_as_nearly():
    """29 of 30 and 5 of 250 the other way: (29/30 + 245/250) / 2 = 0.973."""
    (finding,) = _find(source=_part(a=(29, 5), b=(1, 245)))
    assert finding.what.startswith(
        "Nearly all COVID-19 images are of source a (29 of 30) and hardly any other is (5 of 250)"
    )
    assert "0.973" in finding.evidence


def test_the_side_with_fewer_values_is_named():
    """Five hospitals with it and one without: the one is said."""
    sick = {f"h{i}": (8, 0) for i in range(5)}
    (finding,) = _find(source=_part(**sick, nih=(0, 250)))
    assert finding.what.startswith(
        "No COVID-19 image is of source nih and every other image is: these"
    )
    assert "h0, h1, h2 or 2 more, 0 and 250 of nih" in finding.evidence
    (finding,) = _find(source=_part(**sick, nih=(1, 240), other=(0, 10)))
    assert finding.what.startswith("Hardly any COVID-19 image is of source nih or other (1 of 41)")
    assert "nearly all others are (250 of 250)" in finding.what


def test_a_blank_can_tell_the_target():
    """Only the sick have no view stated."""
    (finding,) = _find(view=_part(blank=(30, 0), AP=(0, 120), PA=(0, 130)))
    assert "is of view not stated and no other" in finding.what


@pytest.mark.parametrize(
    "parts",
    [
        _part(AP=(11, 65), PA=(18, 98)),  # drawn images
        _part(AP=(3, 142), **{"AP Supine": (5, 0)}, PA=(22, 108)),  # views of the real images
        _part(a=(27, 12), b=(3, 238)),  # (0.9 + 0.952) / 2 = 0.926
        _part(a=(9, 0), b=(0, 250)),  # too few with it
        _part(a=(30, 0), b=(0, 9)),  # too few without it
        _part(**{f"{i}": (4, 0) if i < 8 else (0, 4) for i in range(16)}),  # tiny groups
        _part(a=(30, 0), b=(20, 0)),  # nothing without it
    ],
)
def test_what_does_not_part_the_images_is_no_finding(parts):
    """Balanced views, partial ones, few cases, tiny groups, one class alone."""
    assert _find(view=parts) == ()


def test_a_tiny_group_decides_nothing():
    """The four images of a tiny group count as not told: 28 of 30 remain, and are said so."""
    found = find_separation("source", _part(a=(28, 0), rare=(2, 2), b=(0, 248)))
    assert found is not None
    assert (found.matching_positives, found.matching_negatives) == (28, 248)
    assert (found.positives, found.negatives) == (30, 250)
    assert found.balanced_accuracy == pytest.approx((28 / 30 + 248 / 250) / 2)


def test_many_images_of_few_patients_are_few():
    """280 images of 70 patients: 30 images are 7 or 8 patients; of 190 patients they are 20."""
    parts = _part(a=(30, 0), b=(0, 250))
    assert _find(70, source=parts) == ()
    assert len(_find(190, source=parts)) == 1


def test_ages_in_bands_part_no_images_by_chance():
    """12 with it and 12 without it, ages drawn at random: never in 300 draws."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.array([1, 0], np.int8), 12)
    no = np.zeros(24, np.bool_)
    for _ in range(300):
        bands = group_values({"age": [str(age) for age in rng.integers(0, 95, 24)]})["age"]
        assert _find(age=estimate_subgroups(truth, no, no, bands)) == ()


def test_several_attributes_are_one_finding_the_best_first():
    """The source parts all, the view nearly all, the sex nothing."""
    (finding,) = _find(
        sex=_part(F=(12, 120), M=(18, 130)),
        view=_part(AP=(29, 5), PA=(1, 245)),
        source=_part(a=(30, 0), b=(0, 250)),
    )
    assert finding.what == (
        "Every COVID-19 image is of source a and no other image is, and view tells it too: these "
        "metrics can't distinguish finding COVID-19 from recognising the source or view"
    )
    assert "by source: 30 of 30" in finding.evidence
    assert "; by view: 29 of 30" in finding.evidence
    assert "sex" not in finding.evidence


def test_it_is_said_once_of_many_runs_and_with_the_first_that_has_subgroups():
    """Runs of the same images share them; two are of earlier versions or data without them."""
    parts = {"source": _part(a=(30, 0), b=(0, 250))}
    old = make_run(make_evaluation("old", make_counts(0, 1, 30, 250)))
    data = make_report([old, _run({}, "bare"), _run(parts, "a"), _run(parts, "b")])
    assert len(audit_separation(data)) == 1


def test_an_audit_says_it_once():
    """`render --audit` shows the audit's finding of the same code and not the report's too."""
    data: ReportData = make_report([_run({"source": _part(a=(30, 0), b=(0, 250))})])
    data = replace(data, findings=audit_separation(data))
    matching = Finding(
        "error", "shortcut-attributes", "source tells covid-19", "evidence", "remedy"
    )
    audit = Audit("images", "", "covid-19", ("covid-19",), ("validation",), 280, None, (matching,))
    assert include_audit(audit, data) == (matching,)
    assert include_audit(replace(audit, findings=()), data) == data.findings
