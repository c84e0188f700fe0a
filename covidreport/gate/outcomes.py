"""What outcomes mean to a pipeline, and what several of them come to."""

from __future__ import annotations

from collections.abc import Collection

from covidreport.records import Verdict, VerdictOutcome

EXIT_CODES: dict[VerdictOutcome, int] = {"fail": 1, "error": 3, "inconclusive": 4, "pass": 0}
"""By outcome, the gravest first; 2 is wrong usage, which has no outcome."""


WORSE_SPECIFICITY = "specificity-worse-than-baseline"


def needs_explanation(verdict: Verdict) -> bool:
    """Whether a row in a table of runs is too little: it does not pass, or with a warning."""
    return verdict.outcome != "pass" or any(
        finding.code == WORSE_SPECIFICITY for finding in verdict.findings
    )


def combine_outcomes(outcomes: Collection[VerdictOutcome]) -> VerdictOutcome:
    """The gravest: that a run fails is certain, whatever became of the others. No run passes."""
    return next((outcome for outcome in EXIT_CODES if outcome in outcomes), "pass")
