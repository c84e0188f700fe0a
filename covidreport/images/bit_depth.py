"""Do 16-bit files really use 16 bits? Only a whole set can tell."""

from __future__ import annotations

from collections.abc import Iterable

from covidreport.records import Finding


def describe_bit_depth(maxima: Iterable[int | None]) -> Finding | None:
    """A finding where the 16-bit images of a set use fewer bits, such as 12-bit detector values.

    maxima: `DecodedImage.maximum` of each image; None (8-bit files) is passed over. With k bits in
    use, white is 2^k - 1 of 65535 and every image 2^(16-k) times darker than meant: the division
    by 257 is right for full 16 bits only. One image can't tell a dark one from a wrong one, so the
    largest value of the set decides. None where all 16 bits are in use or no file has 16.
    """
    largest = [maximum for maximum in maxima if maximum is not None]
    if not largest:
        return None
    highest = max(largest)
    bits = highest.bit_length()
    if bits == 16:
        return None
    files = "1 file of 16 bits" if len(largest) == 1 else f"{len(largest)} files of 16 bits"
    if bits == 0:
        what = "every 16-bit image is black"
    else:
        what = (
            f"16-bit images use {bits} bits: they are about {2 ** (16 - bits)} times darker than "
            "their files' depth says"
        )
    return Finding(
        severity="warning",
        code="fewer-bits-in-use",
        what=what,
        evidence=f"the largest value in {files} is {highest} of 65535",
        remedy=(
            "Export the images with their values scaled to the full 16 bits, or as 8-bit files; "
            "leave them only if the models were trained on pixels as dark as these."
        ),
    )
