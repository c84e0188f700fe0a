"""Each check: what it finds in the published study, and that it leaves healthy runs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from covidreport.audit import CHECKS, answers, audit_report, differences, prevalence, settings
from covidreport.metrics import bound_mcnemar
from covidreport.records import Counts, Epoch, Finding, ReportData, ReportedRun
from tests.metrics.study import (
    AS_PRINTED,
    make_evaluation,
    make_report,
    make_run,
    read_study,
    read_study_run,
)

STUDY = audit_report(make_report(list(read_study().values())))


def _find(code: str) -> Finding:
    """The one finding of the study with this code."""
    (finding,) = (each for each in STUDY if each.code == code)
    return finding


def _experiments(finding: Finding) -> list[str]:
    return sorted((name.split("-")[0][3:] for name in finding.subjects), key=int)


def _counts(missed: int, false_alarms: int, positives: int = 28, negatives: int = 600) -> Counts:
    return Counts(negatives - false_alarms, false_alarms, missed, positives - missed)


def _with_history(run: ReportedRun, *values: dict[str, float | None]) -> ReportedRun:
    epochs = tuple(Epoch(place, each) for place, each in enumerate(values, start=1))
    return replace(run, run=replace(run.run, history=epochs))


def _three_labels(covid: Counts, normal: Counts, pneumonia: Counts) -> dict[str, Counts]:
    return {"covid-19": covid, "normal": normal, "pneumonia": pneumonia}


def _healthy() -> ReportData:
    """Three runs that differ, one convention, a clear winner, mean losses, the last epoch."""
    runs = []
    for place, missed in enumerate((2, 30, 60)):
        name = f"run-{place}"
        # 100 + 400 + 300 images with one label each, and 4 times as many in training
        validation = _three_labels(
            _counts(missed, 40 + place, 100, 700),
            _counts(30 + place, 20 + place, 400, 400),
            _counts(50 + missed, 60 - place, 300, 500),
        )
        train = _three_labels(
            _counts(3 * missed, 150 + place, 400, 2800),
            _counts(90 + place, 60 + place, 1600, 1600),
            _counts(180 + missed, 190 - place, 1200, 2000),
        )
        run = make_run(
            make_evaluation(name, validation),
            make_evaluation(name, train, split="train", fingerprint="f1"),
            hyperparameters={"architecture": "resnet18", "loss": "focal", "frozen": ["conv1"]},
            started_from={"weights": "imagenet"},
            exported_epoch={"rule": "best", "epoch": 2, "metric": "micro_f1", "split": "tuning"},
        )
        first: dict[str, float | None] = {"train_loss": 0.5, "last_batch_loss": 0.4}
        runs.append(_with_history(run, first, {"train_loss": 0.0}))
    return make_report(runs)


def test_a_healthy_report_has_no_findings():
    """Every check is silent, so a finding means something."""
    assert audit_report(_healthy()) == ()


def _spoil(**settings_of_first: object) -> ReportData:
    """The healthy report with other settings for its first run."""
    data = _healthy()
    first = data.runs[0]
    spoiled = replace(first, run=replace(first.run, settings=settings_of_first))
    return replace(data, runs=(spoiled, *data.runs[1:]))


def _report_study() -> ReportData:
    return make_report(list(read_study().values()))


def _report_as_printed() -> ReportData:
    return make_report(list((read_study() | {"17": read_study_run(AS_PRINTED)}).values()))


def _report_tuned_on_validation() -> ReportData:
    tuned = make_evaluation("a", _counts(3, 30), thresholds_from="tuned on validation")
    return make_report([make_run(tuned)])


UNHEALTHY: dict[object, Callable[[], ReportData]] = {
    prevalence.audit_prevalence: _report_study,
    differences.audit_best_run: _report_study,
    answers.audit_degenerate: _report_study,
    answers.audit_identical_counts: _report_as_printed,
    answers.audit_published_figures: _report_study,
    settings.audit_published_settings: _report_study,
    settings.audit_negative_loss: _report_study,
    settings.audit_last_batch_loss: _report_study,
    settings.audit_export: lambda: _spoil(exported_epoch={"rule": "best", "split": "validation"}),
    settings.audit_thresholds: _report_tuned_on_validation,
    settings.audit_weights: lambda: _spoil(started_from={"weights": None}),
    settings.audit_freezing: _report_study,
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_its_fault_and_says_what_to_do(check):
    """Walks the table: a new check needs an example here, a text, evidence and a remedy."""
    findings = check(UNHEALTHY[check]())
    assert findings
    for finding in findings:
        assert finding.code == finding.code.lower().replace(" ", "-")
        for text in (finding.what, finding.evidence, finding.remedy):
            assert len(text.split()) >= 3
            assert "None" not in text
        assert check.__doc__


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "runs", [(), (ReportedRun(make_run(make_evaluation("a", _counts(1, 2))).run, None),)]
)
def test_every_check_bears_a_report_without_evaluations(check, runs):
    """No runs, or a run that failed: nothing to say, and no error."""
    assert check(make_report(list(runs))) == ()


def test_the_study_has_these_findings_the_gravest_first():
    """What a good report of the study would have said, as far as counts and settings tell it."""
    assert [(finding.severity, finding.code) for finding in STUDY] == [
        ("error", "prevalence-differs"),
        ("error", "loss-below-zero"),
        ("warning", "best-run-not-distinguishable"),
        ("warning", "degenerate-run"),
        ("warning", "published-figure-contradicted"),
        ("warning", "published-settings-differ"),
        ("warning", "freeze-without-effect"),
        ("note", "last-batch-loss-only"),
    ]


# Prevalence


def test_the_study_has_two_label_conventions():
    """35.5 % and 4.5 %; 2200 = 200 covid-19 + 2000 pneumonia, said as likely."""
    finding = _find("prevalence-differs")
    assert "covid-19 is 35.5 % (2200 of 6200) of train and 4.5 % (28 of 628) of validation" in (
        finding.what
    )
    assert "Likely" in finding.what
    assert "p < 0.0001" in finding.evidence
    assert "every pneumonia image counts as covid-19 too" in finding.evidence
    assert "200 covid-19 and 2000 pneumonia images" in finding.evidence
    assert "8200 on 6200" in finding.evidence
    assert "628 on 628" in finding.evidence
    assert "do not prove it" in finding.evidence
    assert finding.subjects == ()


def _compare_prevalence(
    train: dict[str, Counts], validation: dict[str, Counts], groups: tuple[int, int] | None = None
) -> tuple[Finding, ...]:
    of_train, of_validation = groups or (None, None)
    run = make_run(
        make_evaluation("a", validation, n_groups=of_validation),
        make_evaluation("a", train, split="train", n_groups=of_train),
    )
    return prevalence.audit_prevalence(make_report([run]))


def _support(positives: int, negatives: int) -> Counts:
    return _counts(0, 0, positives, negatives)


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ((70, 600), (30, 250)),
        ((200, 6000), (28, 600)),
        ((1, 3), (3, 1)),
        ((400, 0), (100, 0)),
        ((0, 400), (0, 100)),
    ],
)
def test_prevalences_within_chance_are_no_finding(train, validation):
    """A split of real radiographs, the study's with one convention, and tiny or constant ones."""
    labels = {"covid-19": _support(*train)}, {"covid-19": _support(*validation)}
    assert _compare_prevalence(*labels) == ()


