"""All that one run's scores say: against scikit-learn, statsmodels and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
    roc_curve,
)
from statsmodels.api import GLM, add_constant
from statsmodels.genmod.families import Binomial
from statsmodels.stats.proportion import proportion_confint

from covidreport.metrics import (
    compute_metrics,
    group_values,
    net_benefit,
    single_values,
    to_probabilities,
)
from covidreport.metrics.proportions import code_groups, interval_of_units
from covidreport.metrics.score_metrics import DECISION_THRESHOLDS
from covidreport.records import Counts, Estimate, MetricPlan, Scores

LABELS = ("covid-19", "normal", "pneumonia")
PLAN = MetricPlan(normal="normal", prevalence={"covid-19": 0.1})


def _scores(images=400, per_patient=0, seed=0, **changes):
    """Logits that know something; with `per_patient`, images of a patient resemble each other."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, 3)) < [0.2, 0.5, 0.4]).astype(np.int8)
    noise = rng.normal(size=(images, 3))
    groups = None
    if per_patient:
        patients = np.arange(images) // per_patient
        truth = truth[patients * per_patient]
        noise = noise[patients * per_patient] + 0.1 * noise
        groups = tuple(f"p{n}" for n in patients)
    values = (noise + 2 * truth - 1).astype(np.float32)
    scores = Scores(
        tuple(f"{i}.png" for i in range(images)), LABELS, truth, values, "logit",
        (None,) * images, groups,
    )  # fmt: skip
    return replace(scores, **changes)


def _width(estimate):
    return estimate.high - estimate.low


@pytest.fixture(scope="module")
def scores():
    return _scores(attributes={"sex": ("F", "M") * 200, "view": ("PA",) * 200 + ("",) * 200})


@pytest.fixture(scope="module")
def found(scores):
    return compute_metrics(scores, [0.5] * 3, PLAN)


def test_values_are_those_of_scikit_learn(scores, found):
    """F1, balanced accuracy, MCC, ROC AUC and the Brier score of every label."""
    for k, label in enumerate(LABELS):
        truth, logits = scores.truth[:, k], scores.scores[:, k].astype(float)
        answers, figures = logits > 0, found.estimates[label]
        assert figures["f1"].value == pytest.approx(f1_score(truth, answers))
        theirs = balanced_accuracy_score(truth, answers)
        assert figures["balanced_accuracy"].value == pytest.approx(theirs)
        assert figures["mcc"].value == pytest.approx(matthews_corrcoef(truth, answers))
        assert figures["roc_auc"].value == pytest.approx(roc_auc_score(truth, logits))
        calibration = found.score_metrics.labels[label].calibration
        probabilities = 1 / (1 + np.exp(-logits))
        assert calibration.brier.value == pytest.approx(brier_score_loss(truth, probabilities))
        shares, means = calibration_curve(truth, probabilities, n_bins=10)
        filled = [each for each in calibration.bins if each.count]
        assert [each.observed.value for each in filled] == pytest.approx(list(shares))
        assert [each.predicted for each in filled] == pytest.approx(list(means))


def test_average_precision_has_the_variance_of_a_loop_of_scikit_learn(scores, found):
    """1,000 resamples by scikit-learn; then Wilson's on the sample that has their variance."""
    truth, logits = scores.truth[:, 0], scores.scores[:, 0]
    rng, values = np.random.default_rng(9), []
    for _ in range(1000):
        rows = rng.integers(0, len(truth), len(truth))
        values.append(average_precision_score(truth[rows], logits[rows]))
    value, positives = average_precision_score(truth, logits), int(truth.sum())
    size = min(value * (1 - value) / np.var(values), 3 * positives)
    size *= (stats.norm.ppf(0.975) / stats.t.ppf(0.975, positives - 1)) ** 2
    ends = proportion_confint(value * size, size, method="wilson")
    ours = found.estimates["covid-19"]["average_precision"]
    assert ours.method == "wilson, infinitesimal jackknife, approximate"
    assert [ours.low, ours.high] == pytest.approx(list(ends), abs=0.1 * (ends[1] - ends[0]))


