"""Sampling weights: a column of a manifest, one that `[manifest]` names, and what is no weight."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.dataset import ManifestSettings, read_dataset
from covidreport.dataset.split import take_rows
from covidreport.errors import DatasetError
from covidreport.metrics.stated import digest_units, read_stated
from covidreport.records import Scores
from covidreport.storage.scores import read_scores, stores_weights, write_scores
from tests.dataset.manifests import write_images, write_manifest

ABC = ("a.png", "b.png", "c.png")
WEIGHED = "path,covid-19,weight,view\na.png,1,0.5,PA\nb.png,0, 40 ,AP\nc.png,0,0,PA\n"


def _fault(call) -> str:
    with pytest.raises(DatasetError) as caught:
        call()
    return "; ".join(caught.value.faults)


def test_a_column_of_weights_is_no_attribute_and_goes_where_its_images_go(tmp_path):
    """Nor a label, though it holds 0 and 1 alone."""
    data = read_dataset(write_manifest(tmp_path, WEIGHED, ABC))
    assert data.weights.tolist() == [0.5, 40.0, 0.0]
    assert list(data.attributes) == ["view"]
    assert take_rows(data, [2, 0]).weights.tolist() == [0.0, 0.5]
    of_0_and_1 = WEIGHED.replace("0.5", "1").replace(" 40 ", "1")
    assert read_dataset(write_manifest(tmp_path, of_0_and_1, ABC)).labels == ("covid-19",)
    without = "path,covid-19\na.png,1\nb.png,0\nc.png,0\n"
    assert read_dataset(write_manifest(tmp_path, without, ABC)).weights is None


@pytest.mark.parametrize("cell", ["", "-1", "nan", "inf", "70 kg"])
def test_what_is_no_weight_is_refused_with_a_word_on_the_other_meaning(tmp_path, cell):
    """By line; a column of kilograms seldom is whole."""
    manifest = write_manifest(tmp_path, WEIGHED.replace(" 40 ", cell), ABC)
    fault = _fault(lambda: read_dataset(manifest))
    assert fault.startswith(f"line 3: weight is {cell!r}: sampling weights are finite numbers")
    assert "rename the column if it is another weight" in fault


def test_weights_that_are_all_0_are_refused(tmp_path):
    """No image would count."""
    manifest = write_manifest(tmp_path, WEIGHED.replace("0.5", "0").replace(" 40 ", "0"), ABC)
    assert "every weight is 0" in _fault(lambda: read_dataset(manifest))


def test_of_a_table_that_others_wrote_only_the_named_column_is_weights(tmp_path):
    """Their `weight` may be kilograms, of some images: it stays an attribute."""
    write_images(tmp_path, *ABC)
    table = tmp_path / "table.csv"
    table.write_text("path,covid-19,weight,stands for\na.png,1,70,2\nb.png,0,,5\nc.png,0,81,1\n")
    plain = read_dataset(table, manifest=ManifestSettings(path="path"))
    assert plain.weights is None
    assert plain.attributes["weight"] == ("70", "", "81")
    named = read_dataset(table, manifest=ManifestSettings(path="path", weight="stands for"))
    assert named.weights.tolist() == [2.0, 5.0, 1.0]
    assert set(named.attributes).isdisjoint({"weight", "stands for"})


def test_weights_are_stored_with_scores_and_others_are_others(tmp_path):
    """As they stand, double; without them the file and its digest are as before."""
    data = read_dataset(write_manifest(tmp_path, WEIGHED, ABC))
    plain = replace(data, weights=None)
    scores = Scores(
        data.ids, data.labels, data.truth, np.full((3, 1), 0.5, np.float32), "sigmoid", (None,) * 3,
        **read_stated(data).fields,
    )  # fmt: skip
    file = tmp_path / "scores.parquet"
    write_scores(file, scores)
    assert stores_weights(file)
    assert read_scores(file).weights.tolist() == [0.5, 40.0, 0.0]
    write_scores(file, replace(scores, weights=None))
    assert not stores_weights(file)
    assert read_scores(file).weights is None
    digests = [digest_units(read_stated(each)) for each in (data, plain)]
    assert digests[0] != digests[1] == digest_units(replace(scores, weights=None))
