"""Run folders in a store of objects: evaluated and rendered as the same ones here."""

from __future__ import annotations

import json

import pytest

from covidreport.errors import UnreachableError
from covidreport.storage import copies, objects
from tests.cli.command import write_model, write_project
from tests.objects import BUCKET, list_files, serve_objects

RUNS = f"s3://{BUCKET}/models/runs"


@pytest.fixture
def store(monkeypatch):
    with serve_objects(monkeypatch) as served:
        yield served


@pytest.fixture
def study(tmp_path, store):
    """Two runs in the bucket and the same here, in `runs`; their data are here."""
    write_project(tmp_path, a=85, b=100)
    store.put_folder(tmp_path / "runs", "models/runs")
    return tmp_path


def _read(files):
    """Evaluations without what is of the clock."""
    found = {}
    for name, data in files.items():
        if name.endswith(".json"):
            record = json.loads(data)
            record.pop("timing", None)
            data = json.dumps(record)
        found[name] = data
    return found


def _count_copies(monkeypatch):
    copy, found = objects._copy_object, []

    def count(pair):
        found.append(pair[0].removeprefix(f"{RUNS}/"))
        copy(pair)

    monkeypatch.setattr(objects, "_copy_object", count)
    return found


def test_an_evaluation_and_its_report_are_those_of_the_same_runs_here(covidreport, store, study):
    """Every file of the run folders, and the bytes of the report."""
    here, there = covidreport("evaluate", "runs", "--json"), covidreport("evaluate", RUNS, "--json")
    assert (here.code, there.code) == (0, 0)
    assert f"{RUNS}: what was written is put there" in there.err
    assert json.loads(there.out)["evaluations"]["a"] == f"{RUNS}/a/evaluations/data-validation"
    assert _read(store.list_below("models/runs")) == _read(list_files(study / "runs"))
    for name, data in store.list_below("models/runs").items():
        (study / "runs" / name).write_bytes(data)  # how fast a run was is of the clock
    assert covidreport("render", RUNS, "--output", "report.html").code == 0
    there = (study / "report.html").read_text()
    assert covidreport("render", "runs", "--output", "report.html").code == 0
    here = (study / "report.html").read_text()
    assert there.replace(RUNS, "runs") == here.replace(RUNS, "runs")
    assert not (study / "s3:").exists()


def test_what_is_unchanged_is_neither_copied_nor_run_again(covidreport, store, study, monkeypatch):
    """Models are known by their ETags; what was put is copied once, whoever put it."""
    copied = _count_copies(monkeypatch)
    assert covidreport("evaluate", RUNS).code == 0
    assert sorted(copied) == ["a/model.onnx", "b/model.onnx"]
    before = store.list_below("models/runs")
    copied.clear()
    again = covidreport("evaluate", RUNS)
    assert "2 of 2 runs are unchanged" in again.err
    assert {name.split("/")[1] for name in copied} == {"evaluations"}
    assert store.list_below("models/runs") == before
    copied.clear()
    assert covidreport("evaluate", RUNS).code == 0
    assert copied == []

    write_model(study / "other", 60)
    store.put("models/runs/a/model.onnx", (study / "other" / "model.onnx").read_bytes())
    assert "1 of 2 runs is unchanged" in covidreport("evaluate", RUNS).err
    assert copied == ["a/model.onnx"]


def test_what_was_deleted_there_is_gone_here(covidreport, store, study):
    """A run, and an evaluation of another, which is computed again and not put from the copy."""
    assert covidreport("evaluate", RUNS).code == 0
    for name in store.list_below("models/runs"):
        if name.startswith("b/") or name == "a/evaluations/data-validation/evaluation.json":
            store.client.delete_object(Bucket=BUCKET, Key=f"models/runs/{name}")
    done = covidreport("evaluate", RUNS)
    assert (done.code, "unchanged" in done.err) == (0, False)
    put = store.list_below("models/runs")
    assert "a/evaluations/data-validation/evaluation.json" in put
    assert not any(name.startswith("b/") for name in put)


