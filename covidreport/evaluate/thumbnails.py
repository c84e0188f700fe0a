"""Small pictures of the cases that a reader will want to see, beside the scores of each run.

They are made of what stands stored: no model is run. An image is decoded once for all runs that
want it; what an earlier call has written is kept, so that a killed one goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.boundary import attempt
from covidreport.dataset import UNREADABLE
from covidreport.errors import ImageError, StoreError, UsageError
from covidreport.evaluate.loop import count_jobs
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome, list_evaluated
from covidreport.evaluate.request import EvaluationRequest
from covidreport.evaluate.resolve import check_target
from covidreport.images import decode_image, read_bytes
from covidreport.images.thumbnails import make_thumbnail, thumbnail_facts
from covidreport.metrics import decide_label, to_probabilities
from covidreport.metrics.agreement import pick_split
from covidreport.metrics.readings import take_readings
from covidreport.records import (
    Evaluation,
    Failure,
    LabelRule,
    Noted,
    OnEvent,
    Run,
    Scores,
    StageStarted,
    StepsDone,
    ignore_events,
)
from covidreport.store import (
    SCORES_FILE,
    THUMBNAILS_FILE,
    THUMBNAILS_FOLDER,
    THUMBNAILS_SCHEMA,
    evaluation_folder,
    name_thumbnail,
    read_json,
    read_scores,
    thumbnail_file,
    write_atomic,
    write_json,
)
from covidreport.text.thresholds import find_label_rule

MOST_MISSED = 100
"""Pictures of missed positives in a run's folder; those with the lowest scores are taken."""
MOST_FALSE_ALARMS = 48
"""Pictures of false alarms; those with the highest scores are taken, twice as many as a report
shows of all runs together."""


class Chosen(Struct, frozen=True):
    """The rows of a run's scores that get a picture, and how many more there would have been.

    split: images on which readers differ, whatever the run says of them.
    """

    missed: tuple[int, ...]
    false_alarms: tuple[int, ...]
    missed_omitted: int
    false_alarms_omitted: int
    split: tuple[int, ...] = ()


class ThumbnailsWritten(Struct, frozen=True):
    """What came of it: pictures in the folders of all runs, and images that have none."""

    pictures: int
    new: int
    cases: int
    unreadable: tuple[str, ...]
    """Why some images have no picture, each reason with the image's name."""


class _Plan(Struct, frozen=True):
    """One run's folder, and the image that each picture in it is of, by name."""

    folder: Path
    rows: Mapping[str, int]
    index: Mapping[str, Any]


def choose_cases(
    scores: Scores, target: str, rule: LabelRule, fingerprint: str | None = None
) -> Chosen:
    """The positives that a run misses and its false alarms, the most wrong ones first; and images
    on which readers differ.

    Of equally wrong ones the first in the file, of false alarms the first by its picture's name, as
    in a report. Images that could not be scored are excluded: what can't be decoded has no picture.
    """
    column = scores.labels.index(target)
    values = scores.scores[:, column]
    yes = decide_label(scores, target, rule)
    truth, scored = scores.truth[:, column], ~scores.failed
    missed = _order(np.flatnonzero((truth == 1) & scored & ~yes), values)
    alarms = np.flatnonzero((truth == 0) & scored & yes)
    return Chosen(
        missed=missed[:MOST_MISSED],
        false_alarms=_pick_alarms(alarms, scores, values, fingerprint),
        missed_omitted=max(0, len(missed) - MOST_MISSED),
        false_alarms_omitted=max(0, len(alarms) - MOST_FALSE_ALARMS),
        split=_pick_split(scores, target, fingerprint),
    )


def _pick_split(scores: Scores, target: str, fingerprint: str | None) -> tuple[int, ...]:
    readings = [*take_readings(scores.readings, target).values()]
    if not readings:
        return ()

    def name(row: int) -> str:
        return name_thumbnail(scores.sample_ids[row], fingerprint)

    return pick_split(np.stack(readings), name)[0]


def _pick_alarms(
    rows: NDArray[np.intp], scores: Scores, values: NDArray[np.floating], fingerprint: str | None
) -> tuple[int, ...]:
    """Those of highest probability; of equal ones by the picture's name, so that runs agree."""
    if not rows.size:
        return ()
    sure = to_probabilities(values[rows], scores.activation)
    able = np.flatnonzero(sure >= np.sort(sure)[-MOST_FALSE_ALARMS:][0])
    names = [name_thumbnail(scores.sample_ids[rows[i]], fingerprint) for i in able]
    order = np.lexsort([np.array(names, dtype=np.str_), -sure[able]])
    return tuple(int(row) for row in rows[able[order[:MOST_FALSE_ALARMS]]])


def _order(rows: NDArray[np.intp], values: NDArray[np.floating]) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[np.argsort(values[rows], kind="stable")])


