"""Data in a store of objects give the same evaluation, byte for byte, and its faults are told."""

from __future__ import annotations

import json
import shutil

import pytest

from covidreport.storage import objects
from covidreport.storage.scores import read_scores
from covidreport.storage.store_errors import name_error
from tests.cli.command import write_study
from tests.objects import BUCKET, serve_objects

DATA = f"s3://{BUCKET}/data"


@pytest.fixture
def store(monkeypatch):
    with serve_objects(monkeypatch) as served:
        yield served


@pytest.fixture
def study(tmp_path, store):
    """A run, and its data in the bucket alone."""
    write_study(tmp_path, a=100)
    store.put_folder(tmp_path / "data", "data")
    shutil.copytree(tmp_path / "runs", tmp_path / "here" / "runs")
    return tmp_path


def _read_evaluation(folder):
    (found,) = (folder / "a" / "evaluations").iterdir()
    evaluation = json.loads((found / "evaluation.json").read_text())
    del evaluation["timing"]
    return (found / "scores.parquet").read_bytes(), evaluation


def _count_reads(monkeypatch):
    read, found = objects.read_object, []

    def count(address, most_bytes):
        found.append(address.rpartition("/")[2])
        return read(address, most_bytes)

    monkeypatch.setattr(objects, "read_object", count)
    return found


def test_an_evaluation_is_that_of_the_same_files_here(covidreport, study):
    """But for where the data lie and the digest of that, which is all that may differ."""
    assert covidreport("evaluate", "here/runs", "--data", "data").code == 0
    shutil.rmtree(study / "data")
    done = covidreport("evaluate", "runs", "--data", DATA)
    assert (done.code, "a-secret" in done.out + done.err) == (0, False)
    (here_scores, here), (scores, there) = map(
        _read_evaluation, (study / "here/runs", study / "runs")
    )
    assert scores == here_scores
    assert there["provenance"]["data"]["source"] == f"{DATA}/manifest.csv"
    for each in (here, there):
        for name in ("source", "source_digest"):
            each["provenance"]["data"].pop(name, None)
        each["provenance"].pop("key", None)
    assert there == here


def test_objects_are_read_again_once_their_etag_is_another(covidreport, store, study, monkeypatch):
    """Unchanged ones are known by it, whatever time they were put at; a changed one counts."""
    words = ("evaluate", "runs", "--data", f"{DATA}/manifest.csv")
    assert covidreport(*words).code == 0
    store.put_folder(study / "data", "data")  # the same bytes at a later time
    monkeypatch.setattr(objects, "_MOST_LOOKED_UP", 0)  # and by a list as by a look-up
    reads = _count_reads(monkeypatch)
    done = covidreport(*words)
    assert "1 of 1 run is unchanged" in done.err
    assert reads == []
    store.put("data/000.png", (study / "data" / "004.png").read_bytes())
    done = covidreport(*words)
    assert done.code == 0
    assert "unchanged" not in done.err
    # for its digest and for its pixels; pixels are cached for all images of a data set together
    assert (reads.count("000.png"), reads.count("001.png")) == (2, 1)


def test_a_manifest_here_may_name_objects(covidreport, store, study):
    """Ids are keys of the bucket; a row of this machine among them is refused."""
    lines = (study / "data" / "manifest.csv").read_text().splitlines()
    named = [lines[0], *(f"{DATA}/{line}" for line in lines[1:])]
    manifest = study / "named.csv"
    manifest.write_text("\n".join(named))
    assert covidreport("evaluate", "runs", "--data", manifest).code == 0
    assert covidreport("evaluate", "here/runs", "--data", "data").code == 0
    manifest.write_text("\n".join([*named[:6], lines[6], lines[7].replace("006", "s3://other/6")]))
    done = covidreport("evaluate", "runs", "--data", manifest)
    assert done.code == 2
    assert "line 7: no such file: 005.png" in done.err
    assert "line 8: path s3://other/6.png lies elsewhere than the other images" in done.err


def test_a_missing_object_is_named_before_anything_runs(covidreport, store, study):
    store.client.delete_object(Bucket=BUCKET, Key="data/001.png")
    done = covidreport("evaluate", "runs", "--data", DATA)
    assert done.code == 2
    assert f"{DATA}/manifest.csv" in done.err
    assert "line 3: no such file: 001.png" in done.err
    assert "not evaluated" not in done.err


def test_an_object_that_is_no_image_or_may_not_be_read_fails_alone(
    covidreport, store, study, monkeypatch
):
    """The others are scored; the reason is told."""
    store.put("data/000.png", b"")
    read = objects.read_object

    def refuse(address, most_bytes):
        if address.endswith("001.png"):
            raise name_error(address, PermissionError("Forbidden"))
        return read(address, most_bytes)

    monkeypatch.setattr(objects, "read_object", refuse)
    assert covidreport("evaluate", "runs", "--data", DATA, "--max-failed-share", "0.5").code == 0
    scores = read_scores(study / "runs/a/evaluations/data-validation/scores.parquet")
    assert scores.reasons == (
        "the file is empty", "cannot be read: the store gives no permission", *[None] * 5
    )  # fmt: skip


def test_a_store_that_is_gone_ends_the_command_and_loses_nothing(
    covidreport, store, study, monkeypatch
):
    """Exit code 3, one message, no evaluation of half of the images; what stood stands."""
    assert covidreport("evaluate", "runs", "--data", DATA).code == 0
    before = _read_evaluation(study / "runs")
    read, left = objects.read_object, [10]

    def stop(address, most_bytes):
        left[0] -= 1
        if left[0] == 0:
            store.stop()
        return read(address, most_bytes)

    monkeypatch.setattr(objects, "read_object", stop)
    done = covidreport("evaluate", "runs", "--data", DATA, "--force", "--no-cache")
    assert done.code == 3
    assert f"s3://{BUCKET}: does not answer" in done.err
    assert "Traceback" not in done.err
    assert _read_evaluation(study / "runs") == before
    assert covidreport("evaluate", "runs", "--data", DATA).code == 3


def test_credentials_in_an_address_are_refused_and_not_repeated(covidreport, study):
    for place in ("s3://me:a-secret@clinic/data", f"{DATA}/manifest.csv?X-Amz-Signature=a-secret"):
        done = covidreport("evaluate", "runs", "--data", place)
        assert done.code == 2
        assert "was given with credentials" in done.err
        assert "a-secret" not in done.out + done.err
