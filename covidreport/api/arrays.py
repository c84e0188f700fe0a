"""Truth, scores and patients from whatever numpy reads, checked before anything is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from covidreport.dataset.manifest import name_patients
from covidreport.errors import UsageError
from covidreport.import_scores import ScoresTable
from covidreport.records import Dataset
from covidreport.text import listed

NUMBERS = "biuf"
"""Kinds of numpy's types that hold a number as it is."""


class RowNames(Struct, frozen=True):
    """What the rows are called, and by which array; both empty where no array names its rows."""

    names: tuple[str, ...] = ()
    stated_by: str = ""

    def join(self, what: str, values: object) -> RowNames:
        """These, or those of `values` where these are none; UsageError where the two differ.

        Rows in another order are refused as well: whoever reads an array by place would compare
        one case with another.
        """
        index = getattr(values, "index", None)
        if index is None or callable(index):  # the method of a list
            return self
        names = tuple(map(str, index))
        if not self.stated_by:
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise UsageError(
                    f"{what}: two rows are called {twice!r}; call each by a name of its own, and "
                    "give patients as groups"
                )
            return RowNames(names, what)
        if names == self.names:
            return self
        pairs = enumerate(zip(names, self.names, strict=False), start=1)
        row = next((f"row {i} is called {a!r}, and {b!r}" for i, (a, b) in pairs if a != b), None)
        where = row or f"{len(names)} rows have a name, and {len(self.names)}"
        raise UsageError(
            f"{what}: {where} in {self.stated_by}. Give the same rows in the same order, such as "
            "with .loc[y_true.index]; if they are so already, give .to_numpy()"
        )


def read_array(what: str, values: ArrayLike | Sequence[object]) -> NDArray[Any]:
    """As numpy reads it; UsageError where it can't, or would lose that an entry is masked."""
    if np.ma.is_masked(values):
        raise UsageError(f"{what}: an entry is masked; leave such cases out of every array")
    try:
        return np.asarray(values)
    except (
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # of torch: on a card, or with a gradient
        raise UsageError(f"{what}: numpy can't read it ({error})") from error


def read_truth(y_true: ArrayLike, target: str, labels: Sequence[object]) -> NDArray[np.int8]:
    """1 or 0 of each case and label, `(N, K)`; labels: empty where there is the target alone."""
    truth = read_array("y_true", y_true)
    if not truth.size:
        raise UsageError("y_true: there is no case")
    if labels and truth.ndim == 1:
        found = np.stack([np.asarray(truth == label) for label in labels], axis=1)
        strange = truth[~found.any(axis=1)]
        if strange.size:
            raise UsageError(f"y_true: {strange[0]!s} is none of the labels {_list(labels)}")
    else:
        wanted = (len(truth), len(labels)) if labels else (truth.size,)
        if truth.shape != wanted or not np.isin(truth, (0, 1)).all():
            each = "case and label" if labels else "case"
            hint = "" if labels else "; where it holds classes, name them with labels="
            raise UsageError(f"y_true: one 0 or 1 for each {each} is wanted, {wanted}{hint}")
        _check_columns("y_true", y_true, labels)
        found = truth.reshape(len(truth), -1) == 1
    positives = int(found[:, list(map(str, labels)).index(target) if labels else 0].sum())
    if positives in (0, len(found)):
        every = "every" if positives else "no"
        raise UsageError(f"y_true: {every} case is {target}; cases with and without it are needed")
    return found.astype(np.int8)


def read_scores(
    what: str, values: ArrayLike, n: int, labels: Sequence[object]
) -> NDArray[np.floating]:
    """The scores of each case and label, `(N, K)`, float32 where they have no more bits."""
    found = read_array(what, values)
    wanted = (n, len(labels)) if labels else (n,)
    if found.shape != wanted:
        hint = ""
        if not labels and found.ndim == 2 and len(found) == n:
            hint = "; give the column of the positive class, or name all columns with labels="
        raise UsageError(f"{what}: its shape is {found.shape}, {wanted} is wanted{hint}")
    _check_columns(what, values, labels)
    if found.dtype.kind not in f"{NUMBERS}O":
        raise UsageError(f"{what}: numbers are wanted, and it holds {found.dtype.name}")
    single = found.dtype.kind == "f" and found.dtype.itemsize <= 4
    try:
        numbers: NDArray[np.floating] = found.astype(np.float32 if single else np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: numbers are wanted ({error})") from error
    return numbers.reshape(n, -1)


def _list(names: Iterable[object]) -> str:
    return listed(list(map(str, names)), most=12)


def _check_columns(what: str, values: object, labels: Sequence[object]) -> None:
    """A frame's columns are called as the labels, in their order, or merely counted."""
    columns = getattr(values, "columns", None)
    if columns is None or list(columns) == list(range(len(labels))):
        return
    if list(map(str, columns)) != list(map(str, labels)):
        raise UsageError(
            f"{what}: its columns are {_list(columns)}, and the labels {_list(labels)}. Give them "
            "in that order, such as with [list(labels)]; if they are so already, give .to_numpy()"
        )


def read_groups(
    groups: ArrayLike | Sequence[object] | None, ids: Sequence[str]
) -> tuple[str, ...] | None:
    """The patient of each case; one who is not stated is nobody else."""
    if groups is None:
        return None
    found = read_array("groups", groups)
    if found.shape != (len(ids),):
        raise UsageError(f"groups: one for each of the {len(ids)} cases is wanted")
    return name_patients(["" if _is_missing(each) else str(each) for each in found], ids)


def _is_missing(value: object) -> bool:
    try:
        return value is None or value == "" or not bool(value == value)  # NaN
    except TypeError:  # pandas' NA is neither equal nor unequal
        return True


def table_scores(dataset: Dataset, scores: NDArray[np.floating]) -> tuple[ScoresTable, str]:
    """The table that a file of these scores would be, and a digest of it; scores: `(N, K)`."""
    columns = tuple(f"score.{label}" for label in dataset.labels)
    rows: list[Mapping[str, object]] = [
        {"id": case, **dict(zip(columns, row, strict=True))}
        for case, row in zip(dataset.ids, scores.tolist(), strict=True)
    ]
    digest = hashlib.sha256(repr((dataset.ids, columns, scores.dtype.str)).encode())
    digest.update(np.ascontiguousarray(scores).tobytes())
    singles = frozenset(columns if scores.dtype == np.float32 else ())
    positions = [f"row {i + 1}" for i in range(len(rows))]
    return ScoresTable(("id", *columns), rows, positions, singles), digest.hexdigest()
