"""Whether splits are drawn from the same patients' kind, and whether they share patients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.columns import AttributeColumn, list_attribute_columns, list_label_columns
from covidreport.audit.evidence import DataEvidence, number_texts
from covidreport.metrics import fisher_exact, holm
from covidreport.records import Finding
from covidreport.text import decimal, format_p, plural, portion

ALPHA: Final = 0.01
"""Of the adjusted p-value. The check runs on every data set, so healthy ones must pass."""
SMALLEST_EFFECT: Final = 0.1
"""Of Cramér's V; Cohen's "small" (1988). 100,000 images make any difference significant."""
_EXPECTED: Final = 5.0
"""Cochran's rule: from this expected count on, a cell fits the chi-square distribution."""


class SplitDifference(NamedTuple):
    """How one column differs between splits: Cramér's V and a p-value for this column alone."""

    column: AttributeColumn
    effect: float
    p_value: float
    table: NDArray[np.float64]
    """Patients (or images) by split and value, `(S, C)`."""


def audit_split_labels(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Labels whose prevalence differs between splits, beyond chance and by more than a little."""
    splits = _number_splits(evidence)
    found = _find_differences(evidence, list_label_columns(evidence)) if splits else []
    if not found or splits is None:
        return ()
    return (
        Finding(
            severity="warning",
            code="prevalence-differs",
            what=(
                f"The prevalence of {', '.join(each.column.name for each, _ in found)} differs "
                "between splits by more than chance explains"
            ),
            evidence=_describe_all(found, splits[0], evidence),
            remedy=(
                "Find out whether the splits were drawn or labelled differently, and draw them "
                "anew, stratified by label, if that can be. PPV, NPV and false alarms of one split "
                "say nothing about the other until then."
            ),
        ),
    )


def audit_split_attributes(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Attributes that are spread otherwise in one split than in another."""
    splits = _number_splits(evidence)
    found = _find_differences(evidence, list_attribute_columns(evidence)) if splits else []
    if not found or splits is None:
        return ()
    return (
        Finding(
            severity="warning",
            code="attributes-differ",
            what=(
                f"{', '.join(each.column.name for each, _ in found)} "
                f"{'differs' if len(found) == 1 else 'differ'} between splits by more than chance "
                "explains"
            ),
            evidence=_describe_all(found, splits[0], evidence),
            remedy=(
                "Draw the splits from the same patients, at random and by patient, or report "
                "metrics by these attributes. A run that does worse may only have met others."
            ),
        ),
    )


def audit_shared_patients(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Patients whose images stand in more than one split, or that nobody can tell."""
    dataset = evidence.dataset
    splits = _number_splits(evidence)
    if splits is None:
        return ()
    if dataset.groups is None:
        return (
            Finding(
                "note",
                "patients-unknown",
                "Whether a patient stands in two splits is unknown: no patients are stated",
                f"{len(dataset):,} images in {len(splits[0])} splits, and no column of patients",
                "Add a column patient_id to the manifest, or name its column as `group`.",
            ),
        )
    _, groups = number_texts(dataset.groups)
    present = np.zeros((groups.max() + 1, len(splits[0])), np.bool_)
    present[groups, splits[1]] = True
    shared = present.sum(axis=1) > 1
    if not shared.any():
        return ()
    rows = np.flatnonzero(shared[groups])
    pairs = "; ".join(
        f"{first} and {second}: {plural(int(both), 'patient')}"
        for (i, first), (j, second) in combinations(enumerate(splits[0]), 2)
        if (both := (present[:, i] & present[:, j]).sum())
    )
    return (
        Finding(
            "error",
            "patients-in-several-splits",
            f"{plural(int(shared.sum()), 'patient')} with {plural(len(rows), 'image')} "
            f"{'stands' if shared.sum() == 1 else 'stand'} in more than one split",
            f"Of {groups.max() + 1:,} patients, in {pairs}",
            "Put all images of a patient into one split and evaluate again. A model that knows the "
            "patient from training is not tested on a new one.",
            tuple(dataset.ids[int(row)] for row in rows),
        ),
    )


def _number_splits(evidence: DataEvidence) -> tuple[tuple[str, ...], NDArray[np.int64]] | None:
    """The splits' names and each image's split; None where there are fewer than two."""
    splits = evidence.dataset.splits
    if splits is None or len(set(splits)) < 2:
        return None
    names = tuple(dict.fromkeys(splits))
    indices = {name: index for index, name in enumerate(names)}
    codes = np.fromiter(map(indices.__getitem__, splits), np.int64, len(splits))
    return tuple(name or "no split" for name in names), codes


def _find_differences(
    evidence: DataEvidence, columns: Sequence[AttributeColumn]
) -> list[tuple[SplitDifference, float]]:
    """The columns that differ, with their p-values adjusted over all columns (Holm)."""
    splits = _number_splits(evidence)
    if splits is None or not columns:
        return []
    groups = evidence.dataset.groups
    units = None if groups is None else number_texts(groups)[1]
    tested = [compare_splits(column, splits[1], len(splits[0]), units) for column in columns]
    adjusted = holm([each.p_value for each in tested])
    return [
        (each, p_value)
        for each, p_value in zip(tested, adjusted, strict=True)
        if p_value < ALPHA and each.effect >= SMALLEST_EFFECT
    ]


def compare_splits(
    column: AttributeColumn, splits: NDArray[np.int64], n_splits: int,
    units: NDArray[np.int64] | None = None,
) -> SplitDifference:  # fmt: skip
    """How a column differs between splits, int64 `(N,)`; units: each image's patient, `(N,)`.

    Where patients are known each counts once in a split, shared out over their images there: a mean
    over a patient's images varies no more than one image does, so the test errs towards no finding.
    Two values: Fisher's exact test of each pair of splits, Bonferroni over the pairs. More:
    Pearson's chi-square test, rare values put together until every expected count reaches 5
    (Cochran, Biometrics 10 (1954) 417-451). The effect is Cramér's V, the square root of chi-square
    over n (min(S, C) - 1) (Cramér, Mathematical Methods of Statistics, 1946).
    """
    table = _count_table(column, splits, n_splits, units)
    pooled = _pool_rare(table)
    effect = _cramers_v(table)
    if pooled.shape[1] < 2:
        return SplitDifference(column, effect, 1.0, table)
    if pooled.shape[1] == 2:
        counts = np.rint(pooled).astype(np.int64).tolist()
        pairs = list(combinations(counts, 2))
        least = min(fisher_exact((a, b), (c, d)) for (a, b), (c, d) in pairs)
        return SplitDifference(column, effect, min(1.0, least * len(pairs)), table)
    from scipy.special import chdtrc

    rows = pooled[pooled.sum(axis=1) > 0]
    freedom = (rows.shape[0] - 1) * (rows.shape[1] - 1)
    return SplitDifference(column, effect, float(chdtrc(freedom, _chi_square(rows))), table)


def _count_table(
    column: AttributeColumn,
    splits: NDArray[np.int64],
    n_splits: int,
    units: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    known = column.codes >= 0
    cells = splits[known] * len(column.values) + column.codes[known]
    weights = None
    if units is not None:
        _, unit, count = np.unique(
            units[known] * n_splits + splits[known], return_inverse=True, return_counts=True
        )
        weights = 1 / count[unit]
    size = n_splits * len(column.values)
    table = np.bincount(cells, weights, size).astype(np.float64)
    return table.reshape(n_splits, len(column.values))


def _pool_rare(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the rarest values together until every expected count is large enough, or two are left.

    Splits without anything are excluded.
    """
    rows = table[table.sum(axis=1) > 0]
    if len(rows) < 2:
        return np.empty((len(rows), 0))
    columns = sorted(rows[:, rows.sum(axis=0) > 0].T, key=lambda column: float(column.sum()))
    smallest = rows.sum(axis=1).min() / rows.sum()
    while len(columns) > 2 and columns[0].sum() * smallest < _EXPECTED:
        columns = [columns[0] + columns[1], *columns[2:]]
        columns.sort(key=lambda column: float(column.sum()))
    return np.stack(columns, axis=1)


def _chi_square(table: NDArray[np.float64]) -> float:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def _cramers_v(table: NDArray[np.float64]) -> float:
    rows = table[table.sum(axis=1) > 0]
    cells = rows[:, rows.sum(axis=0) > 0]
    smaller = min(cells.shape) - 1
    return 0.0 if smaller < 1 else math.sqrt(_chi_square(cells) / (cells.sum() * smaller))


def _describe_all(
    found: Sequence[tuple[SplitDifference, float]], splits: Sequence[str], evidence: DataEvidence
) -> str:
    parts = "; ".join(
        f"{each.column.name}: {_describe_widest(each.table, each.column.values, splits)} "
        f"(Cramér's V {decimal(each.effect, 2)}, {format_p(p_value)})"
        for each, p_value in found
    )
    units = "images" if evidence.dataset.groups is None else "patients, each counted once"
    return f"By {units}: {parts}. P-values are corrected by Holm over all that was compared."


def _describe_widest(
    table: NDArray[np.float64], values: Sequence[str], splits: Sequence[str]
) -> str:
    """The value whose share differs most, and its share in each split."""
    totals: NDArray[Any] = table.sum(axis=1, keepdims=True)
    proportions = np.divide(table, totals, out=np.full_like(table, np.nan), where=totals > 0)
    widest = int(np.argmax(np.nanmax(proportions, axis=0) - np.nanmin(proportions, axis=0)))
    texts = ", ".join(
        f"{portion(proportion)} of {split}"
        for proportion, split in zip(proportions[:, widest].tolist(), splits, strict=True)
        if not math.isnan(proportion)
    )
    return f"{values[widest]} is {texts}"
