"""The gate as a whole: from run folders, a baseline and limits to a verdict for each run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.boundary import attempt
from covidreport.errors import GateError, StoreError, UsageError
from covidreport.gate.baseline import BaselineRequest, find_baseline, is_known
from covidreport.gate.evidence import GateSide
from covidreport.gate.judge import GateCriteria, judge_run, refuse_run
from covidreport.gate.stored import Trust, add_fingerprints, read_side, settle_images
from covidreport.records import Failure, NotJudged, Run, Stage, Verdict
from covidreport.storage.chosen import ImageQuery, check_agreement
from covidreport.storage.runs import read_evaluations
from covidreport.text.failed import MOST_FAILED, explain_failed

IS_KNOWN = "is as it was when the baseline was set"


class GateRequest(Struct, frozen=True):
    """What is judged, and by what."""

    criteria: GateCriteria
    images: ImageQuery
    """None where nobody said, and the baseline or `settle_images` decides."""
    baseline: Path | None
    specificity_floor: float
    trust: Trust = field(default_factory=Trust)
    max_failed_share: float = MOST_FAILED
    shared: Mapping[str, Any] | None = None
    """What the settings say of the input of all runs."""
    baseline_called: str = ""
    """What the baseline is called where that is not its path: it was fetched from elsewhere."""


def gate_runs(
    runs: Sequence[Run], request: GateRequest, baseline: GateSide | GateError | None = None
) -> tuple[Verdict, ...]:
    """The verdict on each run, from what stands in its folder; nothing is run.

    baseline: of `open_baseline`, where that was called before. A run that can't be judged has a
    verdict that says why; UsageError where what is asked for makes no sense for any run.
    """
    if baseline is None:
        baseline = open_baseline(runs, request)
    if isinstance(baseline, GateError):
        return tuple(_refuse(run, request, baseline.stage, str(baseline)) for run in runs)
    images = settle_images(complete_images(request.images, baseline), runs)
    labels = {label for run in runs for each in read_evaluations(run)[0] for label in each.labels}
    request = replace(request, criteria=replace(request.criteria, labels=frozenset(labels)))
    return tuple(_gate_run(run, replace(request, images=images), baseline) for run in runs)


def open_baseline(runs: Sequence[Run], request: GateRequest) -> GateSide | GateError | None:
    """The baseline of a request, or why it can't be one; None where there is none."""
    if request.baseline is None:
        return None
    images = request.images
    if images.split is not None:
        images = add_fingerprints(
            images, (each for run in runs for each in read_evaluations(run)[0])
        )
    query = BaselineRequest(
        request.baseline,
        request.criteria.target,
        images,
        request.specificity_floor,
        [run.folder for run in runs],
        request.trust,
        request.shared,
    )
    try:
        found = find_baseline(query)
        return replace(found, source=request.baseline_called or found.source)
    except GateError as error:
        return error
    except StoreError as error:
        return GateError("baseline", str(error))


def pass_over_known(
    runs: Sequence[Run], baseline: GateSide | GateError | None, named: Collection[Path]
) -> tuple[tuple[Run, ...], tuple[NotJudged, ...]]:
    """The runs that are to be judged, and those that the baseline knows as they are.

    named: what was asked for. A run that was named by its own folder is judged, known or not; one
    that was found in a folder of runs is passed over where it is known.
    """
    if not isinstance(baseline, GateSide):
        return tuple(runs), ()
    own = {folder.resolve() for folder in named}
    known = [run for run in runs if run.folder.resolve() not in own and is_known(baseline, run)]
    names = {run.name for run in known}
    return (
        tuple(run for run in runs if run.name not in names),
        tuple(NotJudged(run.name, run.folder_text, IS_KNOWN) for run in known),
    )


def complete_images(images: ImageQuery, baseline: GateSide | None) -> ImageQuery:
    """What was not said follows from the baseline: a run is judged on the same images.

    Raises UsageError where the configuration says another split than the baseline.
    """
    if baseline is None:
        return images
    of = baseline.evidence
    if images.split is None and images.configured is not None:
        check_agreement(images.configured, of.split)
    same = {of.fingerprint} if of.fingerprint and images.split in (None, of.split) else set()
    return replace(
        images,
        fingerprints=images.fingerprints | same,
        dataset=of.dataset if images.dataset is None else images.dataset,
        split=of.split if images.split is None else images.split,
        variant=(of.variant or "") if images.variant is None else images.variant,
    )


def _gate_run(run: Run, request: GateRequest, baseline: GateSide | None) -> Verdict:
    """The verdict on one run; whatever is raised for it, unless it is wrong usage, is its own."""
    judge = partial(_judge, run, request, baseline)
    verdict = attempt(run.name, "read", judge, through=(UsageError,))
    if isinstance(verdict, Failure):
        return _refuse(run, request, verdict.stage, verdict.explanation)
    return replace(verdict, timing=stamp_time())


def _judge(run: Run, request: GateRequest, baseline: GateSide | None) -> Verdict:
    side = read_side(run, request.criteria.target, request.images, request.trust)
    assert side.stored is not None
    of = side.stored.evaluation
    why = explain_failed(len(of.failures), of.n_images, request.max_failed_share)
    if why is not None:
        raise GateError("data", why)
    return judge_run(side, request.criteria, baseline)


def _refuse(run: Run, request: GateRequest, stage: Stage, reason: str) -> Verdict:
    return refuse_run(
        run.name, run.folder_text, request.criteria.target, stage, reason, stamp_time()
    )


def stamp_time() -> dict[str, str]:
    """When the verdict was made."""
    return {"judged": datetime.now(UTC).isoformat(timespec="milliseconds")}
