"""The gate as a whole: from run folders, a baseline and limits to a verdict for each run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from covidreport.boundary import attempt
from covidreport.errors import GateError, StoreError, UsageError
from covidreport.failed import MOST_FAILED, explain_failed
from covidreport.gate.baseline import Baseline, is_known
from covidreport.gate.evidence import (
    Trust,
    Wanted,
    read_baseline_at,
    read_evidence,
    settle_wanted,
)
from covidreport.gate.judge import Terms, judge_run, refuse_run
from covidreport.records import Failure, NotJudged, Run, Stage, Verdict
from covidreport.storage.chosen import check_agreement

IS_KNOWN = "is as it was when the baseline was set"


@dataclass(frozen=True, slots=True)
class GateRequest:
    """What is judged, and by what."""

    terms: Terms
    wanted: Wanted
    baseline: Path | None
    specificity_floor: float
    trust: Trust = field(default_factory=Trust)
    max_failed_share: float = MOST_FAILED


def gate_runs(
    runs: Sequence[Run], request: GateRequest, baseline: Baseline | GateError | None = None
) -> tuple[Verdict, ...]:
    """The verdict on each run, from what stands in its folder; nothing is run.

    baseline: of `open_baseline`, where that was called before. A run that can't be judged has a
    verdict that says why; UsageError where what is asked for makes no sense for any run.
    """
    if baseline is None:
        baseline = open_baseline(runs, request)
    if isinstance(baseline, GateError):
        return tuple(_refuse(run, request, baseline.stage, str(baseline)) for run in runs)
    wanted = settle_wanted(complete_wanted(request.wanted, baseline), runs)
    return tuple(_gate_run(run, replace(request, wanted=wanted), baseline) for run in runs)


def open_baseline(runs: Sequence[Run], request: GateRequest) -> Baseline | GateError | None:
    """The baseline of a request, or why it can't be one; None where there is none."""
    if request.baseline is None:
        return None
    folders = [run.folder for run in runs]
    try:
        return read_baseline_at(
            request.baseline, request.wanted, folders, request.specificity_floor, request.trust
        )
    except GateError as error:
        return error
    except StoreError as error:
        return GateError("baseline", str(error))


def pass_over_known(
    runs: Sequence[Run], baseline: Baseline | GateError | None, named: Collection[Path]
) -> tuple[tuple[Run, ...], tuple[NotJudged, ...]]:
    """The runs that are to be judged, and those that the baseline knows as they are.

    named: what was asked for. A run that was named by its own folder is judged, known or not; one
    that was found in a folder of runs is passed over where it is known.
    """
    if not isinstance(baseline, Baseline):
        return tuple(runs), ()
    own = {folder.resolve() for folder in named}
    known = [run for run in runs if run.folder.resolve() not in own and is_known(baseline, run)]
    names = {run.name for run in known}
    return (
        tuple(run for run in runs if run.name not in names),
        tuple(NotJudged(run.name, run.place, IS_KNOWN) for run in known),
    )


def complete_wanted(wanted: Wanted, baseline: Baseline | None) -> Wanted:
    """What was not said follows from the baseline: a run is judged on the same images.

    Raises UsageError where the configuration says another split than the baseline.
    """
    if baseline is None:
        return wanted
    of = baseline.evaluation
    if wanted.split is None and wanted.configured is not None:
        check_agreement(wanted.configured, of.split)
    return replace(
        wanted,
        dataset=of.dataset if wanted.dataset is None else wanted.dataset,
        split=of.split if wanted.split is None else wanted.split,
        variant=(of.variant or "") if wanted.variant is None else wanted.variant,
    )


def _gate_run(run: Run, request: GateRequest, baseline: Baseline | None) -> Verdict:
    """The verdict on one run; whatever is raised for it, unless it is wrong usage, is its own."""
    judge = partial(_judge, run, request, baseline)
    verdict = attempt(run.name, "read", judge, through=(UsageError,))
    if isinstance(verdict, Failure):
        return _refuse(run, request, verdict.stage, verdict.explanation)
    return replace(verdict, timing=stamp_time())


def _judge(run: Run, request: GateRequest, baseline: Baseline | None) -> Verdict:
    evidence = read_evidence(run, request.wanted, request.trust)
    of = evidence.evaluation
    why = explain_failed(len(of.failures), of.n_images, request.max_failed_share)
    if why is not None:
        raise GateError("data", why)
    return judge_run(evidence, request.terms, baseline)


def _refuse(run: Run, request: GateRequest, stage: Stage, reason: str) -> Verdict:
    return refuse_run(run.name, run.place, request.terms.target, stage, reason, stamp_time())


def stamp_time() -> dict[str, str]:
    """When the verdict was made."""
    return {"judged": datetime.now(UTC).isoformat(timespec="milliseconds")}
