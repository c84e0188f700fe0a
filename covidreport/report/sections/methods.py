"""What each figure means and how it was made, in plain words."""

from __future__ import annotations

import re
from collections import Counter

from msgspec import Struct

from covidreport.metrics import ALL_METRICS, Metric
from covidreport.metrics.outline import MOST_POINTS
from covidreport.records import ReportData, RunComparisons
from covidreport.report.blocks import TERM, Code, Column, Group, Prose, Row, Section, Table, Text
from covidreport.report.index import Index
from covidreport.text import clean, decimal, listed, whole
from covidreport.text.thresholds import is_argmax


class Definition(Struct, frozen=True):
    """A figure in words, as a formula, and whether it has an interval."""

    words: str
    formula: str
    interval: str = "none"


WILSON = (
    "Intervals are two-sided 95 % Wilson score intervals of k out of n: "
    "(k + z²/2 ± z √(k (n − k) / n + z²/4)) / (n + z²) with z = 1.96, without continuity "
    "correction (Wilson 1927). A figure that is no share of n independent images, such as F1 or "
    "label accuracy, has one of its own. From counts alone, as copied from a paper, every interval "
    "takes images for independent, and figures over all labels have none, since the answers that "
    "an image gets are not. Where a figure has no interval, none is made up for it."
)

BEYOND: dict[str, Definition] = {
    "Sensitivity at a specificity": Definition(
        "The greatest sensitivity of all thresholds that clear this share of the images without "
        "the label; and the reverse. The threshold is the best for these very images",
        "max sensitivity, specificity ≥ given",
    ),
    "Likelihood ratios": Definition(
        "How many times an answer yes, or no, raises or lowers the odds of the label",
        "sensitivity / (1 − specificity); (1 − sensitivity) / specificity",
        "MOVER-R of two Wilson intervals (Donner and Zou 2012)",
    ),
    "PPV and NPV at a prevalence": Definition(
        "How far an answer can be believed where this share has the label, if sensitivity and "
        "specificity stay the same there",
        "Bayes’ rule", "that of the likelihood ratio, carried over",
    ),
    "Brier score": Definition(
        "The mean squared distance of scores from the truth; an image that was not scored is as "
        "wrong as can be",
        "Σ (score − truth)² / images",
    ),
    "Calibration intercept and slope": Definition(
        "Scores are too high on the whole below 0, too low above; too extreme below 1, too timid "
        "above",
        "logistic regression of the truth on the logits", "Wald",
    ),
    "ECE": Definition(
        "How far mean score and observed share lie apart, averaged over bins of equal width; it "
        "grows with the number of bins, which is stated",
        "Σ images in bin × |mean score − share| / images",
    ),
    "Net benefit": Definition(
        "Cases found less false alarms, weighed by the threshold probability t from which one "
        "would act; above treating everybody and nobody, acting on the run does more good",
        "tp / n − false alarms / n × t / (1 − t)",
        "MOVER of the Wilson intervals of sensitivity and false alarms, at the prevalence of the "
        "images",
    ),
    "Subgroups": Definition(
        "The same rates on the images of one value of an attribute. Under ten images with the "
        "label a group is shown and never compared. Attributes with two to twenty values, ages in "
        "bands",
        "as sensitivity and specificity", "as theirs",
    ),
}  # fmt: skip
"""What the details of an evaluation hold, where there are any."""

