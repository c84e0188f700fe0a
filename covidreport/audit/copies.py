"""The same picture twice: as a file, as pixels, or nearly so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from covidreport.audit.crops import CONFIRMED, MOST, find_crops
from covidreport.audit.evidence import DataEvidence
from covidreport.audit.similarity import FLAT, PLAIN, find_copies
from covidreport.audit.support import TRAINING
from covidreport.audit.turns import CONFIRMED as TURNED
from covidreport.audit.turns import find_turns
from covidreport.records import Dataset, Finding, Severity
from covidreport.storage.chosen import NO_SPLITS
from covidreport.text import decimal, plural

UNREADABLE: Final = "unreadable"
"""Stands for the digest of a file that can't be read, as in `covidreport.dataset`."""
_EXAMPLES = 3

CopyScope = Literal["across-splits", "with-other-labels", "in-one-split"]


class CopyGroup(NamedTuple):
    """Images that are copies of each other, by index; said: how, where that differs."""

    rows: tuple[int, ...]
    said: str = ""


class _Meaning(NamedTuple):
    """What copies mean in one place: how grave, what stands in the text, what to do."""

    severity: Severity
    suffix: str
    text: str
    remedy: str


_SCOPES: Final[dict[CopyScope, _Meaning]] = {
    "across-splits": _Meaning(
        "error",
        "-across-splits",
        "in different splits",
        "Keep one copy of each, or all in one split, and evaluate again. A model that has seen the "
        "picture in training is not tested on it.",
    ),
    "with-other-labels": _Meaning(
        "error",
        "-with-other-labels",
        "with different labels",
        "One of the labels is wrong, or two different pictures were mixed up: look at them and "
        "correct the data set.",
    ),
    "in-one-split": _Meaning(
        "note",
        "",
        "with the same labels",
        "Keep one of each: counted twice, a picture weighs twice, and intervals get too narrow.",
    ),
}


