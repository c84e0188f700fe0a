"""One run's answers, counted by patient."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from covidreport.records.scores import Counts, Estimate

PatientRule = Literal["any", "majority", "all"]
"""How many of a patient's images have to be called positive for him to be: one, more than half, all
of them."""


class PatientFigures(Struct, frozen=True):
    """One run's answers for one label, with one answer for each patient."""

    rule: PatientRule
    counts: Counts
    """Of patients, not of images. One failed where none of the images that count was scored, and is
    unknown where the truth of all of them is."""
    sensitivity: Estimate
    specificity: Estimate
