"""Configurations that were trained once a fold: each model runs on its fold, and all count as one.

What is put together is stored as any evaluation is, `evaluations/<data>-folds/` in the folder of
the lowest fold: every image of the folds once, answered by the model that never saw it. Counts,
intervals and tests are then those of every run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import to_builtins
from msgspec.structs import replace
from numpy.typing import NDArray

from covidreport.audit.folds import audit_partition
from covidreport.boundary import attempt
from covidreport.dataset import fingerprint, fingerprint_labels
from covidreport.dataset.split import find_fold_rows, take_rows
from covidreport.errors import RunError
from covidreport.evaluate.cut import Parts
from covidreport.evaluate.fold_thresholds import (
    choose_common,
    drop_calibration,
    measure_from_own,
)
from covidreport.evaluate.opening import refuse_run
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.reuse import find_other_thresholds
from covidreport.evaluate.scoring import apply_chosen, is_applied, mark_thresholds
from covidreport.evaluate.tuned import ChosenThresholds
from covidreport.evaluate.write import fail_run
from covidreport.metrics import read_stated
from covidreport.metrics.brightness import merge_levels
from covidreport.records import (
    CrossValidated,
    Evaluation,
    Failure,
    Measured,
    OnEvent,
    RecordedFold,
    Run,
    Scores,
)
from covidreport.storage.folds import FOLDS, describe_fold, order_folds
from covidreport.store import (
    SCORES_FILE,
    check_scores,
    clear_failure,
    evaluation_folder,
    read_evaluation,
    read_scores,
    write_evaluation,
    write_scores,
)
from covidreport.text import listed

_Outcomes = Mapping[str, RunOutcome]
"""Of the runs of single folds, by name."""


def evaluate_configurations(
    request: EvaluationRequest, runs: Sequence[CrossValidated], on_event: OnEvent
) -> tuple[EvaluationRequest, tuple[RunOutcome, ...]]:
    """Run each model on its own fold, and put together what each configuration answered.

    request: of the chosen images; parts that are merged are of those of a run's fold. Gives the
    request for those of them that are in folds, and what became of each configuration: its
    evaluation over all of them, or why it has none. Where none of the images is in a fold (a split
    to tune on) each model runs on all, as a run of its own.
    """
    folds = request.dataset.folds
    if folds is not None and not any(folds):
        members = [each for run in runs for each in run.members]
        return request, evaluate_runs(request, members, on_event)
    whole = _take_images(request, order_folds(filter(None, request.dataset.folds or ())))
    whole = replace(
        whole, split=FOLDS, warnings=(*whole.warnings, *audit_partition(request.dataset))
    )
    found: dict[str, RunOutcome] = {}
    usable = [run for run in runs if not run.faults]
    for fold in order_folds(whole.dataset.folds or ()):
        members = [each for run in usable for each in run.members if each.fold == fold]
        outcomes = evaluate_runs(_take_images(request, [fold]), members, on_event)
        found |= {each.run.name: each for each in outcomes}
    return whole, tuple(_put_together(whole, run, found) for run in runs)


def _take_images(request: EvaluationRequest, folds: Sequence[str]) -> EvaluationRequest:
    """The request for the images of these folds alone."""
    data = request.dataset
    rows = find_fold_rows(data, folds)
    chosen = take_rows(data, rows)
    digests = [request.digests[row] for row in rows]
    parts = request.parts
    return replace(
        request,
        dataset=chosen,
        digests=digests,
        fingerprint=fingerprint(chosen, digests),
        label_fingerprints=fingerprint_labels(chosen, digests),
        parts=None if parts is None else Parts(parts.folders, parts.evaluation),
    )


def _put_together(request: EvaluationRequest, run: CrossValidated, found: _Outcomes) -> RunOutcome:
    """What became of a configuration; why it has no evaluation stands in its folder."""
    if run.faults:
        return RunOutcome(run, failure=refuse_run(run))
    missing = _explain_missing(request, run, found)
    if missing is not None and request.parts is not None:
        return RunOutcome(run, failure=missing)  # what stands is as good as it was
    if missing is not None:
        return fail_run(request, missing, run)
    done = attempt(run.name, "score", partial(_pool, request, run, found))
    return fail_run(request, done, run) if isinstance(done, Failure) else done


def _explain_missing(
    request: EvaluationRequest, run: CrossValidated, found: _Outcomes
) -> Failure | None:
    """Which folds a configuration lacks; None where each of the data's has its evaluation."""
    if request.dataset.folds is None:
        return fail_without_folds(run.name)
    there = order_folds(request.dataset.folds)
    if not there:
        return Failure(run.name, "score", "none of the chosen images is in a fold")
    folds = {each.fold: each for each in run.members}
    lacking = [fold for fold in there if fold not in folds]
    strange = order_folds(fold for fold in folds if fold and fold not in there)
    reasons = []
    if lacking:
        reasons.append(f"it has no run of fold {listed(lacking)}")
    if strange:
        reasons.append(explain_strange(strange, there))
    failed = [each for run in run.members if (each := found.get(run.name)) and each.failure]
    reasons += [
        f"fold {each.run.fold} ({each.run.name}): {each.failure.explanation}"
        for each in failed if each.failure is not None
    ]  # fmt: skip
    stage = failed[0].failure.stage if failed and failed[0].failure else "score"
    return Failure(run.name, stage, "; ".join(reasons)) if reasons else None


