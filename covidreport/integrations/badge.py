"""A badge: JSON that shields.io draws (https://shields.io/badges/endpoint-badge)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from covidreport.integrations.naming import OUTCOME_WORDS, clean
from covidreport.records import Beside, Verdict, VerdictOutcome
from covidreport.text import label_name

_COLOURS: dict[VerdictOutcome, str] = {
    "pass": "brightgreen",
    "fail": "red",
    "inconclusive": "yellow",
    "error": "lightgrey",
}
_NOTHING = Beside()


def render_badge(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:  # noqa: ARG001
    """The missed cases of one run and the verdict on it; of a run without metrics the verdict."""
    (verdict,) = verdicts
    outcome = OUTCOME_WORDS[verdict.outcome].lower()
    counts = verdict.counts
    told = "" if counts is None else f"{counts.missed:,} of {counts.positives:,}, "
    badge = {
        "schemaVersion": 1,
        "label": f"{label_name(clean(verdict.target))} missed",
        "message": f"{told}{outcome}",
        "color": _COLOURS[verdict.outcome],
    }
    return json.dumps(badge, indent=2, ensure_ascii=False) + "\n"
