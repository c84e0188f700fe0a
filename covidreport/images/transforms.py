"""What was done to the stored values of a set's DICOM images, for the record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from covidreport.records import Finding

NO_MODALITY: Final = "modality not stated: a radiograph by its SOP class"
OTHER_MODALITY: Final = "modality DR: taken for DX"
"""Steps of a chain that were not certain."""
_UNCERTAIN: Final = {
    NO_MODALITY: "state no modality, and are radiographs by their SOP class",
    OTHER_MODALITY: "state the modality DR, which DICOM does not know, and were taken for DX",
}
ASSUMED: Final = tuple(_UNCERTAIN)
MOST_CHAINS = 20
"""Chains that are spelt out: files that carry a window each of their own have as many chains."""


def summarize_chains(
    counts: Mapping[tuple[str, ...], int], most: int = MOST_CHAINS
) -> dict[str, Any] | None:
    """The chains of transforms of a set, the commonest first; None where there is no DICOM image.

    counts: of images by chain, in any order. Gives `images` (decoded from DICOM) and `chains`: the
    number of images by the chain's steps, an arrow between them. Beyond `most` chains,
    `other_chains` of `other_images` are counted.
    """
    if not counts:
        return None
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    summary: dict[str, Any] = {
        "images": sum(counts.values()),
        "chains": {" → ".join(chain): count for chain, count in ordered[:most]},
    }
    rest = [count for _, count in ordered[most:]]
    if rest:
        summary |= {"other_chains": len(rest), "other_images": sum(rest)}
    return summary


def describe_doubts(counts: Mapping[tuple[str, ...], int]) -> tuple[Finding, ...]:
    """A warning for each thing that had to be assumed of DICOM images; counts as above."""
    doubted = {
        step: sum(count for chain, count in counts.items() if step in chain) for step in _UNCERTAIN
    }
    return tuple(
        Finding(
            "warning",
            "dicom-modality-assumed",
            f"{count} DICOM {'image' if count == 1 else 'images'} {_UNCERTAIN[step]}",
            f"{step}; {count} of {sum(counts.values())} DICOM images",
            "Find out whether all are radiographs, and state CR, DX or RG in their headers.",
        )
        for step, count in doubted.items()
        if count
    )
