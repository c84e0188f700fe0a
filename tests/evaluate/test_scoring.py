"""Stored scores looked at again: in the order of today's data, and refused where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.scoring import score_stored, take_units
from covidreport.evaluate.tune import TuneRequest, tune_folders
from covidreport.metrics import Target
from covidreport.records import Dataset, Scores
from covidreport.storage.runs import read_evaluations
from tests.evaluate.scored import write_scored_run


def test_scores_are_taken_in_the_order_of_the_data_with_its_patients():
    """Three images, of which the second failed, in another order today."""
    stored = Scores(
        sample_ids=("a", "b", "c"),
        labels=("covid-19",),
        truth=np.array([[1], [0], [0]], np.int8),
        scores=np.array([[0.9], [np.nan], [0.2]], np.float32),
        activation="sigmoid",
        reasons=(None, "is truncated", None),
        groups=("old", "old", "old"),
    )
    today = Dataset(
        "d", Path(), Path(), ("covid-19",), ("c", "a", "b"), ("c", "a", "b"),
        np.array([[0], [1], [0]], np.int8), groups=("p1", "p2", "p1"),
        attributes={"view": ("AP", "PA", "AP"), "source": ("A", "", "A")},
    )  # fmt: skip
    taken = take_units(stored, today)
    assert taken.sample_ids == ("c", "a", "b")
    assert taken.truth[:, 0].tolist() == [0, 1, 0]
    assert taken.scores[:2, 0].tolist() == pytest.approx([0.2, 0.9])
    assert np.isnan(taken.scores[2, 0])
    assert taken.reasons == (None, None, "is truncated")
    assert taken.groups == ("p1", "p2", "p1")
    assert taken.attributes == {"view": ("AP", "PA", "AP")}
    assert taken.single == {"source": ("A", "", "A")}


def test_counts_alone_can_not_be_scored_again(tmp_path):
    run = write_scored_run(tmp_path / "a", "validation", [0.9, 0.2], [0.1])
    ((evaluation,), _) = read_evaluations(run)
    counted = replace(evaluation, has_scores=False)
    with pytest.raises(StoreError, match="cxr-validation holds counts and no scores"):
        score_stored(run, counted, EvaluateOptions(), write=False)


def test_a_split_without_evaluation_is_told_with_those_that_there_are(tmp_path):
    runs = [
        write_scored_run(tmp_path / name, split, [0.9, 0.2], [0.1])
        for name, split in (("a", "validation"), ("b", "tuning"))
    ]
    tuned = tune_folders(runs, TuneRequest(Target("sensitivity", 0.5), "tuning"))
    (fault,) = tuned.faults
    assert fault.run == "a"
    assert "it was evaluated on cxr validation" in fault.reason
