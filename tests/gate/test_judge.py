"""Verdicts on runs whose missed cases are known by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar

from covidreport.errors import UsageError
from covidreport.gate.gating import GateRequest, gate_runs
from covidreport.gate.judge import GateCriteria
from covidreport.gate.limit_wording import describe_bound, format_number
from covidreport.gate.limits import choose_limits, read_limit, require_evidence
from covidreport.gate.metrics import explain_missing
from covidreport.gate.outcomes import WORSE_SPECIFICITY
from covidreport.gate.wording import describe_paired
from covidreport.integrations import render_verdict_json
from covidreport.records import Counts, Estimate, Failure, Limit, PatientRule
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.runs import read_run
from covidreport.store import read_evaluation, write_evaluation, write_failure
from covidreport.text import digest_case
from tests.compare.cases import write_scored
from tests.gate.runs import TARGET, judge, outcomes, write_run_missing
from tests.onnx_models import write_brightness_model

KEY = "cxr-validation"


def _limit(text, severity="fail"):
    return read_limit(text, TARGET, severity)


def test_one_case_more_fails_and_one_fewer_passes(tmp_path):
    """The plain count decides: 3 of 10 missed against 2 fails, 2 and 1 pass."""
    base = write_run_missing(tmp_path / "base", 2)
    for missed, outcome in ((3, "fail"), (2, "pass"), (1, "pass")):
        verdict = judge(write_run_missing(tmp_path / f"r{missed}", missed), base.folder)
        assert verdict.outcome == outcome
        assert outcomes(verdict)[f"{TARGET} missed"] == outcome
    assert "misses 1 of 10 COVID-19 images, the baseline base 2" in verdict.sentence
    assert verdict.counts.missed == 1
    assert verdict.baseline.counts.missed == 2


def test_calling_everybody_positive_fails_by_the_floor(tmp_path):
    """It misses nobody, and clears nobody."""
    base = write_run_missing(tmp_path / "base", 2)
    verdict = judge(write_run_missing(tmp_path / "all", 0, alarms=20), base.folder)
    assert verdict.outcome == "fail"
    assert outcomes(verdict) == {f"{TARGET} missed": "pass", f"{TARGET} specificity": "fail"}
    assert "specificity is 0.000 (0 of 20" in verdict.results[1].sentence


def test_a_positive_that_could_not_be_scored_counts_as_missed(tmp_path):
    """2 found wanting and 1 failed are 3 missed, against a baseline with 2."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 2)
    evaluation = read_evaluation(run.folder / "evaluations" / KEY)
    counts = replace(evaluation.counts[TARGET], tp=7, failed_positive=1)
    changed = replace(
        evaluation,
        counts={**evaluation.counts, TARGET: counts},
        has_scores=False,
        score_metrics=None,
    )
    write_evaluation(run.folder, changed)
    verdict = judge(run, base.folder)
    assert verdict.outcome == "fail"
    assert verdict.results[0].value == 3
    assert "counts alone" in verdict.not_compared


def test_bounds_are_kept_at_their_very_value(tmp_path):
    """8 of 10 found keeps >= 0.8 and breaks >= 0.81; a bound of the interval is one like any."""
    run = write_run_missing(tmp_path / "run", 2)
    low = judge(run, None, _limit("sensitivity.low>=0.1")).results[1].value
    assert low == pytest.approx(0.4902, abs=1e-4)  # Wilson's interval of 8 of 10, by a table
    verdict = judge(
        run, None, _limit("sensitivity>=0.8"), _limit("sensitivity>=0.81"),
        _limit("sensitivity.low>=0.49"), _limit("sensitivity.low>=0.4903"), _limit("missed<=2"),
        _limit("missed<=1", "warn"),
    )  # fmt: skip
    assert [each.outcome for each in verdict.results] == [
        "pass", "pass", "fail", "pass", "fail", "pass", "warn",
    ]  # fmt: skip
    assert verdict.outcome == "fail"