_METHODS: tuple[tuple[str, str], ...] = (
    ("clopper-pearson", "Rates have the exact interval of Clopper and Pearson (1934) instead, as "
     "the configuration asks for: it is never too narrow, and wider than needed on average."),
    ("(degenerate bootstrap)", "Where every resample is equal, as for 28 of 28, the bootstrap says "
     "nothing: there Wilson’s interval stands in, over patients where whole patients are drawn."),
    ("wilson over groups", "Where patients are known and have several images, these say less than "
     "as many images of different patients: the interval is that of the effective sample, the "
     "number of independent images that would leave the rate as uncertain as the patients do, with "
     "a t quantile (Korn and Graubard 1998; Dean and Pagano 2015)."),
    ("clopper-pearson over groups", "Where patients are known and have several images, rates have "
     "the exact interval of their effective sample (Korn and Graubard 1998)."),
    ("wilson over images", "Label accuracy counts several answers of each image: its interval is "
     "that of the effective sample of images."),
    ("wilson of F*", "F1 is 2 F* / (1 + F*), where F* = tp / (tp + false alarms + missed) is a "
     "proportion: it has the ends of Wilson’s interval of F*, carried over (Hand, Christen and "
     "Kirielle 2021; Lam, Gopal and Qian 2023)."),
    ("mover", "Balanced accuracy has the square-and-add interval of the Wilson intervals of "
     "sensitivity and specificity (Newcombe 1998; Zou and Donner 2008)."),
    ("wilson, delta variance", "Other figures of counts have Wilson’s interval on the effective "
     "sample that has their variance by the delta method, the sum of what each image, or patient, "
     "moves them by (Itaya et al. 2025)."),
    ("wilson, jackknife variance", "Some figures of counts have Wilson’s interval on the "
     "effective sample that has their variance, which leaving out each image, or patient, in "
     "turn shows."),
    ("wilson, delong variance", "ROC AUC has Wilson’s interval on the effective sample that has "
     "DeLong’s variance (1988), of at most three times the positives."),
    ("wilson, obuchowski variance", "ROC AUC has Wilson’s interval on the effective sample that "
     "has Obuchowski’s variance over patients (1997), of at most three times the patients with "
     "positives."),
    ("wilson, bootstrap variance", "Average precision has Wilson’s interval on the effective "
     "sample that has the variance of the bootstrap, of at most three times the positives, or "
     "patients with some. It is approximate where nearly all positives are ahead of the others."),
    ("bootstrap over groups", "Where patients are known and have several images, whole patients "
     "are drawn again and again, and all figures of a run are computed on each resample: images of "
     "one patient are not independent. The interval holds the middle 95 % of them."),
    ("bootstrap", "The bootstrap draws as many images as there are, again and again, and computes "
     "the figure on each resample; the interval holds the middle 95 % of them (Efron and "
     "Tibshirani 1993). With few positives it is narrower than it claims."),
    ("delong", "Where there are so many images that resampling would take long, ROC AUC has "
     "DeLong’s interval (1988), and that of average precision rests on fewer resamples."),
    ("obuchowski over groups", "Where there are so many images that resampling would take long, "
     "ROC AUC has Obuchowski’s interval over patients (1997), and that of average precision rests "
     "on fewer resamples."),
)  # fmt: skip
"""What methods of intervals are, by a part of their names; the first that fits explains one."""


