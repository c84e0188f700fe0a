"""What the comparisons come to in a sentence, and the finding that stands against a winner."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import (
    Comparison,
    Finding,
    RankedRun,
    Ranking,
    RunComparisons,
    StudyPlan,
)
from covidreport.text import (
    decimal,
    format_bounds,
    format_estimate,
    format_p,
    label_name,
    listed,
    p_value,
    plural,
    whole,
)

CODE = "best-run-not-distinguishable"
_MOST_NAMED = 4
SMALLEST = "smallest difference that can be significant"
"""What `DetectableDifference.cases` is called: no power stands behind it."""


def find_doubt(ranking: Ranking) -> Finding | None:
    """A warning where scores show that the best run does not differ significantly from all others;
    None else.

    Copied counts have theirs from the audit, which knows bounds only.
    """
    comparisons = ranking.comparisons
    if comparisons is None or comparisons.basis != "scores":
        return None
    best, alike, _ = split_runs(ranking)
    if not alike:
        return None
    shown = "; ".join(
        f"{row.run} misses {row.missed} ({_describe_p(comparisons, row.run)})"
        for row in alike[:_MOST_NAMED]
    )
    more = f"; and {len(alike) - _MOST_NAMED} more" if len(alike) > _MOST_NAMED else ""
    return Finding(
        severity="warning",
        code=CODE,
        what=describe_verdict(ranking),
        evidence=(
            f"{name_runs(best)} {_verb(best)} {best[0].missed} of {comparisons.positives}; "
            f"{shown}{more}. {describe_tests(comparisons)} {describe_detectable(comparisons)}"
        ),
        remedy=(
            "Their missed images do not decide between them. Compare them on more positives, and "
            "choose until then by what else matters, such as false alarms or cost."
        ),
        subjects=tuple(row.run for row in (*best, *alike)),
    )


def split_runs(
    ranking: Ranking,
) -> tuple[list[RankedRun], list[RankedRun], list[RankedRun]]:
    """The runs of rank 1, the others that do not differ significantly from them, and those that do.

    From counts alone, those of which nothing is known are among neither of the others.
    """
    different = {}
    if ranking.comparisons is not None:
        different = {
            each.run: each.significantly_different for each in ranking.comparisons.rank_evidence
        }
    best = [row for row in ranking.rows if row.rank == 1]
    rest = [row for row in ranking.rows if row.rank is not None and row.rank > 1]
    return (
        best,
        [row for row in rest if different.get(row.run) is False],
        [row for row in rest if different.get(row.run) is True],
    )


def describe_verdict(ranking: Ranking, disease: str | None = None) -> str:
    """What the data can and can't say of the first rank; empty where nothing was compared."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return ""
    name = disease or label_name(ranking.target)
    best, alike, different = split_runs(ranking)
    others = len(comparisons.rank_evidence) - len(best)
    subject = name_runs(best)
    if not others:
        all_of_them = "Both" if len(best) == 2 else f"All {len(best)}"
        return f"{all_of_them} ranked runs share rank 1: they are equal by every criterion of it."
    pairs = plural(comparisons.detectable_difference.comparisons, "comparison")
    if comparisons.basis == "counts":
        return _describe_bounds(ranking, name)
    if not alike:
        closest = max(
            (each for each in comparisons.rank_evidence if each.significantly_different),
            key=lambda each: each.adjusted_p_value or 0.0,
        )
        largest = f", with {closest.run}, the largest" if len(different) > 1 else ""
        return (
            f"{subject} {_verb(best)} significantly fewer {name} images than "
            f"{_name_all(different)}, after {pairs} ({_describe_p(comparisons, closest.run)}"
            f"{largest})."
        )
    same = f"{subject} {_be(best)} not significantly different from {_name_part(alike, others)}"
    if not different:
        return f"{same}, after {pairs}."
    pronoun = "It" if len(best) == 1 else "They"
    return (
        f"{same}. {pronoun} {_verb(best)} significantly fewer {name} images than "
        f"{_name_those(different, others)}, after {pairs}."
    )


def _describe_p(comparisons: RunComparisons, run: str) -> str:
    """`adjusted p = 0.33, unadjusted 0.19`: of a run's comparison with the best one."""
    evidence = comparisons.find(run)
    if evidence is None:
        return format_p(None)
    return f"adjusted {format_p(evidence.adjusted_p_value)}, unadjusted {p_value(evidence.p_value)}"


