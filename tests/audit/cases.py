"""The published study and a healthy report, for the tests of the checks."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from covidreport.audit import audit_report
from covidreport.records import Counts, Epoch, Finding, ReportData, ReportedRun
from tests.metrics.study import (
    AS_PRINTED,
    make_evaluation,
    make_report,
    make_run,
    read_study,
    read_study_run,
)

STUDY = audit_report(make_report(list(read_study().values())))


def check_says_what_to_do(findings: Sequence[Finding]) -> None:
    """Each has a code, and says in words what was found, by which evidence, and what to do."""
    assert findings
    for finding in findings:
        assert finding.code == finding.code.lower().replace(" ", "-")
        for text in (finding.what, finding.evidence, finding.remedy):
            assert len(text.split()) >= 3
            assert "None" not in text
            assert "nan" not in text.split()


def find_in_study(code: str) -> Finding:
    """The one finding of the study with this code."""
    (finding,) = (each for each in STUDY if each.code == code)
    return finding


def list_experiments(finding: Finding) -> list[str]:
    """The numbers of the experiments that a finding names."""
    return sorted((name.split("-")[0][3:] for name in finding.subjects), key=int)


def make_counts(
    missed: int, false_alarms: int, positives: int = 28, negatives: int = 600
) -> Counts:
    return Counts(negatives - false_alarms, false_alarms, missed, positives - missed)


def with_history(run: ReportedRun, *values: dict[str, float | None]) -> ReportedRun:
    """The run with these epochs."""
    epochs = tuple(Epoch(place, each) for place, each in enumerate(values, start=1))
    return replace(run, run=replace(run.run, history=epochs))


def three_labels(covid: Counts, normal: Counts, pneumonia: Counts) -> dict[str, Counts]:
    """Counts by label."""
    return {"covid-19": covid, "normal": normal, "pneumonia": pneumonia}


def make_healthy() -> ReportData:
    """Three runs that differ, one convention, a clear winner, mean losses, the last epoch."""
    runs = []
    for place, missed in enumerate((2, 30, 60)):
        name = f"run-{place}"
        # 100 + 400 + 300 images with one label each, and 4 times as many in training
        validation = three_labels(
            make_counts(missed, 40 + place, 100, 700),
            make_counts(30 + place, 20 + place, 400, 400),
            make_counts(50 + missed, 60 - place, 300, 500),
        )
        train = three_labels(
            make_counts(3 * missed, 150 + place, 400, 2800),
            make_counts(90 + place, 60 + place, 1600, 1600),
            make_counts(180 + missed, 190 - place, 1200, 2000),
        )
        run = make_run(
            make_evaluation(name, validation),
            make_evaluation(name, train, split="train", fingerprint="f1"),
            hyperparameters={"architecture": "resnet18", "loss": "focal", "frozen": ["conv1"]},
            started_from={"weights": "imagenet"},
            exported_epoch={"rule": "best", "epoch": 2, "metric": "micro_f1", "split": "tuning"},
        )
        first: dict[str, float | None] = {"train_loss": 0.5, "last_batch_loss": 0.4}
        runs.append(with_history(run, first, {"train_loss": 0.0}))
    return make_report(runs)


def make_spoiled(**settings_of_first: object) -> ReportData:
    """The healthy report with other settings for its first run."""
    data = make_healthy()
    first = data.runs[0]
    spoiled = replace(first, run=replace(first.run, settings=settings_of_first))
    return replace(data, runs=(spoiled, *data.runs[1:]))


def report_study() -> ReportData:
    """The published study."""
    return make_report(list(read_study().values()))


def report_as_printed() -> ReportData:
    """The study with experiment 17 as it was printed."""
    return make_report(list((read_study() | {"17": read_study_run(AS_PRINTED)}).values()))


def make_support(positives: int, negatives: int) -> Counts:
    """A table with these positives and negatives and no errors."""
    return make_counts(0, 0, positives, negatives)