_ANCHORS = {
    "Counts": "methods-counts",
    "Ranking": "methods-ranking",
    "Pairwise comparisons": "methods-comparisons",
    "Thresholds": "methods-thresholds",
    "Intervals": "methods-intervals",
}


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The methods of the figures that this report shows."""
    groups = (
        _method("Counts", *_describe_counts(index)),
        _method("Ranking", *_describe_ranking(data, index)),
        *_explain_comparisons(data),
        _method("Thresholds", _THRESHOLDS, *_describe_argmax(index)),
        *_explain_curves(data, index),
        _method("Intervals", WILSON, *_other_intervals(data)),
        *_explain_repeats(data),
    )
    return (
        Section(
            "methods", "Methods",
            (Group(groups, layout="columns"), *_tables(data)),
            part="appendix", gist="How figures were made, and what each means",
        ),
    )  # fmt: skip


def _method(title: str, *paragraphs: str) -> Group:
    return Group(tuple(Prose(words) for words in paragraphs), title, id=_ANCHORS.get(title, ""))


def _describe_counts(index: Index) -> tuple[str, ...]:
    return (
        "Each label is a yes or no of its own: an image may carry several labels, or none. For "
        "each label, tp and tn count the right answers yes and no, fn the images that have the "
        "label and were called negative, fp those that do not and were called positive. Tables of "
        "counts have what is actual in rows and what was predicted in columns.",
        f"Missed are {index.disease} images that were not found, false alarms those without it "
        "that were not cleared. An image that could not be scored is never dropped: with the label "
        "it counts as missed, without it as a false alarm, in every figure. So positives = tp + fn "
        "+ positives not scored, negatives = tn + fp + negatives not scored, and all runs of a "
        "table have the same denominators. An image whose truth is unknown for a label is left out "
        "of that label’s figures.",
        "A figure that is undefined, such as a share of nothing, is a dash. It is never 0.",
    )


_THRESHOLDS = (
    "A label is predicted when its score lies above the threshold, which is written as a "
    "probability; a model that gives logits is compared in logits, so 0.5 means a logit above 0. A "
    "score exactly at the threshold is a no. Each evaluation says where its thresholds come "
    "from; one that was tuned on the images that are reported is exploratory, and has no interval."
)


def _describe_argmax(index: Index) -> tuple[str, ...]:
    """How runs without thresholds decide, where there are any."""
    if not any(each.evaluation and is_argmax(each.evaluation) for each in index.runs):
        return ()
    return (
        "A run that is decided by argmax predicts the one label whose score is above that of every "
        "other output, those without a name and those that the data have no label for among them; "
        "in a tie it predicts none of the labels that share the highest score. It has no "
        "threshold, and is ranked beside runs that have one.",
    )


def _describe_ranking(data: ReportData, index: Index) -> tuple[str, ...]:
    floors = {ranking.specificity_floor for ranking in data.rankings} or {0.5}
    floor = " or ".join(decimal(value) for value in sorted(floors))
    return (
        f"Runs are ordered by the fewest missed {index.disease} images, then by the fewest false "
        "alarms, then by the highest average precision where all runs that are equal so far have "
        "one. Runs equal in all share a rank, and the ranks they fill are left out; their names "
        "settle in which order they stand and nothing else. Only runs "
        f"on the same images, with the same truth of {index.disease} and by one rule of thresholds "
        "stand in one ranking, whatever other labels they have; thresholds that were tuned for the "
        "same target on the same other images count as one rule.",
        f"A run that would win without being of use is shown and not ranked: one that gives the "
        f"rarer of its two answers to at most 1 % of the images (less where "
        f"the label itself is rarer), and one whose specificity is under {floor}. Calling every "
        "image positive misses nobody.",
        "The order is an order of counts. A difference of a few cases is often within chance; what "
        "is significantly different is said beside it.",
        *_describe_patients(data),
        *_describe_picking(data),
    )


def _describe_patients(data: ReportData) -> tuple[str, ...]:
    """How figures by patient are made, where there are any."""
    if all(row.patients is None for ranking in data.rankings for row in ranking.rows):
        return ()
    return (
        "Figures by patient have one answer for each. A patient with at least one image that has "
        "the label has it, and is judged by those images alone; any other by all images whose "
        "truth is known. An image that could not be scored finds nobody with the label and is a "
        "false alarm without it. Patients are independent of each other: their rates have the "
        "interval of so many of so many. The order of the ranking knows nothing of them.",
    )


def _describe_picking(data: ReportData) -> tuple[str, ...]:
    """How the figures of a run that was picked are corrected, where any are."""
    made = [each.comparisons.picked for each in data.rankings if each.comparisons is not None]
    picked = [each for each in made if each is not None]
    if not picked:
        return ()
    how = (
        "What a run that is picked as the best misses on other images is bias-corrected: in each "
        f"of {whole(max(each.resamples for each in picked))} resamples the best run is picked "
        "anew, by the ranking’s counts, floor and ties, and counted on the images (or patients) "
        "that the resample left out (BBC-CV, Tsamardinos, Greasidou and Borboudakis 2018). The "
        "interval goes from the lower end of Wilson’s at that rate to its upper end at the plain "
        "one."
    )
    if any(each.at_most for each in picked):
        how += (
            " Of counts alone the answers are dealt out to the images at random, as if runs had "
            "nothing in common: the correction is at most about that large."
        )
    return (how,)


def _explain_comparisons(data: ReportData) -> tuple[Group, ...]:
    """How runs were compared; from counts alone where no scores could be."""
    made = [ranking.comparisons for ranking in data.rankings if ranking.comparisons is not None]
    scored = [each for each in made if each.basis == "scores"]
    paragraphs: list[str] = []
    if scored:
        paragraphs += _describe_tests(scored[0])
        if any(each.n_groups is not None for each in scored):
            paragraphs.append(_PATIENTS)
        if any(each.same_specificity for each in scored):
            paragraphs.append(_SAME_SPECIFICITY)
        if any(each.non_inferiority for each in scored):
            paragraphs.append(_NON_INFERIORITY)
    if len(scored) < len(made):
        paragraphs.append(_COUNTS_ALONE)
    return (_method("Pairwise comparisons", *paragraphs),) if paragraphs else ()


def _describe_tests(made: RunComparisons) -> list[str]:
    return [
        "Two runs are compared by the cases that one of them missed and the other found, with the "
        "exact McNemar test. The best run was picked from these data, so all pairs were looked at "
        f"and each p-value is adjusted for all of them: max-T by {made.flips:,} sign-flips, "
        "step-down, each pair on the scale of its own exact p-value (Westfall and Young 1993; "
        "Romano and Wolf 2005), made so that at most 5 % of sets of equal runs show a difference. "
        f"Significantly different is what has an adjusted p of at most {made.alpha:g}; what is not "
        "is not equal for that. False alarms are compared likewise, ROC AUCs by DeLong’s test with "
        "Holm’s correction. Comparisons with a baseline that was named are adjusted for each other "
        "alone.",
        "Intervals of differences in sensitivity and specificity are Tango’s (1998); each holds "
        "for its pair alone. They come from a score test and p from an exact one, so an interval "
        "may exclude 0 beside a p over 0.05: the p-value decides. The rank interval holds at least "
        f"95 % of a run’s ranks in {made.resamples:,} resamples of the images, by missed cases and "
        "then false alarms; runs equal in both may have any of the ranks that they share. How "
        "often a run comes first in resamples, shared where runs are equal, is not the probability "
        "of being the best: a run that only won by luck repeats it too.",
        "The detectable difference is the fewest cases by which two runs must differ to be "
        "significantly different at all, if the better one finds whatever the other finds; usually "
        "it takes more. It rests on what max-T asks of the pairs that were not.",
    ]


_PATIENTS = (
    "Images of one patient are not independent: their differences are kept together. The test "
    "flips the signs of whole patients, resamples draw whole patients, and the test of ROC AUCs is "
    "Obuchowski’s. Tango’s intervals have counts and images divided by the design effect of the "
    "patients’ differences (at least 1, with one pseudo-patient each way) and by (t / z)², t with "
    "one degree of freedom less than there are patients."
)
_SAME_SPECIFICITY = (
    "At the same specificity a run’s sensitivity is the greatest among thresholds that clear at "
    "least as many negatives. Patients with a positive image and those without are resampled "
    "apart, each threshold is fitted anew, and the difference of two runs is divided by its "
    "standard deviation in the resamples (as in pROC, Robin et al. 2011) and held against "
    "Student’s t. Degrees of freedom are the fewest of patients (or images) with positives − 1, "
    "with negatives − 1, and false alarms allowed + 1: with few false alarms little says where a "
    "threshold lies. Holm’s correction is over all pairs of runs, or over those with a baseline "
    "that was named. Intervals of the sensitivities are Wilson’s on the effective sample."
)
_NON_INFERIORITY = (
    "A run is not inferior where the whole interval of its difference in sensitivity lies above "
    "minus the margin, and inferior where it lies below (Tango’s interval). Its confidence is "
    "raised so that all answers hold together."
)
_COUNTS_ALONE = (
    "Where only counts are known, nobody knows which cases a run missed. They bound the p-value of "
    "the exact McNemar test of a pair on both sides: it is smallest where the better run finds all "
    "that the other finds, and largest where it missed as many as it can of those that the other "
    "found. With Holm’s correction over all pairs, a run whose lower bound stays above 0.05 is not "
    "significantly different from the best whatever the answers were, and one whose upper bound is "
    "at most 0.05 is so whatever they were, images taken for independent: where patients are known "
    "to have several there is no upper bound. Of the others counts alone can’t say."
)


def _other_intervals(data: ReportData) -> tuple[str, ...]:
    """What the methods are that made the other intervals of these data."""
    methods = {
        figure.method
        for reported in data.runs
        for evaluation in reported.usual
        for figures in evaluation.estimates.values()
        for figure in figures.values()
        if figure.method and figure.method != "wilson"
    }
    told: dict[str, str] = {}
    strange = []
    for name in sorted(methods):
        parts = [part for part, _ in _METHODS if _is_method(name, part)]
        if parts:
            told[parts[0]] = dict(_METHODS)[parts[0]]
        else:
            strange.append(clean(name))
    paragraphs = [text for part, text in _METHODS if part in told]
    plans = {
        (evaluation.score_metrics.plan.resamples, evaluation.score_metrics.plan.seed)
        for reported in data.runs
        for evaluation in reported.usual
        if evaluation.score_metrics is not None
    }
    if plans and any("bootstrap" in part for part in told):
        drawn = listed([f"{n:,} resamples from seed {seed}" for n, seed in sorted(plans)])
        paragraphs.append(f"Drawn were {drawn}: the same evidence gives the same intervals.")
    if strange:
        names = ", ".join(strange)
        paragraphs.append(
            f"Some intervals were made by other methods, as their evaluations state: {names}."
        )
    return tuple(paragraphs)


def _is_method(name: str, part: str) -> bool:
    ends = (f"{part},", f"{part} over ")
    return part in name if part.startswith("(") else name == part or name.startswith(ends)


def _used_interval(key: str, metric: Metric, data: ReportData) -> str:
    """How this report's intervals of a figure were made; what is usual where it has none."""
    found = [
        estimate.method
        for run in data.runs
        for one in run.usual
        for figures in one.estimates.values()
        if (estimate := figures.get(key)) is not None and estimate.low is not None
    ]
    names = [name for name, _ in Counter(method for method in found if method).most_common()]
    return "; ".join(clean(name).replace("wilson", "Wilson") for name in names) or (metric.interval)


