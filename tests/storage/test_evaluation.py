"""An evaluation.json that holds something else than its records say is refused."""

from __future__ import annotations

import json
import math
import os

import pytest

from covidreport.errors import StoreError
from covidreport.store import check_scores, read_evaluation, read_scores
from tests.damage import change_json
from tests.evaluate.scored import write_scored_run


@pytest.fixture
def file(tmp_path):
    """One evaluation, as it is written."""
    run = write_scored_run(tmp_path / "a", "validation", [0.9, 0.2], [0.1, 0.7])
    (file,) = run.folder.glob("evaluations/*/evaluation.json")
    return file


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("n_images", "7", "Expected `int`, got `str` - at `$.n_images`"),
        ("thresholds", "x", "at `$.thresholds`"),
        ("thresholds", {"covid-19": None}, "at `$.thresholds"),
        ("counts", [], "Expected `object`, got `array` - at `$.counts`"),
        ("counts", {}, "Counts of other labels"),
        ("counts.covid-19.fn", -1, "Expected `int` >= 0 - at `$.counts"),
        ("counts.covid-19.fn", 2.5, "Expected `int`, got `float` - at `$.counts"),
        ("counts.covid-19.tp", 2**60, "at `$.counts"),
        ("estimates", {"covid-19": {"f1": {"value": "x"}}}, "at `$.estimates"),
        ("estimates", {"covid-19": {"f1": {"value": float("inf")}}}, "A number without end"),
        ("details.labels.covid-19.ppv.value", math.nan, "without end - at `$.details.labels"),
        ("provenance.x", math.nan, "A number without end - at `$.provenance.x`"),
        ("provenance", {"tuning": {"targets": [1]}}, "at `$.provenance.tuning.targets`"),
        ("provenance", 5, "at `$.provenance`"),
        ("provenance", {"model": {"sha256": []}}, "at `$.provenance.model.sha256`"),
        ("provenance", {"machine": [1]}, "at `$.provenance.machine`"),
        ("timing", {"finished": 5}, "at `$.timing.finished`"),
        ("run", None, "Expected `str`, got `null` - at `$.run`"),
        ("failures", [{"subject": 1, "stage": "read", "reason": "x"}], "at `$.failures"),
    ],
)
def test_a_field_of_another_kind_is_refused_with_its_path(file, path, value, words):
    """The way out is said, since only a model can tell what was meant."""
    change_json(file, path, value)
    with pytest.raises(StoreError, match="run `covidreport evaluate` again") as refused:
        read_evaluation(file)
    assert words in str(refused.value)


def test_what_is_not_known_is_ignored(file):
    """A newer covidreport may have written more."""
    document = json.loads(file.read_text())
    document["newer"] = 5
    document["provenance"]["newer"] = [1]
    document["counts"]["covid-19"]["newer"] = 1
    document["estimates"]["covid-19"]["sensitivity"]["newer"] = 1
    file.write_text(json.dumps(document))
    assert read_evaluation(file).provenance["newer"] == [1]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_json_that_python_chokes_on_is_refused(file, text):
    """Nested too deeply, or a number without end."""
    file.write_text(text)
    with pytest.raises(StoreError, match=r"nested too deeply|is not valid JSON"):
        read_evaluation(file)


def test_scores_that_are_a_pipe_hold_nobody_up(tmp_path):
    """They are named, by the look that is quick and by the one that reads."""
    os.mkfifo(tmp_path / "scores.parquet")
    for look in (check_scores, read_scores):
        with pytest.raises(StoreError, match="is a pipe, and a file is wanted"):
            look(tmp_path / "scores.parquet")
