"""Details in evaluation.json: read back whole, and older files without them are whole as well."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from covidreport.errors import StoreError
from covidreport.storage.evaluation import SCORE_METRICS_SCHEMA
from covidreport.store import read_evaluation, read_scores, write_evaluation, write_scores
from tests.report.detailed import draw_scores, evaluate


@pytest.fixture(scope="module")
def evaluation():
    return evaluate("bce-0", draw_scores(1, 1.5))


def test_details_are_read_back_whole(tmp_path, evaluation):
    """Every record, types included; equal records are equal bytes."""
    path = write_evaluation(tmp_path, evaluation)
    assert read_evaluation(path) == evaluation
    assert write_evaluation(tmp_path / "b", evaluation).read_bytes() == path.read_bytes()
    assert json.loads(path.read_text())["details"]["schema"] == SCORE_METRICS_SCHEMA


def test_the_file_stays_small(tmp_path, evaluation):
    """An estimate is a line: two labels with five parts of the images fit into 40 kB."""
    path = write_evaluation(tmp_path, evaluation)
    assert path.stat().st_size < 40_000
    (line,) = [line for line in path.read_text().splitlines() if '"slope"' in line][:1]
    assert json.loads("{" + line.strip().rstrip(",") + "}")["slope"]["method"]


@pytest.mark.parametrize("change", ["gone", "another version"])
def test_a_file_without_them_is_a_whole_evaluation(tmp_path, evaluation, change):
    """As an earlier covidreport wrote it, or a later one whose details this one can't read."""
    path = write_evaluation(tmp_path, evaluation)
    value = json.loads(path.read_text())
    if change == "gone":
        del value["details"]
    else:
        value["details"] = {"schema": "covidreport.details/99", "odd": []}
    path.write_text(json.dumps(value))
    assert read_evaluation(path) == replace(evaluation, score_metrics=None)


def test_the_worst_group_is_found_again_in_what_was_stored(tmp_path, evaluation):
    """An earlier version named one of several groups whose rates were all equal."""
    path = write_evaluation(tmp_path, evaluation)
    value = json.loads(path.read_text())
    for found in value["details"]["subgroups"]["sex"].values():
        first, second = found["groups"]
        for name in ("counts", "specificity", "compared"):
            first[name] = second[name]
        found["worst_specificity"] = "M"
    path.write_text(json.dumps(value))
    found = read_evaluation(path).score_metrics.subgroups["sex"]["covid-19"]
    assert "specificity" in found.groups[0].compared
    assert found.worst_specificity is None


def test_broken_details_are_refused_by_name(tmp_path, evaluation):
    """A file of this version that lacks a part is no whole evaluation."""
    path = write_evaluation(tmp_path, evaluation)
    value = json.loads(path.read_text())
    del value["details"]["labels"]["normal"]["calibration"]
    path.write_text(json.dumps(value))
    with pytest.raises(StoreError, match="calibration"):
        read_evaluation(path)


def test_attributes_stand_in_the_scores_file(tmp_path):
    """A column each, null where nothing is stated; a file without them has none."""
    scores = draw_scores(1, 1.5, images=20)
    write_scores(tmp_path / "scores.parquet", scores)
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table["attribute.age"].to_pylist() == ["0 to 17"] * 7 + [None] * 13
    assert read_scores(tmp_path / "scores.parquet").attributes == scores.attributes
    write_scores(tmp_path / "old.parquet", replace(scores, attributes={}))
    assert read_scores(tmp_path / "old.parquet").attributes == {}
    single = {"view": ("PA", "") * 10}
    write_scores(tmp_path / "single.parquet", replace(scores, single=single))
    assert read_scores(tmp_path / "single.parquet").single == single
