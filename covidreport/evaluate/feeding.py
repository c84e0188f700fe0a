"""Models fed in every way that their contract leaves open, on some images, in one pass for all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.boundary import attempt, explain_error
from covidreport.dataset import fingerprint
from covidreport.dataset.digests import digest_files
from covidreport.dataset.split import take_rows
from covidreport.evaluate.company import check_company
from covidreport.evaluate.cpu_check import spread
from covidreport.evaluate.folders import evaluate_folders
from covidreport.evaluate.hardware import choose_hardware
from covidreport.evaluate.loop import Advance, count_jobs, score_runs
from covidreport.evaluate.memory import group_by_memory
from covidreport.evaluate.opening import open_run_session
from covidreport.evaluate.options import DEFAULT_TARGET, EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.preprocessing import (
    CODE,
    RECORDED,
    PreprocessingCheck,
    SampledImages,
    findings_of,
    judge_neighbours,
)
from covidreport.evaluate.request import default_batch
from covidreport.evaluate.resolve import choose_data, read_query
from covidreport.evaluate.scored import OpenedRun, ScoredRun, open_columns
from covidreport.evaluate.thresholds import TUNING_SPLIT
from covidreport.inference.execution import Execution
from covidreport.inference.graph import describe_graph
from covidreport.inference.neighbours import Neighbours, list_neighbours
from covidreport.inference.session import OutOfMemoryError
from covidreport.inference.trial import TRIAL
from covidreport.records import (
    Dataset,
    Failure,
    Noted,
    OnEvent,
    Run,
    StageStarted,
    count_steps,
    ignore_events,
)
from covidreport.storage.chosen import USUAL_SPLIT, fold_split
from covidreport.storage.folds import read_fold
from covidreport.storage.made_here import MadeHere
from covidreport.store import write_evaluation
from covidreport.text import plural
from covidreport.text.thresholds import TRAINING_SPLITS

SAMPLED: Final = 200
"""Images, half of them with the target where there are as many."""
LEAST: Final = 10
"""Images with the target, and without it: of fewer nothing is said."""


class _Fed(Struct, frozen=True):
    """A run as it is described, and each other way to feed it, open for the loop."""

    stated: OpenedRun
    neighbours: Neighbours
    others: tuple[OpenedRun, ...]


def check_evaluated(
    outcomes: Sequence[RunOutcome], options: EvaluateOptions, made: MadeHere, on_event: OnEvent
) -> tuple[tuple[RunOutcome, ...], tuple[PreprocessingCheck, ...]]:
    """Try each run that was evaluated with its neighbours; what is found stands in its evaluation.

    Of a configuration each fold's model is tried, and what is found stands in that over all folds
    too. What was tried before on the same images is kept where the evaluation is. made: what is
    known to have been made here.
    """
    checked = [one for each in outcomes for one in _list_alone(each)]
    if not checked or checked[0].evaluation is None:
        return tuple(outcomes), ()
    runs = [each.run for each in checked]
    images = find_sample(runs, options, checked[0].evaluation.split, on_event, labels=runs)
    if images is None:
        return tuple(outcomes), ()
    stored = {each.run.folder: _read_stored(each, images) for each in checked}
    new = feed_runs([r for r in runs if stored[r.folder] is None], images, options, on_event)
    by_name = {each.run: each for each in (*filter(None, stored.values()), *new)}
    checks = {run.folder: by_name[run.name] for run in runs if run.name in by_name}
    kept = {
        each.run.folder: _keep(each, check, made, use_cache=options.cache is not False)
        for each in checked
        if (check := checks.get(each.run.folder)) and stored[each.run.folder] is None
    }
    changed = [each.run for each in outcomes if any(run.folder in kept for run in each.run.members)]
    pooled: dict[str, RunOutcome] = {}
    if changed:  # the folds' evaluations stand, and are put together again
        again = replace(options, force=False, thumbnails=False, maps=None)
        pooled = {
            each.run.name: each for each in evaluate_folders(changed, again, made=made).outcomes
        }
    done = (
        replace(pooled[each.run.name], reused=each.reused, before=each.before)
        if each.run.name in pooled
        else kept.get(each.run.folder, each)
        for each in outcomes
    )
    return tuple(done), tuple(checks.values())


def _list_alone(outcome: RunOutcome) -> Iterator[RunOutcome]:
    """An evaluated run, or each fold's of a configuration with its own evaluation."""
    if not outcome.run.members and outcome.evaluation is not None:
        yield outcome
    folds = () if outcome.evaluation is None else outcome.evaluation.facts.folds
    keys = {each.run: each.evaluation for each in folds}
    for run in outcome.run.members:
        if run.name in keys:
            yield RunOutcome(run, read_fold(run, keys[run.name]), reused=True)