def test_another_machine_that_was_quicker_is_not_overwritten(
    covidreport, store, study, monkeypatch
):
    """It is told, with exit code 3; the other run is put, and the next call goes on."""
    find, name = copies.StoredFolder._find_changes, "a/evaluations/data-validation/evaluation.json"

    def meanwhile(stored):
        store.put(f"models/runs/{name}", b"{}")
        return find(stored)

    with monkeypatch.context() as quicker:
        quicker.setattr(copies.StoredFolder, "_find_changes", meanwhile)
        done = covidreport("evaluate", RUNS)
    assert done.code == 3
    assert f"{RUNS}: a/evaluations/data-validation was changed there meanwhile" in done.err
    put = store.list_below("models/runs")
    assert put[name] == b"{}"
    assert "a/evaluations/data-validation/scores.parquet" not in put
    assert "b/evaluations/data-validation/evaluation.json" in put
    again = covidreport("evaluate", RUNS)
    assert (again.code, "1 of 2 runs is unchanged" in again.err) == (0, True)
    assert len(store.list_below("models/runs")[name]) > 2


def test_a_store_that_is_gone_at_the_end_loses_nothing(covidreport, store, study, monkeypatch):
    """What was computed stands in the copy, and is put once the store answers again."""
    put = objects.copy_to_store

    def refuse(*_):
        raise UnreachableError("s3://clinic: does not answer")

    monkeypatch.setattr(objects, "copy_to_store", refuse)
    assert covidreport("evaluate", RUNS).code == 3
    assert sorted(store.list_below("models/runs")) == ["a/model.onnx", "b/model.onnx"]
    monkeypatch.setattr(objects, "copy_to_store", put)
    done = covidreport("evaluate", RUNS)
    assert "2 of 2 runs are unchanged" in done.err
    assert len(store.list_below("models/runs")) == 6


def test_a_killed_command_left_what_it_finished(covidreport, store, study, monkeypatch):
    """As a signal ends it: nothing is put then, and the next call does not compute it again."""
    with monkeypatch.context() as killed:
        killed.setattr(copies.StoredFolder, "put_back", lambda _: (_ for _ in ()).throw(SystemExit))
        covidreport("evaluate", RUNS)
    assert sorted(store.list_below("models/runs")) == ["a/model.onnx", "b/model.onnx"]
    assert "2 of 2 runs are unchanged" in covidreport("evaluate", RUNS).err
    assert len(store.list_below("models/runs")) == 6


def test_one_run_and_parts_of_shards_are_taken_too(covidreport, store, study):
    """The name of a run is that of its folder there."""
    for shard in ("1/2", "2/2"):
        assert covidreport("evaluate", f"{RUNS}/a", "--shard", shard).code == 0
    done = covidreport("merge", f"{RUNS}/a", "--json")
    assert json.loads(done.out)["evaluations"] == {"a": f"{RUNS}/a/evaluations/data-validation"}
    assert "a/evaluations/data-validation/evaluation.json" in store.list_below("models/runs")


def test_keys_that_lead_elsewhere_are_no_files(covidreport, store, study, cache_of_its_own):
    """`..` in a key, hidden names and weights of a training; nothing is made beside the copy."""
    for key in ("../out.onnx", "a/../../b.onnx", ".hidden/run.json", "a/last.ckpt"):
        store.put(f"models/runs/{key}", b"x")
    assert covidreport("evaluate", RUNS).code == 0
    written = (study, cache_of_its_own)
    names = {path.name for folder in written for path in folder.rglob("*") if path.is_file()}
    names |= {path.name for folder in written for path in folder.parent.iterdir()}
    assert not {"out.onnx", "b.onnx", "last.ckpt"} & names


def test_without_anything_there_it_says_so(covidreport, store, study):
    for place, said in (
        (f"s3://{BUCKET}/none", "there is nothing there"),
        ("s3://no", "no bucket"),
    ):
        for command in ("evaluate", "render"):
            done = covidreport(command, place)
            assert (done.code, said in done.err) == (2, True)


def test_without_a_cache_it_works_as_well(covidreport, store, study, monkeypatch):
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "0")
    assert covidreport("evaluate", RUNS).code == 0
    assert len(store.list_below("models/runs")) == 6
