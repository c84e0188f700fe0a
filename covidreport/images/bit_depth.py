"""Do 16-bit files really use 16 bits? Only a whole set can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import repeat

from covidreport.records import Finding

_DARK_BITS = 13
"""A file that uses no more is 8 times darker than its depth says: hardly one that was scaled is."""
_FEWEST = 3
"""So many such files, and more than half of their source, are no chance."""


def describe_bit_depth(
    maxima: Iterable[int | None], sources: Iterable[str] | None = None
) -> Finding | None:
    """A finding where the 16-bit images of a set use fewer bits, such as 12-bit detector values.

    maxima: `DecodedImage.maximum` of each image; None (8-bit files) is passed over. With k bits in
    use, white is 2^k - 1 of 65535 and every image 2^(16-k) times darker than meant: the division
    by 257 is right for full 16 bits only. One image can't tell a dark one from a wrong one, so the
    largest value of the set decides. Where that uses 16 bits, a source (sources: of each image) of
    which most files use 13 or fewer is told all the same. None where no file has 16 bits.
    """
    of: defaultdict[str, list[int]] = defaultdict(list)
    for maximum, source in zip(maxima, repeat("") if sources is None else sources, strict=False):
        if maximum is not None:
            of[source].append(maximum)
    largest = [maximum for group in of.values() for maximum in group]
    if not largest:
        return None
    highest = max(largest)
    bits = highest.bit_length()
    if bits == 16:
        return _describe_some(list(of.values()), len(largest))
    files = "1 file of 16 bits" if len(largest) == 1 else f"{len(largest)} files of 16 bits"
    if bits == 0:
        what = "every 16-bit image is black"
    else:
        what = (
            f"16-bit images use {bits} bits: they are about {2 ** (16 - bits)} times darker than "
            "their files' depth says"
        )
    return _warn(what, f"the largest value in {files} is {highest} of 65535")


def _describe_some(sources: Sequence[Sequence[int]], n_files: int) -> Finding | None:
    """A finding where most files of a source use few bits, though some of the set use all."""
    dark: list[int] = []
    for maxima in sources:
        few = [maximum for maximum in maxima if maximum.bit_length() <= _DARK_BITS]
        if len(few) >= _FEWEST and 2 * len(few) > len(maxima):
            dark += few
    if not dark:
        return None
    bits = max(dark).bit_length()
    return _warn(
        f"{len(dark)} of {n_files} 16-bit images use {bits} bits or fewer: they are at least "
        f"{2 ** (16 - bits)} times darker than their files' depth says, and others are not",
        f"the largest value in these files is {max(dark)} of 65535",
    )


def _warn(what: str, evidence: str) -> Finding:
    return Finding(
        severity="warning",
        code="fewer-bits-in-use",
        what=what,
        evidence=evidence,
        remedy=(
            "Export the images with their values scaled to the full 16 bits, or as 8-bit files; "
            "leave them only if the models were trained on pixels as dark as these."
        ),
    )
