"""What each figure means and how it was made, in plain words."""

from __future__ import annotations

import re
from collections import Counter

from covidreport.compare.finding import SMALLEST
from covidreport.metrics import ALL_METRICS, Metric
from covidreport.metrics.outline import MOST_POINTS
from covidreport.records import ReportData, RunComparisons
from covidreport.report.blocks import TERM, Code, Column, Group, Prose, Row, Section, Table, Text
from covidreport.report.index import Index
from covidreport.report.methods_texts import (
    BEYOND,
    COUNTS_ALONE,
    INTERVALS,
    NON_INFERIORITY,
    PATIENTS,
    SAME_SPECIFICITY,
    THRESHOLDS,
    WILSON,
)
from covidreport.text import clean, decimal, listed, whole
from covidreport.text.thresholds import is_argmax

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
        _method("Thresholds", THRESHOLDS, *_describe_argmax(index)),
        *_explain_curves(data, index),
        _method("Intervals", WILSON, *_other_intervals(data)),
        *_explain_repeats(data),
        *_explain_agreement(data),
        *_explain_weights(data),
        *_explain_studies(data),
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
        "each label, tp and tn count the right answers yes and no. fn are the images that have "
        "the label and were called negative, fp those that do not and were called positive. "
        "Tables of counts have what is actual in rows and what was predicted in columns.",
        f"Missed are {index.disease} images that were not found, false alarms those without it "
        "that were not cleared. An image that could not be scored is never dropped. With the label "
        "it counts as missed, without it as a false alarm, in every figure. So positives = tp + fn "
        "+ positives not scored, negatives = tn + fp + negatives not scored, and all runs of a "
        "table have the same denominators. An image whose truth is unknown for a label is left out "
        "of that label’s figures.",
        "A figure that is undefined, such as a share of nothing, is a dash. It is never 0.",
    )


def _describe_argmax(index: Index) -> tuple[str, ...]:
    """How runs without thresholds decide, where there are any."""
    if not any(each.evaluation and is_argmax(each.evaluation) for each in index.runs):
        return ()
    return (
        "A run that is decided by argmax predicts the one label whose score is above that of every "
        "other output. Outputs without a name, or without a label in the data, are among them. In "
        "a tie it predicts none of the labels that share the highest score. It has no "
        "threshold, and is ranked beside runs that have one.",
    )


