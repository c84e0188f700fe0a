"""Reads the evidence of run folders into what a report is made from; runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from covidreport import __version__
from covidreport.audit import audit_report
from covidreport.audit.document import Audit, include_audit
from covidreport.audit.folds import audit_folds
from covidreport.boundary import attempt
from covidreport.compare import CachingReader, Plan, ReadScores, find_doubt, rank_and_compare
from covidreport.compare.finding import CODE
from covidreport.compare.same_specificity import find_dependent_lead
from covidreport.errors import NothingEvaluatedError, StoreError, UsageError
from covidreport.records import (
    SEVERITIES,
    Evaluation,
    Failure,
    Finding,
    Ranking,
    ReportData,
    ReportedRun,
    Run,
    Scores,
    name_evaluation,
)
from covidreport.report.anonymous import hide_ids
from covidreport.report.cases import collect_cases
from covidreport.report.choices import ReportChoices
from covidreport.report.claims import find_claims, find_stale_models
from covidreport.report.classes import ByClass, collect_by_class
from covidreport.report.cohort import collect_cohorts, collect_flow
from covidreport.report.curves import collect_curves
from covidreport.report.datasets import collect_datasets, read_answers_beside
from covidreport.report.disturbed import collect_disturbed, collect_foreign
from covidreport.report.frequencies import collect_frequencies
from covidreport.report.paired_studies import collect_paired_studies
from covidreport.report.prevalence import state_prevalence
from covidreport.report.readers import collect_readers
from covidreport.report.referral import collect_referral
from covidreport.report.repeats import collect_repeats
from covidreport.report.run_groups import collect_groups, find_refused
from covidreport.report.sites import collect_sites
from covidreport.report.truths import collect_truths, find_other_winners
from covidreport.report.weak_spots import collect_weak_spots
from covidreport.report.weighted import collect_weighted, find_other_first
from covidreport.storage.chosen import (
    ChosenImages,
    ImageQuery,
    ReadAt,
    choose_beside,
    choose_images,
    keep_thresholds,
)
from covidreport.storage.folds import FOLDS
from covidreport.storage.made_here import MadeHere
from covidreport.storage.runs import Tell, read_evaluations
from covidreport.store import SCORES_FILE, evaluation_folder, read_failure
from covidreport.text.thresholds import is_trained_on


class _Evidence(Struct, frozen=True):
    """What stands in one run folder."""

    run: Run
    evaluations: tuple[Evaluation, ...]
    faults: tuple[str, ...]


def collect_report(
    runs: Sequence[Run],
    choices: ReportChoices,
    *,
    images: ImageQuery | None = None,
    tell: Tell = lambda _: None,
    title: str | None = None,
    plan: Plan | None = None,
    audit: Audit | None = None,
    show_ids: bool = False,
    command: str | None = None,
    made: MadeHere | None = None,
    curves: bool = True,
) -> ReportData:
    """Everything that a report shows of `runs`, on one split of one data set.

    plan: what runs were to be compared with, and by which margin. audit: of these data, whose
    findings the report takes in. show_ids: images and patients go by their ids, not by digests.
    command: the one that asks for it, for the record. made: what is known to have been computed
    here, where that is more than the cache's records. curves: whether those over all thresholds
    are read, which take a quarter of the time.

    images: what was said of data set, split and variant (another precision or provider, such as
    `fp16`); `choose_images` has the rule. tell: told where other images were evaluated later.
    Raises UsageError where nothing was evaluated, or not on what is asked for.
    """
    target, metrics = choices.target, choices.metrics
    evidence = [_Evidence(run, *read_evaluations(run)) for run in runs]
    meant = _choose(evidence, images or ImageQuery())
    if meant.note:
        tell(meant.note)
    beside = _choose_beside(evidence, meant, tell)
    name, chosen = meant.dataset, meant.split
    every = [item.evaluations for item in evidence]
    found_here = made or MadeHere()
    at = images.at if images is not None else keep_thresholds
    reported = tuple(
        _tell_origin(_read_at(_report_run(item, meant, beside), at), found_here)
        for item in evidence
    )
    _refuse_none(reported, at)
    read = CachingReader()
    if metrics is not None:
        found_labels = [e for one in reported if one.evaluation for e in one.evaluation.labels]
        metrics.plan(list(dict.fromkeys(found_labels)), target)  # refused for a label of no run
        reported = tuple(state_prevalence(one, metrics, target, read) for one in reported)
    evaluated = [(item.run, item.evaluation) for item in reported if item.evaluation is not None]
    evaluations = [evaluation for _, evaluation in evaluated]
    rank = partial(
        rank_and_compare, target=target, specificity_floor=choices.specificity_floor, plan=plan,
        read=read,
    )  # fmt: skip
    sets = rank(evaluated)
    rankings = tuple(each.ranking for each in sets)
    by_class = (
        collect_by_class(rankings[0], reported, metrics, read) if rankings else ByClass(None, ())
    )
    datasets, of_datasets = collect_datasets(reported, rankings, beside, rank, target)
    by_site, of_sites = collect_sites(choices.sites, rankings, reported, datasets, read)
    margin = None if plan is None else plan.margin
    with_all = list(zip(reported, every, strict=True))
    finished = [e.times.finished for e in evaluations if e.times.finished]
    groups = collect_groups(rankings[0], reported, read, choices.references) if rankings else ()
    data = ReportData(
        title=title or f"{name}, {chosen}",
        target=target,
        dataset=name,
        split=chosen,
        runs=reported,
        rankings=rankings,
        repeats=collect_repeats(reported, rankings, target),
        cases=collect_cases(rankings[0], reported, read, show_ids=show_ids) if rankings else None,
        curves=collect_curves(reported, read) if curves else None,
        classes=by_class.classes,
        frequencies=(
            collect_frequencies(rankings[0], evaluations, by_class.predictive) if rankings else ()
        ),
        referral=collect_referral(rankings[0], reported, read) if rankings else (),
        readers=collect_readers(rankings[0], reported, read) if rankings else None,
        truths=collect_truths(rankings[0], reported, read) if rankings else None,
        weighted=(
            collect_weighted(rankings[0], reported, read, asked=choices.by_weight)
            if rankings
            else None
        ),
        paired_studies=(collect_paired_studies(rankings[0], reported, read) if rankings else ()),
        predictive=by_class.predictive,
        datasets=read_answers_beside(datasets, reported, read, show_ids=show_ids, curves=curves),
        study=choices.study,
        disturbed=collect_disturbed(with_all, rankings, margin, read, tell),
        foreign=collect_foreign(with_all, rankings, read, tell),
        cohorts=collect_cohorts(rankings[0] if rankings else None, reported, read),
        sites=by_site,
        flow=collect_flow(rankings[0] if rankings else None, reported, target, read),
        groups=groups,
        weak_spots=collect_weak_spots(rankings[0], reported, read) if rankings else None,
        provenance={
            "covidreport": __version__,
            "evaluated": max(finished) if finished else None,
            **({} if command is None else {"command": command}),
        },
    )
    found = [
        *_evaluation_findings(evaluations),
        *find_stale_models(reported),
        *find_claims(reported, found_here),
        *(finding for each in sets for finding in each.findings),
        *of_datasets,
        *of_sites,
        *(lead for each in rankings if (lead := find_dependent_lead(each)) is not None),
        *find_other_winners(data.truths),
        *find_refused(groups, choices.references),
        *find_other_first(data.weighted, rankings[0] if rankings else None),
        *_cross_validated(reported, target, read),
        *_decide_doubts(rankings, audit_report(data)),
    ]
    ordered = tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity)))
    data = replace(data, findings=ordered)
    if audit is not None:
        data = replace(data, findings=include_audit(audit, data))
    return data if show_ids else hide_ids(data)


def choose_evaluated(
    runs: Sequence[Run], images: ImageQuery, tell: Tell
) -> tuple[tuple[tuple[Run, Evaluation], ...], ...]:
    """What a report would rank: each run with its evaluation on the images that are meant, then
    the same of every other data set.

    Empty where nothing was evaluated. A run whose last evaluation failed is left out. images, tell:
    as of `collect_report`, which also says what is raised.
    """
    evidence = [_Evidence(run, *read_evaluations(run)) for run in runs]
    if not any(item.evaluations for item in evidence):
        return ()
    chosen = _choose(evidence, images)
    if chosen.note:
        tell(chosen.note)
    beside = _choose_beside(evidence, chosen, tell)
    reported = [_read_at(_report_run(item, chosen, beside), images.at) for item in evidence]
    _refuse_none(reported, images.at)
    for each in reported:
        if each.failure is not None and each.failure.stage == "judge":
            tell(f"run {each.run.name} is not ranked: {each.failure.explanation}")
    meant = tuple((item.run, item.evaluation) for item in reported if item.evaluation is not None)
    others = (
        tuple((item.run, e) for item in reported for e in item.elsewhere if e.dataset == of.dataset)
        for of in beside
    )
    return (meant, *others)


def _decide_doubts(rankings: Sequence[Ranking], found: Sequence[Finding]) -> list[Finding]:
    """The audit's findings; what scores say of a first place stands for what counts say of it."""
    compared = {
        row.run
        for ranking in rankings
        if ranking.comparisons is not None and ranking.comparisons.basis == "scores"
        for row in ranking.rows
    }
    doubts = [doubt for ranking in rankings if (doubt := find_doubt(ranking)) is not None]
    kept = [each for each in found if each.code != CODE or not set(each.subjects) <= compared]
    return [*doubts, *kept]