def test_overall_figures_have_intervals_around_them(found):
    """Images are the units of what counts several answers of each."""
    methods = {
        "micro_f1": "wilson of F* over images",
        "macro_f1": "wilson, delta variance over images",
        "label_accuracy": "wilson over images",
        "exact_match": "wilson",
    }
    overall = {**found.estimates[""]}
    assert overall.pop("top_1_accuracy").value is None  # these labels don't exclude each other
    for key, estimate in overall.items():
        assert estimate.low < estimate.value < estimate.high, key
        assert estimate.method == methods[key]


@pytest.mark.parametrize(("kind", "theirs"), [("wilson", "wilson"), ("clopper-pearson", "beta")])
def test_rates_have_the_interval_of_the_plan(scores, kind, theirs):
    """statsmodels' proportion_confint, for estimates, bins, subgroups and label consistency."""
    found = compute_metrics(scores, [0.5] * 3, replace(PLAN, interval=kind))
    label = found.score_metrics.labels["normal"]
    rates = [
        *(found.estimates["normal"][name] for name in ("sensitivity", "npv")),
        found.estimates[""]["exact_match"],
        label.calibration.bins[4].observed,
        found.score_metrics.subgroups["sex"]["normal"].groups[0].specificity,
        found.score_metrics.consistency.contradiction,
    ]
    for rate in rates:
        assert rate.method == kind
        ends = proportion_confint(rate.numerator, rate.denominator, method=theirs)
        assert (rate.low, rate.high) == pytest.approx(ends, abs=1e-9)


def test_with_patients_every_interval_allows_for_them():
    """Ten images that all but agree for each of 60 patients: wider than 600 images would say."""
    scores = _scores(600, per_patient=10, attributes={"sex": ("F", "M") * 300})
    grouped = compute_metrics(scores, [0.5] * 3, PLAN)
    plain = compute_metrics(replace(scores, groups=None), [0.5] * 3, PLAN)
    for label in LABELS:
        for name, estimate in grouped.estimates[label].items():
            if name == "prevalence":
                continue  # has no interval
            assert "over groups" in str(estimate.method), name
            assert 2 < _width(estimate) / _width(plain.estimates[label][name]) < 4.5, name
    details = grouped.score_metrics
    covid = details.labels["covid-19"]
    several = [
        covid.positive_likelihood_ratio, covid.ppv, covid.npv, details.consistency.nothing,
        details.subgroups["sex"]["normal"].groups[0].sensitivity,
        *(each.observed for each in covid.calibration.bins if each.count),
    ]  # fmt: skip
    assert {"over groups" in str(each.method) for each in several if each.low is not None} == {True}
    assert grouped.estimates[""]["exact_match"].method == "wilson over groups"


def test_patients_with_one_image_each_are_images(scores, found):
    """The formulas hold, and equal files come out whether patients are named or not."""
    named = compute_metrics(replace(scores, groups=scores.sample_ids), [0.5] * 3, PLAN)
    assert named.estimates == found.estimates
    assert code_groups(("a", "b")) is None
    assert code_groups(("a", "b", "a")).tolist() == [0, 1, 0]


def test_the_calibration_line_with_patients_is_that_of_statsmodels():
    """GLM with cov_type cluster, without its correction for few images."""
    scores = _scores(300, per_patient=3, seed=4)
    groups = code_groups(scores.groups)
    line = compute_metrics(scores, [0.5] * 3).score_metrics.labels["normal"].calibration
    truth, x = scores.truth[:, 1], scores.scores[:, 1].astype(float)
    fit = {"cov_type": "cluster", "cov_kwds": {"groups": groups, "use_correction": False}}
    scale = np.sqrt(100 / 99)
    slope = GLM(truth, add_constant(x), family=Binomial()).fit(**fit)
    intercept = GLM(truth, np.ones(300), family=Binomial(), offset=x).fit(**fit)
    for ours, model, place in ((line.slope, slope, 1), (line.intercept, intercept, 0)):
        assert ours.method == "wald over groups"
        assert ours.value == pytest.approx(model.params[place], abs=1e-6)
        margin = 1.959964 * model.bse[place] * scale
        assert _width(ours) / 2 == pytest.approx(margin, rel=1e-5)