def test_a_figure_that_looks_like_its_bound_is_shown_with_more_digits(tmp_path):
    """0.49016 under a bound of 0.4903 does not read as 0.490 under 0.490."""
    run = write_run_missing(tmp_path / "run", 2)
    sentence = judge(run, None, _limit("sensitivity.low>=0.4903")).results[1].sentence
    assert "is 0.4902 " in sentence
    assert "at least 0.4903 is wanted" in sentence


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("sensitivity>=0.7366", "1.000", "≥ 0.7366"),
        ("sensitivity>=0.7", "1.000", "≥ 0.700"),
        ("sensitivity<=0.00001", "1.000", "≤ 0.00001"),
        ("specificity>=0.9496", "0.9500", "≥ 0.9496"),
        ("specificity<=0.9499999999999999", "0.950", "≤ 0.950"),
        ("specificity>=0.9500000000000002", "0.950", "≥ 0.950"),
        ("specificity>=0.950003", "0.950000", "≥ 0.950003"),
        ("specificity.low>=0.76387", "0.763869", "≥ 0.76387"),
        ("specificity>=baseline-0.25", "0.950", "≥ 0.700"),
        ("missed<=1500", "0", "≤ 1,500"),
        ("false_alarms<=2.5", "1", "≤ 2.5"),
        ("positive_likelihood_ratio>=1234", "20", "≥ 1,234"),
    ],
)
def test_a_bound_stands_as_it_was_stated(tmp_path, text, value, said):
    """Three decimals at least; the figure beside it has those that show whether it is kept."""
    run = write_run_missing(tmp_path / "run", 0, alarms=1)
    result = judge(run, run.folder, _limit(text)).results[-1]
    bound = result.allowed_min if result.allowed_min is not None else result.allowed_max
    assert format_number(result.limit, result.value, bound) == value
    assert describe_bound(result) == said
    assert f"{said[2:]} is " in result.sentence


def test_many_more_false_alarms_are_warned_of(tmp_path):
    """1 and 17 of 250: p < 0.001 by statsmodels' exact McNemar; a pass, but not without a word."""
    base = write_run_missing(tmp_path / "base", 0, alarms=1, negatives=250)
    run = write_run_missing(tmp_path / "run", 0, alarms=17, negatives=250)
    verdict = judge(run, base.folder)
    assert verdict.outcome == "pass"
    assert "significantly worse" in verdict.sentence
    (finding,) = (each for each in verdict.findings if each.code == WORSE_SPECIFICITY)
    assert finding.severity == "warning"
    assert "raises 17 false alarms among 250 negatives, the baseline base 1" in finding.what
    assert "p < 0.001" in finding.evidence
    expected = mcnemar([[0, 16], [0, 0]], exact=True).pvalue
    assert verdict.comparisons[1].p_value == pytest.approx(expected)
    assert judge(run, base.folder, _limit("specificity>=baseline-0.02")).outcome == "fail"
    for few in (5, 6):  # 4 and 5 more: p = 0.125 and 0.0625
        other = write_run_missing(tmp_path / f"few {few}", 0, alarms=few, negatives=250)
        told = judge(other, base.folder)
        assert WORSE_SPECIFICITY not in {each.code for each in told.findings}
        assert "significantly" not in told.sentence
    assert WORSE_SPECIFICITY not in {each.code for each in judge(base, run.folder).findings}


def test_where_interval_and_test_disagree_it_is_said(tmp_path):
    """5 newly found of 28: p = 0.0625, and Tango's interval excludes 0."""
    base = write_run_missing(tmp_path / "base", 5, positives=28)
    run = write_run_missing(tmp_path / "run", 0, positives=28)
    words = describe_paired(judge(run, base.folder))
    assert "p = 0.062 by the exact McNemar test; the interval, Tango's, excludes 0" in words
    less = write_run_missing(tmp_path / "less", 2, positives=28)
    assert "excludes 0" not in describe_paired(judge(less, base.folder))