def _read_stored(outcome: RunOutcome, images: SampledImages) -> PreprocessingCheck | None:
    """What stands in an evaluation that was kept, if it is of the same images and target."""
    evaluation = outcome.evaluation
    facts = evaluation.provenance.get(RECORDED) if evaluation and outcome.reused else None
    if not isinstance(facts, dict):
        return None
    found = PreprocessingCheck.read(outcome.run.name, facts)
    same = found and (found.fingerprint, found.target) == (images.fingerprint, images.target)
    return found if same else None


def _keep(
    outcome: RunOutcome, check: PreprocessingCheck, made: MadeHere, *, use_cache: bool
) -> RunOutcome:
    """The outcome with what was found in its evaluation, which is written."""
    run, evaluation = outcome.run, outcome.evaluation
    assert evaluation is not None
    others = (each for each in evaluation.findings if each.code != CODE)
    changed = replace(
        evaluation,
        findings=(*findings_of(check), *others),
        provenance={**evaluation.provenance, RECORDED: check.facts()},
    )
    with made.rewriting(run, evaluation, use_cache=use_cache):
        write_evaluation(run.folder, changed)
    return replace(outcome, evaluation=changed)


def find_sample(
    runs: Sequence[Run], options: EvaluateOptions, split: str, on_event: OnEvent,
    labels: Sequence[Run] = (),
) -> SampledImages | None:  # fmt: skip
    """Some images of another split than `split`; None where there are none, which is told.

    labels: runs whose labels are those of the data, where nobody names them. UsageError or
    DatasetError where the data can't be had.
    """
    data = read_query(choose_data(options, labels), needed=lambda _: ())
    target = options.target or DEFAULT_TARGET
    images = sample_images(data, target, split, runs, use_cache=options.cache is not False)
    if isinstance(images, SampledImages):
        return images
    on_event(Noted(f"whether models are fed as they were trained was not tried: {images}"))
    return None


def feed_runs(
    runs: Sequence[Run], images: SampledImages, options: EvaluateOptions,
    on_event: OnEvent = ignore_events,
) -> list[PreprocessingCheck]:  # fmt: skip
    """Try each run with its neighbours; every image is decoded once for all that fit into memory.

    A run that can't be tried is told of. ProviderError where the provider does not work here.
    """
    execution, _ = choose_hardware(options)
    on_device = execution.provider.accelerator
    groups = [list(runs)] if on_device else group_by_memory(runs, limits=options.model_limits)
    checks: list[PreprocessingCheck] = []
    for group in groups:
        opened = [_open(run, options, execution, images, on_event) for run in group]
        there = [each for each in opened if each is not None]
        jobs = 1 if on_device else options.jobs or count_jobs()
        fed = _meet_company(there, images, jobs, on_event)
        n = sum(1 + len(each.others) for each in fed)
        what = f"Feeding {plural(len(fed), 'model')} in {n} ways"
        on_event(StageStarted(what, n * len(images.dataset)))
        checks += _score(fed, options, execution, images, count_steps(on_event), on_event)
    return checks


