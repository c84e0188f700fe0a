"""What a reader must know of two sides of a gate beside the limits: worse specificity, the same
model, another version."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.compare.bounds import ALPHA
from covidreport.gate.evidence import GateSide
from covidreport.gate.outcomes import WORSE_SPECIFICITY
from covidreport.gate.wording import describe_test
from covidreport.records import Comparison, Finding, GateEvidence
from covidreport.text import plural


def compare_sides(
    run: GateSide, baseline: GateSide, comparisons: Sequence[Comparison]
) -> tuple[Finding, ...]:
    """What a reader must know beside the limits.

    comparisons: of both, in sensitivity and specificity; none where one has counts alone.
    """
    ours, theirs = run.evidence, baseline.evidence
    return (
        *_find_worse_specificity(ours, theirs, comparisons),
        *_find_other_version(ours, theirs),
        *_find_same_model(run, baseline),
    )


def _find_worse_specificity(
    run: GateEvidence, baseline: GateEvidence, comparisons: Sequence[Comparison]
) -> tuple[Finding, ...]:
    """A warning where the run raises more false alarms than the baseline, by more than chance.

    The built-in limits look at missed cases and at a floor, which lets many more false alarms by.
    """
    compared = next((each for each in comparisons if each.metric == "specificity"), None)
    if compared is None or compared.difference is None or compared.difference >= 0:
        return ()
    if compared.p_value is None or compared.p_value > ALPHA:
        return ()
    ours, theirs = run.counts[run.target], baseline.counts[run.target]
    return (
        Finding(
            "warning",
            WORSE_SPECIFICITY,
            f"{run.run} raises {plural(ours.false_alarms, 'false alarm')} among "
            f"{plural(ours.negatives, 'negative')}, the baseline {baseline.run} "
            f"{theirs.false_alarms:,}: its specificity is significantly worse",
            describe_test(compared),
            "Where that may not pass, state a limit, such as --limit "
            "'false_alarms<=baseline+10%' or specificity>=baseline-0.02.",
            (run.run,),
        ),
    )


def _find_same_model(run: GateSide, baseline: GateSide) -> tuple[Finding, ...]:
    """That a run is judged against itself: by its folder, or by the bytes of its model."""
    ours, theirs = run.evidence, baseline.evidence
    digest = ours.model_sha256
    if digest is None or digest != theirs.model_sha256:
        return ()
    own = _is_same_folder(run, baseline)
    what = f"{ours.run} is its own baseline"
    if not own:
        what = f"The model of {ours.run} has the same bytes as that of its baseline {theirs.run}"
    return (
        Finding(
            "warning",
            "own-baseline" if own else "same-model-as-baseline",
            what,
            f"both have the sha256 {digest[:12]}: a model is never worse than itself",
            "Judge it against another run, or by limits that need no baseline.",
            (ours.run,),
        ),
    )


def _is_same_folder(run: GateSide, baseline: GateSide) -> bool:
    if run.stored is None or baseline.stored is None:
        return False
    return run.stored.folder.resolve() == baseline.stored.folder.resolve()


def _find_other_version(run: GateEvidence, baseline: GateEvidence) -> tuple[Finding, ...]:
    """That two versions of covidreport evaluated the run and the baseline."""
    ours, theirs = run.evaluated_with, baseline.evaluated_with
    if ours is None or theirs is None or ours == theirs:
        return ()
    return (
        Finding(
            "note",
            "baseline-of-another-version",
            f"The baseline {baseline.run} was evaluated by covidreport {theirs}, the run by {ours}",
            "images, truth and thresholds are the same; scores may differ in their last digits",
            "Evaluate the baseline again with this version and set it anew.",
            (baseline.run,),
        ),
    )