def test_everything_right_is_no_certainty():
    """14 patients with four images each, two of them positives: every metric has an interval."""
    truth = np.tile(np.array([[1], [0]], dtype=np.int8), (28, 1))
    ids = tuple(map(str, range(56)))
    scores = Scores(ids, ("covid-19",), truth, (4.0 * truth - 2).astype(np.float32), "logit",
                    (None,) * 56, tuple(f"p{i // 4}" for i in range(56)))  # fmt: skip
    figures = compute_metrics(scores, [0.5]).estimates
    sensitivity = figures["covid-19"]["sensitivity"]
    n = 14 * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 13)) ** 2
    ends = proportion_confint(n, n, method="wilson")
    assert (sensitivity.low, sensitivity.high) == pytest.approx(ends)
    for name, figure in figures["covid-19"].items():
        if name == "prevalence":
            continue  # has no interval
        assert figure.value is not None
        assert figure.low is not None
        assert figure.low < figure.value
        assert "over groups" in str(figure.method)


def test_equal_scores_give_equal_figures(scores, found):
    """No clock, no order of a set, no state."""
    assert compute_metrics(scores, [0.5] * 3, PLAN) == found


def test_operating_points_are_those_of_scikit_learn(scores, found):
    """roc_curve's best point at a specificity of at least 0.9, and the reverse."""
    truth, logits = scores.truth[:, 2], scores.scores[:, 2]
    alarms, hits, _ = roc_curve(truth, logits, drop_intermediate=False)
    one = found.score_metrics.labels["pneumonia"]
    assert [each.at for each in one.sensitivity_at] == [0.9, 0.95]
    for each in one.sensitivity_at:
        best = hits[1 - alarms >= each.at - 1e-12].max()
        assert each.estimate.value == pytest.approx(best)
    for each in one.specificity_at:
        best = (1 - alarms)[hits >= each.at - 1e-12].max()
        assert each.estimate.value == pytest.approx(best)


def test_net_benefit_by_hand(scores, found):
    """tp / n - fp / n x t / (1 - t) at each threshold, and that of treating everybody."""
    truth = scores.truth[:, 0]
    probabilities = to_probabilities(scores.scores[:, 0], "logit")
    curve = found.score_metrics.labels["covid-19"].net_benefit
    assert [point.threshold for point in curve] == list(DECISION_THRESHOLDS)
    for point in curve:
        called, odds = probabilities > point.threshold, point.threshold / (1 - point.threshold)
        tp, fp = (called & (truth == 1)).sum(), (called & (truth == 0)).sum()
        assert point.run == pytest.approx((tp - odds * fp) / 400)
        assert point.treat_all == pytest.approx(truth.mean() - odds * (1 - truth.mean()))
        counts = Counts(400 - truth.sum() - fp, fp, truth.sum() - tp, tp)
        by_hand = net_benefit(counts, point.threshold)
        assert (point.low, point.high) == pytest.approx((by_hand.low, by_hand.high))
        assert point.method == by_hand.method


def test_predictive_values_are_told_where_a_prevalence_is_stated(found):
    """Bayes' rule from the label's own rates; nothing for the other labels."""
    rates = found.estimates["covid-19"]
    hit, alarm = 0.1 * rates["sensitivity"].value, 0.9 * (1 - rates["specificity"].value)
    one = found.score_metrics.labels["covid-19"]
    assert (one.prevalence, one.ppv.value) == (0.1, pytest.approx(hit / (hit + alarm)))
    assert found.score_metrics.labels["normal"].ppv == Estimate(None)


def test_subgroups_and_consistency_are_counted(scores, found):
    """By sex, and by view with the images that state none; answers looked at by hand."""
    sex = found.score_metrics.subgroups["sex"]["covid-19"]
    assert [group.value for group in sex.groups] == ["F", "M"]
    assert sum(group.counts.total for group in sex.groups) == 400
    view = found.score_metrics.subgroups["view"]["covid-19"]
    assert view.not_stated.counts.total == 200
    answers = scores.scores > 0
    nothing = found.score_metrics.consistency.nothing
    assert nothing.numerator == (~answers.any(axis=1)).sum()
    both = answers[:, 1] & (answers[:, 0] | answers[:, 2])
    assert found.score_metrics.consistency.contradiction.numerator == both.sum()


