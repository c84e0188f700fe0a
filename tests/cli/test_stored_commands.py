"""Every command that takes runs says and writes of runs in a store what it does of those here."""

from __future__ import annotations

import json
import re

import pytest

from covidreport import EvaluateOptions, GateOptions, evaluate_runs, gate_runs, load
from covidreport.storage import cache_folder
from tests.cli.command import TUNING_ROWS, write_model
from tests.datasets import write_flat_dataset
from tests.objects import BUCKET, list_files, serve_objects

RUNS = f"s3://{BUCKET}/models/runs"
SCORES = "path,covid-19,normal,pneumonia\n" + "".join(
    f"{i:03}.png,0.{i},0.2,0.3\n" for i in range(8)
)
COUNTS = "run,split,label,tp,fp,fn,tn\npaper,test,covid-19,20,3,5,70\n"
CALLS = (
    "evaluate RUNS --split tuning --json",
    "tune RUNS --split tuning --target-sensitivity 0.9",
    "evaluate RUNS --thresholds tuned",
    "score RUNS --threshold 0.3 --write",
    "list RUNS --json",
    "list RUNS",
    "gate RUNS/a --baseline RUNS/b --json",
    "gate RUNS/a --baseline RUNS --json",
    "gate RUNS --baseline RUNS --json",
    "baseline set RUNS/b --known RUNS --output baseline.json",
    "gate RUNS --baseline baseline.json --json",
    "combine RUNS/a RUNS/b --output RUNS --name both",
    "import-scores scores.csv --run other --activation sigmoid --output RUNS",
    "import-scores scores.csv --run first --activation sigmoid --output NEW",
    "import-counts counts.csv --output NEW/paper",
    "adopt RUNS/both",
    "ci RUNS --baseline RUNS/b --output-dir verdict --json",
    "migrate RUNS",
    "plan RUNS --sensitivity 0.8 --half-width 0.1",
    "predict RUNS/a data/000.png --output answers.csv",
    "audit data/manifest.csv RUNS",
    "audit RUNS",
    "export RUNS/a --model-card card.md",
)

WRITTEN = ("answers.csv", "baseline.json", "card.md")
NOT_JUDGED = ("gate RUNS --baseline RUNS", "ci RUNS")
"""No run is left to be the baseline; imported scores are not of this machine."""


@pytest.fixture
def store(monkeypatch):
    with serve_objects(monkeypatch) as served:
        yield served


