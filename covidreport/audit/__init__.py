"""What is wrong with the data, the labels or a run, as findings with their evidence.

Nothing here opens a file, decodes an image or runs a model. A check is one function and one line
in a table: `CHECKS` read a report's runs, evaluations and rankings, never findings; `DATA_CHECKS`
read a data set with the digests of its files and what its pictures are like; `SCORE_CHECKS` (in
`scores`) read one run's scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from covidreport.audit.activation import audit_activation
from covidreport.audit.answers import (
    audit_degenerate,
    audit_identical_counts,
    audit_published_metrics,
)
from covidreport.audit.bit_depth import audit_bit_depth
from covidreport.audit.copies import (
    audit_identical_files,
    audit_identical_pixels,
    audit_near_duplicates,
)
from covidreport.audit.differences import audit_best_run
from covidreport.audit.disturbance import audit_disturbed
from covidreport.audit.evidence import DataEvidence
from covidreport.audit.failures import audit_failed_images, audit_undecodable_images
from covidreport.audit.folds import audit_data_folds, audit_other_folds
from covidreport.audit.foreign import audit_foreign
from covidreport.audit.maps import audit_maps
from covidreport.audit.occlusion import audit_occlusion
from covidreport.audit.patients import audit_patient_sexes, audit_patient_spellings
from covidreport.audit.polarity import audit_inverted
from covidreport.audit.prevalence import audit_prevalence
from covidreport.audit.scores import SCORE_CHECKS, audit_scores
from covidreport.audit.separation import audit_separation
from covidreport.audit.settings import (
    audit_augmented,
    audit_export,
    audit_freezing,
    audit_last_batch_loss,
    audit_negative_loss,
    audit_published_settings,
    audit_thresholds,
    audit_weights,
)
from covidreport.audit.shortcuts import audit_shortcuts
from covidreport.audit.splits import (
    audit_shared_patients,
    audit_split_attributes,
    audit_split_labels,
)
from covidreport.audit.support import (
    audit_few_positives,
    audit_repeated_use,
    audit_reported_positives,
)
from covidreport.audit.synthetic import audit_synthetic, find_synthetic
from covidreport.records import SEVERITIES, Finding, ReportData

Check = Callable[[ReportData], tuple[Finding, ...]]
DataCheck = Callable[[DataEvidence], tuple[Finding, ...]]

CHECKS: Final[tuple[Check, ...]] = (
    audit_prevalence,
    audit_best_run,
    audit_degenerate,
    audit_identical_counts,
    audit_published_metrics,
    audit_published_settings,
    audit_negative_loss,
    audit_last_batch_loss,
    audit_augmented,
    audit_export,
    audit_thresholds,
    audit_weights,
    audit_freezing,
    audit_reported_positives,
    audit_repeated_use,
    audit_failed_images,
    audit_occlusion,
    audit_disturbed,
    audit_foreign,
    audit_maps,
    audit_separation,
    audit_other_folds,
)

DATA_CHECKS: Final[tuple[DataCheck, ...]] = (
    audit_shared_patients,
    audit_patient_spellings,
    audit_patient_sexes,
    audit_data_folds,
    audit_identical_files,
    audit_identical_pixels,
    audit_near_duplicates,
    audit_shortcuts,
    audit_inverted,
    audit_bit_depth,
    audit_split_labels,
    audit_split_attributes,
    audit_undecodable_images,
    audit_few_positives,
    audit_synthetic,
)


def audit_report(data: ReportData) -> tuple[Finding, ...]:
    """What every check finds in the runs of a report: the gravest first, then in checks' order.

    Reads runs, rankings and target; `data.findings` may still be empty.
    """
    findings = [finding for check in CHECKS for finding in check(data)]
    return sort_findings(findings)


def audit_data(evidence: DataEvidence) -> tuple[Finding, ...]:
    """What every check finds in a data set: the gravest first, then in checks' order."""
    return sort_findings([finding for check in DATA_CHECKS for finding in check(evidence)])


def sort_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first, those of equal gravity in their order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


__all__ = [
    "CHECKS",
    "DATA_CHECKS",
    "SCORE_CHECKS",
    "Check",
    "DataCheck",
    "DataEvidence",
    "audit_activation",
    "audit_data",
    "audit_disturbed",
    "audit_report",
    "audit_scores",
    "find_synthetic",
    "sort_findings",
]
