"""Files of earlier versions become those of today by the steps of reading, or stay as they are."""

from __future__ import annotations

import json
import shutil

import pytest

from covidreport.errors import WriteError
from covidreport.gate.evidence import read_baseline
from covidreport.storage.evaluation import write_failure
from covidreport.storage.made_here import MadeHere
from covidreport.storage.migrate import KINDS, migrate_run, plan_file
from covidreport.storage.runs import discover_runs, read_evaluations
from covidreport.store import read_evaluation, read_failure, read_thresholds, write_atomic
from tests.cli.command import run_command, write_model
from tests.storage.test_written import TODAY, VERSIONS, WRITTEN

PLACES = {
    "evaluation.json": "evaluations/{key}/evaluation.json",
    "failure.json": "evaluations/other/failure.json",
    "scores.parquet": "evaluations/{key}/scores.parquet",
    "thresholds.json": "thresholds.json",
    "answers.json": "reference/answers.json",
}


def _place(folder, version):
    """A run folder with the files that a version wrote."""
    key = read_evaluation(WRITTEN / version).key
    for name, place in PLACES.items():
        file = WRITTEN / version / name
        if file.is_file():
            to = folder / place.format(key=key)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, to)
    return folder


def _read_all(run):
    failure = read_failure(run.folder / "evaluations" / "other")
    return [read_evaluations(run), read_thresholds(run.folder), failure]


def _bytes(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_ever_written_becomes_todays_and_says_the_same(tmp_path, version):
    """Read before and after, every record is the same; a second time nothing changes."""
    folder = _place(tmp_path / version, version)
    (run,) = discover_runs([folder])
    before = _read_all(run)
    standing = _bytes(folder)

    planned = migrate_run(run, dry_run=True)
    assert _bytes(folder) == standing
    done = migrate_run(run, dry_run=False)

    assert [each.changes for each in done] == [each.changes for each in planned]
    assert any(each.changes for each in done) or version == TODAY
    after = _read_all(run)
    assert after == before
    assert not read_evaluations(run)[1]
    for each in done:
        assert json.loads(each.path.read_text())["schema"] == each.today
    assert not any(each.changes for each in migrate_run(run, dry_run=False))
    scores = next(folder.rglob("scores.parquet"))
    assert scores.read_bytes() == standing[scores]


def test_thresholds_of_version_1_are_of_version_2(tmp_path):
    """Without the bound that does not hold, as they are read."""
    folder = _place(tmp_path / "a", VERSIONS[1])
    migrate_run(discover_runs([folder])[0], dry_run=False)
    stored = json.loads((folder / "thresholds.json").read_text())
    assert stored["schema"] == "covidreport.thresholds/2"
    assert stored["fits"]["covid-19"]["bound"] is None
    assert stored["unbounded"] == "8 images are of 4 patients"


@pytest.mark.parametrize(
    ("where", "change", "words"),
    [
        ("evaluation.json", {"measured_on_mars": 3}, "does not know `$.measured_on_mars`"),
        ("evaluation.json", {"details": {"schema": "covidreport.details/9"}}, "details/9"),
        ("evaluation.json", {"schema": "covidreport.evaluation/2"}, "evaluation/2"),
        ("failure.json", {"stage": 3}, "is not a whole failure"),
    ],
)
def test_what_would_be_lost_is_refused_and_the_run_stays(tmp_path, where, change, words):
    """A field of a newer version, or a broken file: no file of the run is changed."""
    folder = _place(tmp_path / "a", VERSIONS[1])
    (file,) = folder.rglob(where)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    standing = _bytes(folder)

    done = migrate_run(discover_runs([folder])[0], dry_run=False)

    assert words in done.reason
    assert _bytes(folder) == standing


def test_a_disk_that_fills_leaves_what_stood(tmp_path, monkeypatch):
    """The files that were written before the one that can't be are put back."""
    folder = _place(tmp_path / "a", VERSIONS[1])
    standing = _bytes(folder)
    calls = []

    def fill(path, data):
        calls.append(path)
        if len(calls) == 2:
            raise WriteError("the disk is full")
        write_atomic(path, data)

    monkeypatch.setattr("covidreport.storage.migrate.write_atomic", fill)
    done = migrate_run(discover_runs([folder])[0], dry_run=False)

    assert "the disk is full" in done.reason
    assert len(calls) == 3
    assert _bytes(folder) == standing


def test_what_was_computed_here_still_is(tmp_path):
    """Thresholds that this machine tuned are its own in today's version, too; others are not."""
    folder = _place(tmp_path / "a", VERSIONS[1])
    other = _place(tmp_path / "b", VERSIONS[1])
    MadeHere().note_thresholds(folder)
    altered = json.loads((other / "thresholds.json").read_text())
    altered["fits"]["covid-19"]["threshold"] = 0.25
    (other / "thresholds.json").write_text(json.dumps(altered))
    for each in (folder, other):
        migrate_run(discover_runs([each])[0], dry_run=False)
    assert MadeHere().has_thresholds(folder)
    assert not MadeHere().has_thresholds(other)


def test_the_command_migrates_what_it_can_and_names_the_rest(tmp_path):
    """Runs and a baseline by name; exit code 3 for the run that is broken, the others are done."""
    for name, version in (("a", VERSIONS[1]), ("b", VERSIONS[3])):
        _place(tmp_path / "runs" / name, version)
    write_model(tmp_path / "runs" / "c", 100)
    failure = read_failure(WRITTEN / TODAY)
    assert failure is not None
    write_failure(tmp_path / "runs" / "c", "x", failure)
    (tmp_path / "runs" / "c" / "thresholds.json").write_text("{")
    shutil.copy(WRITTEN / VERSIONS[2] / "baseline.json", tmp_path)
    standing = _bytes(tmp_path)

    done = run_command(tmp_path, "migrate", "runs", "baseline.json", "--dry-run", "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["dry_run"]
    assert _bytes(tmp_path) == standing
    of = {each["path"]: each for each in document["files"]}
    assert of["runs/a/thresholds.json"]["from"] == "covidreport.thresholds/1"
    assert of["runs/a/thresholds.json"]["to"] == "covidreport.thresholds/2"
    assert not of["baseline.json"]["changed"]
    assert [each["run"] for each in document["failures"]] == ["c"]

    done = run_command(tmp_path, "migrate", "runs", "baseline.json")
    assert done.returncode == 3
    assert "written anew: runs/a/thresholds.json" in done.stdout.splitlines()
    assert "c" in done.stderr
    assert read_baseline(tmp_path / "baseline.json", "x").evidence.known
    again = run_command(tmp_path, "migrate", "runs/a", "runs/b")
    assert (again.returncode, again.stdout) == (0, "0 of 6 files written anew\n")


def test_a_file_that_is_none_of_ours_is_wrong_usage(tmp_path):
    """It says which files are taken."""
    (tmp_path / "verdict.json").write_text('{"schema": "covidreport.verdict/1"}')
    done = run_command(tmp_path, "migrate", "verdict.json")
    assert done.returncode == 2
    assert "give run folders, a baseline.json or an audit.json" in done.stderr


def test_every_format_of_a_run_folder_is_migrated():
    """Whatever is a FileFormat of storage and stands in a run folder."""
    assert len(KINDS) == 5
    file = WRITTEN / TODAY / "answers.json"
    assert not plan_file(file, KINDS["reference/answers.json"]).changes
