"""Whether evaluation.json, thresholds.json and failure.json hold what their records say.

A run folder may hold anything.

What the program wrote ignores fields that it does not know, so that newer files stay readable; a
field that it knows and that holds something else is refused, before anybody computes with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from covidreport.errors import StoreError
from covidreport.records import Counts, Evaluation, Failure, TunedThresholds

_Words = dict[str, Any] | None
_LARGEST = 2**53
"""Up to here every whole number is a float, as which rates are computed."""


class _Model(Struct, frozen=True):
    """What is recorded of the model that was evaluated."""

    sha256: str | None = None
    bytes: int | None = None
    file: str | None = None


class _Data(Struct, frozen=True):
    """What is recorded of the images."""

    source: str | None = None


class _Provenance(Struct, frozen=True):
    """What readers look for in the provenance; all else in it is shown as it stands."""

    key: str | None = None
    model: _Model | None = None
    data: _Data | None = None
    provider: _Words = None
    versions: _Words = None
    machine: _Words = None
    device: _Words = None
    cpu_check: _Words = None
    tuning: _Words = None
    promised: _Words = None
    command: str | None = None


class _Called(Struct, frozen=True):
    """A command, and when it was done."""

    finished: str | None = None
    command: str | None = None


class _Timing(Struct, frozen=True):
    """What readers look for among the times."""

    finished: str | None = None
    command: str | None = None
    thresholds_set: _Called | None = None
    thresholds_tuned: _Called | None = None


class _Table(Struct, frozen=True):
    """A label's counts, as numbers of images."""

    tn: Annotated[int, Meta(ge=0, le=_LARGEST)]
    fp: Annotated[int, Meta(ge=0, le=_LARGEST)]
    fn: Annotated[int, Meta(ge=0, le=_LARGEST)]
    tp: Annotated[int, Meta(ge=0, le=_LARGEST)]
    failed_positive: Annotated[int, Meta(ge=0, le=_LARGEST)]
    failed_negative: Annotated[int, Meta(ge=0, le=_LARGEST)]
    unknown: Annotated[int, Meta(ge=0, le=_LARGEST)]


def check_evaluation(evaluation: Evaluation, place: str) -> None:
    """StoreError, with the path of the first fault, unless every field holds what it should."""
    with _refusing(place, "is not a whole evaluation", "covidreport evaluate"):
        plain = _check_record(evaluation)
        _check_part(plain["counts"], dict[str, _Table], "counts")
        _check_part(plain["provenance"], _Provenance, "provenance")
        _check_part(plain["timing"], _Timing, "timing")
        if set(plain["counts"]) != set(plain["labels"]):
            raise msgspec.ValidationError("Counts of other labels than `$.labels` - at `$.counts`")
        _check_finite([plain["estimates"], plain["thresholds"]], "estimates")


def check_thresholds(tuned: TunedThresholds, place: str) -> None:
    """StoreError, with the path of the first fault, unless every field holds what it should."""
    with _refusing(place, "does not hold whole thresholds", "covidreport tune"):
        plain = _check_record(tuned)
        _check_finite(plain["fits"], "fits")


def check_failure(failure: Failure, place: str) -> None:
    """StoreError, with the path of the first fault, unless every field holds what it should."""
    with _refusing(place, "is not a whole failure", "covidreport evaluate"):
        _check_record(failure)


@contextmanager
def _refusing(place: str, what: str, command: str) -> Iterator[None]:
    try:
        yield
    except (msgspec.ValidationError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(f"{place}: {what} ({_spell(error)}); run `{command}` again") from error


def _check_record(record: object) -> dict[str, Any]:
    """The record as JSON has it, once every field holds what its type says."""
    plain: dict[str, Any] = msgspec.to_builtins(record)
    msgspec.convert(plain, type(record))
    return plain


def _check_finite(value: object, name: str) -> None:
    if not all(map(math.isfinite, _floats(value))):
        raise msgspec.ValidationError(f"A number without end - at `$.{name}`")


def _check_part(value: object, kind: Any, name: str) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(str(error).replace("`$", f"`$.{name}")) from error


def _spell(error: Exception) -> str:
    return str(error).encode("utf-8", "backslashreplace").decode()


def _floats(value: object) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _floats(item)
    elif isinstance(value, float):
        yield value


assert set(_Table.__struct_fields__) == set(Counts.__dataclass_fields__)