def _describe_ranking(data: ReportData, index: Index) -> tuple[str, ...]:
    floors = {ranking.specificity_floor for ranking in data.rankings} or {0.5}
    floor = " or ".join(decimal(value) for value in sorted(floors))
    return (
        f"Runs are ordered by the fewest missed {index.disease} images, then by the fewest false "
        "alarms, then by the highest average precision. That decides only where all runs that "
        "are equal so far have one. Runs equal in all share a rank, and the ranks they fill are "
        "left out. Their names settle in which order they stand and nothing else. Only runs on "
        f"the same images, with the same truth of {index.disease} and one rule of thresholds "
        "share a ranking, whatever other labels they have. Thresholds that were tuned for "
        "the same target on the same other images count as one rule.",
        "A run that would win without being of use is shown and not ranked. Of no use is one that "
        "gives the rarer of its two answers to at most 1 % of images (less where the label "
        f"is rarer). Nor is one whose specificity is under {floor}. Calling every image positive "
        "misses nobody.",
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
        "the label has it, and is judged by those images alone. Any other by all images whose "
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
        "What a run that is picked as the best misses on other images is bias-corrected. In each "
        f"of {whole(max(each.resamples for each in picked))} resamples the best run is picked "
        "anew, by the ranking’s counts, floor and ties. It is counted on the images (or "
        "patients) that the resample left out (BBC-CV, Tsamardinos, Greasidou and Borboudakis "
        "2018). The interval goes from the lower end of Wilson’s at that rate to its upper end at "
        "the plain one."
    )
    if any(each.at_most for each in picked):
        how += (
            " Of counts alone the answers are dealt out to the images at random, as if runs had "
            "nothing in common. The correction is at most about that large."
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
            paragraphs.append(PATIENTS)
        if any(each.same_specificity for each in scored):
            paragraphs.append(SAME_SPECIFICITY)
        if any(each.non_inferiority for each in scored):
            paragraphs.append(NON_INFERIORITY)
    if len(scored) < len(made):
        paragraphs.append(COUNTS_ALONE)
    return (_method("Pairwise comparisons", *paragraphs),) if paragraphs else ()


def _describe_tests(made: RunComparisons) -> list[str]:
    return [
        "Two runs are compared by the cases that one of them missed and the other found, with the "
        "exact McNemar test. The best run was picked from these data, so all pairs were looked at "
        f"and each p-value is adjusted for all of them. That is max-T by {made.flips:,} "
        "sign-flips, step-down, each pair on the scale of its own exact p-value (Westfall and "
        "Young 1993; Romano and Wolf 2005). At most 5 % of sets of equal runs show a difference. "
        f"Significantly different is what has an adjusted p of at most {made.alpha:g}; what is "
        "not is not equal for that. False alarms are compared likewise, ROC AUCs by DeLong’s "
        "test with Holm’s correction. Comparisons with a baseline that was named are adjusted "
        "for each other alone.",
        "Intervals of differences in sensitivity and specificity are Tango’s (1998); each holds "
        "for its pair alone. They come from a score test and p from an exact one. So an interval "
        "may exclude 0 beside a p over 0.05: the p-value decides. The rank interval holds at least "
        f"95 % of a run’s ranks in {made.resamples:,} resamples of the images, by missed cases and "
        "then false alarms. Runs equal in both may have any of the ranks that they share. How "
        "often a run comes first in resamples, shared where runs are equal, is not the probability "
        "of being the best. A run that only won by luck repeats it too.",
        f"The {SMALLEST} is the fewest cases by which two runs must differ for that. That is if "
        "the better one finds whatever the other finds; usually it takes more. It rests on what "
        "max-T asks of the pairs that were not.",
    ]


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
        parts = [part for part, _ in INTERVALS if _is_method(name, part)]
        if parts:
            told[parts[0]] = dict(INTERVALS)[parts[0]]
        else:
            strange.append(clean(name))
    paragraphs = [text for part, text in INTERVALS if part in told]
    plans = {
        (evaluation.score_metrics.plan.resamples, evaluation.score_metrics.plan.seed)
        for reported in data.runs
        for evaluation in reported.usual
        if evaluation.score_metrics is not None
    }
    known = sorted((n, seed) for n, seed in plans if n is not None and seed is not None)
    if known and any("bootstrap" in part for part in told):
        drawn = listed([f"{n:,} resamples from seed {seed}" for n, seed in known])
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
        "Where patients have several images, intervals of these figures allow for it as well. "
        "Whole patients are drawn, and errors of the calibration line are summed by patient (Liang "
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
            f"A curve of more than {MOST_POINTS} points is drawn through fewer of them. None of "
            "the others lies a pixel away from the line. Counts, rates and areas are those of all "
            "images."
        )
    if any(one.calibration for by_label in data.curves.runs.values() for one in by_label.values()):
        drawn.append(
            "Calibration is drawn as the logistic regression of the label on a restricted cubic "
            "spline of the logit (Van Calster et al. 2016), with Wald’s pointwise band. That "
            "is over patients where some have several images. Beyond its ends lie ten images of "
            "200."
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
        "(permutation; with very many, Welch’s t-test). They are adjusted for all pairs "
        "by Holm’s correction; the interval is Welch’s. It is about these images and other seeds, "
        "not about other patients."
    )
    return (_method("Repeats", words),)


def _explain_weights(data: ReportData) -> tuple[Group, ...]:
    """How weighted rates were made, where images have weights."""
    if data.weighted is None:
        return ()
    words = (
        "A weighted rate is the weight of the images that count over that of all (Horvitz and "
        "Thompson 1952). Its interval is Wilson’s of the effective sample, (Σw)² / Σw² (Kish "
        "1965). "
        "Where patients have several images it is at most that and what the variance over patients "
        "says. Differences are paired: their ends are recovered from both intervals, with the "
        "correlation over patients or images (Zou and Donner 2008). Their level holds for all runs "
        "together."
    )
    return (_method("Weighted rates", words),)


def _explain_studies(data: ReportData) -> tuple[Group, ...]:
    """How experiments of two studies were compared, where there are any."""
    if not data.paired_studies:
        return ()
    words = (
        "Experiments of two study files are paired by number, and their runs compared on the same "
        "images. The test is McNemar’s exact one, or the sign-flip over patients where these have "
        "several images. P-values are adjusted over the experiments by Holm’s correction. The "
        "pairs were not picked from the data, so that no other pair counts."
    )
    return (_method("Experiments of two studies", words),)


def _explain_agreement(data: ReportData) -> tuple[Group, ...]:
    """How the agreement of readers was measured, where several gave their truth."""
    if data.truths is None:
        return ()
    words = (
        "Kappa of two readers is Cohen’s (1960), of more that of Fleiss (1971). Its interval is "
        "approximate: that of log(1 − kappa), by the variance of Fleiss, Cohen and Everitt (1969). "
        "Agreement on positives and on negatives is that of Cicchetti and Feinstein (1990). PABAK, "
        "2 × agreement − 1, is kappa were both answers as frequent (Byrt, Bishop and Carlin 1993). "
        "These are over patients where some have several images. The majority needs more readers "
        "for than against."
    )
    return (_method("Readers’ truth", words),)