def test_a_difference_without_a_surplus_of_labels_has_no_stated_reason():
    """Balanced training data: true, worth a warning, and not a second convention."""
    train = _three_labels(_support(500, 1000), _support(500, 1000), _support(500, 1000))
    validation = _three_labels(_support(28, 600), _support(400, 228), _support(200, 428))
    (finding,) = _compare_prevalence(train, validation)
    assert finding.severity == "warning"
    assert "Likely" not in finding.what + finding.evidence


def test_multi_label_data_has_no_stated_reason():
    """Where images carry several labels in both splits, a surplus says nothing."""
    train = _three_labels(_support(700, 300), _support(300, 700), _support(600, 400))
    validation = _three_labels(_support(100, 300), _support(120, 280), _support(240, 160))
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_two_labels_of_equal_size_are_both_named_as_the_likely_reason():
    """2000 normal and 2000 pneumonia: counts can't say which of them counts as covid-19 too."""
    train = _three_labels(_support(2200, 2000), _support(2000, 2200), _support(2000, 2200))
    validation = _three_labels(_support(20, 400), _support(200, 220), _support(200, 220))
    (finding,) = _compare_prevalence(train, validation)
    assert "every normal or every pneumonia image counts as covid-19 too" in finding.evidence


def test_a_target_that_is_rarer_where_labels_overlap_is_not_explained_by_them():
    """An overlap makes its label more frequent, not less."""
    train = _three_labels(_support(300, 5700), _support(5700, 300), _support(100, 5900))
    validation = _three_labels(_support(300, 328), _support(228, 400), _support(100, 528))
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_a_target_that_is_nothing_but_the_overlap_has_no_stated_reason():
    """As many covid-19 as pneumonia positives: none would be left if pneumonia were taken off."""
    train = _three_labels(_support(2000, 4000), _support(4000, 2000), _support(2000, 4000))
    validation = _three_labels(_support(28, 600), _support(400, 228), _support(200, 428))
    (finding,) = _compare_prevalence(train, validation)
    assert "Likely" not in finding.what + finding.evidence


