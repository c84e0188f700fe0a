"""Experiments of two studies by number: what was changed, and what became of their figures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from covidreport.records import Scores
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_json, render_markdown
from covidreport.storage.runs import discover_runs
from covidreport.store import write_run
from tests.report.scored_runs import LABELS, evaluate, write_scored

N, POSITIVES = 60, 30
AS_RUN = {"train_labels": "pneumonia-counts-as-covid-19", "train_split": "train"}
CORRECTED = {"train_labels": "as-given", "train_split": "train"}


def _answer(missed: int, alarms: int) -> Scores:
    """The first positives are missed, and the first negatives called; one patient an image."""
    truth = np.zeros((N, 3), np.int8)
    truth[:POSITIVES, 0] = 1
    truth[POSITIVES:, 1] = 1
    values = np.full((N, 3), -1.0, np.float32)
    values[missed:POSITIVES, 0] = 1
    values[POSITIVES : POSITIVES + alarms, 0] = 1
    values += np.linspace(0, 0.01, N, dtype=np.float32)[:, None]
    names = tuple(f"{i}.png" for i in range(N))
    return Scores(names, LABELS, truth, values, "logit", (None,) * N, None, {})


def _write(folder, study, number, missed, alarms, data, **hyperparameters):
    name = f"exp{number}-{study}"
    write_run(
        folder / name,
        {
            "name": name, "study": study, "experiment": number, "data": data,
            "hyperparameters": {"architecture": "vgg16", **hyperparameters},
        },
    )  # fmt: skip
    scores = _answer(missed, alarms)
    write_scored(folder / name, evaluate(name, scores), scores)


def _collect(folder):
    return collect_report(discover_runs([folder]), ReportChoices("covid-19", 0.5))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three experiments in both, of which two lost another fault too, and one in the first."""
    folder = tmp_path_factory.mktemp("studies")
    _write(folder, "as-run", 1, 18, 5, AS_RUN, loss="wrong")
    _write(folder, "as-run", 2, 10, 5, AS_RUN, loss="bce")
    _write(folder, "as-run", 3, 9, 5, AS_RUN, loss="wrong")
    _write(folder, "as-run", 4, 3, 5, AS_RUN, loss="wrong")
    _write(folder, "corrected", 1, 6, 5, CORRECTED, loss="focal")
    _write(folder, "corrected", 2, 10, 5, CORRECTED, loss="bce")
    _write(folder, "corrected", 3, 11, 12, CORRECTED, loss="focal")
    return _collect(folder)


def test_experiments_are_paired_by_number_with_what_was_changed(data):
    """What changed in all is said once."""
    (studies,) = data.paired_studies

    assert (studies.first, studies.second) == ("as-run", "corrected")
    assert studies.changed == {"train_labels": ("pneumonia-counts-as-covid-19", "as-given")}
    assert [(each.experiment, each.changed) for each in studies.pairs] == [
        ("1", {"loss": ("wrong", "focal")}), ("2", {}), ("3", {"loss": ("wrong", "focal")}),
    ]  # fmt: skip
    assert studies.alone == ("exp4-as-run",)


def test_differences_are_tested_and_adjusted_over_the_experiments_alone(data):
    """McNemar by hand: 12 to 0 is 2 / 2^12, 0 to 0 is 1, 0 to 2 is 0.5, and times 3, 1 and 2 by
    Holm; of false alarms 0 to 7 is 2 / 2^7."""
    (studies,) = data.paired_studies
    found = [each.sensitivity for each in studies.pairs]

    assert [each.difference for each in found] == pytest.approx([12 / 30, 0, -2 / 30])
    assert [each.p_value for each in found] == pytest.approx([2 / 2**12, 1, 0.5])
    assert [each.adjusted_p_value for each in found] == pytest.approx([6 / 2**12, 1, 1])
    assert studies.pairs[2].specificity.difference == pytest.approx(-7 / 30)
    assert studies.pairs[2].specificity.p_value == pytest.approx(2 / 2**7)


def test_the_report_says_it(data):
    """Which run is first in each study, and how many experiments miss significantly fewer."""
    text = render_markdown(data)
    part = text[text.index("## Experiment by experiment") :]

    assert "3 experiments of as-run beside those of corrected with the same number." in part
    assert "Of as-run 3 of 3 runs have a rank; first of them is exp3-as-run, with 9" in part
    assert "Of corrected 3 of 3 runs have a rank; first of them is exp1-corrected, with 6" in part
    assert "1 of 3 miss significantly fewer COVID-19 images in the second study, and 0" in part
    assert "- In every experiment: train labels pneumonia-counts-as-covid-19 → as-given." in part
    assert "- Besides in experiments 1 and 3: loss wrong → focal." in part
    assert "for COVID-19: missed of 30, false alarms of 30" in part
    assert "| No. 1 | 18 | 5 | 6 | 5 | \\+0.400 (95 % CI" in part
    assert "| No. 2 | 10 | 5 | 10 | 5 | 0.000 (95 % CI" in part
    assert "Without one run of the same number in the other study: exp4-as-run." in part
    (studies,) = json.loads(render_json(data))["paired_studies"]
    assert studies["pairs"][0]["sensitivity"]["only_second"] == 12


def test_runs_of_one_study_have_no_such_section(tmp_path):
    """Nor those of two that share no number, or have one several times."""
    _write(tmp_path, "as-run", 1, 18, 5, AS_RUN)
    _write(tmp_path, "corrected", 2, 10, 5, CORRECTED)
    data = _collect(tmp_path)

    assert data.paired_studies == ()
    assert "Experiment by experiment" not in render_markdown(data)


def test_a_run_without_a_rank_is_never_the_one_that_misses_fewest(tmp_path):
    """One calls everything positive, and another nothing: their difference is not said to be one of
    quality."""
    _write(tmp_path, "as-run", 1, 0, 30, AS_RUN)
    _write(tmp_path, "as-run", 2, 9, 5, AS_RUN)
    _write(tmp_path, "corrected", 1, 30, 0, CORRECTED)
    _write(tmp_path, "corrected", 2, 30, 0, CORRECTED)
    text = render_markdown(_collect(tmp_path))
    part = text[text.index("## Experiment by experiment") :]

    assert "Of as-run 1 of 2 runs has a rank; first of them is exp2-as-run, with 9 missed" in part
    assert "Of corrected no run has a rank." in part
    assert "significantly" not in part[: part.index("What was changed")]
    assert "not which is better" in part
    assert "| No. 1 (no rank: both) | 0 | 30 | 30 | 0 |" in part
    assert "| No. 2 (no rank: second) |" in part