def test_failed_and_unknown_images_change_no_law():
    """An image that failed is wrong, one of unknown truth is in no figure of its label."""
    scores = _scores(120)
    scores.truth[0, 0] = -1
    scores.scores[5] = np.nan
    reasons = tuple("is truncated" if i == 5 else None for i in range(120))
    found = compute_metrics(replace(scores, reasons=reasons), [0.5] * 3, PLAN)
    assert found.counts["covid-19"].unknown == 1
    assert found.score_metrics.labels["covid-19"].calibration.images == 118
    assert found.score_metrics.consistency.failed == 1
    assert found.estimates["covid-19"]["prevalence"].denominator == 119


def _over_patients(counted, among, groups):
    """Wilson on the effective sample of sums that are made by hand."""
    patients = sorted(set(groups))
    sums = [
        [sum(bool(each) for each, of in zip(part, groups, strict=True) if of == patient)
         for patient in patients]
        for part in (counted & among, among)
    ]  # fmt: skip
    found, cases = map(np.array, sums)
    interval = interval_of_units(found, cases, "wilson", "groups")
    return interval.low, interval.high


def test_bins_and_subgroups_over_patients_are_of_their_own_images():
    """Failed images are in no bin and wrong in a subgroup; a score of 1 is in the last bin."""
    scores = _scores(300, per_patient=5, attributes={"sex": ("F", "M", "M") * 100})
    values = 1 / (1 + np.exp(-scores.scores))
    values[scores.scores > 0.5] = 1.0
    failed = np.arange(300) % 11 == 0
    values[failed] = np.nan
    reasons = tuple("is truncated" if each else None for each in failed)
    given = replace(scores, scores=values.astype(np.float32), activation="sigmoid", reasons=reasons)
    details = compute_metrics(given, [0.5] * 3, PLAN).score_metrics
    truth, score, groups = scores.truth[:, 0] == 1, given.scores[:, 0], scores.groups
    bins = details.labels["covid-19"].calibration.bins
    assert np.nansum(score == 1) > 30
    for i, each in enumerate(bins):
        inside = (score >= each.low) & ((score < each.high) | (i == len(bins) - 1)) & ~failed
        assert each.count == inside.sum()
        assert (each.observed.low, each.observed.high) == _over_patients(truth, inside, groups)
    for group in details.subgroups["sex"]["covid-19"].groups:
        inside = np.array(given.attributes["sex"]) == group.value
        yes = (score >= 0.5) & ~failed
        for rate, right, among in (
            (group.sensitivity, yes, inside & truth),
            (group.specificity, ~yes & ~failed, inside & ~truth),
        ):
            assert (rate.low, rate.high) == _over_patients(right, among, groups)


def test_what_makes_subgroups():
    """Ages as bands; one value, or one for each image, makes none."""
    cells = tuple(map(str, range(40)))
    stated = {
        "sex": ("F", "M") * 20, "Patient Age": ("57",) * 20 + ("12",) * 20, "age": ("",) * 40,
        "file_number": cells, "hospital": ("A",) * 40, "image": ("1", "2") * 20,
        "view": ("PA", "") * 20,
    }  # fmt: skip
    grouped = group_values(stated)
    assert list(single_values(stated)) == ["hospital", "view"]
    assert list(grouped) == ["sex", "Patient Age", "image"]
    assert set(grouped["Patient Age"]) == {"40 to 59", "0 to 17"}


def test_a_score_on_the_edge_of_a_bin_is_in_the_bin_above():
    """Twenty images of ten patients at exactly 0.5, half of them positive, and as many at 0.25."""
    truth = np.tile([1, 0], 20)
    scores = Scores(
        sample_ids=tuple(map(str, range(40))),
        labels=("covid-19",),
        truth=truth[:, np.newaxis].astype(np.int8),
        scores=np.repeat([0.5, 0.25], 20)[:, np.newaxis].astype(np.float32),
        activation="sigmoid",
        reasons=(None,) * 40,
        groups=tuple(f"p{i // 2}" for i in range(40)),
    )
    details = compute_metrics(scores, [0.4], MetricPlan()).score_metrics
    bins = details.labels["covid-19"].calibration.bins
    at = next(each for each in bins if each.low == 0.5)
    assert at.count == 20
    assert (at.observed.low, at.observed.high) == _over_patients(
        truth == 1, np.arange(40) < 20, scores.groups
    )
