"""The findings of a report by severity, each once, with the runs that it is about."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Evaluation, Finding, ReportData, Severity
from covidreport.report.blocks import Group, Note, Section
from covidreport.report.index import Index
from covidreport.text import clean, whole

SEVERITIES: dict[Severity, tuple[str, str]] = {
    "error": ("Errors", "what they are about can’t be trusted"),
    "warning": ("Warnings", "they change how figures may be read"),
    "note": ("Notes", "good to know"),
}
_MOST_SUBJECTS = 20
Noted = tuple[Finding, Note]
"""A finding, which names all runs that it is about, and the note that a reader sees."""


def gather_findings(data: ReportData, index: Index) -> tuple[Finding, ...]:
    """The report's findings and those of its evaluations, equal ones once.

    A finding of an evaluation that names nobody is about the run that was evaluated; where every
    run has it, it is about the images, and names nobody. What was found in a variant, or on another
    data set, says so: it is none of the usual evaluation's.
    """
    subjects: dict[Finding, list[str]] = {}
    runs: dict[Finding, list[str]] = {}
    for finding in data.findings:
        subjects.setdefault(_anonymous(finding), []).extend(finding.subjects)
    for reported in index.runs:
        evaluations = filter(None, (reported.evaluation, *reported.others, *reported.elsewhere))
        for evaluation in evaluations:
            told = evaluation.findings
            if evaluation not in reported.usual:
                other = evaluation.dataset if evaluation in reported.elsewhere else ""
                told = tuple(_of_variant(finding, evaluation, other) for finding in told)
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


def _of_variant(finding: Finding, evaluation: Evaluation, dataset: str) -> Finding:
    """The finding with the name of the variant, or of another data set, that it was made in."""
    of = f"data set “{dataset}”" if dataset else ""
    where = ", ".join(filter(None, (of, evaluation.split, evaluation.variant)))
    return replace(finding, what=f"{finding.what} ({where})")


def _anonymous(finding: Finding) -> Finding:
    """The finding without its subjects: equal for two that say the same of different runs."""
    return Finding(finding.severity, finding.code, finding.what, finding.evidence, finding.remedy)


def list_notes(data: ReportData, index: Index) -> tuple[Note, ...]:
    """The findings by severity, the gravest first, each with the id that leads to it."""
    return tuple(note for _, note in list_findings(data, index))


def list_findings(data: ReportData, index: Index) -> tuple[Noted, ...]:
    """As `list_notes`, each beside its finding.

    A severity that this version does not know is shown among the warnings, not dropped.
    """
    found = gather_findings(data, index)
    by_severity: dict[Severity, list[Finding]] = {severity: [] for severity in SEVERITIES}
    for finding in found:
        known = finding.severity if finding.severity in SEVERITIES else "warning"
        by_severity[known].append(finding)
    ordered = [(severity, one) for severity, each in by_severity.items() for one in each]
    return tuple(
        (finding, _note(finding, severity, f"finding-{number}", index))
        for number, (severity, finding) in enumerate(ordered, start=1)
    )


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A group for each severity that anything was found of; none where nothing was."""
    notes = list_notes(data, index)
    groups = tuple(
        Group(
            tuple(of_severity), title, meaning, severity=severity,
            state="folded" if severity == "note" else "plain",
        )
        for severity, (title, meaning) in SEVERITIES.items()
        if (of_severity := [note for note in notes if note.severity == severity])
    )  # fmt: skip
    return (Section("findings", "Findings", groups, part="answer"),) if groups else ()


def _note(finding: Finding, severity: Severity, anchor: str, index: Index) -> Note:
    left = len(finding.subjects) - _MOST_SUBJECTS
    return Note(
        severity,
        clean(finding.what),
        clean(finding.evidence),
        clean(finding.remedy),
        tuple(index.link(subject) for subject in finding.subjects[:_MOST_SUBJECTS]),
        f"and {whole(left)} more" if left > 0 else "",
        anchor,
    )
