"""What a data set doesn't say of its DICOM images is taken from their headers.

What a manifest states is never replaced; where a header contradicts it, that is a finding. Findings
are printed in reports, so they name images and no patients.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from covidreport.dataset.folders import explain_left_out, explain_passed_over
from covidreport.dataset.headers import read_headers
from covidreport.dataset.kinds import SEXES
from covidreport.dataset.manifest import is_unstated, name_patients
from covidreport.records import Dataset, Finding

_VIEWS = {
    "pa": "PA",
    "ap": "AP",
    **dict.fromkeys(("l", "ll", "rl", "lat", "lateral"), "lateral"),
}
_YEARS_APART = 1
"""Ages that differ by no more may be of two days, or rounded."""


class _Filled(NamedTuple):
    """A column after headers were read. n_filled: cells that a header filled.

    differing: the images of which the header says something else than the manifest, by index; said:
    what is said of the first of them.
    """

    cells: Sequence[str] | None
    n_filled: int = 0
    differing: Sequence[int] = ()
    said: str = ""


def fill_from_headers(
    dataset: Dataset, digests: Sequence[str], *, use_cache: bool = True
) -> tuple[Dataset, tuple[Finding, ...]]:
    """The data set with patient, view, sex and age from DICOM headers, and what to know of it.

    Data without DICOM files is given back as it is; files that are not read are named. digests: of
    `digest_files`; a header that was read before is not read again. Raises UsageError when the
    extra `dicom` is needed and isn't installed.
    """
    passed_over = (
        *explain_passed_over(dataset.passed_over), *explain_left_out(dataset.left_out)
    )  # fmt: skip
    headers = read_headers(dataset, digests, use_cache=use_cache)
    if headers is None:
        return dataset, passed_over
    patients = headers.facts["patient_id"]
    columns = {"patient": _fill_patients(dataset, patients, headers.n_files)}
    attributes = dict(dataset.attributes)
    for name in ("view", "sex", "age"):
        spelt = next((column for column in attributes if column.strip().lower() == name), name)
        columns[name] = _fill_column(name, attributes.get(spelt), headers.facts[name])
        if columns[name].n_filled:
            attributes[spelt] = tuple(columns[name].cells or ())
    groups = columns["patient"].cells
    findings = [_contradiction(dataset, name, column) for name, column in columns.items()]
    if groups is None:
        findings.append(_patients_unknown(patients, headers.n_files))
    findings.append(_what_was_filled(columns, headers.n_files, len(dataset)))
    return (
        replace(dataset, groups=groups, attributes=attributes),
        (*passed_over, *(finding for finding in findings if finding is not None)),
    )


def _fill_column(name: str, stated: Sequence[str] | None, texts: Sequence[str]) -> _Filled:
    if stated is None:
        return _Filled(tuple(texts), _count(texts))
    pairs = list(zip(stated, texts, strict=True))
    differing = [
        i for i, (own, text) in enumerate(pairs) if own != text and _differ(name, own, text)
    ]
    said = ""
    if differing:
        said = "{} in the manifest and {} in its header".format(*pairs[differing[0]])
    cells = tuple(own or text for own, text in pairs)
    return _Filled(cells, _count(cells) - _count(stated), differing, said)


def _count(cells: Iterable[str]) -> int:
    """How many cells are not blank."""
    return sum(map(bool, cells))


def _differ(name: str, stated: str, text: str) -> bool:
    """Whether two cells contradict each other. Words that can't be compared do not."""
    if name == "age":
        try:
            return abs(float(stated) - float(text)) > _YEARS_APART
        except ValueError:
            return False
    words = SEXES if name == "sex" else _VIEWS
    ours, theirs = words.get(stated.lower()), words.get(text.lower())
    return ours is not None and theirs is not None and ours != theirs


def _fill_patients(dataset: Dataset, patients: Sequence[str], n_files: int) -> _Filled:
    """Groups, from headers where the manifest has none, or where its cell is blank.

    Where the manifest has no patients at all, those of the headers are taken only if every header
    states one, and not all the same.
    """
    ids = dataset.ids
    if _is_placeholder(patients):
        return _Filled(dataset.groups)
    if dataset.groups is None:
        n_stated = _count(patients)
        if n_stated < n_files:
            return _Filled(None)
        return _Filled(name_patients(patients, ids), n_stated)
    pairs = zip(dataset.groups, ids, strict=True)
    stated = ["" if is_unstated(group, image) else group for group, image in pairs]
    differing, said = _compare_patients(stated, patients)
    # a patient may go by another name in the manifest
    names = {text: own for own, text in zip(stated, patients, strict=True) if own and text}
    cells = [own or names.get(text, text) for own, text in zip(stated, patients, strict=True)]
    return _Filled(name_patients(cells, ids), _count(cells) - _count(stated), differing, said)


def _is_placeholder(patients: Iterable[str]) -> bool:
    """Whether several files all state one patient, as after a careless anonymisation."""
    counts = Counter(filter(None, patients))
    return len(counts) == 1 and counts.total() > 1


def _compare_patients(stated: Sequence[str], patients: Sequence[str]) -> tuple[Sequence[int], str]:
    """The images of which manifest and header name different patients, and how that shows.

    Where no name is the same in both, the manifest has names of its own (pseudonyms): then a
    patient of the headers who is several in the manifest is what contradicts it.
    """
    both = [(i, *pair) for i, pair in enumerate(zip(stated, patients, strict=True)) if all(pair)]
    if any(own == text for _, own, text in both):
        return [i for i, own, text in both if own != text], (
            "one patient in the manifest and another in its header"
        )
    names: defaultdict[str, set[str]] = defaultdict(set)
    for _, own, text in both:
        names[text].add(own)
    return [i for i, _, text in both if len(names[text]) > 1], (
        "of a patient who is one by the headers and several in the manifest"
    )


def _contradiction(dataset: Dataset, name: str, column: _Filled) -> Finding | None:
    if not column.differing:
        return None
    ids = tuple(dataset.ids[i] for i in column.differing)
    return Finding(
        "warning",
        "dicom-contradicts-manifest",
        f"The {name} of {_images(len(ids))} is another in the manifest than in the DICOM header",
        f"{ids[0]}: {column.said}",
        "The manifest was taken at its word. Find out which is right: its rows and its images may "
        "have been mixed up.",
        ids,
    )


def _patients_unknown(patients: Sequence[str], n_files: int) -> Finding:
    n_stated = _count(patients)
    evidence = f"{n_files - n_stated} of {n_files} DICOM headers state no patient"
    if _is_placeholder(patients):
        evidence = f"{n_stated} of {n_files} DICOM headers state one and the same patient"
    return Finding(
        "note",
        "patients-not-in-dicom",
        "Patients were not taken from the DICOM headers",
        evidence,
        "Add a column patient_id to the manifest: intervals are too narrow where images of one "
        "patient are taken for several.",
    )


def _what_was_filled(columns: Mapping[str, _Filled], n_files: int, n_images: int) -> Finding | None:
    filled = {name: column.n_filled for name, column in columns.items() if column.n_filled}
    if not filled:
        return None
    parts = [f"{name} of {_images(count)}" for name, count in filled.items()]
    return Finding(
        "note",
        "attributes-from-dicom",
        "What the data set does not state was read from DICOM headers",
        f"{', '.join(parts)}; {n_files} of {n_images} images are DICOM",
        "Columns of a manifest (patient_id, view, sex, age) go before what headers say.",
    )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
