"""What may stand behind a key of the settings: one reader each, which says what is wanted."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, get_args

import msgspec

from covidreport.dataset.layout import ManifestSettings, find_contradictions
from covidreport.errors import UsageError
from covidreport.evaluate.disturbances import DisturbOptions, ForeignOptions
from covidreport.evaluate.options import MEMORY_FORMAT, read_memory
from covidreport.evaluate.thresholds import TUNED
from covidreport.records import (
    Ignore,
    IntervalKind,
    MissPolicy,
    PatientRule,
    Sampling,
    SiteRank,
    Study,
    TargetMetric,
)
from covidreport.storage.address import explain_address, locate
from covidreport.storage.contract import find_faults
from covidreport.storage.words import InputWords
from covidreport.text import listed

T = TypeVar("T")

INTERVALS: tuple[IntervalKind, ...] = get_args(IntervalKind)
POLICIES: tuple[MissPolicy, ...] = get_args(MissPolicy)
PATIENT_RULES: tuple[PatientRule, ...] = get_args(PatientRule)
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
SITE_RANKS: tuple[SiteRank, ...] = get_args(SiteRank)
PATIENTS_FORMAT = '[patients], then rule = "any"'
RANK_AT_FORMAT = "one target is wanted: {specificity = 0.95} or {sensitivity = 0.95}"
DISTURB_FORMAT = '[disturb], then kinds = ["jpeg", "noise"]'
FOREIGN_FORMAT = '[foreign], then folders = ["lateral"]'
STUDY_FORMAT = '[study], then sampling = "consecutive"'
IGNORE_FORMAT = '[audit], then ignore = [{code = "too-few-positives", reason = "a pilot"}]'


class FaultError(Exception):
    """What is wrong with a value: one text for each fault."""


def _refuse(key: str, value: object, expected: str) -> FaultError:
    return FaultError(f"`{key}` is {value!r}; {expected}")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_proportion(value: object) -> TypeGuard[int | float]:
    return _is_number(value) and 0 < value < 1


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _one_of(known: tuple[T, ...], key: str, value: Any, expected: str = "") -> T:
    if value not in known:
        raise _refuse(key, value, expected or f"{' or '.join(map(repr, known))} is wanted")
    found: T = value
    return found


def text(key: str, value: Any) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value:
        raise _refuse(key, value, "a text is wanted")
    return value


def places(key: str, value: Any) -> tuple[str, ...]:
    """One path, or several, each once, that are of this machine."""
    stated = data_sets(key, value)
    for why in filter(None, map(explain_address, stated)):
        raise _refuse(key, value, why)
    return stated


def data_sets(key: str, value: Any) -> tuple[str, ...]:
    """Where the data lie: one path or address, or several, each once."""
    if isinstance(value, str) and value:
        value = [value]
    if not _is_texts(value) or not value or not all(value) or len(set(value)) != len(value):
        raise _refuse(key, value, "a path, or a list of different paths, is wanted")
    for each in value:
        try:
            locate(each)
        except UsageError as error:
            raise _refuse(key, value, str(error)) from error
    return tuple(value)


def labels(key: str, value: Any) -> tuple[str, ...]:
    """Names of labels, each once."""
    if not _is_texts(value) or not value or len(set(value)) != len(value):
        raise _refuse(key, value, "a list of different names is wanted")
    return tuple(value)


def marks(key: str, value: Any) -> tuple[str, ...]:
    """What a label's cell says where nobody is certain."""
    if not _is_texts(value) or not all(value):
        raise _refuse(key, value, 'a list of texts is wanted, such as ["?"]')
    return tuple(value)


def manifest(key: str, value: Any) -> ManifestSettings:
    """The words of `[manifest]`, each read by itself, so that all faults are told."""
    if not isinstance(value, dict):
        raise _refuse(key, value, 'a table is wanted: [manifest], then path = "filename"')
    words = {each.name: each.type for each in msgspec.structs.fields(ManifestSettings)}
    faults = []
    for word, stated in value.items():
        if word not in words:
            near = difflib.get_close_matches(word, words, 1)
            known = f"`{near[0]}` is" if near else f"{', '.join(words)} are"
            faults.append(f"`{key}.{word}` is no word of [manifest]; {known}")
            continue
        try:
            msgspec.convert(stated, words[word])
        except msgspec.ValidationError as error:
            wanted = words[word].__metadata__[-1].description
            faults.append(f"`{key}.{word}` is {stated!r}; {wanted} ({error})")
    if not faults:
        read = msgspec.convert(value, ManifestSettings)
        faults = [f"`{key}`: {each}" for each in find_contradictions(read)]
    if faults:
        raise FaultError(*faults)
    return read


