"""What a command writes whole is put into a store as the bytes that it writes here."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.command import write_project
from tests.objects import BUCKET, serve_objects

HERE = "o-u-t"
PLACE = f"s3://{BUCKET}/out"
WRITERS = {
    "html": ("render", "runs", "--output", "{}/r.html"),
    "several": ("render", "runs", "--format", "json", "--format", "csv", "--output", "{}/all"),
    "charts": ("render", "runs", "--format", "markdown", "--charts", "--output", "{}/r.md"),
    "verdict": ("gate", "runs/a", "--baseline", "runs/b", "--output-dir", "{}/verdict"),
    "ci": ("ci", "runs/a", "--baseline", "runs/b", "--trust-stored", "--output-dir", "{}/ci"),
    "plan": ("plan", "--sensitivity", "0.9", "--half-width", "0.1", "--output", "{}/plan.md"),
    "audit": ("audit", "--output", "{}/audit.json"),
    "predict": ("predict", "runs/a", "data", "--output", "{}/predictions.csv"),
    "kit": ("kit", "runs/a", "--threshold", "0.5", "--output", "{}/kit.zip"),
    "dvc": ("export", "runs/a", "--dvc", "{}/dvc", "--model-card", "{}/card.md"),
    "checklist": ("export", "runs", "--checklist", "stard", "--output", "{}/stard.html"),
    "baseline": ("baseline", "set", "runs/a", "--output", "{}/baseline.json"),
}
"""A command for each writer of whole files."""
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?|\d{13}")


@pytest.fixture
def store(monkeypatch):
    with serve_objects(monkeypatch) as served:
        yield served


@pytest.fixture
def study(tmp_path, store, covidreport):
    """Two runs that were evaluated."""
    write_project(tmp_path, a=85, b=100)
    assert covidreport("evaluate", "runs").code == 0
    return tmp_path


def _read_folder(folder):
    files = [each for each in folder.rglob("*") if each.is_file()]
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in files}


def _take_times(files, place):
    """Times of the clock, and the place that a file of ours names, are what may differ."""
    return {name: _TIME.sub(b"", data.replace(place.encode(), b"")) for name, data in files.items()}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_it_is_the_bytes_that_are_written_here(covidreport, store, study, words):
    """Each file of the command, no other, and no folder called `s3:`."""
    here = covidreport(*(each.format(HERE) for each in words))
    there = covidreport(*(each.format(PLACE) for each in words))
    assert (there.code, there.err.count("error")) == (here.code, here.err.count("error"))
    assert here.code in (0, 1, 4)
    written, put = _read_folder(study / HERE), store.list_below("out")
    assert sorted(put) == sorted(written) != []
    assert _take_times(put, PLACE) == _take_times(written, HERE)
    assert not (study / "s3:").exists()
    assert here.out.replace(f"{HERE}/", f"{PLACE}/").count(PLACE) == there.out.count(PLACE)


def test_a_place_without_a_suffix_is_a_folder(covidreport, store, study):
    """Nobody asks the store whether it is one: who may write need not be allowed to look."""
    done = covidreport("render", "runs", "--output", PLACE)
    assert (done.code, done.out.strip()) == (0, f"{PLACE}/report.html")
    assert list(store.list_below("out")) == ["report.html"]


def test_what_can_not_be_put_is_an_error_and_leaves_what_stands(covidreport, store, study):
    """Without the bucket, and without an answer; of `gate` the verdict is printed all the same."""
    done = covidreport("render", "runs", "--output", "s3://nobodys/r.html")
    assert done.code == 3
    assert "s3://nobodys/r.html: can't be written (there is no bucket s3://nobodys)" in done.err
    store.stop()
    done = covidreport("render", "runs", "--output", f"{PLACE}/r.html")
    assert (done.code, done.out) == (3, "")
    assert f"s3://{BUCKET}: does not answer" in done.err
    assert "Traceback" not in done.err


def test_an_old_verdict_does_not_outlive_a_new_attempt(covidreport, store, study):
    store.put("out/verdict.json", b"{}")
    store.put("out/verdict.html", b"not ours")
    words = ("gate", "runs/a", "--baseline", "nowhere", "--output-dir", PLACE)
    assert covidreport(*words).code == 2
    assert list(store.list_below("out")) == ["verdict.html"]


def test_a_kit_that_was_sent_stays(covidreport, store, study):
    """The same runs give the same kit again; another one is refused."""
    words = ("kit", "runs/a", "--output", f"{PLACE}/kit.zip", "--threshold")
    assert covidreport(*words, "0.5", "--json").code == 0
    before = store.list_below("out")
    again = covidreport(*words, "0.5", "--json")
    assert json.loads(again.out)["file"] == f"{PLACE}/kit.zip"
    other = covidreport(*words, "0.4")
    assert other.code == 2
    assert "is there already, and is not this kit" in other.err
    assert store.list_below("out") == before


def test_a_store_that_is_only_read_is_refused(covidreport, study):
    """The Hub, where each file would be a commit, and what ends with the process."""
    for scheme in ("hf", "memory", "https"):
        done = covidreport("render", "runs", "--output", f"{scheme}://place/r.html")
        assert done.code == 2
        assert "of those s3://, gs:// and az:// are written to" in done.err
        assert not (study / f"{scheme}:").exists()