def fail_without_folds(run: str) -> Failure:
    """Why a run of a fold can't be evaluated on data without."""
    return Failure(
        run, "score", "its runs state a fold and the data has no column `fold`",
        "`covidreport split DATA --folds K` writes one, as it was before they were trained.",
    )  # fmt: skip


def explain_strange(strange: Sequence[str], there: Sequence[str]) -> str:
    """Of folds of runs that the data, which has others, has not."""
    return f"fold {listed(strange)} is none of the data, which has {listed(there)}"


def _pool(request: EvaluationRequest, run: CrossValidated, found: _Outcomes) -> RunOutcome:
    """The evaluation over all folds; what stands is kept where it would come out the same."""
    evaluations: list[tuple[Run, Evaluation]] = []
    for member in run.members:
        of_fold = found[member.name].evaluation
        assert of_fold is not None
        evaluations.append((member, of_fold))
    chosen = choose_common(evaluations)
    described = mark_thresholds(_describe(request, run, evaluations), chosen)
    folder = evaluation_folder(run.folder, request.name)
    stood = attempt(run.name, "read", partial(_read_stored, run, folder))
    own = all(request.made.has_evaluation(*each) for each in evaluations)
    if isinstance(stood, Evaluation):
        known = request.made.has_evaluation(run, stood)
        same = (stood.fingerprint, stood.findings, stood.provenance) == (
            described.fingerprint, described.findings, described.provenance
        ) and is_applied(stood, chosen, request.plan, request.known.units)  # fmt: skip
        if same and known == own and not request.force:
            clear_failure(folder)
            return RunOutcome(run, stood, reused=True)
    scores = _join_scores(request, evaluations, chosen)
    evaluation = apply_chosen(described, scores, chosen, request.plan)
    if chosen.tuning is not None:
        evaluation = drop_calibration(evaluation)
    write_scores(folder / SCORES_FILE, scores)
    write_evaluation(run.folder, evaluation)
    clear_failure(folder)
    if own:
        request.made.note_evaluation(run, evaluation, use_cache=request.use_cache)
    before = None
    if isinstance(stood, Evaluation):
        before = find_other_thresholds(stood, evaluation)
    return RunOutcome(run, evaluation, before=before)


def _read_stored(run: Run, folder: Path) -> Evaluation:
    """The evaluation that stands there; StoreError where it, or its scores, can't be read."""
    stored = replace(read_evaluation(folder), run=run.name)
    check_scores(folder / SCORES_FILE)
    return stored


