"""What an audit of a data set found, as a file that a report can include."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from covidreport import __version__
from covidreport.audit.ignore import note_ignored
from covidreport.audit.support import FEW_POSITIVES
from covidreport.errors import UsageError
from covidreport.records import SEVERITIES, Finding, IgnoredFinding, ReportData
from covidreport.storage.codec import FileFormat

_SAID_TWICE = {"images-undecodable": "images-failed"}
"""What a data set's finding is called where an evaluation says the same."""


class Audit(Struct, frozen=True):
    """The findings on one data set, and on the runs that were looked at beside it.

    fingerprints: of the images of each split under `labels`, as evaluations have them.
    """

    dataset: str
    source: str
    target: str
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    images: int
    patients: int | None
    findings: tuple[Finding, ...]
    runs: tuple[str, ...] = ()
    run_findings: tuple[Finding, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[IgnoredFinding, ...] = ()
    """Of the data and of the runs: found, and set aside for a stated reason."""


AUDIT = FileFormat(
    "covidreport.audit/1", Audit, "is not a whole audit", "run `covidreport audit` again"
)


def merge_findings(data: Sequence[Finding], runs: Sequence[Finding]) -> tuple[Finding, ...]:
    """The runs' findings without those that an audit of the data already made, and better."""
    codes = {finding.code for finding in data}
    codes |= {_SAID_TWICE[code] for code in codes if code in _SAID_TWICE}
    known = set(data)
    return tuple(
        finding
        for finding in dict.fromkeys(runs)
        if finding not in known and finding.code not in codes
    )


def audit_as_json(audit: Audit) -> dict[str, Any]:
    """The document, for a file or a program."""
    document = AUDIT.encode(audit)
    return {"schema": document["schema"], "covidreport": __version__, **document}


def read_audit(path: Path) -> Audit:
    """The audit in a file; StoreError where it can't be one."""
    return AUDIT.read(path)


def include_audit(audit: Audit, data: ReportData) -> tuple[Finding, ...]:
    """What an audit of the data adds to a report's findings, the report's own among them.

    A warning stands among them where the reported images are no longer those that were audited. A
    finding that the audit set aside is a note with its reason; what the report itself finds stays.
    Raises UsageError for an audit of another data set.
    """
    if audit.dataset != data.dataset:
        raise UsageError(
            f"the audit is of the data set {audit.dataset!r} and the report of {data.dataset!r}"
        )
    audited = audit.fingerprints.get(data.split)
    reported = {
        run.evaluation.fingerprint
        for run in data.runs
        if run.evaluation is not None and run.evaluation.labels == audit.labels
    }
    stale: tuple[Finding, ...] = ()
    if audited is not None and reported and audited not in reported:
        stale = (
            Finding(
                "warning",
                "audit-of-other-images",
                f"The audit is of other images of {data.split} than those that are reported",
                "ids, truth or files changed since one of the two was made",
                "Run `covidreport audit --output` again, or evaluate again.",
            ),
        )
    # of few positives the report speaks itself: by the runs that it compares, and with one gap
    covered = {finding.code for finding in data.findings} & {FEW_POSITIVES}
    findings = tuple(each for each in audit.findings if each.code not in covered)
    own = merge_findings(findings, data.findings)
    return tuple(
        sorted(
            (*stale, *findings, *note_ignored(audit.ignored), *own),
            key=lambda finding: SEVERITIES.index(finding.severity),
        )
    )
