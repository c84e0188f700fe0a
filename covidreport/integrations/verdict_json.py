"""verdict.json: everything that a verdict says, for a program; its schema is published.

NaN and infinity are never written: what is undefined is null.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covidreport.errors import StoreError, UsageError
from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes
from covidreport.records import Beside, Verdict, VerdictOutcome
from covidreport.storage.codec import decode, read_json

VERDICT_SCHEMA = "covidreport.verdict/1"
_NOTHING = Beside()
_NAMES = {"detectable_difference": "smallest_gap", "estimate": "figure"}
"""By field of the records: the key that it has in this version of the schema."""


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: VerdictOutcome
    fingerprint: str | None
    model_sha256: str | None
    judged: tuple[str, ...] = ()
    target_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class _Document:
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
    fields = dataclasses.asdict(
        dataclasses.replace(verdict, evaluation=None), dict_factory=_name_fields
    )
    del fields["evaluation"]
    return fields


def _name_fields(fields: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {_NAMES.get(name, name): value for name, value in fields}


def render_verdict_json(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """The overall outcome with its exit code, what must be known beside, and a verdict a run."""
    outcome = combine_outcomes([verdict.outcome for verdict in verdicts])
    document = {
        "schema": VERDICT_SCHEMA,
        "outcome": outcome,
        "exit_code": EXIT_CODES[outcome],
        **dataclasses.asdict(beside),
        "verdicts": [verdict_as_json(verdict) for verdict in verdicts],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
