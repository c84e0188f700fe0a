"""The report in one sentence, what it does not say, and the findings that bear on it."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import (
    Counts,
    Estimate,
    Evaluation,
    RankedRun,
    Ranking,
    ReportData,
)
from covidreport.report.charts.tally import Tally, draw_tally
from covidreport.report.view.against import describe_lead
from covidreport.report.view.index import Index
from covidreport.report.view.ranking import name_the_best
from covidreport.report.view.records import Answer, FindingGroup, GraveFinding, Span
from covidreport.report.view.tables import of_label
from covidreport.report.view.wording import clean, figure, listed, plural, whole

DOUBT_CODES = ("best-run-not-distinguishable",)
"""Findings that say whether the first run can be told from the next: they stand by the answer."""

IMAGE_CODES = ("shortcut-attributes",)
"""Warnings about the images: they stand by the answer, whichever run is best."""

_MOST_NAMED = 3
_MOST_GRAVE = 5
"""Findings that stand beside the answer; how many there are is said behind them."""


def view_answer(data: ReportData, findings: Sequence[FindingGroup], index: Index) -> Answer:
    """Which run misses the fewest, at what price; or why that can't be said."""
    standing = _standing(findings)
    ranking = data.rankings[0] if data.rankings else None
    best = name_the_best(ranking) if ranking else ()
    if ranking is None or not best:
        return Answer((Span(_no_answer(ranking, data, index)),), standing=standing)
    evaluation = index.evaluation(best[0].run, ranking)
    counts = index.counts(evaluation)
    if evaluation is None or counts is None:
        return Answer((Span(_no_answer(ranking, data, index)),), standing=standing)
    tally = draw_tally(counts)
    return Answer(
        sentence=_sentence(ranking, best, evaluation, counts, data, index),
        against=describe_lead(ranking, index),
        elsewhere=_on_other_splits(best, evaluation, index),
        assured=_is_assured(ranking),
        doubts=_doubts(data, ranking),
        grave=_grave(findings, [index.span(row.run).text for row in best], data),
        standing=standing,
        tally=tally,
        tally_caption=_tally_caption(counts, tally, index) if tally else "",
    )


def _on_other_splits(
    best: Sequence[RankedRun], ranked: Evaluation, index: Index
) -> tuple[str, ...]:
    """What the one best run does on splits that neither trained nor chose it, a sentence each."""
    reported = index.find(best[0].run)
    if len(best) > 1 or reported is None:
        return ()
    data = reported.run.settings.get("data")
    stated = data if isinstance(data, dict) else {}
    used = {"train", "training", ranked.split.lower()}
    used |= {str(stated.get(key)).lower() for key in ("train_split", "validation_split")}
    sentences = []
    for other in reported.others:
        counts = index.counts(other)
        known = counts is not None and counts.positives and other.variant == ranked.variant
        if counts is None or not known or other.split.lower() in used:
            continue
        sensitivity = of_label(other, index.target, "sensitivity")
        sentences.append(
            f"On the {clean(other.split)} split, which did not choose it, {clean(best[0].run)} "
            f"misses {whole(counts.missed)} of {whole(counts.positives)} (sensitivity "
            f"{_with_interval(sensitivity)}), with {plural(counts.false_alarms, 'false alarm')} "
            f"among {plural(counts.negatives, 'image')} without {index.disease}."
        )
    return tuple(sentences)


def _grave(
    findings: Sequence[FindingGroup], best: Sequence[str], data: ReportData
) -> tuple[GraveFinding, ...]:
    """Every error, then the warnings about the images or a best run; not what stands as a doubt."""
    said = {clean(one.what) for one in data.findings if one.code in DOUBT_CODES}
    weighty = {clean(one.what) for one in data.findings if one.code in IMAGE_CODES}
    every = [one for group in findings for one in group.findings if one.what not in said]
    chosen = [one for one in every if one.severity == "error"]
    chosen += [
        one
        for one in every
        if one.severity == "warning"
        and (one.what in weighty or {subject.text for subject in one.subjects} & set(best))
    ]
    return tuple(GraveFinding(one.severity, one.anchor, one.what) for one in chosen[:_MOST_GRAVE])


def _no_answer(ranking: Ranking | None, data: ReportData, index: Index) -> str:
    where = f"{clean(data.dataset)}, split {clean(data.split)}"
    if ranking is None:
        return f"No run has figures for {index.disease} on {where}: there is nothing to rank yet."
    if len(ranking.rows) == 1:
        return f"The only run on {where}, can't be ranked for {index.disease}; the table says why."
    return (
        f"None of the {whole(len(ranking.rows))} runs on {where}, can be ranked for "
        f"{index.disease}; the table says why."
    )


