"""Thresholds of a run's own: tuned on one split's stored scores, and applied to another's."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from covidreport.errors import RunError, StoreError
from covidreport.evaluate.thresholds import Thresholds
from covidreport.metrics import Target, find_not_finite, fit_threshold
from covidreport.records import (
    ARGMAX,
    Decision,
    DecisionRule,
    Evaluation,
    Finding,
    RankAt,
    Run,
    Scores,
    ThresholdFit,
    ThresholdOrigin,
    TunedThresholds,
)
from covidreport.storage.chosen import fold_split
from covidreport.storage.exploratory import drop_bounds
from covidreport.store import (
    SCORES_FILE,
    THRESHOLDS_FILE,
    evaluation_folder,
    read_evaluation,
    read_scores,
    read_thresholds,
)
from covidreport.text.thresholds import PROMISE, TUNING, is_trained_on

NOT_USED = "threshold-not-used"
FINDING_CODES = frozenset({"exploratory-threshold", "tuning-images-unknown", NOT_USED})
"""Findings that are about thresholds: they go when others are applied."""


class ReportedImages(Struct, frozen=True):
    """The images that thresholds are applied to, as far as it matters where they were tuned."""

    dataset: str
    split: str
    fingerprint: str | None
    labels: tuple[str, ...]
    sample_ids: Sequence[str]


class ChosenThresholds(Struct, frozen=True):
    """What decides one run's answers on one set of images."""

    values: Mapping[str, float]
    origin: str
    """As `Evaluation.thresholds_from`."""
    findings: tuple[Finding, ...] = ()
    tuning: Mapping[str, Any] | None = None
    """For the provenance: where tuned and for what, the same for all runs tuned alike."""
    promise: Mapping[str, Any] | None = None
    """For the provenance: what the tuning images allow to be said of new ones, of this run."""
    tuned_by: Mapping[str, Any] | None = None
    """For the timing: the command that tuned them, and when."""

    def rule(self, labels: Sequence[str]) -> DecisionRule:
        """What makes answers of scores of these labels."""
        return ARGMAX if self.origin == ARGMAX else [self.values[label] for label in labels]


def keep_thresholds(evaluation: Evaluation) -> ChosenThresholds:
    """The thresholds that an evaluation has, with all that is known of them."""
    return ChosenThresholds(
        values=evaluation.thresholds,
        origin=evaluation.thresholds_from,
        findings=tuple(each for each in evaluation.findings if each.code in FINDING_CODES),
        tuning=evaluation.provenance.get(TUNING),
        promise=evaluation.provenance.get(PROMISE),
    )


def choose_fixed(
    thresholds: Thresholds, run: str, labels: Sequence[str], decision: Decision
) -> ChosenThresholds:
    """The thresholds that hold for all runs; none for a run that is decided by argmax.

    What is said of thresholds is passed over there, and a finding says so.
    """
    if decision == "threshold":
        return ChosenThresholds(thresholds.of(labels), thresholds.origin)
    return ChosenThresholds({}, ARGMAX, _pass_over(run) if thresholds.stated else ())


def _pass_over(run: str) -> tuple[Finding, ...]:
    return (
        Finding(
            "note",
            NOT_USED,
            f"{run} has no threshold: it predicts the label that scores highest",
            "`decision` is argmax in its contract; the thresholds that were asked for are those of "
            "other runs",
            'Say `"decision": "threshold"` under "input" in its run.json where a threshold is to '
            "decide.",
            (run,),
        ),
    )


