"""Cross-validation: each experiment once a fold, fitted on the images of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from covidreport.dataset.manifest import FOLD
from covidreport.dataset.parting import part_patients
from covidreport.dataset.split import take_rows
from covidreport.dataset.table import add_column
from covidreport.errors import CovidReportError, UsageError
from covidreport.records import Dataset
from covidreport.storage.folds import order_folds
from covidreport.store import write_atomic

from .sampling import Indices
from .settings import TENTH, Experiment, FitSettings


def write_folds(dataset: Dataset, split: str, folds: int) -> None:
    """Write so many folds of a split into the manifest, as `covidreport split` does.

    Those that are there are kept. UsageError where they are of another number, or where there is no
    manifest to write them into.
    """
    if dataset.folds is not None:
        there = order_folds(filter(None, dataset.folds))
        if len(there) != folds:
            raise UsageError(
                f"{dataset.source} has {len(there)} folds ({', '.join(there)}), and --folds is "
                f"{folds}: `covidreport split --folds {folds} --force` draws others"
            )
        return
    if not dataset.source.is_file():
        raise UsageError(
            f"{dataset.source}: folds stand in a manifest; `covidreport split {dataset.source} "
            f"--folds {folds}` writes one"
        )
    name = split.strip().lower()
    rows = [row for row, each in enumerate(dataset.splits or ()) if each == name]
    part = part_patients(take_rows(dataset, rows), [1.0] * folds)
    cells = [""] * len(dataset)
    for row, at in zip(rows, part.tolist(), strict=True):
        cells[row] = str(at + 1)
    write_atomic(dataset.source, add_column(dataset.source, FOLD, cells))


def spread_folds(experiments: Sequence[Experiment], dataset: Dataset) -> tuple[Experiment, ...]:
    """Each experiment once a fold of the data: `exp1-tiny-bce-fold3`.

    Where its epoch is chosen, that is done on `TENTH`, whatever split the study names.
    """
    return tuple(
        replace(
            each, name=f"{each.name}-fold{fold}", fold=fold,
            configuration=each.configuration or each.name, settings=_choose_within(each.settings),
        )
        for each in experiments
        for fold in order_folds(filter(None, dataset.folds or ()))
    )  # fmt: skip


def _choose_within(settings: FitSettings) -> FitSettings:
    rule = settings.exported_epoch
    if rule.rule == "last":
        return settings
    return replace(settings, exported_epoch=replace(rule, split=TENTH))


def leave_out(
    dataset: Dataset, rows: Mapping[str, Indices], fold: str, settings: FitSettings
) -> dict[str, Indices]:
    """The images of each split without those of a fold.

    Where the epoch is chosen on `TENTH`, that is a tenth of the training patients, labels alike,
    which are not trained on.
    """
    inside = np.array(dataset.folds) == fold
    left = {name: indices[~inside[indices]] for name, indices in rows.items()}
    if settings.exported_epoch.split == TENTH:
        train = left[settings.train_split]
        chosen = part_patients(take_rows(dataset, train.tolist()), [0.9, 0.1]) == 1
        if not chosen.any():
            raise CovidReportError(
                f"fold {fold}: {len(train)} images are of too few training patients to choose an "
                'epoch on a tenth of them; say exported_epoch = "last"'
            )
        left |= {settings.train_split: train[~chosen], TENTH: train[chosen]}
    return left


def describe_left_out(dataset: Dataset, fold: str) -> dict[str, Any]:
    """Which images a model never saw: how many, and a digest of their ids."""
    inside = sorted(
        sample for sample, of in zip(dataset.ids, dataset.folds or (), strict=True) if of == fold
    )
    digest = hashlib.sha256(json.dumps(inside).encode()).hexdigest()
    return {"fold": fold, "images": len(inside), "sha256": digest}
