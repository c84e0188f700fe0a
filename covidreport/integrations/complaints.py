"""What a verdict holds against a run, one by one, for places that list such things beside code.

A fingerprint is of the run and the limit or finding, never of metrics: the same complaint in the
next pipeline is the same, and whoever lists them tells new ones from old.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from covidreport.gate.wording import describe_origin
from covidreport.integrations.naming import clean, identify_limit, title_run
from covidreport.records import Beside, Verdict
from covidreport.storage.address import find_address
from covidreport.store import MODEL_FILE, RUN_FILE

Weight = Literal["blocker", "critical", "major", "minor", "info"]
_LIMITS: dict[str, Weight] = {"fail": "critical", "inconclusive": "major", "warn": "minor"}
_FINDINGS: dict[str, Weight] = {"error": "major", "warning": "minor", "note": "info"}


class Complaint(Struct, frozen=True):
    """One of them: how much it weighs, its kind, what is said, and the file that it is about."""

    weight: Weight
    check: str
    """Such as `covidreport-limit`."""
    what: str
    fingerprint: str
    path: str


class _Said(Struct, frozen=True):
    weight: Weight
    check: str
    what: str
    key: tuple[object, ...]


def list_complaints(verdicts: Sequence[Verdict], beside: Beside) -> Iterator[Complaint]:
    """Those of the yardstick, then of each run; none where nothing is held against any."""
    seen: Counter[str] = Counter()
    for notice in beside.notices:
        key = json.dumps([notice.code, *notice.subjects])
        yield Complaint(
            _FINDINGS[notice.severity],
            f"covidreport-{notice.code}",
            clean(f"{notice.what}. {notice.evidence}"),
            _digest(key),
            _locate("".join(notice.subjects[:1])),
        )
    for verdict in verdicts:
        for each in _list_said(verdict):
            key = json.dumps([verdict.run, verdict.target, each.check, *each.key], default=str)
            seen[key] += 1
            yield Complaint(
                each.weight,
                f"covidreport-{each.check}",
                f"{title_run(verdict)}: {clean(each.what)}",
                _digest(f"{key}#{seen[key]}"),
                _locate(verdict.folder),
            )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()


def _list_said(verdict: Verdict) -> Iterator[_Said]:
    if verdict.error is not None:
        stage = verdict.error.stage
        yield _Said("blocker", "not-judged", f"({stage}) {verdict.error.reason}", (stage,))
    for result in verdict.results:
        if result.outcome in _LIMITS:
            weight = _LIMITS[result.outcome]
            yield _Said(weight, "limit", result.sentence, identify_limit(result))
    if verdict.scores_from == "as stored" or verdict.thresholds_written_here is False:
        origin = describe_origin(
            verdict.scores_from or "as stored", None, verdict.thresholds_written_here
        )
        yield _Said("info", "as-stored", f"{verdict.run}: {origin}", ())
    for finding in verdict.findings:
        what = f"{finding.what}. {finding.evidence}"
        yield _Said(_FINDINGS[finding.severity], finding.code, what, finding.subjects)


def _locate(path: str) -> str:
    """A file as a path from here, which GitHub and GitLab take as one in the repository.

    Of a folder what states the run, else its model, else its first file; what is not there stays
    as it was given.
    """
    if find_address(path) is not None:
        return clean(path)
    given = Path(path)
    named = (given / name for name in (RUN_FILE, MODEL_FILE))
    file = next(filter(Path.is_file, named), None) or next(_list_files(given), given)
    here = Path.cwd()
    return clean((file.relative_to(here) if file.is_relative_to(here) else file).as_posix())


def _list_files(folder: Path) -> Iterator[Path]:
    """All files beneath, those of the folder itself first."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(here, name) for name in sorted(names))
