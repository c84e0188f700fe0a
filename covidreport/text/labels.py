"""Names of labels that mean the same and are spelt otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping


def pair_spellings(ours: Iterable[str], theirs: Iterable[str]) -> dict[str, str]:
    """Of our names that they lack, the one of theirs that differs by case and punctuation alone.

    `COVID_19` and `covid-19` are such a pair. A name that could be two of theirs has none.
    """
    theirs = tuple(theirs)
    spelt: dict[str, list[str]] = {}
    for name in theirs:
        spelt.setdefault(_letters(name), []).append(name)
    found = {name: spelt.get(_letters(name), []) for name in ours if name not in theirs}
    return {name: near[0] for name, near in found.items() if len(near) == 1 and _letters(name)}


def propose_label_map(pairs: Mapping[str, str]) -> str:
    """What to paste into run.json where a model's labels are spelt otherwise than the data's."""
    return f'"label_map": {json.dumps(dict(pairs), ensure_ascii=False)}'


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