def _definitions_table(data: ReportData) -> Table:
    head = (
        Column("Figure", kind="name"), Column("In words"), Column("Formula", kind="code"),
        Column("Interval"),
    )  # fmt: skip
    rows = []
    for key, metric in ALL_METRICS.items():
        cells = (
            Text(metric.title), metric.words, Code(metric.formula),
            Text(_used_interval(key, metric, data)),
        )  # fmt: skip
        rows.append(Row(cells, id=f"{TERM}{key}"))
    caption = "What each figure says, its formula, and its interval"
    return Table(caption, head, tuple(rows), "wide")


def _tables(data: ReportData) -> tuple[Group, ...]:
    """The figures one by one; those beyond the threshold where any evaluation has them."""
    figures = Group((_definitions_table(data),), "Figures", id="methods-figures")
    evaluations = [one for run in data.runs for one in run.usual]
    if all(one.score_metrics is None for one in evaluations):
        return (figures,)
    head = (
        Column("Figure", kind="name"), Column("In words"), Column("Formula", kind="code"),
        Column("Interval"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (Text(title), one.words, Code(one.formula), Text(one.interval)),
            id=TERM + re.sub("[^a-z]+", "-", title.lower()),
        )
        for title, one in BEYOND.items()
    )
    words = Prose(
        "Where patients have several images, intervals of these figures allow for it as well: "
        "whole patients are drawn, and errors of the calibration line are summed by patient (Liang "
        "and Zeger 1986). They are shown for the split that is ranked, curves and subgroups for "
        "one label; JSON and CSV hold those of all splits and labels."
    )
    table = Table("What each figure beyond the threshold says", head, rows, "wide")
    return (figures, Group((words, table), "Beyond the threshold"))


