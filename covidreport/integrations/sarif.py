"""SARIF 2.1.0, which GitHub's code scanning lists beside a pull request: what a verdict holds
against a run, where run folders are kept in git.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; of its fields those that code
scanning reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from covidreport import __version__
from covidreport.integrations.complaints import Complaint, Weight, list_complaints
from covidreport.records import Beside, Verdict

_NOTHING = Beside()
_LEVELS: dict[Weight, str] = {
    "blocker": "error", "critical": "error", "major": "error", "minor": "warning", "info": "note",
}  # fmt: skip
_RULES = {
    "covidreport-not-judged": "The run could not be judged",
    "covidreport-limit": "A limit is not kept",
    "covidreport-as-stored": "Scores or thresholds are as stored, not computed here",
}


def render_sarif(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """One run of the tool, without results where nothing is held against any run."""
    found = list(list_complaints(verdicts, beside))
    rules = sorted({each.check for each in found})
    driver = {
        "name": "covidreport",
        "semanticVersion": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": _describe(rule)}} for rule in rules],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "automationDetails": {"id": "covidreport/"},
                "results": [_format(each, rules.index(each.check)) for each in found],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _describe(rule: str) -> str:
    """A rule in words; a finding's is its code."""
    return _RULES.get(rule, f"Finding {rule.removeprefix('covidreport-')}")


def _format(complaint: Complaint, rule: int) -> dict[str, object]:
    place = {
        "artifactLocation": {"uri": quote(complaint.path, safe="/:")},
        "region": {"startLine": 1},
    }
    return {
        "ruleId": complaint.check,
        "ruleIndex": rule,
        "level": _LEVELS[complaint.weight],
        "message": {"text": complaint.what},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"covidreport/v1": complaint.fingerprint},
    }
