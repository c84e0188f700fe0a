"""From a run folder to one side of a gate: its evaluation, checked, and its answers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.compare.answers import AlignedAnswers, read_answers
from covidreport.errors import GateError, RunError, StoreError, UsageError
from covidreport.gate.evidence import GateSide, StoredEvaluation, take_evidence
from covidreport.metrics import estimate_scores
from covidreport.records import Evaluation, Failure, Run, Scores
from covidreport.storage.chosen import (
    USUAL_SPLIT,
    ImageQuery,
    choose_images,
    choose_split,
    date_evaluation,
    pick_evaluation,
)
from covidreport.storage.made_here import MadeHere
from covidreport.storage.model import match_models
from covidreport.storage.runs import read_evaluations
from covidreport.store import (
    EVALUATIONS_FOLDER,
    FAILURE_FILE,
    SCORES_FILE,
    evaluation_folder,
    read_failure,
)
from covidreport.text.thresholds import find_rule


def settle_images(images: ImageQuery, runs: Sequence[Run]) -> ImageQuery:
    """The same images for all runs: the split, and the configured data set where one has it.

    Of several other data sets each run is judged on its last; of all folds of a split, what runs
    were evaluated on that split counts as well, and the reverse, where the images are the same.
    Raises UsageError as `choose_split`.
    """
    found = [each for run in runs for each in read_evaluations(run)[0]]
    dataset = images.name_own(found) if images.dataset is None else images.dataset
    there = {each.split for each in found if dataset in (None, each.dataset)}
    if any(_failed_on(run, USUAL_SPLIT) for run in runs):
        there.add(USUAL_SPLIT)
    settled = replace(images, dataset=dataset, split=choose_split(images, there))
    return add_fingerprints(settled, found)


def add_fingerprints(images: ImageQuery, there: Iterable[Evaluation]) -> ImageQuery:
    """The same images under every name: those of what fits as the query stands."""
    same = {each.fingerprint for each in there if each.fingerprint and images.fits(each)}
    return replace(images, fingerprints=images.fingerprints | same)


def _failed_on(run: Run, split: str) -> bool:
    """Whether an attempt at an evaluation on a split failed; not that of a single fold."""
    if run.members:
        return False
    files = (run.folder / EVALUATIONS_FOLDER).glob(f"*/{FAILURE_FILE}")
    return any(f"-{split}-" in f"{file.parent.name}-" for file in files)


def note_newer(images: ImageQuery, runs: Sequence[Run]) -> str:
    """What was evaluated later than the images that are judged; empty where nothing was."""
    found = [each for run in runs for each in read_evaluations(run)[0]]
    try:
        return choose_images(found, images).note
    except UsageError:
        return ""  # there is nothing to judge, as the verdicts say


class Trust(Struct, frozen=True):
    """Whose scores may be judged: what this machine made, and what else is stored where allowed."""

    made: MadeHere = field(default_factory=MadeHere)
    stored: bool = True


def read_side(run: Run, target: str, images: ImageQuery, trust: Trust | None = None) -> GateSide:
    """A run as it is judged: its evaluation on the images, with its answers.

    images: settled, as `settle_images` does it. Raises GateError where there is no evaluation,
    where the last attempt failed, where the model is no longer the one that was evaluated, where
    what is stored contradicts itself, where thresholds were tuned on the very images, and where
    stored scores are not trusted and were not made here.
    """
    trust = trust or Trust()
    evaluation = choose_evaluation(run, images)
    _check_model(run, evaluation)
    own = trust.made.has_evaluation(run, evaluation)
    if not (own or trust.stored):
        raise GateError("score", explain_distrust(run))
    if evaluation.origin.exploratory:
        raise GateError(
            "judge",
            f"the thresholds of {run.name} were {evaluation.thresholds_from}: a limit at a "
            "threshold that was tuned on the gated images says nothing; tune on another split "
            "(`covidreport tune --split`) or fix the thresholds beforehand",
        )
    answers = _read_answers(run, evaluation, target)
    stored = StoredEvaluation(
        run.folder,
        evaluation,
        answers,
        "computed here" if own else "as stored",
        trust.made.has_tuned(run, evaluation),
    )
    return GateSide(take_evidence(evaluation, target, answers), run.folder_text, stored=stored)


def explain_distrust(run: Run) -> str:
    """Why stored scores of a run are not judged, and what to do."""
    whole = all(each.model is not None for each in run.members or (run,))
    missing = "nobody saw them" if whole else "it holds no model to compute them with"
    return (
        f"the scores of {run.name} were not computed here, and {missing}: what a run folder brings "
        "is a claim. Add the model, or judge the scores as they are stored with --trust-stored"
    )


def choose_evaluation(run: Run, images: ImageQuery) -> Evaluation:
    """The evaluation that fits: of several data sets the last, the usual variant if there is one.

    Another precision, or an occlusion, is taken where it is asked for or the only one. It is read
    at the thresholds that the query asks for.
    """
    if run.faults:
        raise GateError("read", "; ".join(run.faults))
    evaluations, faults = read_evaluations(run)
    fitting = [each for each in evaluations if images.fits(each)]
    fitting = [each for each in fitting if each.split == images.split] or fitting
    failures = _read_failures(run, images, {each.key for each in fitting})
    if faults and not ((fitting or failures) and images.settled):
        raise GateError("read", "; ".join(faults))  # a broken one may be the one that is meant
    if not fitting and not failures:
        raise GateError(
            "score",
            f"was not evaluated on {images.describe()}: run "
            f"`covidreport evaluate {run.folder_text}`",
        )
    meant = pick_evaluation(fitting) if fitting else None
    last = max(map(date_evaluation, fitting), default="")
    for when, key, failure in sorted(failures, key=lambda each: each[:2], reverse=True):
        # an evaluation that stands beside a failure is older than it
        if meant is None or when > last or key == meant.key:
            raise GateError(failure.stage, failure.reason)
    assert meant is not None
    try:
        return images.at(run, meant)
    except (RunError, StoreError) as error:
        raise GateError("judge", f"{run.name}: {error}") from error


def _read_failures(
    run: Run, images: ImageQuery, fitting: Collection[str]
) -> list[tuple[str, str, Failure]]:
    """The attempts that failed where an evaluation that fits stands, or would: when, and where."""
    found = []
    named = "-".join(part for part in (images.dataset, images.split, images.variant) if part)
    for file in sorted((run.folder / EVALUATIONS_FOLDER).glob(f"*/{FAILURE_FILE}")):
        key = file.parent.name
        if key not in fitting and not (key == named if images.settled else named in key):
            continue
        try:
            failure = read_failure(file.parent)
        except StoreError as error:
            failure = Failure(run.name, "read", str(error))
        if failure is not None:
            written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            found.append((written.isoformat(timespec="milliseconds"), key, failure))
    return found


def _check_model(run: Run, evaluation: Evaluation) -> None:
    """Raise GateError unless each model that is there is what was evaluated, by its bytes."""
    for each, match in match_models(run, evaluation, verify=True):
        if match.found is None:
            raise GateError("load", match.fault)
        if match.same:
            continue
        recorded = match.recorded
        what = "was not evaluated" if recorded is None else f"was evaluated as {recorded[:12]}"
        raise GateError(
            "judge",
            f"{each.model} has the sha256 {match.found[:12]} and {what}: run `covidreport evaluate "
            f"{each.folder_text}`",
        )


def _read_answers(run: Run, evaluation: Evaluation, target: str) -> AlignedAnswers | None:
    if target not in evaluation.counts:
        raise GateError(
            "judge",
            f"{run.name} was not evaluated for {target}: its labels are "
            f"{', '.join(evaluation.labels)}",
        )
    if not evaluation.has_scores:
        return None
    file = evaluation_folder(run.folder, evaluation.key) / SCORES_FILE
    answers = read_answers([(evaluation, file)], target)
    if answers.excluded:
        raise GateError("score", answers.excluded[0].reason)
    if answers.images is not None:
        _check_metrics(evaluation, answers.images)
    return answers


def _check_metrics(evaluation: Evaluation, scores: Scores) -> None:
    """Raise GateError where stored scores give another metric than the evaluation states."""
    if set(scores.labels) != set(evaluation.counts):
        raise GateError("score", _contradict("labels"))
    counts, estimates = estimate_scores(scores, find_rule(evaluation, scores.labels))
    for label, each in counts.items():
        if each != evaluation.counts[label]:
            raise GateError("score", _contradict(f"counts of {label}"))
    for label, stored in evaluation.estimates.items():
        for name, estimate in estimates.get(label, {}).items():
            if name in stored and not _is_close(stored[name].value, estimate.value):
                raise GateError("score", _contradict(f"{label} {name}".lstrip()))


def _contradict(what: str) -> str:
    return (
        f"its stored scores give another {what} than its evaluation states: run `covidreport "
        "evaluate` again"
    )


def _is_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
