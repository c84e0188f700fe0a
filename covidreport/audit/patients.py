"""Patients whose names were spoilt on their way through a table, or are those of two persons."""

from __future__ import annotations

import re
from collections import defaultdict

from covidreport.audit.evidence import DataEvidence
from covidreport.dataset.kinds import SEXES
from covidreport.dataset.manifest import is_unstated
from covidreport.records import Finding
from covidreport.text import plural

_LOST = re.compile(r"(?<![0-9])0+(?=[0-9])")
"""Zeros before a number: a table that takes an id for a number writes it without them."""


def audit_patient_spellings(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Patients that differ in nothing but case or zeros before a number: perhaps one, never merged.

    A finding names images and no patients.
    """
    dataset = evidence.dataset
    images: defaultdict[str, list[str]] = defaultdict(list)
    for patient, image in zip(dataset.groups or (), dataset.ids, strict=False):
        if not is_unstated(patient, image):
            images[patient].append(image)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for patient in images:
        alike[_LOST.sub("", patient.casefold())].append(patient)
    several = [patients for patients in alike.values() if len(patients) > 1]
    if not several:
        return ()
    by_case = sum(len({name.casefold() for name in names}) < len(names) for names in several)
    subjects = tuple(image for names in several for name in names for image in images[name])
    ways = [(by_case, "in case"), (len(several) - by_case, "in zeros before a number")]
    return (
        Finding(
            "warning",
            "patients-spelt-alike",
            f"{plural(sum(map(len, several)), 'patient')} have names that differ from another's in "
            "case or leading zeros alone",
            f"{', '.join(f'{n} {way}' for n, way in ways if n)}; {plural(len(subjects), 'image')}, "
            f"such as {subjects[0]}",
            "Find out whether they are one patient, and write the name alike: a table that takes "
            "ids for numbers loses their zeros. They count as several until then.",
            subjects,
        ),
    )


def audit_patient_sexes(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Patients of whom one image states one sex and another the other.

    A finding names images and no patients.
    """
    dataset = evidence.dataset
    stated = next(
        (cells for name, cells in dataset.attributes.items() if name.strip().lower() == "sex"), ()
    )
    sexes: defaultdict[str, set[str]] = defaultdict(set)
    images: defaultdict[str, list[str]] = defaultdict(list)
    for patient, image, cell in zip(dataset.groups or (), dataset.ids, stated, strict=False):
        sex = SEXES.get(cell.strip().lower())
        if sex is not None:
            sexes[patient].add(sex)
            images[patient].append(image)
    both = [patient for patient in sexes if len(sexes[patient]) > 1]
    if not both:
        return ()
    subjects = tuple(image for patient in both for image in images[patient])
    return (
        Finding(
            "warning",
            "patients-of-two-sexes",
            f"{plural(len(both), 'patient')} "
            f"{'has' if len(both) == 1 else 'have'} images of both sexes",
            f"{plural(len(subjects), 'image')}, such as {' and '.join(subjects[:2])}",
            "Two persons may go by one name, or a sex is wrong. Intervals take the images of a "
            "patient for one person's, and splits keep them together.",
            subjects,
        ),
    )
