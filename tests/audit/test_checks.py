"""The tables of checks: each finds its fault and leaves healthy reports alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from covidreport.audit import (
    CHECKS,
    answers,
    audit_report,
    differences,
    disturbance,
    failures,
    folds,
    foreign,
    maps,
    occlusion,
    prevalence,
    separation,
    settings,
    support,
)
from covidreport.records import (
    CaseTable,
    Comparison,
    Counts,
    DisturbedRun,
    DisturbedTruth,
    Estimate,
    MeanMap,
    PixelSpec,
    ReportData,
    ReportedRun,
    RunMaps,
)
from tests.audit.cases import (
    STUDY,
    check_says_what_to_do,
    make_counts,
    make_healthy,
    make_spoiled,
    report_as_printed,
    report_study,
)
from tests.audit.test_separation import report_separated
from tests.metrics.study import make_evaluation, make_report, make_run
from tests.report.disturbed import make_foreign


def test_a_healthy_report_has_no_findings():
    """Every check is silent, so a finding means something."""
    assert audit_report(make_healthy()) == ()


def _report_tuned_on_validation() -> ReportData:
    tuned = make_evaluation("a", make_counts(3, 30), thresholds_from="tuned on validation")
    return make_report([make_run(tuned)])


def _report_failed_cases() -> ReportData:
    counts = Counts(580, 20, 3, 10, failed_positive=15)
    return make_report([make_run(make_evaluation("a", counts))])


def _report_other_folds() -> ReportData:
    def fold(run: str, images: str) -> dict[str, object]:
        return {
            "fold": images, "run": run, "evaluation": "x", "fingerprint": images, "images": 9,
            "model": None, "scores": "",
        }  # fmt: skip

    return make_report(
        [
            make_run(
                replace(
                    make_evaluation(name, make_counts(3, 30)),
                    provenance={"folds": [fold(name, parts[0]), fold(name, parts[1])]},
                )
            )
            for name, parts in (("a", "12"), ("b", "34"))
        ]
    )


def _report_without_lungs() -> ReportData:
    usual = make_evaluation("a", make_counts(3, 30))
    others = make_evaluation("a", make_counts(9, 90), variant="occlude-centre-0.8")
    with_area = [
        replace(each, estimates={"covid-19": {"roc_auc": Estimate(area)}})
        for each, area in ((usual, 0.95), (others, 0.88))
    ]
    return make_report([make_run(*with_area)])


def _report_of_corner() -> ReportData:
    drops = ((0.4, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.0))
    mean = MeanMap(9, 0.77, 0.4, 0, 0, drops)
    maps = RunMaps("a", "black", PixelSpec(8, 8), 12, mean, None)
    table = CaseTable(("a",), (0.5,), (), 0, (), 0, maps=(maps,))
    return replace(make_report([make_run(make_evaluation("a", make_counts(3, 30)))]), cases=table)


def _report_of_brittle() -> ReportData:
    """Half of 20 positives lost under inversion: McNemar's exact p of 10 to 0 is 0.002."""
    data = make_report([make_run(make_evaluation("a", make_counts(3, 30)))])
    p = 2 * 0.5**10
    lost = Comparison(
        "inversion", "as-is", "sensitivity", -0.5, p_value=p, adjusted_p_value=p, only_first=10,
        only_second=0,
    )  # fmt: skip
    truth = DisturbedTruth(20, 0, (lost,))
    return replace(data, disturbed=(DisturbedRun("a", truth, DisturbedTruth(20, 0, ())),))


def _report_of_foreign() -> ReportData:
    """20 of 40 negatives more are called upside down."""
    data = make_report([make_run(make_evaluation("a", make_counts(3, 30)))])
    return replace(data, foreign=(make_foreign("a", 20),))