def test_margins_from_the_baseline_go_the_way_of_the_figure(tmp_path):
    """Against 2 missed and 4 false alarms: slack lowers what is better high, and lifts the rest."""
    base = write_run_missing(tmp_path / "base", 2, alarms=4)
    run = write_run_missing(tmp_path / "run", 3, alarms=5)
    verdict = judge(
        run, base.folder, _limit("missed<=baseline+1"), _limit("sensitivity>=baseline-0.1"),
        _limit("sensitivity>=baseline-0.09"), _limit("false_alarms<=baseline+25%"),
        _limit("false_alarms<=baseline+24%"), _limit("specificity>=baseline-10%"),
    )  # fmt: skip
    assert [(each.limit.metric, each.outcome) for each in verdict.results] == [
        ("missed", "pass"), ("sensitivity", "pass"), ("sensitivity", "fail"),
        ("false_alarms", "pass"), ("false_alarms", "fail"), ("specificity", "pass"),
    ]  # fmt: skip
    assert verdict.results[0].allowed_max == 3
    assert verdict.results[3].allowed_max == pytest.approx(5)
    assert verdict.results[5].allowed_min == pytest.approx(0.72)  # 0.8 of 20 less a tenth


def test_what_is_undefined_or_missing_fails(tmp_path):
    """No subgroup of that name, and a likelihood ratio over no false alarm, are no pass."""
    run = write_run_missing(tmp_path / "run", 0)
    verdict = judge(
        run, None, _limit("sensitivity[sex=F]>=0.1"), _limit("positive_likelihood_ratio>=1")
    )
    assert [each.outcome for each in verdict.results[1:]] == ["fail", "fail"]
    assert (
        "undefined or missing, which is no pass: these images were evaluated without attributes"
        in verdict.results[1].sentence
    )
    assert verdict.results[2].value is None


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        (_limit("positive_likelihood_ratio>=baseline-0.1"), "fail"),
        (_limit("positive_likelihood_ratio>=baseline-10%"), "fail"),
        (Limit("positive_likelihood_ratio", TARGET, min=1, max_regression=0.1), "fail"),
        (_limit("positive_likelihood_ratio>=baseline-0.1", "warn"), "warn"),
        (_limit("brier<=baseline+0.5"), "fail"),
        (_limit("specificity>=baseline-0.1"), "pass"),
    ],
)
def test_a_regression_from_what_the_baseline_does_not_have_fails(tmp_path, limit, outcome):
    """A baseline without a false alarm has no likelihood ratio, one without scores no Brier score.

    The run has both: nobody knows whether they are worse, and that is no pass.
    """
    base = write_run_missing(tmp_path / "base", 2)
    if limit.metric == "brier":
        stored = read_evaluation(base.folder / "evaluations" / KEY)
        write_evaluation(base.folder, replace(stored, has_scores=False, score_metrics=None))
    verdict = judge(write_run_missing(tmp_path / "run", 0, alarms=1), base.folder, limit)
    result = verdict.results[-1]
    assert result.value is not None
    assert result.outcome == outcome
    assert verdict.outcome == ("fail" if outcome == "fail" else "pass")
    assert (result.baseline is None) is (outcome != "pass")
    assert ("the baseline's is undefined or missing" in result.sentence) is (outcome != "pass")


def test_a_subgroup_that_is_not_there_is_told_with_those_that_are():
    """Attributes, then the values of one; a figure that is there and undefined says no more."""
    some = {"specificity[sex=F]": Estimate(0.9), "specificity[sex=M]": Estimate(None),
            "specificity[age=60 to 69]": Estimate(0.8), "missed[view=AP]": Estimate(2)}  # fmt: skip
    figures = {TARGET: some, "normal": {}}
    assert explain_missing(figures, TARGET, "specificity[sexx=F].low") == (
        "sexx is no attribute of these images, whose attributes are sex, age"
    )
    assert explain_missing(figures, TARGET, "specificity[sex=f]") == (
        "no image has sex=f; the values of sex are F, M"
    )
    assert explain_missing(figures, "normal", "specificity[sex=F]") == (
        "these images were evaluated without attributes"
    )
    assert explain_missing(figures, TARGET, "specificity[sex=M]") == ""
    assert explain_missing(figures, TARGET, "ppv") == ""