def _describe_bounds(ranking: Ranking, name: str) -> str:
    """What counts alone say of the best run and each other one, whoever missed which image."""
    comparisons = ranking.comparisons
    assert comparisons is not None
    best, alike, different = split_runs(ranking)
    others = len(comparisons.rank_evidence) - len(best)
    settled = {row.run for row in (*best, *alike, *different)}
    left = [row for row in ranking.rows if row.rank is not None and row.run not in settled]
    subject = name_runs(best)
    pairs = plural(comparisons.detectable_difference.comparisons, "comparison")
    # With scores the correction is max-T, which may find more than these bounds allow.
    how = "after 1 comparison"
    if comparisons.detectable_difference.comparisons > 1:
        how = f"after Holm's correction for {pairs}"
    said = []
    if alike:
        which = _name_part(alike, others)
        after = "" if different else f", {how}"
        said.append(f"{_be(best)} not significantly different from {which}{after}")
    if different:
        highest = max(
            (each for each in comparisons.rank_evidence if each.significantly_different),
            key=lambda each: each.adjusted_p_value_high or 0.0,
        )
        bounds = format_bounds(highest.adjusted_p_value or 0.0, highest.adjusted_p_value_high)
        of = f" for {highest.run}, the largest" if len(different) > 1 else ""
        taken = ", with images taken for independent" if comparisons.independence_assumed else ""
        said.append(
            f"{_verb(best)} significantly fewer {name} images than "
            f"{_name_those(different, others)}, {how}: adjusted {bounds}{of}{taken}"
        )
    text = ""
    if said:
        pronoun = "It" if len(best) == 1 else "They"
        text = f"Whoever missed which image, {subject} {f'. {pronoun} '.join(said)}."
    if left:
        after = "" if said else f" {how}"
        text += (
            f" Counts alone can't say whether {subject} {_differ(best)} significantly from "
            f"{_name_those(left, others)}{after}. That takes the answers to each image."
        )
    return text.strip()


def describe_detectable(comparisons: RunComparisons) -> str:
    """The smallest difference that can be significant, and what became of the observed one."""
    smallest = comparisons.detectable_difference
    if comparisons.basis == "counts":
        text = f"A difference of fewer than {plural(smallest.cases, 'image')} can't be significant"
        if smallest.comparisons > 1:
            text += f" for any of {smallest.comparisons:,} pairs"
        return f"{text}; one of as many need not be."
    if smallest.cases > smallest.positives:
        text = (
            f"With {plural(smallest.positives, 'positive')} no two runs could differ "
            f"significantly: the {SMALLEST} is {plural(smallest.cases, 'image')}"
        )
    else:
        text = (
            f"A difference of fewer than {smallest.cases:,} of {smallest.positives:,} images can't "
            "be significant; one of as many need not be"
        )
    if smallest.gap is None or smallest.second is None:
        return f"{text}. No run misses more than the first."
    second = comparisons.find(smallest.second)
    significant = second is not None and second.significantly_different
    return (
        f"{text}. That to {smallest.second}, {smallest.gap}, is "
        f"{'' if significant else 'not '}significant."
    )


def describe_picked(
    comparisons: RunComparisons, disease: str, specificity: float | None = None
) -> str:
    """What a run that was picked so does on other images; empty where nobody can say.

    specificity: that of the best run on these images, which the corrected one may be above.
    """
    picked = comparisons.picked
    if picked is None:
        return ""
    rates = [
        f"{name} {shown.value}, 95 % CI {shown.interval}"
        for name, shown in (
            ("sensitivity", format_estimate(picked.sensitivity)),
            ("specificity", format_estimate(picked.specificity)),
        )
        if shown.interval
    ]
    about, why = "about", ""
    if picked.at_most:
        about, why = "up to about", " That is a bound: counts do not say who missed whom."
    rises = ""
    if specificity is not None and round((picked.specificity.value or 0) - specificity, 3) > 0:
        rises = (
            f" Specificity is lower here ({decimal(specificity)}): to pick by fewest missed "
            "favours runs that happen to call more images positive."
        )
    return (
        f"The best of {plural(picked.runs, 'evaluated run')} was picked on these very images, and "
        f"luck helps who is picked. On others like them such a run misses {about} "
        f"{whole(round(picked.missed))} of {whole(comparisons.positives)} {disease} images in the "
        f"mean ({'; '.join(rates)}).{why}{rises}"
    )


def describe_tests(comparisons: RunComparisons) -> str:
    """By which test, and how it was corrected."""
    first = comparisons.sensitivity[0]
    test = (
        "the exact McNemar test on missed images"
        if first.test == "mcnemar-exact"
        else "the sign-flip test on missed images, with each patient's images kept together"
    )
    pairs = comparisons.detectable_difference.comparisons
    return (
        f"Each p is that of {test}. It is adjusted for {plural(pairs, 'comparison')} by max-T over "
        f"sign-flips, since the best was picked from the data. One over {comparisons.alpha:g} is "
        "no evidence that two runs are equal."
    )


def describe_disagreement(comparisons: RunComparisons) -> str:
    """That intervals exclude 0 where the test is not significant, and why; empty where none does.

    In sensitivity and specificity: their intervals are not made by the test that is reported.
    """
    pairs = [*comparisons.sensitivity, *comparisons.specificity]
    disagreeing = sum(
        excludes_zero(pair) and (pair.adjusted_p_value or 0.0) > comparisons.alpha for pair in pairs
    )
    if not disagreeing:
        return ""
    return (
        f"{plural(disagreeing, 'interval')} of a difference in sensitivity or specificity "
        f"{'excludes' if disagreeing == 1 else 'exclude'} 0 although the adjusted p-value is over "
        f"{comparisons.alpha:g}. An interval is Tango's, for its pair alone; p is that of an "
        "exact test, adjusted for all pairs that were looked at. The p-value decides."
    )