def _sentence(
    ranking: Ranking,
    best: Sequence[RankedRun],
    evaluation: Evaluation,
    counts: Counts,
    data: ReportData,
    index: Index,
) -> tuple[Span, ...]:
    """`exp15 misses the fewest: 8 of 28 COVID-19 images (…), at the price of 195 false alarms …`"""
    spans: list[Span] = []
    if len(data.rankings) > 1:
        spans.append(Span(f"Among the {len(ranking.rows)} runs on the same images, "))
    alone = sum(row.rank is not None for row in ranking.rows) == 1
    if alone:
        spans += [index.span(best[0].run), Span(" is the only run that can be ranked. It missed ")]
    elif len(best) == 1:
        spans += [index.span(best[0].run), Span(" misses the fewest: ")]
    else:
        spans += [*_names(best, index), Span(" miss the fewest, each ")]
    sensitivity = of_label(evaluation, index.target, "sensitivity")
    specificity = of_label(evaluation, index.target, "specificity")
    spans += [
        Span(f"{whole(counts.missed)} of {whole(counts.positives)}", "strong"),
        Span(" "),
        Span(index.disease, "label"),
        Span(f" images (sensitivity {_with_interval(sensitivity)}), at the price of "),
        Span(plural(counts.false_alarms, "false alarm"), "strong"),
        Span(f" among {plural(counts.negatives, 'image')} without "),
        Span(index.disease, "label"),
        Span(f" (specificity {_with_interval(specificity)})."),
    ]
    return tuple(spans)


def _names(best: Sequence[RankedRun], index: Index) -> list[Span]:
    shown = [index.span(row.run) for row in best[:_MOST_NAMED]]
    left = len(best) - len(shown)
    spans: list[Span] = []
    for i, span in enumerate(shown):
        last = i == len(shown) - 1 and not left
        spans += [Span(" and " if last else ", ")] if i else []
        spans.append(span)
    return [*spans, Span(f" and {left} more")] if left else spans


def _with_interval(estimate: Estimate | None) -> str:
    shown = figure(estimate)
    return f"{shown.value}; 95 % CI {shown.interval}" if shown.interval else shown.value


def _tally_caption(counts: Counts, tally: Tally, index: Index) -> str:
    parts = [f"{whole(counts.missed)} missed"]
    if counts.failed_positive:
        parts[0] += f" ({whole(counts.failed_positive)} of them not scored)"
    parts.append(f"{whole(counts.tp)} found")
    return f"{whole(len(tally.dots))} {index.disease} images, one dot each: {listed(parts)}"


def _is_assured(ranking: Ranking) -> bool:
    """Whether the one run of rank 1 was told apart from every other."""
    comparisons = ranking.comparisons
    if comparisons is None:
        return False
    return sum(each.told_apart is not True for each in comparisons.standings) == 1


def _doubts(data: ReportData, first: Ranking) -> tuple[str, ...]:
    """What findings say; not what `describe_lead` has said of the first ranking already."""
    said: set[str] = set()
    if first.comparisons is not None and first.comparisons.basis == "scores":
        said = {row.run for row in first.rows}
    doubts = (
        clean(one.what)
        for one in data.findings
        if one.code in DOUBT_CODES and not (one.subjects and set(one.subjects) <= said)
    )
    return tuple(what if what.endswith((".", "?", "!")) else f"{what}." for what in doubts)


def _standing(findings: Sequence[FindingGroup]) -> str:
    parts = [plural(len(group.findings), group.severity) for group in findings]
    return f"To be read with {listed(parts)}" if parts else ""


def view_limits(data: ReportData, index: Index) -> tuple[str, ...]:
    """What the report is not: said before any figure is taken for more than it is."""
    images = "stored images"
    evaluation = _first_evaluation(data, index)
    if evaluation is not None:
        images = plural(evaluation.n_images, "stored image")
    limits = [
        f"Research software, no medical device and no clinical claim. The figures describe answers "
        f"to {images} of one data set; they say nothing of other hospitals, machines or patients, "
        f"and nobody should be diagnosed, treated or sent home by them.",
        "An interval covers the chance of which images were drawn. It does not cover how they were "
        "collected, labelled or selected.",
    ]
    ranked = sum(row.rank is not None for row in index.ranked.values())
    if ranked > 1:
        limits.append(
            f"The first of {plural(ranked, 'run')} was picked on the same images that it is "
            "reported on: expect it to do worse on new ones."
        )
    if evaluation is not None and evaluation.n_groups is None:
        limits.append(
            "Images are counted, not patients: which images belong to one patient is not known "
            "here, and intervals are too narrow where a patient has several."
        )
    elif evaluation is not None and evaluation.n_groups != evaluation.n_images:
        drawn = (
            "intervals are drawn over patients, and counts are still of images."
            if evaluation.details is not None
            else "intervals are too narrow where images of one patient resemble each other."
        )
        limits.append(
            f"{plural(evaluation.n_images, 'image')} come from "
            f"{plural(evaluation.n_groups or 0, 'patient')}: {drawn}"
        )
    return tuple(limits)


def _first_evaluation(data: ReportData, index: Index) -> Evaluation | None:
    for ranking in data.rankings:
        for row in ranking.rows:
            return index.evaluation(row.run, ranking)
    return None