def test_a_limit_on_a_label_that_is_not_there_is_wrong_usage(tmp_path):
    """The labels of the data are named."""
    run = write_run_missing(tmp_path / "run", 0)
    with pytest.raises(UsageError, match="names no label of the data; its labels are covid-19"):
        judge(run, None, _limit("tuberculosis:missed<=1"))


def test_newly_missed_and_found_cases_are_named_by_digest(tmp_path):
    """The run misses the images 1 and 2, the baseline 0 and 1: one lost, one won."""
    base = write_run_missing(tmp_path / "base", [0, 1])
    run = write_run_missing(tmp_path / "run", [1, 2])
    salt = read_evaluation(run.folder / "evaluations" / KEY).fingerprint or ""
    names = [f"10 20-{place:03}.png" for place in range(3)]
    verdict = judge(run, base.folder)
    assert verdict.newly_missed == (digest_case(names[2], salt),)
    assert verdict.newly_found == (digest_case(names[0], salt),)
    shown = judge(run, base.folder, show_ids=True)
    assert (shown.newly_missed, shown.newly_found) == ((names[2],), (names[0],))
    assert shown.ids_shown


def test_the_paired_test_stands_beside_the_count(tmp_path):
    """8 lost and 1 won of 40: the exact binomial test of 1 in 9, and the difference of -7/40."""
    base = write_run_missing(tmp_path / "base", [39], positives=40)
    run = write_run_missing(tmp_path / "run", range(8), positives=40)
    verdict = judge(run, base.folder)
    sensitivity, specificity = verdict.comparisons
    assert sensitivity.p_value == pytest.approx(binomtest(1, 9).pvalue)
    assert sensitivity.difference == pytest.approx(-7 / 40)
    assert sensitivity.low < -7 / 40 < sensitivity.high
    assert (sensitivity.first, sensitivity.second) == ("run", "base")
    assert (sensitivity.only_first, sensitivity.only_second) == (8, 1)
    assert specificity.p_value == 1
    assert verdict.detectable_difference.cases == 6  # 2 x 0.5^6 is the first under 0.05
    text = describe_paired(verdict)
    assert "8 images newly missed, 1 newly found" in text
    assert "p = 0.039" in text


def test_only_a_gap_that_chance_may_explain_asks_for_more_positives(tmp_path):
    """8 lost and 1 won of 40 are significant (p = 0.039); 5 lost are not (p = 0.0625).

    Six that differ, all one way, are the fewest under 0.05: the positives needed are the n of which
    an eighth gives six in 80 % of studies.
    """
    base = write_run_missing(tmp_path / "base", [39], positives=40)
    told = judge(write_run_missing(tmp_path / "told", range(8), positives=40), base.folder)
    assert (told.detectable_difference.gap, told.detectable_difference.positives_needed) == (
        7,
        None,
    )
    assert "would take" not in describe_paired(told)
    open_one = judge(
        write_run_missing(tmp_path / "open", [*range(5), 39], positives=40), base.folder
    )
    needed = next(n for n in range(40, 400) if binom.sf(5, n, 5 / 40) >= 0.8)
    assert (
        open_one.detectable_difference.gap,
        open_one.detectable_difference.positives_needed,
    ) == (5, needed)
    assert f"it would take about {needed} positives" in describe_paired(open_one)


def test_evidence_that_is_not_there_is_inconclusive(tmp_path):
    """Equal answers on 10 positives exclude a loss of 0.05 no more than 72 would; 73 do."""
    asked = require_evidence(TARGET, 0.05, "--require-evidence")
    base = write_run_missing(tmp_path / "base", 2)
    verdict = judge(write_run_missing(tmp_path / "run", 2), base.folder, asked)
    assert verdict.outcome == "inconclusive"
    assert verdict.results[-1].positives_needed == 73
    assert "it would take about 73 positives" in verdict.results[-1].sentence
    for positives, outcome in ((72, "inconclusive"), (73, "pass")):
        base = write_run_missing(tmp_path / f"base{positives}", 2, positives=positives)
        run = write_run_missing(tmp_path / f"run{positives}", 2, positives=positives)
        assert judge(run, base.folder, asked).outcome == outcome


