"""The reports that the tests of this folder share."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.records import (
    READERS,
    CaseTable,
    Estimate,
    Evaluation,
    PairedStudies,
    ReportData,
    Scores,
    SiteRule,
    SplitCase,
    SpotCut,
    WeakSpot,
    Weighted,
)
from covidreport.records.truths import ReadersTruth
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.paired_studies import collect_paired_studies
from covidreport.report.readers import collect_readers
from covidreport.report.truths import describe_truths
from covidreport.report.weighted import weigh_runs
from covidreport.storage.runs import discover_runs
from covidreport.store import (
    SCORES_FILE,
    evaluation_folder,
    read_evaluation,
    read_scores,
    write_run,
)
from tests.report.compared import compared_study
from tests.report.detailed import detailed_study
from tests.report.disturbed import make_disturbed, make_foreign
from tests.report.scored_runs import write_elsewhere, write_readers, write_runs, write_scored
from tests.report.study import hostile_study, small_study
from tests.shared import Share


@pytest.fixture(scope="session")
def study() -> ReportData:
    """Four runs of a small study."""
    return small_study()


@pytest.fixture(scope="session")
def beside_readers(share: Share) -> ReportData:
    """Two runs and three readers, the second and third of whom call alike."""

    def make(folder: Path) -> ReportData:
        runs = write_runs(folder, runs=2, images=120)
        write_readers(folder, runs, (3.0, 1.6))
        path = "evaluations/drawn-validation"
        read = read_scores(folder / "radiologist 2" / path / SCORES_FILE)
        shutil.copytree(folder / "radiologist 2", folder / "twin")
        write_run(folder / "twin", {"name": "twin", "group": READERS})
        found = read_evaluation(folder / "twin" / path)
        write_scored(folder / "twin", replace(found, run="twin"), read)
        return collect_report(discover_runs([folder]), ReportChoices("covid-19", 0.5))

    return share("beside-readers", make)


@pytest.fixture(scope="session")
def hostile() -> ReportData:
    """Four runs whose names want to be markup."""
    return hostile_study()


@pytest.fixture(scope="session")
def compared(share: Share) -> ReportData:
    """Eight runs that were compared by their answers, one of a hostile name."""
    return share("compared", lambda _: compared_study())


@pytest.fixture(scope="session")
def detailed(share: Share) -> ReportData:
    """Six runs with scores, one of them as an earlier version left it."""
    return share("detailed", lambda _: detailed_study())


@pytest.fixture(scope="session")
def everything(share: Share) -> ReportData:
    """Seven runs with scores, six of them on two data sets and one also without the centre, and
    another without any: a report with every section that there is."""
    return share("everything", _write_everything)


def _write_everything(folder: Path) -> ReportData:
    write_elsewhere(write_runs(folder, runs=7, images=160))
    write_run(folder / "exp9", {"name": "exp9-not-evaluated", "block": "2"})
    runs = discover_runs([folder])
    data = collect_report(runs, ReportChoices("covid-19", 0.5, sites=SiteRule("view")))
    first = next(each for each in data.runs if each.evaluation is not None)
    assert first.evaluation is not None
    occluded = replace(first.evaluation, variant="occlude-centre-0.8")
    without = replace(first, others=(*first.others, occluded))
    runs_shown = tuple(without if each is first else each for each in data.runs)
    assert data.weak_spots is not None
    dark = SpotCut("brightness", most=93.0)
    spot = WeakSpot(None, (dark,), 8, Estimate(0.25), Estimate(0.75), 0.001, 7)
    names = [row.run for row in data.rankings[0].rows]
    people = [
        replace(each, run=replace(each.run, settings={"group": "readers"}))
        if each.run.name in names[-2:]
        else each
        for each in data.runs
    ]
    return replace(
        data,
        disturbed=tuple(map(make_disturbed, names, (6, 2, 0))),
        foreign=tuple(map(make_foreign, names, (20, 2, 0))),
        runs=runs_shown,
        weak_spots=replace(data.weak_spots, spots=(spot,)),
        readers=collect_readers(data.rankings[0], people),
        truths=_read_truths(data),
        weighted=_read_weighted(data),
        cases=_split_cases(data),
        paired_studies=_pair_studies(data),
    )


def _pair_studies(data: ReportData) -> tuple[PairedStudies, ...]:
    """The first four ranked runs as two experiments of two studies."""
    names = [row.run for row in data.rankings[0].rows if row.rank is not None][:4]
    facts = (("as-run", 1), ("as-run", 2), ("corrected", 1), ("corrected", 2))
    settings = {
        name: {"study": study, "experiment": number}
        for name, (study, number) in zip(names, facts, strict=True)
    }
    runs = [
        replace(each, run=replace(each.run, settings=settings[each.run.name]))
        for each in data.runs
        if each.run.name in settings
    ]
    return collect_paired_studies(data.rankings[0], runs, read_scores)


def _list_scores(data: ReportData) -> list[tuple[Evaluation, Path]]:
    """The evaluations of the first ranking with the files of their scores."""
    runs = {each.run.name: each for each in data.runs}
    return [
        (each.evaluation, evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE)
        for row in data.rankings[0].rows
        if (each := runs[row.run]).evaluation is not None
    ]


def _read_weighted(data: ReportData) -> Weighted | None:
    """Of images every third of which stands for four patients."""

    def read(path: Path) -> Scores:
        scores = read_scores(path)
        n = len(scores.sample_ids)
        return replace(scores, weights=np.where(np.arange(n) % 3 == 0, 4.0, 0.5))

    return weigh_runs(data.rankings[0], _list_scores(data), read)


def _read_truths(data: ReportData) -> ReadersTruth | None:
    """Of three readers, of whom two err and one has read half of the images."""
    ranking = data.rankings[0]

    def read(path: Path) -> Scores:
        scores = read_scores(path)
        truth = scores.truth[:, scores.labels.index(ranking.target)]
        said = {
            "ann": truth, "bob": np.where(np.arange(truth.size) % 9 == 0, 1 - truth, truth) % 2,
            "cy": np.where(np.arange(truth.size) % 2 == 0, -1, truth),
        }  # fmt: skip
        cells = {
            f"{name}:{ranking.target}": tuple(("", "0", "1")[code + 1] for code in each)
            for name, each in said.items()
        }
        return replace(scores, readings=cells)

    return describe_truths(ranking, _list_scores(data), read)


def _split_cases(data: ReportData) -> CaseTable | None:
    """With two images on which readers differ, one of unknown truth."""
    if data.cases is None:
        return None
    missed, alarm = data.cases.positives[0], data.cases.false_alarms[0]
    split = SplitCase(missed, ("ann",), ("bob",), True), SplitCase(alarm, ("bob",), ("ann",))
    return replace(data.cases, split=split, split_omitted=3)