def test_images_of_few_patients_are_not_taken_for_many():
    """60 of 300 against 20 of 300 is beyond chance for images, and not for 60 patients each."""
    labels = {"covid-19": _support(60, 240)}, {"covid-19": _support(20, 280)}
    assert len(_compare_prevalence(*labels)) == 1
    assert _compare_prevalence(*labels, groups=(60, 60)) == ()


def test_splits_of_other_data_sets_are_not_compared():
    """An external test set may have any prevalence."""
    run = make_run(
        make_evaluation("a", _support(28, 600)),
        make_evaluation("a", _support(300, 300), split="test", dataset="elsewhere"),
    )
    assert prevalence.audit_prevalence(make_report([run])) == ()


# The best run


def test_the_studys_best_run_cannot_be_told_from_the_next_ones():
    """All but experiments 8 and 16, whose gaps to 8 missed are 16 and 18 cases."""
    finding = _find("best-run-not-distinguishable")
    assert finding.subjects[0] == "exp15-vgg16-bce-frozen"
    assert _experiments(finding) == sorted(
        (number for number in read_study() if number not in {"8", "9", "10", "16"}), key=int
    )
    assert "misses 8 of 28 covid-19 cases" in finding.what
    assert "13 of the 15 other ranked runs: these miss 10 to 19" in finding.what
    assert "120 pairs of 16 ranked runs" in finding.evidence
    # gap 11, with the two larger gaps of exp15, and some of others, tested before it
    assert bound_mcnemar(11) == pytest.approx(0.000977, abs=1e-6)
    assert "19 missed (exp12-resnet18-focal): p ≥ 0.10" in finding.evidence


def _compare_best(*missed: int) -> tuple[Finding, ...]:
    runs = [
        make_run(make_evaluation(f"run-{place:02}", _counts(each, 100 + place)))
        for place, each in enumerate(missed)
    ]
    return differences.audit_best_run(make_report(runs))


@pytest.mark.parametrize(("others", "gap"), [(1, 6), (17, 13)])
def test_the_smallest_gap_tells_the_best_run_apart_and_one_case_less_does_not(others, gap):
    """6 cases between two runs; 13 where the best was picked among 18 (153 pairs)."""
    assert _compare_best(2, *[2 + gap] * others) == ()
    (finding,) = _compare_best(2, *[2 + gap - 1] * others)
    assert len(finding.subjects) == 1 + others


def test_equal_runs_are_told_apart_by_nothing():
    """Both share the first rank."""
    (finding,) = _compare_best(5, 5)
    assert "p = 1" in finding.evidence
    assert "the other ranked run: these miss 5" in finding.what


def test_one_ranked_run_has_nobody_to_be_compared_with():
    """The unranked are not compared."""
    assert _compare_best(5) == ()
    assert _compare_best(5, 28) == ()


# Answers


def test_the_studys_degenerate_runs_are_named_with_their_figures():
    """Experiments 9 and 10 call all, and all but one, of 628 images negative."""
    finding = _find("degenerate-run")
    assert _experiments(finding) == ["9", "10"]
    assert "exp9-vgg16-focal calls 628 of 628 images negative" in finding.evidence
    assert "exp10-vgg16-bce calls 627 of 628 images negative" in finding.evidence


def test_a_constant_answer_to_a_constant_truth_is_right():
    """A split without the target: calling nothing positive is no fault of the run."""
    report = make_report([make_run(make_evaluation("a", _support(0, 600)))])
    assert answers.audit_degenerate(report) == ()


def test_a_run_without_answers_is_not_called_degenerate():
    """Every image failed: that is another fault, and it is told as such."""
    counts = Counts(0, 0, 0, 0, failed_positive=28, failed_negative=600)
    assert answers.audit_degenerate(make_report([make_run(make_evaluation("a", counts))])) == ()