def test_evidence_of_a_loss_fails_and_a_broken_limit_stays_broken(tmp_path):
    """A run that loses 30 of 60 fails; one that loses 1 fails by the count, not by luck."""
    asked = require_evidence(TARGET, 0.05, "--require-evidence")
    base = write_run_missing(tmp_path / "base", 0, positives=60)
    verdict = judge(write_run_missing(tmp_path / "worse", 30, positives=60), base.folder, asked)
    assert verdict.results[-1].outcome == "fail"
    assert "The data show a loss of more than 0.05" in verdict.results[-1].sentence
    verdict = judge(write_run_missing(tmp_path / "one", 1, positives=60), base.folder, asked)
    assert (verdict.outcome, verdict.results[-1].outcome) == ("fail", "inconclusive")


def test_evidence_as_a_warning_leaves_a_pass(tmp_path):
    """What only warns never makes a verdict inconclusive."""
    asked = replace(require_evidence(TARGET, 0.05, "x"), severity="warn")
    base = write_run_missing(tmp_path / "base", 2)
    verdict = judge(write_run_missing(tmp_path / "run", 2), base.folder, asked)
    assert (verdict.outcome, verdict.results[-1].outcome) == ("pass", "warn")


def _error(verdict):
    assert verdict.outcome == "error"
    assert verdict.results == ()
    return verdict.error.stage, verdict.error.reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fingerprint": "other"}, "data: fingerprint other; the baseline's"),
        ({"thresholds": {TARGET: 0.4, "normal": 0.5}}, "thresholds: covid-19 0.4, normal 0.5"),
        ({"variant": "fp16"}, "was not evaluated on cxr, validation"),
        ({"split": "test"}, "was not evaluated on cxr, validation"),
    ],
)
def test_a_baseline_of_something_else_is_refused_with_the_difference(tmp_path, change, said):
    """No verdict is built on other images, truth, split, variant or thresholds."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 0)
    folder = run.folder / "evaluations"
    evaluation = replace(read_evaluation(folder / KEY), **change, has_scores=False)
    (folder / KEY / "evaluation.json").unlink()
    write_evaluation(run.folder, evaluation)
    stage, reason = _error(judge(run, base.folder))
    assert said in reason
    assert stage == ("score" if "variant" in change or "split" in change else "baseline")


def test_other_images_are_described_by_their_numbers(tmp_path):
    """One positive more stands in the reason."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 0, positives=11)
    _, reason = _error(judge(run, base.folder))
    assert "images: 31; the baseline's: 30" in reason
    assert "covid-19: 11 positive, 20 negative; the baseline's: 10 positive" in reason


@pytest.mark.parametrize("who", ["run", "base"])
def test_thresholds_tuned_on_the_gated_images_are_refused(tmp_path, who):
    """Rule 7 of the figures: exploratory thresholds decide nothing."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 0)
    folder = {"run": run, "base": base}[who].folder
    evaluation = read_evaluation(folder / "evaluations" / KEY)
    origin = "tuned on validation (exploratory)"
    write_evaluation(folder, replace(evaluation, thresholds_from=origin))
    stage, reason = _error(judge(run, base.folder))
    assert stage == ("judge" if who == "run" else "baseline")
    assert "tuned on validation (exploratory)" in reason


def test_a_run_that_could_not_be_ranked_is_no_baseline(tmp_path):
    """Against one that calls everybody positive nobody could pass."""
    base = write_run_missing(tmp_path / "base", 0, alarms=20)
    _, reason = _error(judge(write_run_missing(tmp_path / "run", 0), base.folder))
    assert "base is no baseline, since it could not be ranked: calls 30 of 30" in reason


def test_a_failed_attempt_hides_the_older_evaluation(tmp_path):
    """Its stage and reason are the verdict's."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 0)
    write_failure(run.folder, KEY, Failure("run", "infer", "the model fails on a batch"))
    assert _error(judge(run, base.folder)) == ("infer", "the model fails on a batch")