def _choose(evidence: Sequence[_Evidence], images: ImageQuery) -> ChosenImages:
    every = [evaluation for item in evidence for evaluation in item.evaluations]
    if not every:
        faults = [fault for item in evidence for fault in item.faults]
        raise NothingEvaluatedError(
            "none of these runs has been evaluated: run `covidreport evaluate` first"
            + "".join(f"\n  {fault}" for fault in faults)
        )
    return choose_images(every, images)


def _choose_beside(
    evidence: Sequence[_Evidence], images: ChosenImages, tell: Tell
) -> tuple[ChosenImages, ...]:
    """The other data sets that runs were evaluated on, but for images that trained them."""
    every = [each for item in evidence for each in _list_unseen(item)]
    return choose_beside(every, images, tell)


def _list_unseen(item: _Evidence) -> tuple[Evaluation, ...]:
    return tuple(each for each in item.evaluations if not is_trained_on(item.run, each.split))


def _report_run(
    item: _Evidence, images: ChosenImages, beside: Sequence[ChosenImages] = ()
) -> ReportedRun:
    """The run with its evaluation on the ranked images, or with the reason why it has none."""
    run = item.run
    current = images.find(item.evaluations)
    split = FOLDS if run.members else images.split
    key = name_evaluation(images.dataset, split, images.variant)
    try:
        folder = evaluation_folder(run.folder, key if current is None else current.key)
        failure = read_failure(folder)
    except StoreError as error:
        failure = Failure(run.name, "read", str(error))
    there = (e for e in item.evaluations if e.dataset == images.dataset)
    others = tuple(e for e in there if e is not current and not e.facts.changed)
    if run.faults:
        failure = Failure(run.name, "read", "; ".join(run.faults))
    elif failure is None and current is None:
        reason = "; ".join(item.faults) or (
            f"was not evaluated on {images.dataset}, {images.split}: run `covidreport evaluate`"
        )
        failure = Failure(run.name, "score", reason)
    found = (each.find(tuple(filter(each.are, _list_unseen(item)))) for each in beside)
    elsewhere = tuple(each for each in found if each is not None)
    if failure is not None:
        return ReportedRun(run, None, others, failure, elsewhere)
    return ReportedRun(run, current, others, elsewhere=elsewhere)


