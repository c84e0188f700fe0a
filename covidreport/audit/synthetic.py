"""Pictures that were drawn by a program, not taken of patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from covidreport.audit.evidence import DataEvidence
from covidreport.records import Finding
from covidreport.text import listed, plural

CODE: Final = "synthetic-images"
COLUMN: Final = "source"
SYNTHETIC: Final = frozenset({"drawn", "generated", "simulated", "synthetic"})
"""What stands in the column `source` of pictures that nobody was X-rayed for."""


def audit_synthetic(evidence: DataEvidence) -> tuple[Finding, ...]:
    """The same of a data set."""
    return find_synthetic(evidence.dataset.attributes)


def find_synthetic(attributes: Mapping[str, Sequence[str]]) -> tuple[Finding, ...]:
    """That images are synthetic, where their column `source` says so; attributes: each `(N,)`."""
    sources = next(
        (cells for name, cells in attributes.items() if name.strip().lower() == COLUMN), ()
    )
    named = [cell for cell in sources if cell.strip().lower() in SYNTHETIC]
    if not named:
        return ()
    values = listed(sorted(set(named)))
    if len(named) == len(sources):
        what = "Every image is synthetic, of no patient: these figures say nothing about medicine"
        evidence = f"Their source is {values}"
        remedy = "Try the tool on them, and judge a model on radiographs of patients."
    else:
        what = f"{plural(len(named), 'image')} of {len(sources):,} are synthetic, of no patient"
        evidence = f"The source of {plural(len(named), 'image')} is {values}"
        remedy = "Leave them out of the split that is evaluated: they may be easier than patients."
    return (Finding("warning", CODE, what, evidence, remedy),)
