"""What is wrong with the data, the labels or a run, as findings with their evidence.

Works from the records of a report alone: no scores, no images, no models. A check is one function
of `ReportData` and one line in `CHECKS`; it reads runs, evaluations and rankings, never findings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from covidreport.audit.answers import (
    audit_degenerate,
    audit_identical_counts,
    audit_published_figures,
)
from covidreport.audit.differences import audit_best_run
from covidreport.audit.prevalence import audit_prevalence
from covidreport.audit.settings import (
    audit_export,
    audit_freezing,
    audit_last_batch_loss,
    audit_negative_loss,
    audit_published_settings,
    audit_thresholds,
    audit_weights,
)
from covidreport.records import Finding, ReportData, Severity

Check = Callable[[ReportData], tuple[Finding, ...]]

CHECKS: Final[tuple[Check, ...]] = (
    audit_prevalence,
    audit_best_run,
    audit_degenerate,
    audit_identical_counts,
    audit_published_figures,
    audit_published_settings,
    audit_negative_loss,
    audit_last_batch_loss,
    audit_export,
    audit_thresholds,
    audit_weights,
    audit_freezing,
)

_ORDER: Final[dict[Severity, int]] = {"error": 0, "warning": 1, "note": 2}


def audit_report(data: ReportData) -> tuple[Finding, ...]:
    """What every check finds in the runs of a report: the gravest first, then in checks' order.

    Reads runs, rankings and target; `data.findings` may still be empty.
    """
    findings = [finding for check in CHECKS for finding in check(data)]
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))


__all__ = ["CHECKS", "Check", "audit_report"]
