"""From an evaluation's images to those of changed pictures: each chosen image, and its changes.

Each picture stands in a data set once as it is and once for each change, all beside each other: the
main loop scores those rows as any others, decodes each file once for all changes of a batch and all
runs, keeps what a killed call has left, and stores what comes out as a variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from covidreport.dataset import fingerprint, fingerprint_labels
from covidreport.dataset.split import take_rows
from covidreport.errors import UsageError
from covidreport.evaluate.disturbances import Disturbances, DisturbOptions
from covidreport.evaluate.loop import count_jobs
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.record import evaluate_runs
from covidreport.evaluate.request import EvaluationRequest
from covidreport.records import (
    AS_IS,
    Dataset,
    Disturbance,
    Evaluation,
    Noted,
    OnEvent,
    Run,
    ignore_events,
    tag_row,
)
from covidreport.text import list_some, plural, whole

MOST_NAMED: Final = 5


def choose_images(dataset: Dataset, target: str, options: DisturbOptions) -> tuple[int, ...]:
    """All images with the target and, drawn by the seed, as many without, or as many as are asked
    for; in the order of the data set. UsageError where none has the target."""
    positives = np.flatnonzero(dataset.truth[:, dataset.labels.index(target)] == 1)
    if not len(positives):
        raise UsageError(f"--disturb: no image of {dataset.name} has {target}")
    wanted = len(positives) if options.negatives is None else options.negatives
    drawn = draw_negatives(dataset, target, options.seed, wanted)
    return tuple(sorted([*positives.tolist(), *drawn]))


def draw_negatives(dataset: Dataset, target: str, seed: int | None, most: int) -> tuple[int, ...]:
    """At most so many images without the target, drawn by the seed, in the order of the data."""
    negatives = np.flatnonzero(dataset.truth[:, dataset.labels.index(target)] == 0)
    order = np.random.default_rng(seed or 0).permutation(negatives)
    return tuple(sorted(order[:most].tolist()))


def request_disturbed(
    request: EvaluationRequest, target: str, options: DisturbOptions
) -> EvaluationRequest:
    """The same of the chosen images and their changes, to be stored as the variant `disturb`."""
    rows, changes = choose_images(request.dataset, target, options), options.list_changes()
    kinds = {change.kind for change in changes if change != AS_IS}
    attributes = {kind: [_name_severity(kind, change) for change in changes] for kind in kinds}
    data = repeat_images(request.dataset, rows, [change.name for change in changes], attributes)
    return request_changed(
        request, data,
        [request.digests[row] for row in rows for _ in changes],
        Disturbances(changes * len(rows), options.seed or 0),
    )  # fmt: skip


def _name_severity(kind: str, change: Disturbance) -> str:
    """By the attribute of a kind: 0 for the picture as it is, empty where another is changed."""
    return str(change.severity) if change.kind in (kind, AS_IS.kind) else ""


def repeat_images(
    dataset: Dataset, rows: Sequence[int], tags: Sequence[str],
    attributes: Mapping[str, Sequence[str]],
) -> Dataset:  # fmt: skip
    """Each of these images once for each tag, which stands behind its id, all beside each other.

    attributes: of each tag. The rows of one image are of one patient, who is the image itself where
    no patients are known.
    """
    data = take_rows(dataset, [row for row in rows for _ in tags])
    return replace(
        data,
        ids=tuple(tag_row(dataset.ids[row], tag) for row in rows for tag in tags),
        groups=data.groups or data.ids,
        folds=None,
        weights=None,
        attributes={name: tuple(values) * len(rows) for name, values in attributes.items()},
    )


def request_changed(
    request: EvaluationRequest, data: Dataset, digests: Sequence[str], changes: Disturbances
) -> EvaluationRequest:
    """The same of other pictures, which are changed row by row."""
    return replace(
        request,
        dataset=data,
        digests=digests,
        fingerprint=fingerprint(data, digests),
        label_fingerprints=fingerprint_labels(data, digests),
        disturbances=changes,
        occlusion=None,
        warnings=(),
    )


def evaluate_changed(
    request: EvaluationRequest, evaluated: Sequence[tuple[Run, Evaluation]],
    on_event: OnEvent = ignore_events,
) -> tuple[RunOutcome, ...]:  # fmt: skip
    """Evaluate runs on changed pictures; how many, and about how long it takes, is told before."""
    on_event(Noted(_tell_cost(request, evaluated)))
    return evaluate_runs(request, [run for run, _ in evaluated], on_event)


def _tell_cost(request: EvaluationRequest, evaluated: Sequence[tuple[Run, Evaluation]]) -> str:
    assert request.disturbances is not None
    rows = len(request.dataset)
    names = list_some([run.name for run, _ in evaluated], MOST_NAMED)
    said = (
        f"{request.disturbances.words} for {names}: {plural(rows, 'picture')} of "
        f"{plural(len(set(request.dataset.paths)), 'image')}, "
        f"{plural(rows * len(evaluated), 'inference')}"
    )
    rates = [each.cost.images_per_s for _, each in evaluated]
    known = [rate for rate in rates if rate]
    if len(known) < len(rates):
        return f"{said}; how long it takes is not known, since no evaluation was timed"
    jobs = 1 if request.execution.provider.accelerator else request.jobs or count_jobs()
    seconds = sum(rows / rate for rate in known) / jobs
    return (
        f"{said}; about {seconds:,.0f} s in the models as evaluated, {whole(jobs)} at a time, and "
        "the time to change and fit each picture; what stands is kept"
    )