def choose_thresholds(
    thresholds: Thresholds, run: Run, images: ReportedImages, model_sha256: str | None = None,
    decision: Decision = "threshold",
) -> ChosenThresholds:  # fmt: skip
    """The thresholds of one run on these images: those for all runs, or its own tuned ones.

    model_sha256: of the model whose scores are to be decided, to tell a model that was trained
    again since. A label that was not tuned gets the fixed threshold. decision: of the run; by
    argmax it has none, whatever is asked for (`choose_fixed`).

    Where the images that were tuned on are reported (an equal fingerprint, the same split of the
    same data set, or a sample id in both), the origin ends in ` (exploratory)` and a finding says
    so; where that can't be told any more, a finding says that.

    Raises RunError where tuned thresholds are wanted and the run has none that fit.
    """
    if not thresholds.tuned or decision == ARGMAX:
        return choose_fixed(thresholds, run.name, images.labels, decision)
    tuned = _read_fitting(run, images, model_sha256, thresholds.rank_at)
    fits = {label: fit for label, fit in tuned.fits.items() if label in images.labels}
    values = thresholds.fixed(images.labels)
    values |= {label: fit.threshold for label, fit in fits.items()}
    shared, finding = _find_overlap(run, tuned, images)
    return ChosenThresholds(
        values=values,
        origin=str(ThresholdOrigin.of_split(tuned.split, exploratory=shared)),
        findings=() if finding is None else (finding,),
        tuning={
            "dataset": tuned.dataset,
            "split": tuned.split,
            "fingerprint": tuned.fingerprint,
            "targets": {label: _describe_target(fit) for label, fit in fits.items()},
        },
        promise=_describe_promise(run, tuned, fits),
        tuned_by=dict(tuned.timing) if tuned.called.command else None,
    )


def _describe_target(fit: ThresholdFit) -> dict[str, Any]:
    return {
        "metric": fit.metric,
        "value": fit.target,
        "method": fit.method,
        "confidence": fit.confidence,
    }


def _describe_promise(
    run: Run, tuned: TunedThresholds, fits: Mapping[str, ThresholdFit]
) -> dict[str, Any]:
    """What was promised of new images, and on how many images that rests."""
    known = drop_bounds(tuned, trained_on=is_trained_on(run, tuned.split))
    return {
        "images": tuned.n_images,
        "patients": tuned.n_groups,
        "bounds": {label: known.fits[label].bound for label in fits},
        "unbounded": known.unbounded,
    }


def _read_fitting(
    run: Run, images: ReportedImages, model_sha256: str | None, rank_at: RankAt | None
) -> TunedThresholds:
    try:
        tuned = read_thresholds(run.folder)
    except StoreError as error:
        raise RunError(str(error)) from error
    if rank_at is not None:
        _check_target(run, tuned, rank_at)
    if tuned is None:
        raise RunError(
            f"has no tuned thresholds ({THRESHOLDS_FILE}): run `covidreport tune`, or give "
            "--threshold"
        )
    if not set(tuned.fits) & set(images.labels):
        raise RunError(
            f"its thresholds were tuned for {', '.join(tuned.fits)} and the labels are "
            f"{', '.join(images.labels)}: run `covidreport tune` again"
        )
    if model_sha256 and tuned.model_sha256 and model_sha256 != tuned.model_sha256:
        raise RunError(
            "its thresholds were tuned for another model file: evaluate the tuning split with this "
            "one, then run `covidreport tune` again"
        )
    return tuned


def _check_target(run: Run, tuned: TunedThresholds | None, rank_at: RankAt) -> None:
    """RunError unless the label that runs are ranked by was tuned for what they are ranked at."""
    fit = None if tuned is None else tuned.fits.get(rank_at.label)
    there = "it has none"
    if tuned is not None and fit is not None:
        wanted = (rank_at.metric, rank_at.value, fold_split(rank_at.split))
        if (fit.metric, fit.target, fold_split(tuned.split)) == wanted:
            return
        there = f"its own are for a {fit.metric} of {fit.target:g}, tuned on {tuned.split}"
    raise RunError(
        f"runs are ranked at a threshold for {rank_at} (`rank_at`), and {there}: run "
        f"`{shlex.join(['covidreport', 'tune', run.folder_text])}`"
    )


def check_folds(rank_at: RankAt, run: Run, evaluation: Evaluation) -> None:
    """RunError unless each fold of a configuration was evaluated at its threshold for the target.

    What was put together can't be read at others: each fold has its own.
    """
    recorded = {each.run: each.thresholds for each in evaluation.facts.folds}
    for member in run.members:
        tuned = read_thresholds(member.folder)
        _check_target(member, tuned, rank_at)
        known = recorded.get(member.name, {}).get(rank_at.label)
        if tuned is None or known != tuned.fits[rank_at.label].threshold:
            raise RunError(
                f"fold {member.fold} ({member.name}) was evaluated at another threshold than that "
                f"for {rank_at} (`rank_at`): run `covidreport evaluate` on the runs of all folds"
            )


