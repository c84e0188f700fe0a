"""What a settings file says of the input of all runs: it fills in what a run is silent about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from covidreport.records import CrossValidated, Run
from covidreport.storage.wire import read_metadata
from covidreport.storage.words import PREFIX, WORDS

_INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {"divisor": ("range",), "range": ("divisor",)}
"""What a run says in place of others, which it then takes nothing of."""


def share_input(runs: Iterable[Run], words: Mapping[str, Any] | None) -> tuple[Run, ...]:
    """The runs, each with those of the words that neither its run.json nor its model's file says.

    A model whose file states a contract takes none: it is whole. words: of `[input]`, as run.json
    has them; what they add is part of what a run says, and of the key of its evaluations.
    """
    return tuple(_share(run, words) if words else run for run in runs)


def _share(run: Run, words: Mapping[str, Any]) -> Run:
    if isinstance(run, CrossValidated):
        return replace(run, members=share_input(run.members, words))
    if run.model is None or run.faults:
        return run
    try:
        stated = read_metadata(run.model)
    except (OSError, ValueError):
        stated = {}  # opening it says why
    if f"{PREFIX}contract" in stated:
        return run
    said = {word: None for word in WORDS if f"{PREFIX}{word}" in stated} | dict(run.described or {})
    given = {other for word in said for other in (word, *_INSTEAD.get(word, ()))}
    if said.get("per_image") == "z-score":
        given |= {"divisor", "range", "mean", "std"}
    added = {word: value for word, value in words.items() if word not in given}
    described = {**added, **(run.described or {})}
    return replace(run, settings={**run.settings, "input": described}) if added else run
