"""What stands in run folders, kept where it is what would be computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.dataset.index import KnownData
from covidreport.evaluate.identity import find_stored
from covidreport.evaluate.opening import refuse_run
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.scoring import apply_chosen, is_applied, record_command, take_units
from covidreport.evaluate.thresholds import Thresholds
from covidreport.evaluate.tuned import ChosenThresholds, choose_fixed
from covidreport.inference.contract import read_decision
from covidreport.inference.execution import Execution
from covidreport.metrics import digest_units
from covidreport.records import (
    Dataset,
    Evaluation,
    Failure,
    MetricPlan,
    OnEvent,
    Run,
    ScoresDamaged,
    name_evaluation,
)
from covidreport.storage.made_here import MadeHere
from covidreport.store import (
    SCORES_FILE,
    check_scores,
    evaluation_folder,
    read_scores,
    write_evaluation,
    write_scores,
)


class _Today(Struct, frozen=True):
    """What an evaluation has to be of to be kept, and how that is looked at.

    dataset: where today's patients and attributes are from, if the stored ones are others; without
    it such an evaluation is not kept. made: what this machine made; the rest is kept if
    `trust_stored`. command: the one that asks for it, for the record.
    """

    known: KnownData
    name: str
    provider: Mapping[str, Any]
    batch: int
    plan: MetricPlan
    verify: bool = False
    use_cache: bool = True
    dataset: Dataset | None = None
    made: MadeHere = field(default_factory=MadeHere)
    trust_stored: bool = True
    command: str | None = None


def reuse_stored(
    request: EvaluationRequest, run: Run, chosen: ChosenThresholds, known: KnownData,
    on_event: OnEvent,
) -> RunOutcome | None:  # fmt: skip
    """The stored evaluation where it may be kept, with today's thresholds.

    None where it has to be computed: what can't be read, for whatever reason, is computed again.
    """
    if request.force:
        return None
    today = _Today(
        known, request.name, request.provider_facts, request.batch, request.plan, request.verify,
        request.use_cache, request.dataset, request.made, request.trust_stored, request.command,
    )  # fmt: skip
    reused = attempt(run.name, "read", partial(_reuse, today, run, chosen))
    if not isinstance(reused, Failure):
        return reused
    if reused.stage == "write":
        return RunOutcome(run, failure=reused)
    on_event(ScoresDamaged(run.name, reused.reason))
    return None


def reuse_all(
    known: KnownData, thresholds: Thresholds, execution: Execution, batch: int, runs: Sequence[Run],
    plan: MetricPlan, command: str | None = None,
) -> tuple[RunOutcome, ...] | None:  # fmt: skip
    """The stored evaluations of all runs, if every one may be kept; else None.

    For data that is known to be unchanged: no image is looked at and no model is loaded. Other
    thresholds than the stored ones are applied to the stored scores.
    """
    name = name_evaluation(known.dataset, known.split, execution.variant)
    today = _Today(known, name, execution.facts(), batch, plan, command=command)
    outcomes = []
    for run in runs:
        if run.faults:
            outcomes.append(RunOutcome(run, failure=refuse_run(run)))
            continue
        chosen = choose_fixed(thresholds, run.name, known.labels, read_decision(run))
        outcome = attempt(run.name, "read", partial(_reuse, today, run, chosen))
        if outcome is None or isinstance(outcome, Failure):
            return None  # the long way says why, and computes it again
        outcomes.append(outcome)
    return tuple(outcomes)


def _reuse(today: _Today, run: Run, chosen: ChosenThresholds) -> RunOutcome | None:
    """What stands of a run, at these thresholds; None where it has to be computed."""
    known, made = today.known, today.made
    stored = find_stored(
        run, today.name, fingerprint=known.fingerprint, labels=known.labels,
        n_groups=known.n_groups, provider=today.provider, batch=today.batch, verify=today.verify,
        use_cache=today.use_cache,
    )  # fmt: skip
    if stored is None or not (today.trust_stored or made.has_evaluation(run, stored)):
        return None
    file = evaluation_folder(run.folder, today.name) / SCORES_FILE
    check_scores(file)
    stood = stored
    if known.label_fingerprints:  # an earlier version stored none
        stored = replace(stood, label_fingerprints=known.label_fingerprints)
    if is_applied(stored, chosen, today.plan, known.units):
        if stored != stood:
            with made.rewriting(run, stood, use_cache=today.use_cache):
                write_evaluation(run.folder, stored)
        return RunOutcome(run, stored, reused=True)
    scores = taken = read_scores(file)
    stated = digest_units(scores)
    if stated != known.units:
        if today.dataset is None:
            return None
        taken = take_units(scores, today.dataset)
    applied = apply_chosen(stored, taken, chosen, today.plan)
    evaluation = record_command(stored, applied, chosen, today.command)
    with made.rewriting(run, stood, use_cache=today.use_cache):
        if taken is not scores:
            write_scores(file, taken)
        write_evaluation(run.folder, evaluation)
    return RunOutcome(
        run, evaluation, reused=True, before=find_other_thresholds(stored, evaluation)
    )


def find_other_thresholds(stored: Evaluation, evaluation: Evaluation) -> Evaluation | None:
    """What stood before, if it is of the same images at other thresholds or of another origin."""
    known = stored.fingerprint == evaluation.fingerprint
    changed = (stored.thresholds, stored.thresholds_from) != (
        evaluation.thresholds, evaluation.thresholds_from
    )  # fmt: skip
    return stored if known and changed else None
