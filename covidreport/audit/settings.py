"""What run.json and history.csv say against a run or its metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from covidreport.audit.evidence import iterate_reported
from covidreport.records import Finding, ReportData, Run
from covidreport.text import plural

NON_NEGATIVE_LOSSES: Final = frozenset({"bce", "cross-entropy", "cross_entropy", "focal"})
"""Losses, by `hyperparameters.loss`, that are sums of -log p with weights that are not negative."""

_NOT_AUGMENTED: Final[tuple[object, ...]] = (None, "", "none", False, [])


def audit_negative_loss(data: ReportData) -> tuple[Finding, ...]:
    """A recorded loss below 0 where the loss named in run.json can't be."""
    found: dict[str, str] = {}
    for run in _iterate_runs(data):
        loss = str(run.hyperparameters.get("loss") or "").lower()
        if loss not in NON_NEGATIVE_LOSSES:
            continue
        recorded = [(epoch, value) for epoch, _, value in _iterate_losses(run)]
        below = [(value, epoch) for epoch, value in recorded if value < 0]
        if below:
            value, epoch = min(below)
            found[run.name] = (
                f"{run.name} ({loss}): {len(below)} of {len(recorded)} values below 0, the lowest "
                f"{value:.4f} in epoch {epoch}"
            )
    if not found:
        return ()
    return (
        Finding(
            severity="error",
            code="loss-below-zero",
            what=(
                f"{plural(len(found), 'run')} recorded a loss below 0, which the loss "
                "that they name can't be"
            ),
            evidence=f"Recorded losses of {'; '.join(found.values())}",
            remedy=(
                "The code computed something else than it says, and the model was fitted to that. "
                "Correct the loss and train again, or name what it really is."
            ),
            subjects=tuple(found),
        ),
    )


def audit_last_batch_loss(data: ReportData) -> tuple[Finding, ...]:
    """Runs whose only loss is that of each epoch's last batch."""
    return _note_runs(
        [run for run in _iterate_runs(data) if _has_last_batch_loss_only(run)],
        code="last-batch-loss-only",
        what="recorded no loss but that of the last batch",
        evidence="The one loss column of their history.csv is last_batch_loss",
        remedy="Don't read convergence from it: one batch is noise. Record the epoch's mean.",
    )


def _has_last_batch_loss_only(run: Run) -> bool:
    return {name for _, name, _ in _iterate_losses(run)} == {"last_batch_loss"}


def audit_augmented(data: ReportData) -> tuple[Finding, ...]:
    """Runs whose counts were copied from passes over randomly augmented images, as run.json states.

    What covidreport evaluates by itself it feeds as the contract says, augmented by nothing.
    """
    stated = {
        reported.run.name: reported.run.part("data").get("validation_augmentation")
        for reported, evaluation in iterate_reported(data)
        if evaluation.split == "validation" and not evaluation.has_scores
    }
    found = {name: str(way) for name, way in stated.items() if way not in _NOT_AUGMENTED}
    if not found:
        return ()
    ways = dict.fromkeys(found.values())
    return (
        Finding(
            severity="warning",
            code="augmented-evaluation",
            what=(
                f"{plural(len(found), 'run')} {'was' if len(found) == 1 else 'were'} evaluated on "
                "randomly augmented images: each pass gave other counts, which no interval covers"
            ),
            evidence=f"Their run.json states for validation: {'; '.join(ways)}",
            remedy=(
                "Evaluate on the images as they are (`covidreport evaluate` does); until then part "
                "of every difference is the draw of the transforms."
            ),
            subjects=tuple(found),
        ),
    )


def audit_export(data: ReportData) -> tuple[Finding, ...]:
    """As `audit_epochs`, of the runs of a report."""
    return audit_epochs((each.run, evaluation.split) for each, evaluation in iterate_reported(data))


def audit_epochs(evaluated: Iterable[tuple[Run, str]]) -> tuple[Finding, ...]:
    """Runs whose exported epoch was picked by its metrics on the split that is reported, and those
    of which none could be.

    evaluated: each run, and the split that it was evaluated on.
    """
    found: dict[str, str] = {}
    none: dict[str, str] = {}
    for run, split in evaluated:
        exported = run.part("exported_epoch")
        if exported.get("none_chosen"):
            none[run.name] = f"{run.name}: {exported['none_chosen']}"
        elif exported.get("rule") != "last" and exported.get("split") == split:
            metric, epoch = exported.get("metric") or "its metrics", exported.get("epoch", "–")
            found[run.name] = f"{run.name}: epoch {epoch}, chosen by {metric} on {split}"
    return (*_explain_none_chosen(none), *_explain_chosen(found))


def _explain_none_chosen(found: Mapping[str, str]) -> tuple[Finding, ...]:
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="no-epoch-could-be-chosen",
            what=f"{plural(len(found), 'run')} exported the last epoch for want of a better one",
            evidence="; ".join(found.values()),
            remedy=(
                "Look at the curves of training: the model learnt nothing, or diverged. A "
                "threshold of its own (`covidreport tune`) may show more."
            ),
            subjects=tuple(found),
        ),
    )


