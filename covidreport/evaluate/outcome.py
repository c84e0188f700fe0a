"""What became of runs that were to be evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from covidreport.records import Evaluation, Failure, Finding, Run
from covidreport.text.failed import explain_failed
from covidreport.text.thresholds import describe_threshold, format_threshold, is_tuned


class RunOutcome(Struct, frozen=True):
    """What became of one run: an evaluation or a failure; kept: it stood already.

    part: of a shard, where its part of an evaluation stands.
    before: what stood there on the same images, where the thresholds were others.
    """

    run: Run
    evaluation: Evaluation | None = None
    failure: Failure | None = None
    reused: bool = False
    before: Evaluation | None = None
    part: Path | None = None


def list_evaluated(outcomes: Sequence[RunOutcome]) -> list[tuple[Run, Evaluation]]:
    """The runs that have an evaluation, each with it."""
    return [(each.run, each.evaluation) for each in outcomes if each.evaluation is not None]


def list_failures(outcomes: Sequence[RunOutcome]) -> list[Failure]:
    """Why the others have none."""
    return [each.failure for each in outcomes if each.failure is not None]


def list_findings(outcomes: Sequence[RunOutcome]) -> list[Finding]:
    """The findings of all evaluations, each once."""
    found = [
        finding for _, evaluation in list_evaluated(outcomes) for finding in evaluation.findings
    ]
    return list(dict.fromkeys(found))


def find_too_many_failed(outcomes: Sequence[RunOutcome], most: float) -> dict[str, list[str]]:
    """The runs of which more images failed than may, by the reason; empty where there is none.

    most: the largest proportion of the images that may fail.
    """
    found: dict[str, list[str]] = {}
    for run, evaluation in list_evaluated(outcomes):
        why = explain_failed(len(evaluation.failures), evaluation.n_images, most)
        if why is not None:
            found.setdefault(why, []).append(run.name)
    return found


def describe_scored_again(outcomes: Sequence[RunOutcome], target: str) -> list[str]:
    """Which runs stood at other thresholds, and what that changes; one sentence for runs alike."""
    said: dict[str, list[str]] = {}
    tuned = False
    for outcome in outcomes:
        before, after = outcome.before, outcome.evaluation
        if before is None or after is None:
            continue
        old, new = (describe_threshold(each, target) for each in (before, after))
        tuned |= before.origin.tuned and not after.origin.tuned
        missed = ""
        if (first := before.counts.get(target)) and (second := after.counts.get(target)):
            missed = f", missed {target} {first.missed:,} → {second.missed:,}"
        own = is_tuned(after, target)
        head = f"their own thresholds, {after.thresholds_from}" if own else new
        at = f" at {format_threshold(after.thresholds[target])}" if own else ""
        said.setdefault(head, []).append(f"{outcome.run.name}{at} (was {old}{missed})")
    sentences = [f"scored again at {head}: {'; '.join(runs)}" for head, runs in said.items()]
    return [*sentences, "  `--thresholds tuned` takes each run's own"] if tuned else sentences
