"""Names of labels that mean the same and are spelt otherwise; runs of other labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from covidreport.records import Evaluation
from covidreport.text.words import list_some, listed

MOST_NAMED: Final = 10


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


def explain_other_labels(evaluations: Sequence[Evaluation]) -> str:
    """Which runs of one ranking were evaluated for which labels, in a sentence that says what that
    leaves out; empty where all were for the same."""
    by_labels: dict[frozenset[str], list[Evaluation]] = {}
    for each in evaluations:
        by_labels.setdefault(frozenset(each.labels), []).append(each)
    if len(by_labels) < 2:
        return ""
    said = [
        f"{list_some([each.run for each in of], MOST_NAMED)} for {listed(of[0].labels)}"
        for of in by_labels.values()
    ]
    return (
        "Figures over all labels are left out, since these runs were evaluated for other labels: "
        f"{'; '.join(said)}. Those of the target are of the same images and truth."
    )
