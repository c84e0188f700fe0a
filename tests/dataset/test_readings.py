"""Several readers' truth: columns of a manifest, rows of a table, and a table beside it."""

from __future__ import annotations

import numpy as np
import pytest

from covidreport.dataset import ManifestSettings, read_dataset
from covidreport.dataset.layout import Join
from covidreport.errors import DatasetError, UsageError
from covidreport.metrics import group_values
from covidreport.metrics.readings import list_readings, take_readings
from covidreport.records import Scores
from covidreport.storage.scores import read_scores, write_scores
from tests.dataset.manifests import write_images, write_manifest

ABC = ("a.png", "b.png", "c.png")
LONG = """image,who,covid-19
a.png,ann,1
a.png,bob,1
a.png,cy,0
b.png,ann,0
b.png,cy,1
c.png,bob,0
"""


def _fault(call) -> str:
    with pytest.raises(DatasetError) as caught:
        call()
    return "; ".join(caught.value.faults)


def _codes(data, label="covid-19"):
    found = take_readings(list_readings(data.attributes), label)
    return {reader: codes.tolist() for reader, codes in found.items()}


def test_columns_of_readers_are_truth_and_no_labels(tmp_path):
    """Of the label that they name; a blank is not read. They make no subgroups."""
    text = (
        "path,covid-19,reader:ann:covid-19,reader:b c:covid-19,reader:ann:tb,tb,view\n"
        "a.png,1,1.0,0,0,1,PA\nb.png,0,0,,1,0,AP\nc.png,0,true,1,,0,PA\n"
    )
    data = read_dataset(write_manifest(tmp_path, text, ABC))
    assert data.labels == ("covid-19", "tb")
    assert _codes(data) == {"ann": [1, 0, 1], "b c": [0, -1, 1]}
    assert _codes(data, "tb") == {"ann": [0, 1, -1]}
    assert list(group_values(data.attributes)) == ["view"]


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("reader:ann", "1", "is named reader:NAME:LABEL, such as reader:ann:covid-19"),
        ("reader:ann:covid19", "1", "reads 'covid19', which is no column of a label"),
        ("reader:ann:covid-19", "?", "line 3: reader:ann:covid-19 is '?', not 0, 1 or blank"),
    ],
)
def test_a_column_that_says_nothing_of_a_label_is_refused(tmp_path, column, cell, said):
    """With its name, or its line."""
    text = f"path,covid-19,{column}\na.png,1,1\nb.png,0,{cell}\n"
    assert said in _fault(lambda: read_dataset(write_manifest(tmp_path, text, ABC)))


def test_rows_of_readers_are_their_majority_and_each_readers_own(tmp_path):
    """As many for as against is unknown; an image that a reader has no row of is not read."""
    write_images(tmp_path, *ABC)
    (tmp_path / "t.csv").write_text(LONG)
    words = ManifestSettings(path="image", rows="majority", reader="who")
    data = read_dataset(tmp_path / "t.csv", manifest=words)
    assert data.truth[:, 0].tolist() == [1, -1, 0]
    assert _codes(data) == {"ann": [1, 0, -1], "bob": [1, -1, 0], "cy": [0, 1, -1]}
    (tmp_path / "t.csv").write_text(f"{LONG}a.png,ann,0\n")
    said = _fault(lambda: read_dataset(tmp_path / "t.csv", manifest=words))
    assert "reader:ann:covid-19 of a.png is both 0 and 1" in said
    with pytest.raises(UsageError, match="`rows` does not say how rows are one"):
        read_dataset(tmp_path / "t.csv", manifest=ManifestSettings(reader="who"))


def test_a_table_of_readings_stands_beside_a_manifest(tmp_path):
    """Whose truth stays its own; of columns those that are named, spelt as the label is."""
    write_manifest(tmp_path, "path,COVID-19\na.png,1\nb.png,1\nc.png,0\n", ABC)
    (tmp_path / "r.csv").write_text(LONG)
    join = Join("r.csv", {"path": "image"}, reader="who", only=("covid-19",))
    words = ManifestSettings(join=(join,))
    data = read_dataset(tmp_path / "manifest.csv", manifest=words)
    assert data.truth[:, 0].tolist() == [1, 1, 0]
    assert _codes(data) == {"ann": [1, 0, -1], "bob": [1, -1, 0], "cy": [0, 1, -1]}
    assert len(data.attributes) == 3
    (tmp_path / "r.csv").write_text(f"{LONG}c.png,bob,1\nc.png,,1\n")
    said = _fault(lambda: read_dataset(tmp_path / "manifest.csv", manifest=words))
    assert "line 8: bob read c.png before, and otherwise" in said
    assert "line 9: who is blank: who read c.png?" in said


def test_readings_are_stored_with_scores(tmp_path):
    """As they were; a file without them has none."""
    scores = Scores(
        ABC, ("x",), np.array([[1], [0], [1]], np.int8), np.zeros((3, 1), np.float32), "sigmoid",
        (None,) * 3, readings={"a:b.c:x": ("1", "0", "")},
    )  # fmt: skip
    write_scores(tmp_path / "scores.parquet", scores)
    found = read_scores(tmp_path / "scores.parquet").readings
    assert found == {"a:b.c:x": ("1", "0", "")}
