"""verdict.json: everything that a verdict says, for a program; its schema is published.

NaN and infinity are never written: what is undefined is null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from covidreport.errors import StoreError, UsageError
from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes
from covidreport.records import Beside, Verdict, VerdictOutcome
from covidreport.storage.codec import decode, read_json

VERDICT_SCHEMA = "covidreport.verdict/1"
_NOTHING = Beside()
_NAMES = {"detectable_difference": "smallest_gap", "estimate": "figure"}
"""By field of the records: the key that it has in this version of the schema."""


class _Judged(Struct, frozen=True):
    outcome: VerdictOutcome
    fingerprint: str | None
    model_sha256: str | None
    judged: tuple[str, ...] = ()
    target_fingerprint: str | None = None


class _Document(Struct, frozen=True):
    verdicts: tuple[_Judged, ...]


def read_judged(
    path: Path, fingerprint: str | None, of_target: str | None = None
) -> tuple[str, ...]:
    """The models that a verdict.json says were judged on these images, by digest, in its order.

    One of a version that did not list them says at least of which model each verdict is. UsageError
    where the file is none.
    """
    try:
        document = decode(read_json(path, VERDICT_SCHEMA), _Document)
    except StoreError as error:
        raise UsageError(f"{path}: is no verdict.json ({error})") from error
    found: set[str] = set()
    for each in document.verdicts:
        same = each.fingerprint == fingerprint or (
            of_target is not None and each.target_fingerprint == of_target
        )
        if each.outcome != "error" and same:
            own = () if each.model_sha256 is None else (each.model_sha256,)
            found.update(each.judged or own)
    return tuple(sorted(found))


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict in the types that JSON has; the whole evaluation stands in the run folder."""
    return _name_fields(verdict, ("evaluation",))


def _name_fields(record: Struct, without: Sequence[str] = ()) -> dict[str, Any]:
    return {
        _NAMES.get(name, name): _as_plain(getattr(record, name))
        for name in record.__struct_fields__
        if name not in without
    }


def _as_plain(value: object) -> object:
    if isinstance(value, Struct):
        return _name_fields(value)
    if isinstance(value, Mapping):
        return {key: _as_plain(each) for key, each in value.items()}
    return [_as_plain(each) for each in value] if isinstance(value, tuple | list) else value


def render_verdict_json(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """The overall outcome with its exit code, what must be known beside, and a verdict a run."""
    outcome = combine_outcomes([verdict.outcome for verdict in verdicts])
    document = {
        "schema": VERDICT_SCHEMA,
        "outcome": outcome,
        "exit_code": EXIT_CODES[outcome],
        **to_builtins(beside),
        "verdicts": [verdict_as_json(verdict) for verdict in verdicts],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
