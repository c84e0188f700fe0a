"""One entry of a study as the experiments that it stands for: each sweep's values, each seed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .fields import SETTING_FIELDS, Check


@dataclass(frozen=True, slots=True)
class Variant:
    """What sets one experiment of an entry apart from the others."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Settings that stand in place of the entry's."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What each of them is called in a name."""

    def name(self, without: Sequence[str] = ()) -> str:
        """What a name ends in: `-learning_rate-0.01`, but for what it says of itself."""
        return "".join(f"-{k}-{words}" for k, words in self.words.items() if k not in without)


def read_sweep(table: Mapping[str, Any], faults: list[str]) -> dict[str, tuple[Any, ...]]:
    """The values of each setting in `[sweep]`; a fault for each that can't be varied so."""
    sweep: dict[str, tuple[Any, ...]] = {}
    for key, values in table.items():
        check = SETTING_FIELDS.get(key)
        if check is None:
            faults.append(f"[sweep]: unknown setting `{key}`")
        elif key == "seed":
            faults.append("[sweep]: `seed`: write `seeds = [...]` at the top of the study")
        elif not isinstance(values, list) or len(values) < 2:
            faults.append(f"[sweep]: `{key}` is {values!r}; a list of two values or more is wanted")
        else:
            sweep[key] = _check_values(key, values, check, faults)
    return sweep


def _check_values(
    key: str, values: Sequence[object], check: Check, faults: list[str]
) -> tuple[Any, ...]:
    found = []
    for value in values:
        try:
            found.append(check(value))
        except ValueError as error:
            faults.append(f"[sweep]: `{key}` has {value!r}; {error}")
    if any(value in found[:n] for n, value in enumerate(found)):
        faults.append(f"[sweep]: `{key}` has a value twice")
    return tuple(found)


def vary(sweep: Mapping[str, Sequence[Any]]) -> Iterator[Variant]:
    """Every combination of the values of a sweep, the last setting's changing fastest."""
    for places in itertools.product(*(range(len(values)) for values in sweep.values())):
        chosen = {key: sweep[key][at] for key, at in zip(sweep, places, strict=True)}
        words = {key: _name_value(sweep[key], at) for key, at in zip(sweep, places, strict=True)}
        yield Variant(chosen, words)


def _name_value(values: Sequence[Any], at: int) -> str:
    """A number or a word as it is; of others their place in the list, from 1."""
    if all(isinstance(value, bool | int | float | str) for value in values):
        value = values[at]
        return name_safely(f"{value:g}" if isinstance(value, float) else str(value).lower())
    return str(at + 1)


def name_safely(text: str) -> str:
    """A text as a part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")