def _find_overlap(
    run: Run, tuned: TunedThresholds, images: ReportedImages
) -> tuple[bool, Finding | None]:
    """Whether the tuning images are among the reported ones, and what a reader must know of it."""
    where = f"{tuned.dataset}, {tuned.split}"
    if tuned.fingerprint is not None and tuned.fingerprint == images.fingerprint:
        return True, _exploratory(images, f"tuned on {where}: the very same images")
    if (tuned.dataset, tuned.split) == (images.dataset, images.split):
        return True, _exploratory(images, f"tuned on {where} as it was at that time")
    known = _read_tuning_ids(run, tuned)
    if known is None:
        return False, Finding(
            "warning",
            "tuning-images-unknown",
            f"Nobody can tell any more whether the thresholds applied to {images.dataset}, "
            f"{images.split} were tuned on some of its images",
            f"tuned on {where}, whose stored scores are gone or were replaced",
            "Evaluate the tuning split again and run `covidreport tune`.",
        )
    both = known.intersection(images.sample_ids)
    if both:
        return True, _exploratory(
            images, f"tuned on {where}: {len(both)} of its {len(known)} image ids are in both"
        )
    return False, None


def _exploratory(images: ReportedImages, evidence: str) -> Finding:
    return Finding(
        "warning",
        "exploratory-threshold",
        f"The metrics on {images.dataset}, {images.split} are exploratory: thresholds were tuned "
        "on its images",
        evidence,
        "Tune on another split (`covidreport tune --split`), or fix the thresholds beforehand.",
    )


def _read_tuning_ids(run: Run, tuned: TunedThresholds) -> frozenset[str] | None:
    folder = evaluation_folder(run.folder, tuned.evaluation)
    try:
        if read_evaluation(folder).fingerprint != tuned.fingerprint:
            return None
        return frozenset(read_scores(folder / SCORES_FILE).sample_ids)
    except StoreError:
        return None


def tune_run(
    run: Run,
    evaluation: Evaluation,
    scores: Scores,
    labels: Sequence[str],
    target: Target,
    command: str | None = None,
) -> tuple[TunedThresholds | None, tuple[tuple[str, str], ...]]:
    """The run's thresholds for these labels, and the labels that have none with the reason.

    Without a bound on new images, and refused where one is asked for, where the run was trained on
    these images or patients have several of them.
    Labels that were tuned before on the same scores keep what they have, so that each can have a
    target of its own. None where no label has a threshold.
    """
    if find_not_finite(scores) is not None:
        return None, tuple((label, "has scores that are not finite") for label in labels)
    fits: dict[str, ThresholdFit] = {}
    faults: list[tuple[str, str]] = []
    for label in labels:
        if label not in scores.labels:
            faults.append((label, f"is no label of it; its labels are {', '.join(scores.labels)}"))
            continue
        k = scores.labels.index(label)
        try:
            fits[label] = fit_threshold(
                scores.truth[:, k], scores.scores[:, k], scores.failed, scores.activation, target
            )
        except RunError as error:
            faults.append((label, str(error)))
    if not fits:
        return None, tuple(faults)
    model = evaluation.facts.model_sha256
    found = TunedThresholds(
        run=run.name,
        dataset=evaluation.dataset,
        split=evaluation.split,
        evaluation=evaluation.key,
        fingerprint=evaluation.fingerprint,
        n_images=evaluation.n_images,
        n_groups=evaluation.n_groups,
        model_sha256=model,
        fits={
            label: fit
            for label in scores.labels
            if (fit := fits.get(label) or _read_fit(run, evaluation, model, label))
        },
        timing={
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **({} if command is None else {"command": command}),
        },
    )
    tuned = drop_bounds(found, trained_on=is_trained_on(run, evaluation.split))
    if tuned.unbounded and target.guaranteed:
        why = f"no threshold can be guaranteed on new images: {tuned.unbounded}"
        return None, (*faults, *((label, why) for label in fits))
    return tuned, tuple(faults)


def _read_fit(
    run: Run, evaluation: Evaluation, model: str | None, label: str
) -> ThresholdFit | None:
    """What an earlier tuning on the same evidence found for a label."""
    try:
        earlier = read_thresholds(run.folder)
    except StoreError:
        return None  # what can't be read is replaced
    if earlier is None:
        return None
    same = (earlier.evaluation, earlier.fingerprint, earlier.model_sha256)
    if same != (evaluation.key, evaluation.fingerprint, model):
        return None
    return earlier.fits.get(label)