UNHEALTHY: dict[object, Callable[[], ReportData]] = {
    prevalence.audit_prevalence: report_study,
    differences.audit_best_run: report_study,
    answers.audit_degenerate: report_study,
    answers.audit_identical_counts: report_as_printed,
    answers.audit_published_metrics: report_study,
    settings.audit_published_settings: report_study,
    settings.audit_negative_loss: report_study,
    settings.audit_last_batch_loss: report_study,
    settings.audit_augmented: report_study,
    settings.audit_export: lambda: make_spoiled(
        exported_epoch={"rule": "best", "split": "validation"}
    ),
    settings.audit_thresholds: _report_tuned_on_validation,
    settings.audit_weights: lambda: make_spoiled(started_from={"weights": None}),
    settings.audit_freezing: report_study,
    support.audit_reported_positives: report_study,
    support.audit_repeated_use: report_study,
    failures.audit_failed_images: _report_failed_cases,
    occlusion.audit_occlusion: _report_without_lungs,
    maps.audit_maps: _report_of_corner,
    disturbance.audit_disturbed: _report_of_brittle,
    foreign.audit_foreign: _report_of_foreign,
    separation.audit_separation: report_separated,
    folds.audit_other_folds: _report_other_folds,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_its_fault_and_says_what_to_do(check):
    """Walks the table: a new check needs an example here, a text, evidence and a remedy."""
    check_says_what_to_do(check(UNHEALTHY[check]()))
    assert check.__doc__


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("mcnemar-exact", "by McNemar's exact test, by Holm"),
        ("sign-flip over groups", "by the sign-flip test, each patient's images kept together, by"),
    ],
)
def test_findings_on_changed_pictures_name_the_test_that_was_made(test, said):
    """Patients with several images are not compared by McNemar's."""
    data = _report_of_brittle()
    (run,) = data.disturbed
    (lost,) = run.positives.changes
    both = (replace(lost, first="jpeg-5", test=test), replace(lost, test=test))
    positives = replace(run.positives, changes=both)
    changed = replace(data, disturbed=(replace(run, positives=positives),))
    (finding,) = disturbance.audit_disturbed(changed)
    assert said in finding.evidence
    assert finding.what.endswith(
        "pictures are changed: JPEG at severity 5 (10 of 20 missed) and inversion (10 of 20 missed)"
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "runs", [(), (ReportedRun(make_run(make_evaluation("a", make_counts(1, 2))).run, None),)]
)
def test_every_check_bears_a_report_without_evaluations(check, runs):
    """No runs, or a run that failed: nothing to say, and no error."""
    assert check(make_report(list(runs))) == ()


@pytest.mark.parametrize(
    ("cases", "outside", "peak", "said"),
    [
        (9, 0.77, 0.4, 1),
        (4, 0.77, 0.4, 0),
        (9, 0.5, 0.4, 0),
        (9, 0.77, 0.009, 0),
        (9, None, -0.4, 0),
    ],
)
def test_few_cases_and_small_effects_say_nothing_of_where_a_run_looks(cases, outside, peak, said):
    """Five found cases, more than half of the drop, and a hundredth of the score at least."""
    data = _report_of_corner()
    assert data.cases is not None
    (one,) = data.cases.maps
    assert one.found is not None
    mean = replace(one.found, cases=cases, outside=outside, peak=peak)
    table = replace(data.cases, maps=(replace(one, found=mean),))
    assert len(maps.audit_maps(replace(data, cases=table))) == said


def test_the_study_has_these_findings_the_gravest_first():
    """What a good report of the study would have said, as far as counts and settings tell it."""
    assert [(finding.severity, finding.code) for finding in STUDY] == [
        ("error", "prevalence-differs"),
        ("error", "loss-below-zero"),
        ("warning", "best-run-not-distinguishable"),
        ("warning", "degenerate-run"),
        ("warning", "published-figure-contradicted"),
        ("warning", "published-settings-differ"),
        ("warning", "augmented-evaluation"),
        ("warning", "freeze-without-effect"),
        ("warning", "too-few-positives"),
        ("note", "last-batch-loss-only"),
        ("note", "images-used-often"),
    ]