def _join_scores(
    request: EvaluationRequest, evaluations: Sequence[tuple[Run, Evaluation]],
    chosen: ChosenThresholds,
) -> Scores:  # fmt: skip
    """The answers to every image that is in a fold, in the order of the data."""
    data = request.dataset
    parts = [
        read_scores(evaluation_folder(run.folder, each.key) / SCORES_FILE)
        for run, each in evaluations
    ]
    for what, kinds in (
        ("as", {each.activation for each in parts}), ("in", {str(p.scores.dtype) for p in parts}),
    ):  # fmt: skip
        if len(kinds) > 1:
            raise RunError(f"its folds' models answer {what} {listed(sorted(kinds))}: export alike")
    if chosen.tuning is not None:
        parts = [
            measure_from_own(part, each, chosen)
            for part, (_, each) in zip(parts, evaluations, strict=True)
        ]
    rows = {sample: row for row, sample in enumerate(data.ids)}
    scores = np.full(data.truth.shape, np.nan, parts[0].scores.dtype)
    known = all(part.others is not None for part in parts)
    others = np.full(len(data), np.nan, scores.dtype) if known else None
    reasons: list[str | None] = [None] * len(data)
    for part in parts:
        at = [rows[sample] for sample in part.sample_ids]
        columns = [part.labels.index(label) for label in data.labels]
        scores[at] = part.scores[:, columns]
        if others is not None and part.others is not None:
            others[at] = part.others
        for row, reason in zip(at, part.reasons, strict=True):
            reasons[row] = reason
    return Scores(
        sample_ids=data.ids, labels=data.labels, truth=data.truth, scores=scores,
        activation=parts[0].activation, reasons=tuple(reasons), folds=data.folds, others=others,
        pictures=_join_pictures(parts, rows), **read_stated(data).fields,
    )  # fmt: skip


def _join_pictures(parts: Sequence[Scores], rows: Mapping[str, int]) -> NDArray[np.float32] | None:
    """What the pictures of all folds are like; None where that of one fold is not known."""
    joined = np.full((len(rows), len(Measured._fields)), np.nan, np.float32)
    for part in parts:
        if part.pictures is None:
            return None
        joined[[rows[sample] for sample in part.sample_ids]] = part.pictures
    return joined


def _describe(
    request: EvaluationRequest, run: Run, evaluations: Sequence[tuple[Run, Evaluation]]
) -> Evaluation:
    """The record of a configuration's answers, without what is counted from them."""
    data = request.dataset
    each = [evaluation for _, evaluation in evaluations]
    place = {sample: row for row, sample in enumerate(data.ids)}
    failures = sorted(
        (failure for one in each for failure in one.failures),
        key=lambda failure: place.get(failure.subject, len(place)),
    )
    findings = (*request.warnings, *(finding for one in each for finding in one.findings))
    finished = [one.times.finished for one in each if one.times.finished]
    return Evaluation(
        run=run.name, dataset=data.name, split=request.split, variant=request.variant,
        fingerprint=request.fingerprint, label_fingerprints=request.label_fingerprints,
        labels=data.labels, n_images=len(data),
        n_groups=request.n_groups, thresholds={}, thresholds_from="", counts={}, estimates={},
        findings=tuple(dict.fromkeys(findings)), failures=tuple(failures),
        provenance=_provenance([describe_fold(*one) for one in evaluations], each),
        timing={"finished": max(finished, default=None), "command": request.command},
    )  # fmt: skip


def _provenance(folds: Sequence[RecordedFold], evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """What all folds have in common, and what each of them is."""
    first, *others = (each.provenance for each in evaluations)
    shared = {
        key: value for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }  # fmt: skip
    facts = [to_builtins(each) for each in folds]
    models = [each.model for each in folds]
    levels = [each.facts.grey_levels for each in evaluations]
    known = [each for each in levels if each is not None]
    if len(known) == len(levels):
        shared["grey_levels"] = [list(each) for each in merge_levels(known)]  # as JSON has it
    return {
        **shared,
        "key": _digest([facts, [each.provenance.get("key") for each in evaluations]]),
        "model": None if None in models else {"sha256": _digest(models)},
        "folds": facts,
    }


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