def _read_at(reported: ReportedRun, at: ReadAt) -> ReportedRun:
    """The run with its evaluations at the thresholds that are asked for, or why it has none.

    On other images one that can't be read so stays as it stands.
    """
    run = reported.run

    def read_other(other: Evaluation) -> Evaluation:
        found = attempt(run.name, "judge", partial(at, run, other))
        return other if isinstance(found, Failure) else found

    reported = replace(
        reported,
        others=tuple(map(read_other, reported.others)),
        elsewhere=tuple(map(read_other, reported.elsewhere)),
    )
    if reported.evaluation is None:
        return reported
    read = attempt(run.name, "judge", partial(at, run, reported.evaluation))
    if isinstance(read, Failure):
        return replace(reported, evaluation=None, failure=replace(read, stage="judge"))
    return replace(reported, evaluation=read)


def _refuse_none(reported: Sequence[ReportedRun], at: ReadAt) -> None:
    """UsageError where no run can be read at the thresholds that are asked for."""
    if at is keep_thresholds or any(each.evaluation is not None for each in reported):
        return
    for each in reported:
        if each.failure is not None and each.failure.stage == "judge":
            raise UsageError(f"run {each.run.name}: {each.failure.explanation}")


def _tell_origin(reported: ReportedRun, made: MadeHere) -> ReportedRun:
    evaluation = reported.evaluation
    if evaluation is None:
        return reported
    own = made.has_evaluation(reported.run, evaluation)
    return replace(
        reported,
        scores_from="computed here" if own else "as stored",
        thresholds_written_here=made.has_tuned(reported.run, evaluation),
    )


def _evaluation_findings(evaluations: Sequence[Evaluation]) -> list[Finding]:
    """The findings that evaluations carry, each once."""
    return list(dict.fromkeys(f for evaluation in evaluations for f in evaluation.findings))


def _cross_validated(
    reported: Sequence[ReportedRun], target: str, read: ReadScores
) -> list[Finding]:
    """What must be known of the configurations that were evaluated over all their folds."""
    findings: list[Finding] = []
    for one in reported:
        evaluation = one.evaluation
        if evaluation is None or not evaluation.facts.folds:
            continue
        path = evaluation_folder(one.run.folder, evaluation.key) / SCORES_FILE
        scores = attempt(one.run.name, "read", partial(read, path))
        if isinstance(scores, Scores):  # what can't be read is said where runs are compared
            findings += audit_folds(evaluation, scores, target)
    return findings
