"""Marks for an uncertain truth: unknown where they are named, refused where they are not."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covidreport.dataset import guess_labels, read_dataset
from covidreport.errors import DatasetError, UsageError
from tests.dataset.manifests import write_images, write_manifest

THREE = ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("cell", ["?", " ? ", "U", "u", "-1", "-1.0", "-1.00"])
def test_a_named_mark_is_unknown_as_a_blank_is(tmp_path, cell):
    """Upper and lower case are the same, and so are -1 and -1.0."""
    manifest = write_manifest(tmp_path, f"path,x\na.png,1\nb.png,{cell}\nc.png,\n", THREE)
    dataset = read_dataset(manifest, ["x"], uncertain=["?", "u", "-1"])
    assert dataset.truth[:, 0].tolist() == [1, -1, -1]


def test_a_number_in_parquet_is_the_same_mark(tmp_path):
    """Stored as -1.0, as CheXpert's labels are."""
    write_images(tmp_path, *THREE)
    pq.write_table(pa.table({"path": THREE, "x": [1.0, -1.0, None]}), tmp_path / "manifest.parquet")
    dataset = read_dataset(tmp_path, ["x"], uncertain=["-1"])
    assert dataset.truth[:, 0].tolist() == [1, -1, -1]


@pytest.mark.parametrize("cell", ["?", "u", "-1", "-1.0", "nan", "Uncertain"])
def test_a_mark_that_nobody_named_is_refused_and_the_way_out_is_said(tmp_path, cell):
    """It is never taken for unknown, nor for negative, by itself."""
    manifest = write_manifest(tmp_path, f"path,x\na.png,1\nb.png,{cell}\nc.png,0\n", THREE)
    with pytest.raises(DatasetError) as caught:
        read_dataset(manifest, ["x"])
    assert caught.value.faults == (
        f"line 3: x is {cell!r}, not 0, 1 or blank; if it marks an uncertain label, configure "
        f'uncertain = ["{cell}"]',
    )


def test_beside_named_marks_the_message_lists_them(tmp_path):
    """Another mark than the named one is still refused."""
    manifest = write_manifest(tmp_path, "path,x\na.png,1\nb.png,?\nc.png,u\n", THREE)
    with pytest.raises(DatasetError, match=r"line 4: x is 'u', not 0, 1, blank or an uncertain"):
        read_dataset(manifest, ["x"], uncertain=["?"])


@pytest.mark.parametrize("mark", ["0", "1", "TRUE", "false", "1.0"])
def test_a_mark_that_means_yes_or_no_is_refused(tmp_path, mark):
    """It would turn all known truth into unknown."""
    manifest = write_manifest(tmp_path, "path,x\na.png,1\nb.png,0\nc.png,0\n", THREE)
    with pytest.raises(UsageError, match=r"can't mark an uncertain label: it means (yes|no)"):
        read_dataset(manifest, ["x"], uncertain=["?", mark])


def test_a_column_with_marks_is_guessed_to_be_a_label_where_they_are_named(tmp_path):
    """Without the name it is an attribute."""
    text = "path,x,y\na.png,1,1\nb.png,-1,0\nc.png,0,0\n"
    manifest = write_manifest(tmp_path, text, THREE)
    assert guess_labels(manifest) == ("y",)
    assert guess_labels(manifest, ["-1"]) == ("x", "y")
    assert read_dataset(manifest, uncertain=["-1"]).labels == ("x", "y")
