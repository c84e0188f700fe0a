"""Records as JSON: what fits is read, what does not is named with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from covidreport.errors import StoreError
from covidreport.storage.codec import FileFormat, decode, encode


@dataclass(frozen=True, slots=True)
class Thing:
    """With a number, a free part and a list."""

    number: float
    free: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "missing required field `number` - at `$`"),
        ([], "Expected `object`, got `array` - at `$`"),
        ({"number": "1"}, "Expected `float`, got `str` - at `$.number`"),
        ({"number": True}, "got `bool` - at `$.number`"),
        ({"number": 1.0, "names": ["a", 2]}, "got `int` - at `$.names[1]`"),
        ({"number": math.nan}, "A number without end - at `$.number`"),
        ({"number": 1.0, "free": {"a": [math.inf]}}, "without end - at `$.free.a[...]`"),
        ({"number": 10**400}, "out of range - at `$.number`"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(value, words):
    """Nothing is converted to something near it."""
    with pytest.raises(StoreError) as refused:
        decode(value, Thing)
    assert words in str(refused.value)


def test_fields_that_nobody_knows_are_passed_over():
    """A newer covidreport may have written more."""
    assert decode({"number": 0.5, "newer": [1]}, Thing) == Thing(0.5)


def test_records_are_encoded_in_their_order():
    """Paths, NumPy's numbers and mappings of any kind as JSON has them."""
    free = MappingProxyType({"at": Path("a/b"), "n": np.int64(3), "x": np.float32(0.5)})
    plain = encode(Thing(np.float64(0.25), free, ("a",)))
    assert plain == {"number": 0.25, "free": {"at": "a/b", "n": 3, "x": 0.5}, "names": ("a",)}
    assert list(plain) == ["number", "free", "names"]
    assert type(plain["free"]["n"]) is int


@pytest.mark.parametrize("value", [math.nan, -math.inf, np.float32("nan")])
def test_a_number_without_end_is_never_encoded(value):
    """At any depth; it would be written as null, which means undefined."""
    with pytest.raises(ValueError, match=r"not JSON compliant.*`\$\.free\.a`"):
        encode(Thing(0.5, {"a": value}))


STEPS = FileFormat(
    "thing/3",
    Thing,
    "is no whole thing",
    "make it again",
    {
        "thing/1": lambda value: {**value, "schema": "thing/2", "number": value["n"]},
        "thing/2": lambda value: {**value, "schema": "thing/3", "names": ["from 2"]},
    },
)


def test_each_earlier_version_goes_through_the_steps_after_it():
    """One step a version, the first ones first; the present one goes through none."""
    assert STEPS.decode({"schema": "thing/1", "n": 1.5}, "x") == Thing(1.5, names=("from 2",))
    assert STEPS.decode({"schema": "thing/2", "number": 2.5}, "x").names == ("from 2",)
    assert STEPS.decode(STEPS.encode(Thing(3.5)), "x") == Thing(3.5)


@pytest.mark.parametrize("schema", ["thing/4", None, ["thing/1"]])
def test_other_versions_are_refused_by_name(schema):
    """A newer file is not half understood."""
    with pytest.raises(StoreError, match=r"x: its schema is .* this version reads 'thing/3'"):
        STEPS.decode({"schema": schema, "number": 1.0}, "x")


def test_a_file_that_does_not_fit_says_where_and_what_to_do():
    """In one sentence."""
    with pytest.raises(StoreError, match=r"^x: is no whole thing \(.*`\$`\); make it again$"):
        STEPS.decode({"schema": "thing/3"}, "x")


def test_a_field_may_have_another_key_in_its_file():
    """It is written, read and named in a fault by that key; the field's own name is no key."""
    kind = FileFormat("thing/3", Thing, "is no whole thing", "make it again", names={"number": "n"})
    document = kind.encode(Thing(0.5))
    assert "number" not in document
    assert kind.decode(document, "a.json") == Thing(0.5)
    with pytest.raises(StoreError, match=r"`\$\.n`"):
        kind.decode({**document, "n": "x"}, "a.json")
    with pytest.raises(StoreError, match="field `n`"):
        kind.decode({"schema": "thing/3", "number": 0.5}, "a.json")