def input_words(key: str, value: Any) -> Mapping[str, Any]:
    """The words of `[input]`: those of a model's contract, as run.json has them."""
    if not isinstance(value, dict):
        raise _refuse(key, value, "a table is wanted: [input], then size = [224, 224]")
    faults = find_faults(value, InputWords, f"{key}.")
    if faults:
        raise FaultError(*(fault.sentence for fault in faults))
    return value


def switch(key: str, value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise _refuse(key, value, "true or false is wanted")
    return value


def fraction(key: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise _refuse(key, value, "a fraction from 0 to 1 is wanted")
    return value


def margin(key: str, value: Any) -> float:
    """A number between 0 and 1."""
    if not _is_proportion(value):
        raise _refuse(key, value, "a fraction between 0 and 1 is wanted, such as 0.05")
    return value


def seconds(key: str, value: Any) -> float:
    """A time that ends."""
    if not _is_number(value) or not 0 < value < math.inf:
        raise _refuse(key, value, "seconds are wanted, such as 300")
    return float(value)


def memory(key: str, value: Any) -> float:
    """As `ModelLimits.memory`: a fraction, or bytes."""
    amount = read_memory(value)
    if amount is None:
        raise _refuse(key, value, MEMORY_FORMAT)
    return amount


def interval(key: str, value: Any) -> IntervalKind:
    """How the interval of a rate is made."""
    return _one_of(INTERVALS, key, value)


def policy(key: str, value: Any) -> MissPolicy:
    """What the gate asks of missed cases."""
    return _one_of(POLICIES, key, value, f"{', '.join(map(repr, POLICIES))} are the policies")


def fractions(key: str, value: Any) -> tuple[float, ...]:
    """Numbers between 0 and 1, each once."""
    if not isinstance(value, list) or not all(map(_is_proportion, value)):
        raise _refuse(key, value, "a list of fractions such as [0.9] is wanted")
    return tuple(dict.fromkeys(map(float, value)))


def prevalence(key: str, value: Any) -> float | Mapping[str, float]:
    """Of the target, or by label."""
    stated = value.values() if isinstance(value, dict) else [value]
    if not all(map(_is_proportion, stated)):
        raise _refuse(key, value, "a fraction between 0 and 1 is wanted")
    found: float | Mapping[str, float] = value
    return found


def thresholds(key: str, value: Any) -> Mapping[str, float]:
    """The threshold of each label that has one of its own; under "" that of all others."""
    table: dict[str, Any] = value if isinstance(value, dict) else {"": value}
    faults = [
        f"`{key}`{f' of {label}' if label else ''} is {number!r}; a probability between 0 and 1 is "
        "wanted"
        for label, number in table.items()
        if not _is_proportion(number)
    ]
    if faults:
        raise FaultError(*faults)
    return table


def tuned(key: str, value: Any) -> bool:
    """That each run's own thresholds are meant."""
    if value != TUNED:
        raise _refuse(key, value, f'"{TUNED}" is wanted, or `threshold` for a number')
    return True


def rank_at(key: str, value: Any) -> tuple[TargetMetric, float]:
    """A sensitivity or a specificity, and how much of it."""
    names = get_args(TargetMetric)
    stated = list(value.items()) if isinstance(value, dict) else []
    if len(stated) != 1 or stated[0][0] not in names or not _is_number(stated[0][1]):
        raise _refuse(key, value, RANK_AT_FORMAT)
    metric, target = stated[0]
    if not 0 < target <= 1:
        raise _refuse(f"{key}.{metric}", target, "a fraction above 0 and up to 1 is wanted")
    return metric, float(target)


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
        raise _refuse(key, value, "a list of whole numbers is wanted")
    return tuple(_whole_number(key, each) for each in value)


def _whole_number(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refuse(key, value, "a whole number is wanted")
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
        raise _refuse(key, value, "a text is wanted")
    return value


def _sampling(key: str, value: Any) -> Sampling | str:
    ways = f"{', '.join(map(repr, SAMPLINGS))} are the ways to sample"
    return _one_of((*SAMPLINGS, ""), key, value, ways)


STUDY: Mapping[str, Callable[[str, Any], Any]] = {
    each.name: _sampling if each.name == "sampling" else _statement
    for each in msgspec.structs.fields(Study)
}
"""What `[study]` may state, and what reads each."""


def site_rank(key: str, value: Any) -> SiteRank:
    """What runs are ordered by over sites."""
    return _one_of(SITE_RANKS, key, value)


def patient_rule(key: str, value: Any) -> PatientRule | None:
    """`rule` of the table `patients`."""
    return _read_table(key, value, ("rule", partial(_one_of, PATIENT_RULES)), PATIENTS_FORMAT)


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
        raise _refuse(key, value, f"a table is wanted: {expected}")
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
    if not _is_texts(value):
        raise _refuse(key, value, 'a list of sections is wanted: ["methods"]')
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
        raise _refuse(key, value, f"codes with reasons are wanted: {IGNORE_FORMAT}")
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