def _explain_curves(data: ReportData, index: Index) -> tuple[Group, ...]:
    """How curves were drawn, where there are any."""
    if data.curves is None or not data.curves.runs:
        return ()
    drawn = []
    if any(each.evaluation and each.evaluation.n_images > MOST_POINTS for each in index.runs):
        drawn.append(
            f"A curve of more than {MOST_POINTS} points is drawn through fewer of them, such that "
            "none of the others lies a pixel away from the line. Counts, rates and areas are those "
            "of all images."
        )
    if any(one.calibration for by_label in data.curves.runs.values() for one in by_label.values()):
        drawn.append(
            "Calibration is drawn as the logistic regression of the label on a restricted cubic "
            "spline of the logit (Van Calster et al. 2016), with Wald’s pointwise band, over "
            "patients where some have several images. Beyond its ends lie ten images of 200."
        )
    return (_method("Curves", *drawn),) if drawn else ()


def _explain_repeats(data: ReportData) -> tuple[Group, ...]:
    """How configurations were compared over seeds, where any was run with several."""
    if not data.repeats:
        return ()
    words = (
        "Runs whose hyper-parameters, start and training data are the same and whose seeds differ "
        "are repeats of one configuration. The standard deviation is that of single runs (n − 1). "
        "The means of two are compared by going through all ways to share their values out "
        "(permutation; with very many, Welch’s t-test), adjusted for all pairs by Holm’s "
        "correction; the interval is Welch’s. It is about these images and other seeds, not about "
        "other patients."
    )
    return (_method("Repeats", words),)