@pytest.fixture
def study(tmp_path, store, monkeypatch):
    """Two runs in the bucket and the same here, in `runs`; the folder in which commands are."""
    write_flat_dataset(tmp_path / "data", TUNING_ROWS)
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    (tmp_path / "scores.csv").write_text(SCORES)
    (tmp_path / "counts.csv").write_text(COUNTS)
    for name, limit in (("a", 85), ("b", 100)):
        write_model(tmp_path / "runs" / name, limit)
    store.put_folder(tmp_path / "runs", "models/runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _fill_in(call, runs):
    places = {"RUNS": runs, "NEW": f"{runs}-new"}
    return [re.sub(r"^(RUNS|NEW)\b", lambda found: places[found[0]], each) for each in call.split()]


def _without_clock(text):
    """What is said, but for places, times, and where a table's lines break."""
    text = re.sub(r"note: \S+: what was written is put there\n", "", text.replace(RUNS, "runs"))
    text = re.sub(r'"images_per_s": \{[^}]*\},\s*', "", text)
    return " ".join(re.sub(r"20\d\d-[\dT:.+-]+|\d+(\.\d+)? m?s\b", "TIME", text).split())


def _read(name, data):
    """A file without what is of the clock."""
    if not name.endswith(".json"):
        return data
    record = json.loads(data)
    record.pop("timing", None)
    return _without_clock(json.dumps(record))


def test_every_command_says_and_writes_the_same(covidreport, store, study):
    """Exit code, output, the files that it writes here, and at the end all those of the runs."""
    for call in CALLS:
        said = []
        for runs in ("runs", RUNS):
            done = covidreport(*_fill_in(call, runs))
            assert "stored-runs" not in done.out + done.err, call  # of the cache nobody knows
            files = [study / name for name in WRITTEN if (study / name).exists()]
            written = [_without_clock(each.read_text()) for each in files]
            said.append((done.code, _without_clock(done.out), _without_clock(done.err), written))
        assert said[0] == said[1], call
        assert said[0][0] == (3 if call.startswith(NOT_JUDGED) else 0), said[0]
    for key, folder in (("models/runs", "runs"), ("models/runs-new", "runs-new")):
        here, there = list_files(study / folder), store.list_below(key)
        assert {each: _read(each, data) for each, data in here.items()} == {
            each: _read(each, data) for each, data in there.items()
        }
    complaints = json.loads((study / "verdict" / "code-quality.json").read_text())
    assert {each["location"]["path"] for each in complaints} == {f"{RUNS}/other"}
    assert covidreport("kit", f"{RUNS}/a", "--output", "kit.zip").code == 0
    assert not (study / "s3:").exists()


def test_so_do_the_functions(store, study):
    """`evaluate_runs` puts what it made; a baseline and a file of one are found in the store."""
    notes = []
    options = EvaluateOptions(split="validation")
    done = evaluate_runs(RUNS, options=options, on_event=lambda each: notes.append(each))
    assert sorted(each.run.name for each in done.outcomes) == ["a", "b"]
    assert any(f"{RUNS}: what was written is put there" in str(each) for each in notes)
    assert "a/evaluations/data-validation/evaluation.json" in store.list_below("models/runs")
    assert {row.run for row in load(RUNS).data.rankings[0].rows} == {"a", "b"}

    judged = gate_runs(f"{RUNS}/a", options=GateOptions(baseline=f"{RUNS}/b"))
    assert [each.run for each in judged.verdicts] == ["a"]
    assert judged.verdicts[0].baseline.source == f"{RUNS}/b"


def test_a_baseline_and_tables_are_read_where_they_are(covidreport, store, study):
    """Whole files of a store: `baseline.json`, verdicts, scores, counts."""
    assert covidreport("evaluate", "runs").code == 0
    place = f"s3://{BUCKET}/set/baseline.json"
    assert covidreport("baseline", "set", "runs/b", "--output", place).code == 0
    verdict = f"s3://{BUCKET}/verdict"
    done = covidreport("gate", "runs/a", "--baseline", place, "--output-dir", verdict)
    assert done.code == 0, done.err
    again = covidreport(
        "baseline", "set", "runs/b", "--judged", f"{verdict}/verdict.json", "--json"
    )
    assert (again.code, "1 model judged on these images" in again.err) == (0, True), again.err
    store.put("tables/scores.csv", SCORES.encode())
    store.put("tables/counts.csv", COUNTS.encode())
    tables = f"s3://{BUCKET}/tables"
    words = ("--run", "other", "--activation", "sigmoid")
    assert covidreport("import-scores", f"{tables}/scores.csv", *words).code == 0
    assert covidreport("import-counts", f"{tables}/counts.csv", "--output", "papers").code == 0


def test_one_place_twice_and_one_in_another_are_one_copy(covidreport, store, study):
    """Nothing waits for itself, and a run is known again below the folder that it is in."""
    done = covidreport("evaluate", RUNS, f"{RUNS}/a", RUNS, "--json")
    assert (done.code, sorted(json.loads(done.out)["evaluations"])) == (0, ["a", "b"])
    refused = covidreport("evaluate", f"{RUNS}/a/model.onnx")
    assert (refused.code, "give the folder that it is in" in refused.err) == (2, True)


def test_a_reader_puts_nothing_there(covidreport, store, study, monkeypatch):
    """What an evaluation could not put waits for the next one, and not for a report."""
    from covidreport.storage import copies

    with monkeypatch.context() as killed:
        killed.setattr(copies.StoredFolder, "put_back", lambda _: (_ for _ in ()).throw(SystemExit))
        covidreport("evaluate", RUNS)
    for call in (("list", RUNS), ("render", RUNS), ("gate", RUNS)):
        covidreport(*call)
    assert sorted(store.list_below("models/runs")) == ["a/model.onnx", "b/model.onnx"]


def test_a_copy_that_is_worked_in_makes_no_room_for_others(covidreport, store, study, monkeypatch):
    """The oldest goes first where the cache is full, but not the runs that are evaluated."""
    monkeypatch.setenv("COVIDREPORT_CACHE_BYTES", "3e4")
    assert covidreport("evaluate", RUNS).code == 0
    assert len(store.list_below("models/runs")) == 6
    kinds = {each.kind for each in cache_folder.list_entries()}
    assert "stored-runs" in kinds


def test_data_are_audited_and_answered_where_they_are(covidreport, store, study):
    """A manifest or a folder of images in the store, with runs from there and from here."""
    store.put_folder(study / "data", "data")
    assert covidreport("evaluate", "runs").code == 0
    store.put_folder(study / "runs", "models/runs")
    data = f"s3://{BUCKET}/data"
    said = covidreport("audit", "data/manifest.csv", "runs")
    for words in ((f"{data}/manifest.csv", RUNS), (RUNS, "--data", f"{data}/manifest.csv")):
        assert covidreport("audit", *words).out == said.out
    assert covidreport("predict", "runs/a", "data", "--output", "here.csv").code == 0
    for name, images in (("a.csv", data), ("b.csv", f"{data}/manifest.csv")):
        assert covidreport("predict", f"{RUNS}/a", images, "--output", name).code == 0
        assert (study / name).read_bytes() == (study / "here.csv").read_bytes()
    one = covidreport("predict", "runs/a", f"{data}/000.png", "--json")
    assert json.loads(one.out)["images"] == 1
    for places, why in (
        ([f"{data}/none"], "no such file or folder"),
        ([RUNS], "no images"),
        ([data, "data"], "give one folder, one image or a manifest"),
    ):
        done = covidreport("predict", "runs/a", *places)
        assert (done.code, why in done.err) == (2, True), done.err


def test_the_settings_may_name_a_baseline_there(covidreport, store, study):
    """A file; of runs in a store `--baseline` does."""
    assert covidreport("evaluate", "runs", "--split", "tuning").code == 0
    assert covidreport("evaluate", "runs").code == 0
    place = f"s3://{BUCKET}/set/baseline.json"
    words = ("baseline", "set", "runs/a", "--split", "tuning", "--output", place)
    assert covidreport(*words).code == 0
    settings = (study / "covidreport.toml").read_text()
    (study / "covidreport.toml").write_text(f'{settings}baseline = "{place}"\n')
    judged = json.loads(covidreport("gate", "runs/b", "--json").out)["verdicts"][0]
    assert (judged["split"], judged["baseline"]["source"]) == ("tuning", place)
    listed = json.loads(covidreport("list", "runs", "--json").out)
    assert {each["split"] for each in listed["rankings"]} == {"tuning"}

    (study / "covidreport.toml").write_text(f'{settings}baseline = "{RUNS}"\n')
    refused = covidreport("gate", "runs/a")
    assert (refused.code, f"{RUNS} is an address" in refused.err) == (2, True)
