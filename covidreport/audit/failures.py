"""Whether images that could not be scored are spread evenly over the labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from covidreport.audit.evidence import DataEvidence, iterate_reported
from covidreport.metrics import fisher_exact, holm
from covidreport.records import Counts, Finding, ReportData
from covidreport.text import format_p, label_name, plural, proportion

ALPHA: Final = 0.01


class _Failed(NamedTuple):
    """One label's images, and those of them that failed, with and without the label."""

    failed_with: int
    with_label: int
    failed_without: int
    without_label: int


def audit_failed_images(data: ReportData) -> tuple[Finding, ...]:
    """Images that failed more often with a label than without, in the reported evaluations."""
    findings: dict[Finding, list[str]] = {}
    for _, evaluation in iterate_reported(data):
        for finding in _compare({k: _count(v) for k, v in evaluation.counts.items()}):
            findings.setdefault(finding, []).append(evaluation.run)
    return tuple(findings)


def _count(counts: Counts) -> _Failed:
    return _Failed(
        counts.failed_positive, counts.positives, counts.failed_negative, counts.negatives
    )


def audit_undecodable_images(evidence: DataEvidence) -> tuple[Finding, ...]:
    """Images that can't be decoded, and those among them that hit one label more than others."""
    if evidence.survey is None:
        return ()
    dataset, reasons = evidence.dataset, evidence.survey.reasons
    rows = [row for row, reason in enumerate(reasons) if reason is not None]
    if not rows:
        return ()
    by_label = {}
    for k, label in enumerate(dataset.labels):
        truth = dataset.truth[:, k]
        failed = truth[rows]
        by_label[label] = _Failed(
            int((failed == 1).sum()), int((truth == 1).sum()),
            int((failed == 0).sum()), int((truth == 0).sum()),
        )  # fmt: skip
    first = f"{dataset.ids[rows[0]]}: {reasons[rows[0]]}"
    return (
        Finding(
            "warning",
            "images-undecodable",
            f"{plural(len(rows), 'image')} of {len(dataset):,} can't be decoded",
            first if len(rows) == 1 else f"{first}; and {len(rows) - 1:,} more",
            "Mend or replace these files: in an evaluation each counts against every run.",
            tuple(dataset.ids[row] for row in rows),
        ),
        *_compare(by_label),
    )


def _compare(by_label: Mapping[str, _Failed]) -> tuple[Finding, ...]:
    """A finding where failures and a label go together (Fisher's exact test, Holm over labels)."""
    p_values = holm(
        [
            fisher_exact((f.failed_with, f.with_label - f.failed_with),
                         (f.failed_without, f.without_label - f.failed_without))
            for f in by_label.values()
        ]
    )  # fmt: skip
    uneven = [
        f"{label_name(label)}: {proportion(f.failed_with, f.with_label)} with it failed and "
        f"{proportion(f.failed_without, f.without_label)} without ({format_p(p_value)})"
        for (label, f), p_value in zip(by_label.items(), p_values, strict=True)
        if p_value < ALPHA and f.with_label and f.without_label
    ]
    if not uneven:
        return ()
    return (
        Finding(
            "warning",
            "failures-uneven",
            "Images failed more often with one label than with another: metrics are tilted by it",
            f"{'; '.join(uneven)}. Fisher's exact test, corrected by Holm over the labels.",
            "Find out what the failed files have in common (source, format, device) and mend them. "
            "Until then the metrics of these labels say as much about files as about models.",
        ),
    )
