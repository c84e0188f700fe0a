"""Findings: by severity, each once, none dropped."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Finding
from covidreport.report.blocks import Items, Link, Text
from covidreport.report.cells import write_line
from covidreport.report.index import index_runs
from covidreport.report.sections.findings import gather_findings
from tests.report.blocks import build, find_run, list_notes, list_titles
from tests.report.study import BEST, SECOND


def _finding(*subjects: str, severity: str = "warning") -> Finding:
    return Finding(severity, "code", "what", "evidence", "remedy", subjects)  # type: ignore[arg-type]  # a severity


def _carry(study, *carried):
    """The study with findings in the evaluations of its first runs, and none of its own."""
    runs = list(study.runs)
    for place, findings in enumerate(carried):
        evaluation = replace(runs[place].evaluation, findings=findings)
        runs[place] = replace(runs[place], evaluation=evaluation)
    return replace(study, runs=tuple(runs), findings=())


def test_errors_come_first(study):
    """The gravest are read first, whatever the order they were found in."""
    groups = build(study, "findings").blocks

    assert [(group.title, len(group.blocks)) for group in groups] == [
        ("Errors", 1),
        ("Warnings", 1),
    ]


def test_a_finding_of_one_evaluation_is_about_its_run(study):
    """A finding that names nobody belongs to the run that was evaluated."""
    data = _carry(study, (_finding(),))

    assert gather_findings(data, index_runs(data)) == (_finding(SECOND),)


def test_a_finding_of_every_evaluation_is_about_the_images(study):
    """16 bit of which 12 are used: said once, of no run in particular."""
    data = _carry(study, (_finding(),), (_finding(),), (_finding(),))

    assert gather_findings(data, index_runs(data)) == (_finding(),)


def test_equal_findings_are_said_once_of_all_their_subjects(study):
    """Two runs with the same trouble are one finding about both."""
    data = _carry(study, (_finding(SECOND),), (_finding(BEST),))
    data = replace(data, findings=(_finding(SECOND),))

    assert gather_findings(data, index_runs(data)) == (_finding(SECOND, BEST),)


def test_a_severity_that_is_not_known_is_shown_among_the_warnings(study):
    """A newer file must not lose its findings in an older report."""
    data = replace(study, findings=(_finding(severity="grave"),))

    assert list_titles(build(data, "findings")) == ["Warnings"]


def test_subjects_lead_to_their_runs(study):
    """Runs are links; samples are not; many are counted."""
    samples = tuple(f"image-{i}" for i in range(30))
    data = replace(study, findings=(_finding(BEST, *samples),))

    (note,) = list_notes(build(data, "findings"))

    assert note.about[:2] == (Link(BEST, "run-1"), Text("image-0"))
    assert len(note.about) == 20
    assert note.more == "and 11 more"


def test_a_run_lists_the_findings_about_it(study):
    """In its own section, by link."""
    run = find_run(study, BEST)
    (about,) = (one for one in run.blocks if isinstance(one, Items))

    assert [write_line(words) for words in about.items] == [
        f"{BEST} is not significantly different from {SECOND}"
    ]
    assert about.severities == ("warning",)