def write_thumbnails(
    request: EvaluationRequest,
    evaluated: Sequence[tuple[Run, Evaluation]],
    target: str,
    on_event: OnEvent = ignore_events,
) -> ThumbnailsWritten:
    """Write `thumbnails/` into the evaluations of these runs on the request's images.

    Files go by salted digests of the images' ids. Pictures of an earlier call that are no longer
    wanted are deleted.
    """
    missing: dict[str, list[Path]] = {}
    rows: dict[str, int] = {}
    plans: list[_Plan] = []
    without: list[Failure] = []
    for run, evaluation in evaluated:
        plan = attempt(run.name, "write", partial(_begin, request, run, evaluation, target))
        if isinstance(plan, Failure):
            without.append(plan)
            continue
        plans.append(plan)
        for name, row in plan.rows.items():
            rows[name] = row
            if not (file := thumbnail_file(plan.folder, name)).is_file():
                missing.setdefault(name, []).append(file)
    on_event(StageStarted("Drawing thumbnails", len(missing)))
    reasons: dict[str, str] = {}

    def make(name: str) -> None:
        try:
            data = _make_thumbnail(request, rows[name])
        except ImageError as error:
            reasons[name] = str(error)
        else:
            for file in missing[name]:
                write_atomic(file, data)

    with ThreadPoolExecutor(request.jobs or count_jobs()) as pool:
        for _ in pool.map(make, missing):
            on_event(StepsDone(1))
    return ThumbnailsWritten(
        pictures=sum(len(plan.rows.keys() - reasons.keys()) for plan in plans),
        new=sum(len(files) for name, files in missing.items() if name not in reasons),
        cases=len(rows),
        unreadable=(
            *(f"the cases of {each.subject}: {each.explanation}" for each in without),
            *(f"{name}: {reasons[name]}" for name in missing if name in reasons),
        ),
    )


def _begin(request: EvaluationRequest, run: Run, evaluation: Evaluation, target: str) -> _Plan:
    """The run's plan, and its folder made ready for it."""
    plan = _plan(request, run, evaluation, target)
    _prepare(plan)
    return plan


def _plan(request: EvaluationRequest, run: Run, evaluation: Evaluation, target: str) -> _Plan:
    folder = evaluation_folder(run.folder, evaluation.key)
    scores = read_scores(folder / SCORES_FILE)
    rule = find_label_rule(evaluation, target)
    chosen = choose_cases(scores, target, rule, request.fingerprint)
    at = {sample: row for row, sample in enumerate(request.dataset.ids)}
    named = {
        row: name_thumbnail(scores.sample_ids[row], request.fingerprint)
        for row in (*chosen.missed, *chosen.false_alarms, *chosen.split)
    }
    return _Plan(
        folder,
        {name: at[scores.sample_ids[row]] for row, name in named.items()},
        {
            "schema": THUMBNAILS_SCHEMA,
            "made_with": thumbnail_facts(),
            "target": target,
            "threshold": rule,
            "missed": [named[row] for row in chosen.missed],
            "false_alarms": [named[row] for row in chosen.false_alarms],
            "missed_left_out": chosen.missed_omitted,
            "false_alarms_left_out": chosen.false_alarms_omitted,
            **({"readers_differ": [named[row] for row in chosen.split]} if chosen.split else {}),
        },
    )


def _prepare(plan: _Plan) -> None:
    """Delete what is not wanted, or was made otherwise, and say what the folder is to hold.

    The index is written before the pictures: those that stand beside an index with today's
    `made_with` are whole and were made that way.
    """
    folder = plan.folder / THUMBNAILS_FOLDER
    index = folder / THUMBNAILS_FILE
    try:
        alike = read_json(index, THUMBNAILS_SCHEMA).get("made_with") == plan.index["made_with"]
    except StoreError:
        alike = False  # there is none yet, or none that can be trusted: all are made again
    for file in folder.glob("*.jpg"):
        if not alike or file.stem not in plan.rows:
            file.unlink()
    write_json(index, plan.index)


def _make_thumbnail(request: EvaluationRequest, row: int) -> bytes:
    """The thumbnail of one image of the request; ImageError where its file is another by now."""
    dataset = request.dataset
    data = read_bytes(dataset.root / dataset.paths[row])
    digest = request.digests[row]
    if digest != UNREADABLE and hashlib.sha256(data).hexdigest() != digest:
        raise ImageError("the file changed while it was evaluated")
    return make_thumbnail(decode_image(data))


def keep_thumbnails(
    request: EvaluationRequest, outcomes: Sequence[RunOutcome], options: EvaluateOptions,
    on_event: OnEvent,
) -> None:  # fmt: skip
    """Write small pictures beside the scores, and say how many."""
    target = check_target(options, request.dataset.labels)
    if target not in request.dataset.labels:
        raise UsageError(
            f"--thumbnails: the data has no label {target!r}, of which missed cases are shown; "
            "name one with `target` in covidreport.toml"
        )
    written = write_thumbnails(request, list_evaluated(outcomes), target, on_event)
    on_event(
        Noted(
            f"{written.pictures:,} small pictures of {written.cases:,} images stand in thumbnails/ "
            f"beside the scores ({written.new:,} new); `covidreport render` embeds what it shows"
        )
    )
    for reason in written.unreadable:
        on_event(Noted(f"no picture of {reason}", warning=True))
