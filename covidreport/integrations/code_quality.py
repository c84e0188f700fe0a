"""Code Quality JSON, which GitLab shows in a merge request: what a verdict holds against a run.

A fingerprint is of the run and the limit or finding, never of metrics: the same complaint in the
next pipeline is the same, and GitLab tells new ones from old.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from covidreport.gate.wording import describe_origin
from covidreport.integrations.naming import clean, identify_limit, title_run
from covidreport.records import Beside, Finding, Verdict
from covidreport.store import MODEL_FILE, RUN_FILE

_LIMITS = {"fail": "critical", "inconclusive": "major", "warn": "minor"}
_FINDINGS = {"error": "major", "warning": "minor", "note": "info"}
_NOTHING = Beside()


class _Complaint(NamedTuple):
    severity: str
    check: str
    what: str
    key: tuple[object, ...]


def render_code_quality(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """A JSON array, empty where nothing is held against any run, nor against the yardstick."""
    seen: Counter[str] = Counter()
    issues = [_format_notice(notice) for notice in beside.notices]
    for verdict in verdicts:
        for each in _list_complaints(verdict):
            key = json.dumps([verdict.run, verdict.target, each.check, *each.key], default=str)
            seen[key] += 1
            fingerprint = hashlib.sha256(f"{key}#{seen[key]}".encode("utf-8", "backslashreplace"))
            issues.append(
                {
                    "description": f"{title_run(verdict)}: {clean(each.what)}",
                    "check_name": f"covidreport-{each.check}",
                    "fingerprint": fingerprint.hexdigest(),
                    "severity": each.severity,
                    "location": {"path": _locate(verdict.folder), "lines": {"begin": 1}},
                }
            )
    return json.dumps(issues, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _format_notice(notice: Finding) -> dict[str, object]:
    key = json.dumps([notice.code, *notice.subjects])
    return {
        "description": clean(f"{notice.what}. {notice.evidence}"),
        "check_name": f"covidreport-{notice.code}",
        "fingerprint": hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": _FINDINGS[notice.severity],
        "location": {"path": _locate("".join(notice.subjects[:1])), "lines": {"begin": 1}},
    }


def _list_complaints(verdict: Verdict) -> Iterator[_Complaint]:
    if verdict.error is not None:
        stage = verdict.error.stage
        yield _Complaint("blocker", "not-judged", f"({stage}) {verdict.error.reason}", (stage,))
    for result in verdict.results:
        if result.outcome in _LIMITS:
            severity = _LIMITS[result.outcome]
            yield _Complaint(severity, "limit", result.sentence, identify_limit(result))
    if verdict.scores_from == "as stored" or verdict.thresholds_written_here is False:
        origin = describe_origin(
            verdict.scores_from or "as stored", None, verdict.thresholds_written_here
        )
        yield _Complaint("info", "as-stored", f"{verdict.run}: {origin}", ())
    for finding in verdict.findings:
        what = f"{finding.what}. {finding.evidence}"
        yield _Complaint(_FINDINGS[finding.severity], finding.code, what, finding.subjects)


def _locate(path: str) -> str:
    """A file as a path from here, which GitLab takes as one in the repository.

    Of a folder what states the run, else its model, else its first file; what is not there stays
    as it was given.
    """
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
