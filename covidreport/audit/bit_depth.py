"""Do files of more than 8 bits use all of their bits? Only a whole set can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import repeat

from covidreport.audit.evidence import DataEvidence
from covidreport.records import Dataset, Finding, Peak
from covidreport.text import plural

_UNUSED = 3
"""A file that leaves as many bits empty has an eighth of the contrast that its depth says: hardly
one that was scaled has."""
_FEWEST = 3
"""So many such files, and more than half of their source, are no chance."""


def audit_bit_depth(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Files that say that they have more bits than they use, over all and by source."""
    if evidence.survey is None:
        return ()
    return describe_bit_depth(evidence.survey.peaks, name_sources(evidence.dataset))


def name_sources(dataset: Dataset) -> Sequence[str]:
    """Where each image is from, `(N,)`: the column `source`, else its folder."""
    for name, cells in dataset.attributes.items():
        if name.strip().lower() == "source":
            return cells
    return [path.rpartition("/")[0] for path in dataset.paths]


def describe_bit_depth(
    peaks: Iterable[Peak | None], sources: Iterable[str] | None = None
) -> tuple[Finding, ...]:
    """A finding for each depth of which fewer bits are used, such as 12-bit detector values in 16.

    peaks: of each image; None (of 8 bits, or with a window of its own) is passed over. With k bits
    of n in use, every image has 2^(n-k) times less contrast than meant: it is too dark, or, where
    DICOM inverts it (MONOCHROME1), too bright. One image can't tell a dark one from a wrong one,
    so the largest value of the set decides. Where
    that uses all bits, a source (sources: of each image) of which most files leave three and more
    empty is told all the same.
    """
    of: defaultdict[int, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for peak, source in zip(peaks, repeat("") if sources is None else sources, strict=False):
        if peak is not None:
            of[peak.bits][source].append(peak.maximum)
    found = (_describe(depth, list(of[depth].values())) for depth in sorted(of, reverse=True))
    return tuple(finding for finding in found if finding is not None)


def _describe(depth: int, sources: Sequence[Sequence[int]]) -> Finding | None:
    largest = [maximum for maxima in sources for maximum in maxima]
    highest = max(largest)
    bits = highest.bit_length()
    if bits == depth:
        return _describe_some(depth, sources, len(largest))
    files = f"{plural(len(largest), 'file')} of {depth} bits"
    if bits == 0:
        what = f"every {depth}-bit image is black"
    else:
        what = (
            f"{depth}-bit images use {bits} bits: they have about {2 ** (depth - bits)} times "
            "less contrast than their files' depth says"
        )
    return _warn(depth, what, f"the largest value in {files} is {highest}")


def _describe_some(depth: int, sources: Sequence[Sequence[int]], n_files: int) -> Finding | None:
    """A finding where most files of a source use few bits, though some of the set use all."""
    dark: list[int] = []
    for maxima in sources:
        few = [maximum for maximum in maxima if maximum.bit_length() <= depth - _UNUSED]
        if len(few) >= _FEWEST and 2 * len(few) > len(maxima):
            dark += few
    if not dark:
        return None
    bits = max(dark).bit_length()
    return _warn(
        depth,
        f"{len(dark)} of {n_files} {depth}-bit images use {bits} bits or fewer: at least "
        f"{2 ** (depth - bits)} times less contrast than their files' depth says, unlike the "
        "others",
        f"the largest value in these files is {max(dark)}",
    )


def _warn(depth: int, what: str, evidence: str) -> Finding:
    return Finding(
        severity="warning",
        code="fewer-bits-in-use",
        what=what,
        evidence=f"{evidence} of {2**depth - 1}",
        remedy=(
            "Export the images with their values scaled to the full depth, or as 8-bit files "
            "(DICOM with a window). Leave them only if the models were trained on pixels like "
            "these."
        ),
    )
