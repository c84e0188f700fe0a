"""Patients whose names look like one name that was spoilt on its way through a table."""

from __future__ import annotations

import re
from collections import defaultdict

from covidreport.audit.evidence import DataEvidence
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
