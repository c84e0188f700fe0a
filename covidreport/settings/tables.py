"""What may stand in a table of the settings, such as `[study]`: one reader each.

A table's faults are told together, each by the name of its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

from covidreport.errors import UsageError
from covidreport.evaluate.disturbances import DisturbOptions, ForeignOptions
from covidreport.records import Ignore, PatientRule, Sampling, Study
from covidreport.settings.values import (
    FaultError,
    is_texts,
    labels,
    one_of,
    places,
    refuse,
    text,
)
from covidreport.text import listed

T = TypeVar("T")

PATIENT_RULES: tuple[PatientRule, ...] = get_args(PatientRule)
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
PATIENTS_FORMAT = '[patients], then rule = "any"'
DISTURB_FORMAT = '[disturb], then kinds = ["jpeg", "noise"]'
FOREIGN_FORMAT = '[foreign], then folders = ["lateral"]'
STUDY_FORMAT = '[study], then sampling = "consecutive"'
IGNORE_FORMAT = '[audit], then ignore = [{code = "too-few-positives", reason = "a pilot"}]'


def tuning_split(key: str, value: Any) -> str | None:
    """`split` of the table `tune`."""
    return _read_table(key, value, ("split", text), '[tune], then split = "tuning"')


def disturb(key: str, value: Any) -> DisturbOptions:
    """The words of `[disturb]`: by what pictures are changed where that is asked for."""
    return _build(key, DisturbOptions, _read_entries(key, value, DISTURB, DISTURB_FORMAT))


def foreign(key: str, value: Any) -> ForeignOptions:
    """The words of `[foreign]`: what is shown where foreign pictures are asked for."""
    found = _read_entries(key, value, FOREIGN, FOREIGN_FORMAT)
    if "folders" in found:
        found["folders"] = tuple(map(Path, found["folders"]))
    return _build(key, ForeignOptions, found)


def _build(key: str, kind: Callable[..., T], found: Mapping[str, Any]) -> T:
    try:
        return kind(**found)
    except UsageError as error:
        raise FaultError(f"`{key}`: {error}") from error


def _whole_numbers(key: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise refuse(key, value, "a list of whole numbers is wanted")
    return tuple(_whole_number(key, each) for each in value)


def _whole_number(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refuse(key, value, "a whole number is wanted")
    return value


_DRAWN = {"negatives": _whole_number, "seed": _whole_number}
DISTURB: Mapping[str, Callable[[str, Any], Any]] = {
    "kinds": labels, "severities": _whole_numbers, **_DRAWN
}  # fmt: skip
"""What `[disturb]` may state, and what reads each."""
FOREIGN: Mapping[str, Callable[[str, Any], Any]] = {"folders": places, **_DRAWN}
"""What `[foreign]` may state, and what reads each."""


def study(key: str, value: Any) -> Study:
    """The words of `[study]`; an empty text says nothing."""
    found = _read_entries(key, value, STUDY, STUDY_FORMAT)
    return Study(**{name: each.strip() for name, each in found.items()})


def _statement(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(key, value, "a text is wanted")
    return value


def _sampling(key: str, value: Any) -> Sampling | str:
    ways = f"{', '.join(map(repr, SAMPLINGS))} are the ways to sample"
    return one_of((*SAMPLINGS, ""), key, value, ways)


STUDY: Mapping[str, Callable[[str, Any], Any]] = {
    each.name: _sampling if each.name == "sampling" else _statement
    for each in msgspec.structs.fields(Study)
}
"""What `[study]` may state, and what reads each."""


def patient_rule(key: str, value: Any) -> PatientRule | None:
    """`rule` of the table `patients`."""
    return _read_table(key, value, ("rule", partial(one_of, PATIENT_RULES)), PATIENTS_FORMAT)


def hidden_sections(key: str, value: Any) -> frozenset[str] | None:
    """`hide` of the table `report`: names of sections, each of which can be excluded."""
    return _read_table(key, value, ("hide", _sections), '[report], then hide = ["methods"]')


def ignored_findings(key: str, value: Any) -> tuple[Ignore, ...] | None:
    """`ignore` of the table `audit`: codes of findings, each with the reason."""
    return _read_table(key, value, ("ignore", _ignored), IGNORE_FORMAT)


def _read_table(
    key: str, value: Any, entry: tuple[str, Callable[[str, Any], T]], expected: str
) -> T | None:
    """The one entry that a table may have; None without it."""
    name, read = entry
    found: T | None = _read_entries(key, value, {name: read}, expected).get(name)
    return found


def _read_entries(
    key: str, value: Any, readers: Mapping[str, Callable[[str, Any], Any]], expected: str
) -> dict[str, Any]:
    """The entries that a table may have, those that it has; every fault of it is told."""
    if not isinstance(value, dict):
        raise refuse(key, value, f"a table is wanted: {expected}")
    known = listed([f"`{key}.{name}`" for name in readers])
    are = "is" if len(readers) == 1 else "are"
    faults = [
        f"`{key}.{each}` is no setting; {known} {are}" for each in value if each not in readers
    ]
    found = {}
    for name in [each for each in readers if each in value]:
        try:
            found[name] = readers[name](f"{key}.{name}", value[name])
        except FaultError as fault:
            faults += fault.args
    if faults:
        raise FaultError(*faults)
    return found


def _sections(key: str, value: Any) -> frozenset[str]:
    if not is_texts(value):
        raise refuse(key, value, 'a list of sections is wanted: ["methods"]')
    # only here: the sections of a report take a tenth of a second to import
    from covidreport.report.sections import FORMER_SECTIONS, list_hideable

    known = list_hideable()
    faults = [
        f"`{key}` names {name!r}, which is no section; {', '.join(known)} are"
        for name in value
        if name not in known and name not in FORMER_SECTIONS
    ]
    if faults:
        raise FaultError(*faults)
    return frozenset(value) - FORMER_SECTIONS


def _ignored(key: str, value: Any) -> tuple[Ignore, ...]:
    if not isinstance(value, list) or not all(map(_is_ignored, value)):
        raise refuse(key, value, f"codes with reasons are wanted: {IGNORE_FORMAT}")
    codes = [entry["code"] for entry in value]
    twice = [code for code in dict.fromkeys(codes) if codes.count(code) > 1]
    if twice:
        raise FaultError(*(f"`{key}` has {code!r} twice" for code in twice))
    return tuple(Ignore(entry["code"], entry["reason"]) for entry in value)


def _is_ignored(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == {"code", "reason"}
        and all(isinstance(words, str) and words.strip() for words in entry.values())
    )