def test_experiment_17_as_printed_is_found_as_a_copy_of_16():
    """The report printed experiment 16's matrices: the same counts on both splits."""
    (finding,) = answers.audit_identical_counts(_report_as_printed())
    assert _experiments(finding) == ["16", "17"]
    assert "validation and train" in finding.what
    assert "covid-19 tn 464, fp 136, fn 26, tp 2" in finding.evidence


def test_experiment_17_as_printed_contradicts_its_row_of_the_table():
    """Its accuracies and F1 on both splits are those of other counts."""
    findings = answers.audit_published_figures(_report_as_printed())
    (finding,) = (each for each in findings if "exp17-vgg16-focal-frozen" in each.subjects)
    assert finding.what.startswith("4 printed figures")


def test_the_study_itself_has_no_identical_counts():
    """18 runs, two of which answer almost nothing but no."""
    assert answers.audit_identical_counts(_report_study()) == ()


@pytest.mark.parametrize(
    "counts",
    [
        _three_labels(_counts(0, 0), _counts(0, 0), _counts(0, 0)),
        _three_labels(_counts(28, 0), _counts(28, 0), _counts(28, 0)),
        _three_labels(_counts(0, 600), _counts(28, 0), _counts(0, 0)),
        _three_labels(_counts(1, 0), _counts(0, 2), _counts(1, 1)),
        {"covid-19": _counts(2, 3, 5, 7)},
    ],
    ids=["perfect", "all negative", "constant", "nearly perfect", "small"],
)
def test_runs_that_can_hardly_differ_may_be_identical(counts):
    """Perfect, constant and tiny results agree without being copies."""
    runs = [make_run(make_evaluation(name, counts)) for name in ("a", "b")]
    assert answers.audit_identical_counts(make_report(runs)) == ()


def test_equal_counts_on_other_images_are_not_a_copy_of_each_other():
    """Only the same split of the same data is compared."""
    counts = _three_labels(_counts(9, 190), _counts(11, 80), _counts(13, 70))
    runs = [
        make_run(make_evaluation(name, counts, fingerprint=fingerprint))
        for name, fingerprint in (("a", "f1"), ("b", "f2"))
    ]
    assert answers.audit_identical_counts(make_report(runs)) == ()


def test_the_one_wrong_cell_of_the_studys_table_is_named():
    """Experiment 18, training F1: 0.807 by the counts, 0.801 printed."""
    finding = _find("published-figure-contradicted")
    assert finding.subjects == ("exp18-resnet18-focal",)
    assert finding.evidence == (
        "Figures of train, Micro F1: the counts give 12688/15717 = 0.80728, printed is 0.801"
    )


@pytest.mark.parametrize(
    ("printed", "rounding", "wrong"),
    [
        (0.666, "cut", False),
        (0.667, "cut", True),
        (0.667, "round", False),
        (0.666, "round", True),
        (0.665, "cut", True),
    ],
)
def test_a_printed_figure_is_judged_by_how_it_was_shortened(printed, rounding, wrong):
    """F1 = 2*10 / (2*10 + 4 + 6) = 2/3."""
    run = make_run(
        make_evaluation("a", Counts(tn=80, fp=4, fn=6, tp=10)),
        published={"validation_f1": printed, "decimals": {"f1": 3}, "rounding": rounding},
    )
    assert bool(answers.audit_published_figures(make_report([run]))) is wrong


@pytest.mark.parametrize(("printed", "wrong"), [(0.8500, False), (0.8499, True), (0.8501, True)])
def test_a_figure_that_is_exact_is_not_cut_to_the_one_below(printed, wrong):
    """85 right answers of 100 are 85.00 %, not 84.99 %."""
    run = make_run(
        make_evaluation("a", Counts(tn=75, fp=10, fn=5, tp=10)),
        published={"validation_accuracy": printed, "decimals": {"accuracy": 4}, "rounding": "cut"},
    )
    assert bool(answers.audit_published_figures(make_report([run]))) is wrong


@pytest.mark.parametrize(
    "published",
    [None, "0.667", {}, {"validation_f1": 0.1}, {"test_f1": 0.1, "decimals": {"f1": 3}}],
)
def test_published_figures_that_cannot_be_checked_are_left_alone(published):
    """No figures, no decimals, or a split that was not evaluated."""
    run = make_run(make_evaluation("a", _counts(5, 50)), published=published)
    assert answers.audit_published_figures(make_report([run])) == ()


