"""Findings that somebody looked at and set aside: still told, each with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Finding, Ignore, IgnoredFinding

OUTLIVED = "ignored-and-not-found"


def set_aside(
    findings: Sequence[Finding], ignored: Sequence[Ignore]
) -> tuple[tuple[Finding, ...], tuple[IgnoredFinding, ...]]:
    """The findings that stand, and those whose code is ignored, in their order."""
    reasons = {each.code: each.reason for each in ignored}
    return (
        tuple(finding for finding in findings if finding.code not in reasons),
        tuple(
            IgnoredFinding(finding, reasons[finding.code])
            for finding in findings
            if finding.code in reasons
        ),
    )


def find_outlived(
    ignored: Sequence[Ignore], aside: Sequence[IgnoredFinding]
) -> tuple[Finding, ...]:
    """A note on each code that is ignored and was not found: it no longer occurs, or never did."""
    found = {each.finding.code for each in aside}
    return tuple(
        Finding(
            "note",
            OUTLIVED,
            f"{each.code} is ignored and was not found",
            f"the reason given: {each.reason}",
            "Take it out where it does not occur any more, or mend the code where it is "
            "misspelt. Other splits or runs may still have it.",
        )
        for each in dict.fromkeys(ignored)
        if each.code not in found
    )


def note_ignored(ignored: Sequence[IgnoredFinding]) -> tuple[Finding, ...]:
    """What a report says of the findings that an audit set aside."""
    return tuple(
        Finding(
            "note",
            each.finding.code,
            f"Ignored in the audit: {each.finding.what}",
            f"{each.finding.severity}; the reason given: {each.reason}. {each.finding.evidence}",
            each.finding.remedy,
            each.finding.subjects,
        )
        for each in ignored
    )