def excludes_zero(comparison: Comparison) -> bool:
    """Whether the interval says that one of the two is better."""
    low, high = comparison.low, comparison.high
    return low is not None and high is not None and not low <= 0 <= high


def describe_planned(ranking: Ranking) -> str:
    """What the comparisons with the named baseline come to; empty where there are none."""
    comparisons = ranking.comparisons
    if comparisons is None or not comparisons.planned:
        return ""
    alpha = comparisons.alpha
    different = [c for c in comparisons.sensitivity if (c.adjusted_p_value or 0.0) <= alpha]
    fewer = [c.first for c in different if (c.difference or 0.0) > 0]
    more = [c.first for c in different if (c.difference or 0.0) < 0]
    parts = []
    if fewer:
        parts.append(f"{_list(fewer)} {_verb(fewer)} fewer images")
    if more:
        parts.append(f"{_list(more)} {_verb(more)} more")
    rest = len(comparisons.sensitivity) - len(different)
    if rest:
        verb = "does" if rest == 1 else "do"
        parts.append(f"{'the other ' if different else ''}{rest} {verb} not differ significantly")
    return (
        f"Compared with the baseline {comparisons.baseline}, {describe_naming(comparisons)} "
        f"({plural(len(comparisons.sensitivity), 'comparison')}): {'; '.join(parts)}."
    )


def describe_naming(comparisons: RunComparisons) -> str:
    """Where the baseline was named, such as `named on the command line`."""
    return f"named {comparisons.named}".rstrip()


def describe_non_inferiority(comparisons: RunComparisons) -> str:
    """How many runs are at most the margin worse; empty where no margin was stated."""
    judged = comparisons.non_inferiority
    if not judged:
        return ""
    counts = {
        answer: [each.run for each in judged if each.answer == answer]
        for answer in ("yes", "no", "the data cannot say")
    }
    parts = [
        f"{words} {_list(names)}"
        for words, names in (
            ("yes for", counts["yes"]),
            ("no for", counts["no"]),
            ("the data can't say for", counts["the data cannot say"]),
        )
        if names
    ]
    return (
        f"At most {judged[0].margin:g} less sensitive than {judged[0].reference}: "
        f"{'; '.join(parts)}.{_describe_plan(comparisons.margin_plan)}"
    )


def _describe_plan(plan: StudyPlan | None) -> str:
    """How many positives would show it of one run that is as good; empty where nobody knows."""
    needed = None if plan is None else plan.goals[0].needed
    if plan is None or needed is None:
        return ""
    images = plural(needed.positives, "positive image")
    if plan.assumptions.grouped:
        images += f" of {plural(needed.patients, 'patient')}"
    return (
        f" Of one run that is as good this takes {images}, to be shown in 8 of 10 studies. Taken "
        f"for true are a sensitivity of {decimal(plan.assumptions.sensitivity)} and runs that "
        "agree as these do (`covidreport plan`)."
    )


def name_runs(rows: Sequence[RankedRun]) -> str:
    """The names of a few runs, and how many there are more."""
    return _list([row.run for row in rows])


def _list(names: Sequence[str]) -> str:
    return listed(names, _MOST_NAMED)


def _verb(subjects: Sequence[object]) -> str:
    return "misses" if len(subjects) == 1 else "miss"


def _be(subjects: Sequence[object]) -> str:
    return "is" if len(subjects) == 1 else "are"


def _differ(subjects: Sequence[object]) -> str:
    return "differs" if len(subjects) == 1 else "differ"


def _name_part(rows: Sequence[RankedRun], others: int) -> str:
    if len(rows) == 1:
        which = f"{rows[0].run}" + (
            "" if others == 1 else f", one of the {others} other ranked runs"
        )
    elif len(rows) == others:
        which = f"any of the {others} other ranked runs"
        if others == 2:
            which = "either of the 2 other ranked runs"
    else:
        which = f"{len(rows)} of the {others} other ranked runs"
    return f"{which} ({_range(rows)} missed)"


def _name_those(rows: Sequence[RankedRun], others: int) -> str:
    """As `_name_part`, without how many others there are where one is named."""
    return f"{rows[0].run} ({_range(rows)} missed)" if len(rows) == 1 else _name_part(rows, others)


def _name_all(rows: Sequence[RankedRun]) -> str:
    if len(rows) == 1:
        return f"{rows[0].run} ({_range(rows)})"
    return f"each of the {len(rows)} other ranked runs ({_range(rows)})"


def _range(rows: Sequence[RankedRun]) -> str:
    """`10 to 19`; of two runs each one's: `8 and 12`."""
    low, high = min(row.missed for row in rows), max(row.missed for row in rows)
    between = "and" if len(rows) == 2 else "to"
    return f"{low:,}" if low == high else f"{low:,} {between} {high:,}"