def audit_identical_files(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Files with the same bytes (sha256)."""
    groups = _group_equal(evidence.digests, leave_out=UNREADABLE)
    return _describe(evidence, groups, "identical-files", "identical files", "the same sha256")


def audit_identical_pixels(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Different files that decode to the same pixels."""
    if evidence.survey is None:
        return ()
    first = _keep_first(evidence.digests, leave_out=UNREADABLE)
    groups = _group_equal(evidence.survey.pixels, leave_out="", among=first)
    return _describe(
        evidence, groups, "identical-pixels", "different files with identical pixels",
        "every decoded pixel is equal",
    )  # fmt: skip


def audit_near_duplicates(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Pictures that are copies of each other in another size, quality or contrast, turned, or cut.

    The methods and how often they err stand in `covidreport.audit.similarity`, `crops`, `turns`.
    """
    if evidence.survey is None:
        return ()
    survey = evidence.survey
    known = np.zeros(len(survey.pixels), np.bool_)
    known[_keep_first(survey.pixels, leave_out="")] = True
    known &= survey.thumbnails.reshape(len(known), -1).std(axis=1) >= FLAT
    copies = find_copies(survey.thumbnails, known)
    pairs = zip(copies.first.tolist(), copies.second.tolist(), copies.kinds, strict=True)
    groups = [
        CopyGroup((first, second), "" if kind == PLAIN else f", {kind}")
        for first, second, kind in pairs
    ]
    least = decimal(float(copies.correlations.min()), 2) if groups else ""
    why = (
        f"thumbnails correlate by {least} or more; those of different persons by 0.89 at most, in "
        "the 5 million comparisons on which this was tried"
    )
    return (
        *_describe(evidence, groups, "near-duplicates", "pairs of near-duplicates", why),
        *_find_moved(evidence, np.flatnonzero(known), {group.rows for group in groups}),
    )


def _find_moved(
    evidence: DataEvidence, rows: NDArray[np.intp], told: Set[tuple[int, ...]]
) -> tuple[Finding, ...]:
    """Copies that are turned a little or of which a margin was cut off, beside the pairs that are
    told of already."""
    if evidence.survey is None:
        return ()
    if len(rows) > MOST:
        return (
            Finding(
                "note",
                "cut-copies-not-sought",
                "Copies that are turned by a few degrees, or of which a margin was cut off, were "
                "not looked for",
                f"{len(rows):,} pictures, and they are looked for among {MOST:,} at most",
                "Audit some splits at a time (`--split`).",
            ),
        )
    crops = find_crops(evidence.survey.contents, rows)
    cut = [
        CopyGroup((part, whole), ", of which the first is a part")
        for part, whole in zip(crops.part.tolist(), crops.whole.tolist(), strict=True)
        if (min(part, whole), max(part, whole)) not in told
    ]
    told = told | {(min(group.rows), max(group.rows)) for group in cut}
    turns = find_turns(evidence.survey.contents, rows)
    pairs = zip(turns.first.tolist(), turns.second.tolist(), turns.degrees.tolist(), strict=True)
    turned = [
        CopyGroup((first, second), f", turned by {decimal(degrees, 1)}°")
        for first, second, degrees in pairs
        if (first, second) not in told
    ]
    why = (
        "where they lie on each other they correlate by {} or more; pictures of different persons "
    )
    why += "by {} at most where this was tried"
    return (
        *_describe(evidence, cut, "cut-copies", "pairs of copies, one with less margin,",
                   why.format(decimal(CONFIRMED, 2), "0.91")),
        *_describe(evidence, turned, "turned-copies", "pairs of copies, one turned a little,",
                   why.format(decimal(TURNED, 2), "0.85")),
    )  # fmt: skip


def _group_equal(
    texts: Sequence[str], *, leave_out: str, among: Iterable[int] | None = None
) -> list[CopyGroup]:
    """Groups of two and more rows with an equal text."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row in range(len(texts)) if among is None else among:
        rows[texts[row]].append(row)
    return [
        CopyGroup(tuple(group))
        for text, group in rows.items()
        if len(group) > 1 and text != leave_out
    ]  # fmt: skip


def _keep_first(texts: Sequence[str], *, leave_out: str) -> list[int]:
    """The first row of each text, in order; rows to be excluded are not among them."""
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        first.setdefault(text, row)
    return sorted(row for text, row in first.items() if text != leave_out)


def _describe(
    evidence: DataEvidence, groups: Sequence[CopyGroup], code: str, what: str, why: str
) -> tuple[Finding, ...]:
    """A finding for each place in which there are copies, the gravest place of a group alone."""
    dataset = evidence.dataset
    by_scope: defaultdict[tuple[CopyScope, str], list[CopyGroup]] = defaultdict(list)
    for group in groups:
        by_scope[_find_scope(dataset, group)].append(group)
    order = {scope: number for number, scope in enumerate(_SCOPES)}
    findings = []
    for scope, split in sorted(by_scope, key=lambda at: (order[at[0]], at[1])):
        meaning, found = _SCOPES[scope], by_scope[scope, split]
        rows = tuple(dict.fromkeys(row for group in found for row in group.rows))
        amount = (
            f"{plural(len(found), 'pair')}{what.removeprefix('pairs')}"
            if what.startswith("pairs")
            else f"{plural(len(rows), 'image')} are {what}"
        )
        examples = "; ".join(_name(dataset, group, scope) for group in found[:_EXAMPLES])
        more = f"; and {len(found) - _EXAMPLES:,} more" if len(found) > _EXAMPLES else ""
        text = meaning.text if scope != "in-one-split" else in_split(split)
        findings.append(
            Finding(
                _weigh(evidence, split, rows) if scope == "in-one-split" else meaning.severity,
                f"{code}{meaning.suffix}",
                f"{amount} {text}",
                f"{examples}{more}: {why}",
                meaning.remedy,
                tuple(dataset.ids[row] for row in rows),
            )
        )
    return tuple(findings)


def in_split(split: str) -> str:
    """What a finding ends with that is about copies in one split."""
    same = "with the same labels"
    return same if split in ("", NO_SPLITS) else f"in {split} {same}"


def _weigh(evidence: DataEvidence, split: str, rows: Sequence[int]) -> Severity:
    """A warning where one of few cases counts twice in a ranking; copies in training do not."""
    dataset = evidence.dataset
    columns = [dataset.labels.index(target) for target in evidence.targets]
    counts_twice = split not in TRAINING and (dataset.truth[list(rows)][:, columns] == 1).any()
    return "warning" if counts_twice else "note"


def _find_scope(dataset: Dataset, group: CopyGroup) -> tuple[CopyScope, str]:
    """Where the copies are, and in which split where that matters and there are any."""
    if dataset.splits is not None and len({dataset.splits[row] for row in group.rows}) > 1:
        return "across-splits", ""
    labels = dataset.truth[list(group.rows)]
    if (labels != labels[0]).any():
        return "with-other-labels", ""
    return "in-one-split", "" if dataset.splits is None else dataset.splits[group.rows[0]]


def _name(dataset: Dataset, group: CopyGroup, scope: CopyScope) -> str:
    def name(row: int) -> str:
        return f"{dataset.ids[row]}{_NOTES[scope](dataset, row)}"

    shown = " and ".join(name(row) for row in group.rows[:3])
    left = len(group.rows) - 3
    return f"{shown}{f' and {left:,} more' if left > 0 else ''}{group.said}"


def _name_split(dataset: Dataset, row: int) -> str:
    return f" ({dataset.splits[row]})" if dataset.splits is not None else ""


def _name_labels(dataset: Dataset, row: int) -> str:
    carried = [
        label for label, value in zip(dataset.labels, dataset.truth[row], strict=True) if value == 1
    ]
    return f" ({' and '.join(carried) or 'no label'})"


_NOTES: Final[dict[CopyScope, Callable[[Dataset, int], str]]] = {
    "across-splits": _name_split,
    "with-other-labels": _name_labels,
    "in-one-split": lambda dataset, row: "",  # noqa: ARG005 - as the others
}
