"""What may stand behind a key of the settings: one reader each, which says what is wanted."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any, TypeGuard, TypeVar, get_args

import msgspec

from covidreport.dataset.layout import ManifestSettings, find_contradictions
from covidreport.errors import UsageError
from covidreport.evaluate.options import MEMORY_FORMAT, read_memory
from covidreport.evaluate.thresholds import TUNED
from covidreport.records import (
    IntervalKind,
    MissPolicy,
    SiteRank,
    TargetMetric,
)
from covidreport.storage.address import explain_address, locate
from covidreport.storage.contract import find_faults
from covidreport.storage.words import InputWords

T = TypeVar("T")

INTERVALS: tuple[IntervalKind, ...] = get_args(IntervalKind)
POLICIES: tuple[MissPolicy, ...] = get_args(MissPolicy)
SITE_RANKS: tuple[SiteRank, ...] = get_args(SiteRank)
RANK_AT_FORMAT = "one target is wanted: {specificity = 0.95} or {sensitivity = 0.95}"


class FaultError(Exception):
    """What is wrong with a value: one text for each fault."""


def refuse(key: str, value: object, expected: str) -> FaultError:
    """The fault of a value where something else is expected."""
    return FaultError(f"`{key}` is {value!r}; {expected}")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_proportion(value: object) -> TypeGuard[int | float]:
    return _is_number(value) and 0 < value < 1


def is_texts(value: object) -> TypeGuard[list[str]]:
    """Whether it is a list of texts."""
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def one_of(known: tuple[T, ...], key: str, value: Any, expected: str = "") -> T:
    """A value that is one of these."""
    if value not in known:
        raise refuse(key, value, expected or f"{' or '.join(map(repr, known))} is wanted")
    found: T = value
    return found


def text(key: str, value: Any) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value:
        raise refuse(key, value, "a text is wanted")
    return value


def places(key: str, value: Any) -> tuple[str, ...]:
    """One path, or several, each once, that are of this machine."""
    stated = data_sets(key, value)
    for why in filter(None, map(explain_address, stated)):
        raise refuse(key, value, why)
    return stated


def data_sets(key: str, value: Any) -> tuple[str, ...]:
    """Where the data lie: one path or address, or several, each once."""
    if isinstance(value, str) and value:
        value = [value]
    if not is_texts(value) or not value or not all(value) or len(set(value)) != len(value):
        raise refuse(key, value, "a path, or a list of different paths, is wanted")
    for each in value:
        try:
            locate(each)
        except UsageError as error:
            raise refuse(key, value, str(error)) from error
    return tuple(value)


def labels(key: str, value: Any) -> tuple[str, ...]:
    """Names of labels, each once."""
    if not is_texts(value) or not value or len(set(value)) != len(value):
        raise refuse(key, value, "a list of different names is wanted")
    return tuple(value)


def marks(key: str, value: Any) -> tuple[str, ...]:
    """What a label's cell says where nobody is certain."""
    if not is_texts(value) or not all(value):
        raise refuse(key, value, 'a list of texts is wanted, such as ["?"]')
    return tuple(value)


def manifest(key: str, value: Any) -> ManifestSettings:
    """The words of `[manifest]`, each read by itself, so that all faults are told."""
    if not isinstance(value, dict):
        raise refuse(key, value, 'a table is wanted: [manifest], then path = "filename"')
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
        raise refuse(key, value, "a table is wanted: [input], then size = [224, 224]")
    faults = find_faults(value, InputWords, f"{key}.")
    if faults:
        raise FaultError(*(fault.sentence for fault in faults))
    return value


def switch(key: str, value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise refuse(key, value, "true or false is wanted")
    return value


def fraction(key: str, value: Any) -> float:
    """A number from 0 to 1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise refuse(key, value, "a fraction from 0 to 1 is wanted")
    return value


def margin(key: str, value: Any) -> float:
    """A number between 0 and 1."""
    if not _is_proportion(value):
        raise refuse(key, value, "a fraction between 0 and 1 is wanted, such as 0.05")
    return value


def seconds(key: str, value: Any) -> float:
    """A time that ends."""
    if not _is_number(value) or not 0 < value < math.inf:
        raise refuse(key, value, "seconds are wanted, such as 300")
    return float(value)


def memory(key: str, value: Any) -> float:
    """As `ModelLimits.memory`: a fraction, or bytes."""
    amount = read_memory(value)
    if amount is None:
        raise refuse(key, value, MEMORY_FORMAT)
    return amount


def interval(key: str, value: Any) -> IntervalKind:
    """How the interval of a rate is made."""
    return one_of(INTERVALS, key, value)


def policy(key: str, value: Any) -> MissPolicy:
    """What the gate asks of missed cases."""
    return one_of(POLICIES, key, value, f"{', '.join(map(repr, POLICIES))} are the policies")


def fractions(key: str, value: Any) -> tuple[float, ...]:
    """Numbers between 0 and 1, each once."""
    if not isinstance(value, list) or not all(map(_is_proportion, value)):
        raise refuse(key, value, "a list of fractions such as [0.9] is wanted")
    return tuple(dict.fromkeys(map(float, value)))


def prevalence(key: str, value: Any) -> float | Mapping[str, float]:
    """Of the target, or by label."""
    stated = value.values() if isinstance(value, dict) else [value]
    if not all(map(_is_proportion, stated)):
        raise refuse(key, value, "a fraction between 0 and 1 is wanted")
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
        raise refuse(key, value, f'"{TUNED}" is wanted, or `threshold` for a number')
    return True


def rank_at(key: str, value: Any) -> tuple[TargetMetric, float]:
    """A sensitivity or a specificity, and how much of it."""
    names = get_args(TargetMetric)
    stated = list(value.items()) if isinstance(value, dict) else []
    if len(stated) != 1 or stated[0][0] not in names or not _is_number(stated[0][1]):
        raise refuse(key, value, RANK_AT_FORMAT)
    metric, target = stated[0]
    if not 0 < target <= 1:
        raise refuse(f"{key}.{metric}", target, "a fraction above 0 and up to 1 is wanted")
    return metric, float(target)


def site_rank(key: str, value: Any) -> SiteRank:
    """What runs are ordered by over sites."""
    return one_of(SITE_RANKS, key, value)
