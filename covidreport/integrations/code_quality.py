"""Code Quality JSON, which GitLab shows in a merge request: what a verdict holds against a run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from covidreport.integrations.complaints import list_complaints
from covidreport.records import Beside, Verdict

_NOTHING = Beside()


def render_code_quality(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """A JSON array, empty where nothing is held against any run, nor against the yardstick."""
    issues = [
        {
            "description": each.what,
            "check_name": each.check,
            "fingerprint": each.fingerprint,
            "severity": each.weight,
            "location": {"path": each.path, "lines": {"begin": 1}},
        }
        for each in list_complaints(verdicts, beside)
    ]
    return json.dumps(issues, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
