"""The runs on the same images twice: as usual, and with a part of every image blacked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from covidreport.boundary import attempt
from covidreport.config import Thresholds
from covidreport.evaluate.identity import find_stored
from covidreport.evaluate.occlude import Occlusion
from covidreport.evaluate.record import Outcome, Progress, evaluate_runs
from covidreport.evaluate.request import Request
from covidreport.evaluate.scoring import apply_chosen, is_applied
from covidreport.evaluate.tuned import keep_thresholds
from covidreport.records import Evaluation, Failure, Run
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_evaluation


def evaluate_usual(
    request: Request, runs: Sequence[Run], progress: Progress | None = None
) -> tuple[Outcome, ...]:
    """The usual evaluations: those that stand as they are, with their thresholds, else new ones."""
    outcomes: dict[Path, Outcome] = {}
    for run in runs:
        find = partial(
            find_stored, run, request.name, fingerprint=request.fingerprint,
            labels=request.dataset.labels, n_groups=request.n_groups,
            provider=request.provider_facts, batch=request.batch, verify=request.verify,
            use_cache=request.use_cache,
        )  # fmt: skip
        stored = None if request.force else attempt(run.name, "read", find)
        if isinstance(stored, Evaluation):
            outcomes[run.folder] = Outcome(run, stored, kept=True)
    rest = [run for run in runs if run.folder not in outcomes]
    for outcome in evaluate_runs(request, rest, progress):
        outcomes[outcome.run.folder] = outcome
    return tuple(outcomes[run.folder] for run in runs)


def evaluate_occluded(
    request: Request, occlusion: Occlusion, usual: Sequence[Outcome],
    progress: Progress | None = None,
) -> tuple[Outcome, ...]:  # fmt: skip
    """The same runs with the region blacked out, each at the thresholds of its usual evaluation.

    usual: of `evaluate_usual`; runs that failed there are left out.
    """
    evaluated = {each.run.folder: each.evaluation for each in usual if each.evaluation is not None}
    runs = [each.run for each in usual if each.run.folder in evaluated]
    blacked = replace(request, occlusion=occlusion, thresholds=Thresholds())
    outcomes = []
    for outcome in evaluate_runs(blacked, runs, progress):
        if outcome.evaluation is not None:
            usually = evaluated[outcome.run.folder]
            take = partial(_take_thresholds, outcome, usually, request)
            taken = attempt(outcome.run.name, "score", take)
            if isinstance(taken, Failure):
                outcome = Outcome(outcome.run, failure=taken)
            else:
                outcome = replace(outcome, evaluation=taken)
        outcomes.append(outcome)
    return tuple(outcomes)


def _take_thresholds(outcome: Outcome, usual: Evaluation, request: Request) -> Evaluation:
    """The evaluation at the thresholds of another of the same run; written where that changes it.

    A threshold of its own would hide what the run no longer sees.
    """
    evaluation = outcome.evaluation
    assert evaluation is not None
    chosen = keep_thresholds(usual)
    if is_applied(evaluation, chosen):
        return evaluation
    file = evaluation_folder(outcome.run.folder, evaluation.key) / SCORES_FILE
    changed = apply_chosen(evaluation, read_scores(file), chosen)
    with request.made.rewriting(outcome.run, evaluation, keep=request.use_cache):
        write_evaluation(outcome.run.folder, changed)
    return changed
