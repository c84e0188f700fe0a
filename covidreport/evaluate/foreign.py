"""From an evaluation's images to pictures that are no frontal radiograph.

Negatives are changed as `evaluate.disturbing` has it, each beside itself as it is; single pictures
show nothing; and folders hold whatever else a model might be given. All of them are rows of one
data set, stored as the variant `foreign`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from covidreport.dataset.digests import digest_files
from covidreport.dataset.source import name_source
from covidreport.dataset.unlabelled import find_images
from covidreport.errors import DatasetError, UsageError
from covidreport.evaluate.disturbances import Disturbances, ForeignOptions
from covidreport.evaluate.disturbing import draw_negatives, repeat_images, request_changed
from covidreport.evaluate.request import EvaluationRequest
from covidreport.records import (
    AS_IS,
    FOREIGN,
    FOREIGN_CHANGES,
    SINGLES,
    UNKNOWN,
    Dataset,
    Disturbance,
    Noted,
    OnEvent,
    StageStarted,
    count_steps,
    ignore_events,
    tag_row,
)
from covidreport.storage.files import format_path
from covidreport.text import list_some, plural

MOST_NEGATIVES: Final = 200
"""So many are changed where nothing is said."""
MOST_FOLDERS: Final = 15
"""With what is built in, the values that an attribute may have to be a group of the gate."""
MOST_NAMED: Final = 5


class ForeignFolder(Struct, frozen=True, eq=False):
    """The pictures of a folder and what is below it, and the kind that they are."""

    kind: str
    pictures: Dataset


def read_foreign_folders(folders: Sequence[Path]) -> tuple[ForeignFolder, ...]:
    """The pictures of each folder, by the name of the folder as `name_source` spells it.

    Raises DatasetError where one is not there or has no pictures, UsageError where two go by one
    name, or one by that of something built in.
    """
    found: dict[str, ForeignFolder] = {}
    for folder in folders:
        kind = name_source(folder)
        if not folder.is_dir():
            raise DatasetError(format_path(folder), ["no such folder of foreign pictures"])
        if kind in found or kind in {AS_IS.name, *FOREIGN_CHANGES, *SINGLES}:
            raise UsageError(
                f"{format_path(folder)}: other foreign pictures are called {kind!r} already; give "
                "the folder another name"
            )
        found[kind] = ForeignFolder(kind, find_images([folder]))
    if len(found) > MOST_FOLDERS:
        raise UsageError(
            f"{len(found)} folders of foreign pictures: at most {MOST_FOLDERS} can be told apart; "
            "join some of them"
        )
    return tuple(found.values())


def request_foreign(
    request: EvaluationRequest, target: str, options: ForeignOptions,
    on_event: OnEvent = ignore_events,
) -> EvaluationRequest:  # fmt: skip
    """The same of foreign pictures, to be stored as the variant `foreign`.

    The truth of a folder's pictures is that they don't show the target, and else unknown; of single
    pictures nothing is known, so that no metric counts them.
    """
    data, changes, singles = request.dataset, options.list_changes(), options.list_singles()
    rows = draw_negatives(data, target, options.seed, options.negatives or MOST_NEGATIVES)
    if not rows:
        raise UsageError(f"--foreign: no image of {data.name} is known to be without {target}")
    names = [change.name for change in changes]
    alone = repeat_images(
        data, rows[:1], [single.name for single in singles], {FOREIGN: [""] * len(singles)}
    )
    parts = [
        repeat_images(data, rows, names, {FOREIGN: names}),
        replace(alone, truth=np.full_like(alone.truth, UNKNOWN)),
    ]
    altered = [*changes * len(rows), *singles]
    digests = [request.digests[row] for row in rows for _ in changes]
    digests += [request.digests[rows[0]]] * len(singles)
    for folder in read_foreign_folders(options.folders or ()):
        digests += _digest(folder, request, on_event)
        parts.append(_place_beside(folder, parts[0], target))
        altered += [Disturbance(folder.kind, 0)] * len(folder.pictures)
    changed = Disturbances(tuple(altered), options.seed or 0, FOREIGN)
    return request_changed(request, _join(parts), digests, changed)


def _digest(folder: ForeignFolder, request: EvaluationRequest, on_event: OnEvent) -> Sequence[str]:
    """The digests of a folder's files; what is no picture in it is told of."""
    pictures = folder.pictures
    if pictures.passed_over:
        named = list_some(pictures.passed_over, MOST_NAMED)
        said = f"{plural(len(pictures.passed_over), 'file')} passed over in {folder.kind}: {named}"
        on_event(Noted(said, warning=True))
    on_event(StageStarted(f"Reading {len(pictures):,} files of {folder.kind}", len(pictures)))
    return list(
        digest_files(
            pictures, verify=request.verify or request.force, use_cache=request.use_cache,
            advance=count_steps(on_event),
        )
    )  # fmt: skip


def _place_beside(folder: ForeignFolder, beside: Dataset, target: str) -> Dataset:
    """A folder's pictures as rows of a data set, each of a patient of its own."""
    pictures, n = folder.pictures, len(folder.pictures)
    truth = np.full((n, len(beside.labels)), UNKNOWN, np.int8)
    truth[:, beside.labels.index(target)] = 0
    ids = tuple(tag_row(each, folder.kind) for each in pictures.ids)
    return replace(
        beside,
        ids=ids,
        paths=tuple(str(pictures.root.absolute() / each) for each in pictures.paths),
        truth=truth,
        splits=None if beside.splits is None else beside.splits[:1] * n,
        groups=ids,
        attributes={FOREIGN: (folder.kind,) * n},
    )


def _join(parts: Sequence[Dataset]) -> Dataset:
    """Rows of data sets with the same columns, below each other."""

    def join(name: str) -> tuple[str, ...]:
        return tuple(each for part in parts for each in getattr(part, name))

    return replace(
        parts[0],
        ids=join("ids"),
        paths=join("paths"),
        truth=np.concatenate([part.truth for part in parts]),
        splits=None if parts[0].splits is None else join("splits"),
        groups=join("groups"),
        attributes={
            name: tuple(each for part in parts for each in part.attributes[name])
            for name in parts[0].attributes
        },
    )