# Settings


def test_the_studys_focal_loss_is_no_focal_loss():
    """Every recorded loss of the six focal runs that recorded one is below 0."""
    finding = _find("loss-below-zero")
    assert _experiments(finding) == ["1", "4", "5", "8", "17", "18"]
    assert "exp1-vgg16-focal (focal): 20 of 20 values below 0, the lowest -0.0269 in epoch 17" in (
        finding.evidence
    )


@pytest.mark.parametrize(
    ("loss", "value"),
    [("bce", 0.0), ("focal", 0.2), ("negative-log-likelihood", -1.0), (None, -1.0)],
)
def test_a_loss_that_may_be_what_it_is_is_no_finding(loss, value):
    """0 is a loss; and of a loss that is not known to be positive nothing is said."""
    run = make_run(make_evaluation("a", _counts(5, 50)), hyperparameters={"loss": loss})
    report = make_report([_with_history(run, {"train_loss": value, "train_f1": -1.0})])
    assert settings.audit_negative_loss(report) == ()


def test_the_study_recorded_the_last_batch_alone():
    """The ten runs with a loss; the eight without any are not named."""
    finding = _find("last-batch-loss-only")
    assert _experiments(finding) == ["1", "2", "3", "4", "5", "6", "7", "8", "17", "18"]


def test_the_settings_that_the_studys_table_has_wrong_are_named():
    """Architecture of 2, 3, 6, 7, 10, 15 and 16; the loss of 18; the learning rate of 6."""
    finding = _find("published-settings-differ")
    assert _experiments(finding) == ["2", "3", "6", "7", "10", "15", "16", "18"]
    assert finding.evidence.count("architecture") == 7
    assert "'Res18 Fine tuning BCELoss' means architecture resnet18, ran vgg16" in finding.evidence
    assert "'BCELoss lr 0.00001' means learning_rate 1e-05, ran 0.0001" in finding.evidence
    assert "'Res18 Fine tuning BCE Loss' means loss bce, ran focal" in finding.evidence


def test_the_study_froze_layers_that_were_replaced():
    """Experiments 16 and 18."""
    assert _experiments(_find("freeze-without-effect")) == ["16", "18"]


@pytest.mark.parametrize(
    ("exported", "found"),
    [
        ({"rule": "best", "epoch": 3, "metric": "micro_f1", "split": "validation"}, True),
        ({"rule": "best", "epoch": 3, "metric": "micro_f1", "split": "tuning"}, False),
        ({"rule": "last", "epoch": 3, "metric": None, "split": None}, False),
        ({"rule": "last", "epoch": 3, "split": "validation"}, False),
        ("last", False),
    ],
)
def test_an_epoch_picked_on_the_reported_split_is_named(exported, found):
    """The last epoch, or one picked elsewhere, is fine."""
    findings = settings.audit_export(_spoil(exported_epoch=exported))
    assert [finding.subjects for finding in findings] == ([("run-0",)] if found else [])


@pytest.mark.parametrize("origin", ["default", "option", "tuned on train", "published"])
def test_thresholds_from_elsewhere_are_no_finding(origin):
    """Fixed beforehand, or tuned on another split."""
    evaluation = make_evaluation("a", _counts(3, 30), thresholds_from=origin)
    assert settings.audit_thresholds(make_report([make_run(evaluation)])) == ()


def test_thresholds_whose_images_were_compared_are_not_judged_by_the_splits_name():
    """Tuned on another data set's validation split: the name is the same and the images are not."""
    tuned = make_evaluation("a", _counts(3, 30), thresholds_from="tuned on validation")
    compared = replace(tuned, provenance={"tuning": {"dataset": "other", "split": "validation"}})
    assert settings.audit_thresholds(make_report([make_run(tuned)])) != ()
    assert settings.audit_thresholds(make_report([make_run(compared)])) == ()


@pytest.mark.parametrize(
    ("started", "found"),
    [
        ({"weights": None}, True),
        ({"weights": "none"}, True),
        ({"weights": "imagenet"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_start_from_random_weights_is_noted_only_where_it_is_stated(started, found):
    """A run that does not say what it started from is not accused of anything."""
    assert bool(settings.audit_weights(_spoil(started_from=started))) is found
