"""Scores that several parts of a report want are read once and held once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.compare import CachingReader, reading
from covidreport.errors import StoreError
from covidreport.records import Scores
from covidreport.store import ScoresReader, read_scores, write_scores
from tests.compare.cases import compare, comparisons, draw_scores, write_all

FIRST = Scores(
    sample_ids=("a", "b", "c"),
    labels=("covid-19", "normal"),
    truth=np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.int8),
    scores=np.array([[2.5, 0.0], [np.nan, np.nan], [-1.0, 3.0]], dtype=np.float32),
    activation="logit",
    reasons=(None, "is truncated", None),
    groups=("x", "x", "y"),
    attributes={"sex": ("F", "", "M")},
)
SECOND = replace(
    FIRST,
    scores=np.array([[1.5, 1.0], [0.0, 0.5], [-2.0, 1.0]], dtype=np.float32),
    reasons=(None, None, None),
)
OTHER = replace(SECOND, sample_ids=("a", "b", "d"), attributes={"sex": ("F", "M", "M")})


@pytest.fixture
def files(tmp_path):
    """A file for each of the three."""
    places = [tmp_path / name for name in ("first", "second", "other")]
    for place, scores in zip(places, (FIRST, SECOND, OTHER), strict=True):
        write_scores(place, scores)
    return places


def test_what_is_read_is_what_stands_in_the_file(files):
    """Sharing mixes up no two runs: every field is that of `read_scores`."""
    read = CachingReader()
    for file in files:
        ours, theirs = read(file), read_scores(file)
        for name in Scores.__struct_fields__:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("first", [True, False])
def test_what_only_one_file_has_is_shared_with_none(tmp_path, first):
    """As where one was written by an earlier version: ages are in the other alone."""
    ages = np.array([50, -1, 7], np.int16)
    both = [replace(FIRST, ages=ages), SECOND]
    for place, scores in enumerate(both if first else both[::-1]):
        write_scores(tmp_path / str(place), scores)
    read = CachingReader()
    got = [read(tmp_path / str(place)).ages for place in (0, 1)]
    np.testing.assert_array_equal(got[0 if first else 1], ages)
    assert got[1 if first else 0] is None


def _note(opened: list[Path], file: Path) -> Path:
    opened.append(file)
    return file


def test_a_file_is_opened_at_its_first_call_alone(files, monkeypatch):
    """Two rounds over three files are three readings."""
    opened: list[Path] = []
    monkeypatch.setattr(
        reading, "ScoresReader", lambda: lambda file: read_scores(_note(opened, file))
    )
    read = CachingReader()
    for file in (*files, *files):
        read(file)

    assert opened == files


@pytest.mark.made_anew
def test_a_ranking_with_patients_and_comparisons_opens_each_file_once(tmp_path, monkeypatch):
    """Whoever ranks runs and names no reader."""
    opened: list[Path] = []
    monkeypatch.setattr(
        reading, "ScoresReader", lambda: lambda file: read_scores(_note(opened, file))
    )
    truth, scores = draw_scores(3)
    ranking = compare(
        write_all(tmp_path, truth, scores, groups=[f"p{i // 2}" for i in range(truth.size)])
    )

    assert [row.patients is not None for row in ranking.rows] == [True] * 3
    assert comparisons(ranking).basis == "scores"
    assert len(opened) == len(set(opened)) == 3


def test_what_runs_have_in_common_is_held_once(files):
    """Ids, truth, patients and attributes of a hundred runs take the memory of one run's."""
    read = CachingReader()
    first, second, other = map(read, files)

    for name in ("sample_ids", "labels", "truth", "groups", "attributes"):
        assert getattr(second, name) is getattr(first, name)
    assert second.scores is not first.scores
    assert other.sample_ids is not first.sample_ids
    assert other.truth is first.truth


def test_a_broken_file_is_refused_at_every_call(files):
    """The error is not kept in place of scores."""
    files[0].write_bytes(b"PAR1 and no more")
    read = CachingReader()
    for _ in range(2):
        with pytest.raises(StoreError, match="can't be read as Parquet"):
            read(files[0])


def test_columns_of_the_same_bytes_are_decoded_once(files, monkeypatch):
    """Of the second run's file its own columns alone are read; the third has other images."""
    import pyarrow.parquet as pq

    asked: list[list[str]] = []
    plain = pq.ParquetFile.read

    def read(self, columns=None, **options):
        asked.append(columns)
        return plain(self, columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "read", read)
    for file in map(CachingReader(), files):
        assert file.labels == FIRST.labels
    own = ["score.covid-19", "score.normal"]
    assert set(asked[0]) > {*own, "sample_id", "group", "failure"}
    assert asked[1] == [*own, "failure"]
    assert asked[2] == ["sample_id", *own, "attribute.sex"]


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("normal", "covid-19")},
        {"truth": np.array([[1, 0], [1, 0], [-1, 0]], dtype=np.int8)},
        {"groups": ("x", "y", "y")},
        {"groups": None},
        {"attributes": {"sex": ("F", "M", "M")}},
        {"attributes": {"view": ("F", "", "M")}},
        {"attributes": {}, "single": {"sex": ("F", "", "F")}},
        {"ages": np.array([50, -1, 7], np.int16)},
        {"pictures": np.arange(18, dtype=np.float32).reshape(3, 6)},
        {"weights": np.array([1.0, 2.0, 0.5])},
        {"folds": ("1", "2", "1")},
        {"readings": {"reader:a:covid-19": ("1", "0", "")}},
        {"scores": FIRST.scores.astype(np.float64)},
        {"activation": "sigmoid"},
    ],
    ids=lambda change: " ".join(change),
)
@pytest.mark.parametrize("turned", [False, True])
def test_one_reader_reads_what_another_one_would(tmp_path, change, turned):
    """Whatever a file has otherwise than the one before: nothing of that is taken for the same."""
    both = [FIRST, replace(FIRST, **change)]
    reader = ScoresReader()
    for place, scores in enumerate(both[::-1] if turned else both):
        write_scores(tmp_path / str(place), scores)
        ours, theirs = reader(tmp_path / str(place)), read_scores(tmp_path / str(place))
        for name in Scores.__struct_fields__:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), strict=True)
            assert type(getattr(ours, name)) is type(getattr(theirs, name))