def test_a_model_that_is_not_the_evaluated_one_is_not_judged(tmp_path):
    """Whoever exports again and forgets to evaluate does not pass with old figures."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 0)
    write_brightness_model(run.folder / "model.onnx", offsets=(-20.0, 10.0, -1.0))
    stage, reason = _error(judge(read_run(run.folder), base.folder))
    assert stage == "judge"
    assert "run `covidreport evaluate" in reason


def test_scores_that_contradict_their_evaluation_are_not_judged(tmp_path):
    """Stored counts that stored scores do not give are nobody's counts."""
    base = write_run_missing(tmp_path / "base", 2)
    run = write_run_missing(tmp_path / "run", 3)
    file = run.folder / "evaluations" / KEY / "evaluation.json"
    document = json.loads(file.read_text())
    document["counts"][TARGET] |= {"fn": 1, "tp": 9}
    file.write_text(json.dumps(document))
    stage, reason = _error(judge(run, base.folder))
    assert stage == "score"
    assert "other counts than its evaluation states" in reason


def test_the_best_of_a_folder_is_the_first_of_its_ranking(tmp_path):
    """Of 4, 1 and 2 missed the run is judged against 1; the gated run itself is never the best."""
    for name, missed in (("a", 4), ("b", 1), ("c", 2)):
        write_run_missing(tmp_path / "runs" / name, missed)
    run = write_run_missing(tmp_path / "runs" / "new", 0)
    verdict = judge(run, tmp_path / "runs")
    assert (verdict.baseline.run, verdict.baseline.kind) == ("b", "best")
    assert verdict.outcome == "pass"


def test_a_folder_whose_runs_are_all_judged_has_no_baseline(tmp_path):
    """It is said, and not that none of 0 runs could be ranked."""
    run = write_run_missing(tmp_path / "runs" / "new", 0)
    reason = judge(run, tmp_path / "runs").error.reason
    assert "every run there is judged (1), and none is left to be the baseline" in reason


def test_two_limits_on_one_figure_are_judged_each(tmp_path):
    """A warning at one bound and a failure at another."""
    run = write_run_missing(tmp_path / "run", 3)
    limits = [Limit("missed", TARGET, max=2, severity="warn"), Limit("missed", TARGET, max=5)]
    verdict = judge(run, None, *limits)
    assert [each.outcome for each in verdict.results] == ["pass", "warn", "pass"]
    assert verdict.outcome == "pass"
    assert "1 warning" in verdict.sentence


def test_the_verdict_says_how_many_patients_were_missed(tmp_path):
    """Ann has three positive images of which one is found, Bob one that is missed: 3 of 4 images
    and 1 of 2 patients; by the rule of all, both. Of the negatives Cid has two, Dee one."""
    people = ["ann", "ann", "ann", "bob", "cid", "cid", "dee"]
    truth = np.array([1, 1, 1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    run, _ = write_scored(tmp_path, "run", truth, scores, groups=people)
    chosen = choose_limits([_limit("missed<=4")], TARGET, 0.5, has_baseline=False)
    rules: dict[PatientRule, int] = {"any": 1, "all": 0}
    for rule, found in rules.items():
        criteria = GateCriteria(TARGET, chosen, patient_rule=rule)
        (verdict,) = gate_runs([run], GateRequest(criteria, ImageQuery(), None, 0.5))
        assert verdict.patients.counts == Counts(tn=2, fp=0, fn=2 - found, tp=found)
        said = f"run misses 3 of 4 COVID-19 images ({2 - found} of 2 patients); "
        assert verdict.sentence.startswith(said)
        document = json.loads(render_verdict_json([verdict]))["verdicts"][0]
        assert document["patients"]["rule"] == rule


def test_a_verdict_says_nothing_of_patients_where_each_has_one_image_or_none_is_known(tmp_path):
    """The figures are then those of images; nobody knows any of patients without groups."""
    truth, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.1, 0.1])
    for name, people in (("lone", list("abcd")), ("unknown", None)):
        run, _ = write_scored(tmp_path, name, truth, scores, groups=people)
        verdict = judge(run, None, _limit("missed<=4"))
        assert "misses 1 of 2 COVID-19 images; " in verdict.sentence
        assert (verdict.patients is None) == (people is None)
