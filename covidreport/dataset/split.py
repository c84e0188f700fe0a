"""The images of one split, or of other rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from msgspec.structs import replace

from covidreport.errors import DatasetError
from covidreport.records import Dataset, Texts


def select_split(dataset: Dataset, split: str | None) -> Dataset:
    """The images of a split, in their order; None takes all. Upper and lower case are the same.

    Raises DatasetError when no image is in that split, listing the splits that there are.
    """
    return dataset if split is None else select_splits(dataset, [split])


def select_splits(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The images of several splits, in the order of the data set; raises as `select_split`."""
    lowered = [name.strip().lower() for name in names]
    splits = dataset.splits or ()
    missing = next((name for name in lowered if name not in splits), None)
    if missing is None:
        chosen = take_rows(dataset, [row for row, name in enumerate(splits) if name in lowered])
        beside = (file for file in dataset.passed_over if file.split("/")[0].lower() in lowered)
        sizes = dataset.in_splits or Counter(splits)
        return replace(chosen, passed_over=tuple(beside), in_splits=dict(sorted(sizes.items())))
    counts = sorted(Counter(name or "(blank)" for name in splits).items())
    there = ", ".join(f"{name} ({count} images)" for name, count in counts)
    reason = f"there are: {there}" if there else "the data has no splits: leave the split out"
    raise DatasetError(str(dataset.source), [f"no image is in the split {missing!r}; {reason}"])


def find_fold_rows(dataset: Dataset, folds: Collection[str]) -> list[int]:
    """The rows of the images of some folds, in their order."""
    return [row for row, each in enumerate(dataset.folds or ()) if each in folds]


def take_labels(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Of a data set these labels, in this order, of all its images."""
    columns = [dataset.labels.index(label) for label in labels]
    return replace(dataset, labels=tuple(labels), truth=dataset.truth[:, columns])


def take_rows(dataset: Dataset, rows: Sequence[int]) -> Dataset:
    """Of a data set these images, in this order."""

    def take(column: Sequence[str]) -> tuple[str, ...]:
        cells = list(column)
        return tuple(map(cells.__getitem__, rows))

    names = Texts.of(take(dataset.paths))
    return Dataset(
        name=dataset.name,
        root=dataset.root,
        source=dataset.source,
        labels=dataset.labels,
        ids=names if dataset.ids is dataset.paths else Texts.of(take(dataset.ids)),
        paths=names,
        truth=dataset.truth[list(rows)],
        splits=None if dataset.splits is None else take(dataset.splits),
        groups=None if dataset.groups is None else Texts.of(take(dataset.groups)),
        folds=None if dataset.folds is None else take(dataset.folds),
        weights=None if dataset.weights is None else dataset.weights[list(rows)],
        attributes={name: take(column) for name, column in dataset.attributes.items()},
        left_out=dataset.left_out,
        in_splits=dataset.in_splits,
    )
