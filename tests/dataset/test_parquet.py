from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from covidreport.dataset import guess_labels, read_dataset
from covidreport.errors import DatasetError
from tests.dataset.manifests import write_images, write_manifest


def write_parquet(folder: Path, **columns: Any) -> Path:
    """A manifest.parquet with these columns and the image files of its paths."""
    write_images(folder, *columns.get("path", []))
    table = pa.table({name.replace("__", "-"): column for name, column in columns.items()})
    pq.write_table(table, folder / "manifest.parquet")
    return folder / "manifest.parquet"


PATHS = ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    "column",
    [
        [1, 0, None],
        [1.0, 0.0, None],
        [1.0, 0.0, float("nan")],
        [True, False, None],
        ["1", "0", ""],
        pa.array(["1", "0", None]).dictionary_encode(),
        pa.array([1, 0, None], pa.int8()),
        pa.array([1, 0, None], pa.float32()),
    ],
    ids=["int", "float", "nan", "bool", "text", "dictionary", "int8", "float32"],
)
def test_truth_in_every_type_that_programs_store(tmp_path, column):
    """Whole numbers, fractions, booleans and text; null and NaN are unknown."""
    dataset = read_dataset(write_parquet(tmp_path, path=PATHS, x=column), ["x"])
    assert dataset.truth.tolist() == [[1], [0], [-1]]


def test_a_parquet_manifest_is_the_same_data_set_as_its_csv(tmp_path):
    """Numbers that pandas turned into fractions read as they stood: patient 7, not 7.0."""
    text = (
        "path,covid-19,split,patient_id,age\n"
        "a.png,1,Train,7,55\nb.png,0,test,,\nc.png,,test,8,0.5\n"
    )
    from_csv = read_dataset(write_manifest(tmp_path / "csv", text, PATHS))
    columns = {
        "covid__19": [1, 0, None],
        "split": ["Train", "test", "test"],
        "patient_id": [7.0, None, 8.0],
        "age": [55.0, None, 0.5],
    }
    (tmp_path / "parquet").mkdir()
    from_parquet = read_dataset(write_parquet(tmp_path / "parquet", path=PATHS, **columns))
    for column in ("labels", "ids", "paths", "splits", "groups", "attributes"):
        assert getattr(from_parquet, column) == getattr(from_csv, column)
    assert from_parquet.truth.tolist() == from_csv.truth.tolist()
    assert guess_labels(tmp_path / "parquet") == ("covid-19",)


def test_columns_of_bytes_or_nested_values_are_passed_over(tmp_path):
    """They can't be shown as text, so they are no attributes; dates are."""
    columns = {
        "thumbnail": [b"1", b"2", b"3"],
        "boxes": [[1], [2, 3], []],
        "taken": [datetime.date(2020, 3, 1)] * 3,
    }
    dataset = read_dataset(write_parquet(tmp_path, path=PATHS, x=[1, 0, 0], **columns))
    assert dataset.attributes == {"taken": ("2020-03-01",) * 3}


def test_faults_are_told_by_row(tmp_path):
    """Rows count from 1, as there are no lines."""
    write_images(tmp_path, *PATHS)
    table = pa.table({"path": ["a.png", "a.png", None, "gone.png"], "x": ["1", "0", "2", "1"]})
    pq.write_table(table, tmp_path / "manifest.parquet")
    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path / "manifest.parquet", ["x", "y"])
    assert caught.value.faults == (
        "schema: no column for the label 'y'; there are: path, x",
        "row 2: path 'a.png' stands on row 1 already",
        "row 3: path is empty",
        "row 3: x is '2', not 0, 1 or blank",
        "row 4: no such file: gone.png",
    )


def test_an_empty_table_is_refused(tmp_path):
    """Columns without rows hold no images."""
    manifest = write_parquet(tmp_path, path=pa.array([], pa.string()), x=pa.array([], pa.int8()))
    with pytest.raises(DatasetError, match="schema: no images"):
        read_dataset(manifest, ["x"])


def test_two_columns_of_one_name_are_refused(tmp_path):
    """Parquet allows them, and no one could say which is meant."""
    table = pa.Table.from_arrays(
        [pa.array(["a.png"]), pa.array([1]), pa.array([0])], ["path", "x", "x"]
    )
    pq.write_table(table, tmp_path / "manifest.parquet")
    with pytest.raises(DatasetError, match="schema: column 'x' stands twice"):
        read_dataset(tmp_path / "manifest.parquet")


def test_the_folders_name_adds_no_column(tmp_path):
    """`split=train/` is a folder like any other here, not a partition of a larger table."""
    (tmp_path / "split=train").mkdir()
    manifest = write_parquet(tmp_path / "split=train", path=PATHS, x=[1, 0, 0])
    assert read_dataset(manifest).splits is None


def test_a_column_may_have_dots_in_its_name(tmp_path):
    """Dots are not taken for nesting, even where columns are picked."""
    columns = {"view.position": ["PA", "AP", None], "thumbnail": [b"1", b"2", b"3"]}
    dataset = read_dataset(write_parquet(tmp_path, path=PATHS, x=[1, 0, 0], **columns))
    assert dataset.attributes == {"view.position": ("PA", "AP", "")}


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    """A suffix doesn't make a table."""
    (tmp_path / "manifest.parquet").write_bytes(b"path,x\na.png,1\n")
    with pytest.raises(DatasetError, match="not a Parquet file"):
        read_dataset(tmp_path)
