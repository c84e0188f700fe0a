"""The findings of a report by severity, each once, with the runs that it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from covidreport.records import Evaluation, Finding, ReportData, Severity
from covidreport.report.view.index import Index
from covidreport.report.view.records import FindingGroup, FindingView
from covidreport.text import clean, whole

SEVERITIES: dict[Severity, tuple[str, str]] = {
    "error": ("Errors", "what they are about can’t be trusted"),
    "warning": ("Warnings", "they change how figures may be read"),
    "note": ("Notes", "good to know"),
}
_MOST_SUBJECTS = 20


def gather_findings(data: ReportData, index: Index) -> tuple[Finding, ...]:
    """The report's findings and those of its evaluations, equal ones once.

    A finding of an evaluation that names nobody is about the run that was evaluated; where every
    run has it, it is about the images, and names nobody. What was found in a variant says so: it is
    none of the usual evaluation's.
    """
    subjects: dict[Finding, list[str]] = {}
    runs: dict[Finding, list[str]] = {}
    for finding in data.findings:
        subjects.setdefault(_anonymous(finding), []).extend(finding.subjects)
    for reported in index.runs:
        evaluations = filter(None, (reported.evaluation, *reported.others))
        for evaluation in evaluations:
            told = evaluation.findings
            if evaluation not in reported.usual:
                told = tuple(_of_variant(finding, evaluation) for finding in told)
            for finding in told:
                subjects.setdefault(_anonymous(finding), []).extend(finding.subjects)
                runs.setdefault(_anonymous(finding), []).append(reported.run.name)
    everyone = {one.run.name for one in index.runs if one.evaluation is not None}
    gathered = []
    for finding, named in subjects.items():
        about = named or runs.get(finding, [])
        if not named and everyone <= set(about):
            about = []
        gathered.append(
            Finding(
                finding.severity, finding.code, finding.what, finding.evidence, finding.remedy,
                tuple(dict.fromkeys(about)),
            )
        )  # fmt: skip
    return tuple(gathered)


def _of_variant(finding: Finding, evaluation: Evaluation) -> Finding:
    """The finding with the name of the variant that it was made in."""
    where = ", ".join(filter(None, (evaluation.split, evaluation.variant)))
    return replace(finding, what=f"{finding.what} ({where})")


def _anonymous(finding: Finding) -> Finding:
    """The finding without its subjects: equal for two that say the same of different runs."""
    return Finding(finding.severity, finding.code, finding.what, finding.evidence, finding.remedy)


def view_findings(findings: Sequence[Finding], index: Index) -> tuple[FindingGroup, ...]:
    """The findings by severity, the gravest first; severities without any are left out.

    A severity that this version does not know is shown among the warnings, not dropped.
    """
    groups = []
    number = 0
    for severity, (title, meaning) in SEVERITIES.items():
        views = []
        for finding in findings:
            known = finding.severity if finding.severity in SEVERITIES else "warning"
            if known == severity:
                number += 1
                views.append(_view_finding(finding, severity, f"finding-{number}", index))
        if views:
            groups.append(FindingGroup(severity, title, meaning, tuple(views)))
    return tuple(groups)


def _view_finding(finding: Finding, severity: str, anchor: str, index: Index) -> FindingView:
    shown = finding.subjects[:_MOST_SUBJECTS]
    left = len(finding.subjects) - len(shown)
    return FindingView(
        severity,
        anchor,
        clean(finding.what),
        clean(finding.evidence),
        clean(finding.remedy),
        tuple(index.span(subject) for subject in shown),
        f"and {whole(left)} more" if left else "",
    )