def _explain_chosen(found: Mapping[str, str]) -> tuple[Finding, ...]:
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="epoch-chosen-on-reported-split",
            what=(
                f"{plural(len(found), 'run')} exported the epoch that did best on the split "
                "that is reported here: the metrics flatter"
            ),
            evidence=f"Exported of {'; '.join(found.values())}",
            remedy="Choose the epoch on another split or export the last, or report a third split.",
            subjects=tuple(found),
        ),
    )


def audit_thresholds(data: ReportData) -> tuple[Finding, ...]:
    """Runs whose thresholds were tuned on the split that is reported, by its name alone.

    Where the evaluation says on which images they were tuned (`tuning` in its provenance), these
    were compared with the reported ones when the thresholds were applied, and it carries a finding
    of its own.
    """
    found = {
        evaluation.run: evaluation.split
        for _, evaluation in iterate_reported(data)
        if evaluation.origin.exploratory and evaluation.facts.tuning is None
    }
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="threshold-tuned-on-reported-split",
            what=(
                f"The thresholds of {plural(len(found), 'run')} were tuned on the images that "
                "are reported: the metrics are exploratory"
            ),
            evidence="Tuned on " + "; ".join(f"{split}: {run}" for run, split in found.items()),
            remedy="Tune on another split, or fix the thresholds beforehand, and evaluate again.",
            subjects=tuple(found),
        ),
    )


def audit_weights(data: ReportData) -> tuple[Finding, ...]:
    """Runs that state that they started from random weights."""
    return _note_runs(
        [run for run in _iterate_runs(data) if _has_random_weights(run)],
        code="random-weights",
        what="started from random weights",
        evidence="`started_from.weights` in their run.json is none",
        remedy="Expect more of a start from pretrained weights where training images are few.",
    )


def _has_random_weights(run: Run) -> bool:
    started = run.part("started_from")
    return "weights" in started and started["weights"] in (None, "", "none", "random")


def _note_runs(
    runs: Sequence[Run], *, code: str, what: str, evidence: str, remedy: str
) -> tuple[Finding, ...]:
    """One note about these runs; none where there are none."""
    if not runs:
        return ()
    names = tuple(run.name for run in runs)
    text = f"{plural(len(names), 'run')} {what}"
    return (Finding("note", code, text, evidence, remedy, names),)


def audit_freezing(data: ReportData) -> tuple[Finding, ...]:
    """Runs in which layers were frozen and then replaced (`frozen_without_effect`)."""
    found: dict[str, str] = {}
    for run in _iterate_runs(data):
        layers = run.hyperparameters.get("frozen_without_effect")
        if isinstance(layers, list | tuple) and layers:
            found[run.name] = f"{run.name} ({', '.join(str(layer) for layer in layers)})"
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="freeze-without-effect",
            what=f"{plural(len(found), 'run')} meant to freeze layers and froze nothing",
            evidence=f"The frozen layers were replaced afterwards: {', '.join(found.values())}",
            remedy="Don't compare them as fine-tuned runs; freeze what stays in the model.",
            subjects=tuple(found),
        ),
    )


def audit_published_settings(data: ReportData) -> tuple[Finding, ...]:
    """Settings that a paper names (`published.named` in run.json) and the run did not have.

    `named` holds, by the place in the paper, a `text` and the `hyperparameters` it claims.
    """
    found: dict[str, str] = {}
    for run in _iterate_runs(data):
        claims = list(_find_other_settings(run))
        if claims:
            found[run.name] = f"{run.name}: {', '.join(claims)}"
    if not found:
        return ()
    return (
        Finding(
            severity="warning",
            code="published-settings-differ",
            what=f"{plural(len(found), 'run')} ran with other settings than the paper names",
            evidence=f"Printed and run differ for {'; '.join(found.values())}",
            remedy="Go by the settings shown here, which are those of the run.",
            subjects=tuple(found),
        ),
    )


def _find_other_settings(run: Run) -> Iterator[str]:
    named = run.part("published").get("named")
    for source, claim in named.items() if isinstance(named, Mapping) else ():
        claimed = claim.get("hyperparameters") if isinstance(claim, Mapping) else None
        for key, value in claimed.items() if isinstance(claimed, Mapping) else ():
            ran = run.hyperparameters.get(key)
            if ran != value:
                yield f"{source} {claim.get('text')!r} means {key} {value}, ran {ran}"


def _iterate_runs(data: ReportData) -> Iterator[Run]:
    for run in data.runs:
        yield run.run


def _iterate_losses(run: Run) -> Iterator[tuple[int, str, float]]:
    """(epoch, column, value) of every loss that history.csv records."""
    for epoch in run.history:
        for name, value in epoch.values.items():
            if name.endswith("loss") and value is not None and math.isfinite(value):
                yield epoch.epoch, name, value