def sample_images(
    data: Dataset, target: str, split: str, runs: Sequence[Run], *, use_cache: bool = True
) -> SampledImages | str:
    """Some images of another split, with the truth of the target alone; or why there are none.

    The first split that has `LEAST` images with the target and as many without: of those that
    models were not trained on, the tuning split first; a training split last.
    """
    if target not in data.labels:
        return f"the data has no label {target!r}"
    truth = data.truth[:, data.labels.index(target)]
    trained = TRAINING_SPLITS.union(*(map(fold_split, run.fitted_on) for run in runs))
    others = [each for each in _order(set(data.splits or ()), trained) if each != split]
    for name in others:
        inside = np.array([each == name for each in data.splits or ()])
        positives, negatives = (np.flatnonzero(inside & (truth == value)) for value in (1, 0))
        if min(len(positives), len(negatives)) < LEAST:
            continue
        most = [max(SAMPLED // 2, SAMPLED - len(each)) for each in (negatives, positives)]
        rows = np.union1d(spread(positives, most[0]), spread(negatives, most[1]))
        taken = take_rows(data, [int(row) for row in rows])
        taken = replace(taken, labels=(target,), truth=truth[rows][:, np.newaxis])
        digests = digest_files(taken, use_cache=use_cache)
        return SampledImages(taken, name, target, digests, fingerprint(taken, digests))
    if not others:
        return f"the data has no split besides {split}"
    return f"no split besides {split} has {LEAST} images with {target} and as many without"


def _order(splits: Collection[str], trained: Collection[str]) -> list[str]:
    """The splits that there are, those first that may be looked at with the fewest thoughts."""
    first = (TUNING_SPLIT, USUAL_SPLIT)
    rank = {name: place for place, name in enumerate(first)}
    named = sorted(name for name in splits if name)
    return sorted(named, key=lambda name: (name in trained, rank.get(name, len(first))))


def _open(
    run: Run, options: EvaluateOptions, execution: Execution, images: SampledImages,
    on_event: OnEvent,
) -> _Fed | None:  # fmt: skip
    """The run, loaded once; None where it can't be, which is told."""
    try:
        opened = attempt(run.name, "load", partial(_open_fed, run, options, execution, images))
    finally:
        TRIAL.close()
    if isinstance(opened, Failure):
        _tell(opened, on_event)
        return None
    return opened


def _open_fed(
    run: Run, options: EvaluateOptions, execution: Execution, images: SampledImages
) -> _Fed:
    batch = options.batch_size or default_batch(execution)
    use_cache = options.cache is not False
    session = open_run_session(run, execution, batch, use_cache, options.model_limits)
    neighbours = list_neighbours(describe_graph(session.inner), run.described)
    session.shares_memory = bool(neighbours.open)
    stated = OpenedRun(run, session, open_columns(session, images.dataset.labels))
    others = tuple(replace(stated, session=session.fed_as(n.described)) for n in neighbours.open)
    return _Fed(stated, neighbours, others)


def _meet_company(
    fed: Sequence[_Fed], images: SampledImages, jobs: int, on_event: OnEvent
) -> list[_Fed]:
    """Ask the runs, as they are described, for answers to images alone and together: whether each
    is fed one by one. Without those that fail at it, which are told of."""
    asked = [(each.stated.run.name, each.stated.session) for each in fed]
    found = check_company(asked, images.dataset, images.digests, {}, None, jobs=jobs)
    met: list[_Fed] = []
    for each, company in zip(fed, found, strict=True):
        if isinstance(company, OutOfMemoryError):
            company = explain_error(each.stated.run.name, "infer", company)
        if isinstance(company, Failure):
            _tell(company, on_event)
            continue
        others = tuple(replace(other, company=company) for other in each.others)
        met.append(_Fed(replace(each.stated, company=company), each.neighbours, others))
    return met


def _score(
    fed: Sequence[_Fed], options: EvaluateOptions, execution: Execution, images: SampledImages,
    advance: Advance, on_event: OnEvent,
) -> list[PreprocessingCheck]:  # fmt: skip
    """One pass over the images for all runs and all ways, and what each run's show."""
    if not fed:
        return []
    batch = options.batch_size or default_batch(execution)
    opened = [one for each in fed for one in (each.stated, *each.others)]
    scored, decoded = score_runs(
        images.dataset, opened, batch=batch, jobs=options.jobs or count_jobs(execution),
        advance=advance, digests=images.digests,
    )  # fmt: skip
    failed = np.array([reason is not None for reason in decoded.reasons])
    if failed.all():
        on_event(Noted(f"no image of {images.split} can be read: {decoded.reasons[0]}", True))
        return []
    came = iter(scored)
    checks = []
    for each in fed:
        stated = next(came)
        others = [(neighbour, next(came)) for neighbour in each.neighbours.open]
        if stated.failure is not None:
            _tell(stated.failure, on_event)
            continue
        run, closed = each.stated.run.name, each.neighbours.closed
        answers = [(neighbour, _target(one)) for neighbour, one in others]
        own = stated.kept.read()[:, 0]
        checks.append(judge_neighbours(run, images, closed, own, answers, failed))
    return checks


def _target(scored: ScoredRun) -> NDArray[np.floating] | None:
    return None if scored.failure is not None else scored.kept.read()[:, 0]


def _tell(failure: Failure, on_event: OnEvent) -> None:
    said = f"run {failure.subject}: other ways to feed it could not be tried: {failure.reason}"
    on_event(Noted(said, warning=True))
