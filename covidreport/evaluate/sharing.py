"""An evaluation that is shared out over machines: what is a shard's, and what is merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from covidreport.dataset import Digests, hash_files
from covidreport.dataset.split import find_fold_rows, take_rows
from covidreport.errors import UsageError
from covidreport.evaluate.cut import Cut, Parts
from covidreport.evaluate.folds import explain_strange, fail_without_folds
from covidreport.evaluate.opening import refuse_run
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.outcome import RunOutcome
from covidreport.evaluate.request import default_batch, join_variants
from covidreport.inference.execution import Execution
from covidreport.records import Dataset, Failure, Run, Shard, name_evaluation
from covidreport.storage.folds import order_folds, split_folds
from covidreport.storage.parts import PARTS_FOLDER
from covidreport.text import listed


class Sharing(Struct, frozen=True):
    """How an evaluation is shared out. shard: None where parts are merged."""

    runs: Sequence[Run]
    shard: Shard | None
    folders: tuple[Path, ...]
    batch: int
    variant: str | None

    @classmethod
    def of(cls, options: EvaluateOptions, execution: Execution, runs: Sequence[Run]) -> Sharing:
        """What options say of it."""
        folders = options.parts or (Path(PARTS_FOLDER),)
        batch = options.batch_size or default_batch(execution)
        variant = join_variants(execution, options.occlusion)
        return cls(runs, options.shard, folders, batch, variant)

    def cut(self, dataset: Dataset) -> Cut | None:
        """The part of these images that is a shard's; None where parts are merged."""
        if self.shard is None:
            return None
        return Cut.of(self.shard, self.batch, dataset, self.folders[0])

    def find_parts(self, dataset: Dataset, split: str) -> Parts | None:
        """Where the parts of these images are; None where a shard is scored."""
        if self.shard is not None:
            return None
        return Parts(self.folders, name_evaluation(dataset.name, split, self.variant))

    def read_digests(self, parts: Parts, dataset: Dataset) -> Digests:
        """The digests of all files of what is merged, as parts hold them; UsageError as
        `Parts.read_digests`.

        Of a run that is scored on all images; else each fold's, of a run of that fold, and those of
        images in no fold are read.
        """
        plain = [run.name for run in self.runs if not run.members]
        members = split_folds(run for run in self.runs if run.members)
        folds = dataset.folds or ()
        if not any(folds):
            return parts.read_digests([*plain, *(run.name for run in members)], len(dataset))
        if plain:
            try:
                return parts.read_digests(plain, len(dataset))
            except UsageError:
                if not members:
                    raise
        sha256, readable = np.zeros((len(dataset), 32), np.uint8), np.zeros(len(dataset), np.bool_)
        for fold in dict.fromkeys(folds):
            rows = find_fold_rows(dataset, [fold])
            names = [run.name for run in members if run.fold == fold]
            if names:
                found = parts.read_digests(names, len(rows))
            else:
                found = hash_files(take_rows(dataset, rows))
            sha256[rows] = np.frombuffer(found.sha256, np.uint8).reshape(-1, 32)
            readable[rows] = found.readable
        return Digests(sha256.tobytes(), readable)


class FoldGroup(Struct, frozen=True):
    """Runs of a shard that are scored on the same images: of a fold, or of all that are chosen."""

    fold: str | None
    runs: tuple[Run, ...]


def part_by_fold(
    runs: Sequence[Run], folds: Sequence[str] | None
) -> tuple[list[FoldGroup], list[RunOutcome]]:
    """The runs by the images that they are scored on, and those that can't be scored, with why.

    folds: of the chosen images; where none of them is in a fold each model runs on all.
    """
    plain = [run for run in runs if not run.members]
    refused = [
        RunOutcome(run, failure=refuse_run(run)) for run in runs if run.members and run.faults
    ]
    members = split_folds(run for run in runs if run.members and not run.faults)
    if folds is None:
        lost = [RunOutcome(run, failure=fail_without_folds(run.name)) for run in members]
        return ([FoldGroup(None, tuple(plain))] if plain else []), [*refused, *lost]
    there = order_folds(filter(None, folds))
    if not there:
        return [FoldGroup(None, (*plain, *members))], refused
    refused += [
        RunOutcome(run, failure=Failure(run.name, "score", explain_strange([run.fold], there)))
        for run in members
        if run.fold is not None and run.fold not in there
    ]
    groups = [FoldGroup(None, tuple(plain))] if plain else []
    of_folds = (
        FoldGroup(fold, tuple(run for run in members if run.fold == fold)) for fold in there
    )
    return [*groups, *(each for each in of_folds if each.runs)], refused


def check_sharing(stated: EvaluateOptions) -> None:
    """UsageError where what is asked for besides can't be done for a part of the images.

    stated: by whoever asks, without the settings: what these say holds when all parts are merged.
    """
    if stated.shard is None:
        return
    asked = {
        "--thumbnails": stated.thumbnails,
        "--maps": stated.maps,
        "--disturb": stated.disturb and stated.disturb.asked,
        "--foreign": stated.foreign and stated.foreign.asked,
        "--check-preprocessing": stated.check_preprocessing,
    }
    named = [name for name, value in asked.items() if value]
    if named:
        raise UsageError(
            f"{listed(named)} with --shard: merge the parts first; `covidreport evaluate "
            f"{' '.join(named)}` without --shard then keeps what was merged and does the rest"
        )
    if stated.thresholds is not None:
        raise UsageError(
            "--threshold and --thresholds with --shard: a part holds scores alone; give them to "
            "`covidreport merge`"
        )
    if stated.parts is not None and len(stated.parts) > 1:
        raise UsageError("--parts with --shard: one folder, into which its part is written")
