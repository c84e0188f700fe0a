"""The comparison table of the 2020 study, from its counts, by our metrics."""

from __future__ import annotations

import math

import pytest

from covidreport.metrics import estimate_counts
from tests.metrics.study import STUDY, read_study

RUNS = read_study()
CELLS = [
    (number, split, figure, decimals)
    for number in map(str, range(1, 19))
    for split in ("train", "validation")
    for figure, decimals in (("accuracy", 4), ("f1", 3))
]
WRONG = ("18", "train", "f1")
METRIC = {"accuracy": "label_accuracy", "f1": "micro_f1"}


def _cut(number: str, split: str, figure: str, decimals: int) -> str:
    """Our figure from the counts, cut to so many decimals of a fraction."""
    run = RUNS[number]
    assert run.evaluation is not None
    (evaluation,) = (each for each in (run.evaluation, *run.others) if each.split == split)
    value = estimate_counts(evaluation.counts)[""][METRIC[figure]].value
    assert value is not None
    # 1e-9 for figures that are a cut value exactly, such as 0.8165 = 0.81649999… in binary
    return f"{math.floor(value * 10**decimals + 1e-9) / 10**decimals:.{decimals}f}"


@pytest.mark.parametrize(
    ("number", "split", "figure", "decimals"), [cell for cell in CELLS if cell[:3] != WRONG]
)
def test_the_counts_give_the_printed_figure(number, split, figure, decimals):
    """71 of the table's 72 cells: accuracy to 0.01 %, F1 to three decimals, both cut."""
    printed = RUNS[number].run.settings["published"][f"{split}_{figure}"]
    assert _cut(number, split, figure, decimals) == f"{printed:.{decimals}f}"


def test_one_printed_figure_is_wrong():
    """Experiment 18's training F1: the counts give 0.807, the table says 0.801."""
    assert RUNS["18"].run.settings["published"]["train_f1"] == 0.801
    assert _cut("18", "train", "f1", 3) == "0.807"


def test_the_study_has_18_runs_with_both_splits_and_no_model_or_scores():
    """Counts alone: 6200 training and 628 validation images in every run."""
    assert len(RUNS) == len(list(STUDY.iterdir())) == 18
    for run in RUNS.values():
        assert run.evaluation is not None
        assert (run.evaluation.n_images, run.others[0].n_images) == (628, 6200)
        assert not run.evaluation.has_scores
        assert run.run.model is None


def test_the_recorded_history_is_in_fractions():
    """Experiment 1's first epoch: 83.1 % and 78.2 %, last batch's loss -0.026861."""
    first = RUNS["1"].run.history[0]
    assert first.epoch == 1
    assert first.values == {
        "train_accuracy": 0.831,
        "validation_accuracy": 0.782,
        "last_batch_loss": -0.026861,
    }
    assert [len(RUNS[number].run.history) for number in ("1", "4", "5", "18")] == [20, 20, 10, 10]


def test_every_run_says_what_it_ran():
    """Names, blocks and descriptions are whole, and frozen layers are those that really were."""
    for number, run in RUNS.items():
        assert run.run.name == run.run.folder.name
        assert run.run.name.startswith(f"exp{number}-{run.run.hyperparameters['architecture']}-")
        assert run.run.block in {"1", "2", "3", "4", "4b"}
        assert run.run.description
    frozen = {number for number, run in RUNS.items() if run.run.hyperparameters["frozen"]}
    assert frozen == {"15", "17"}
    left_out = {number for number, run in RUNS.items() if not run.run.settings["in_report"]}
    assert left_out == {"9", "10", "12", "17"}
