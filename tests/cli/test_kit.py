"""A kit goes to another hospital, an answer comes back: `kit`, `evaluate --counts-only`,
`import-counts`."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from covidreport.kit import opened
from covidreport.store import read_evaluation
from tests.cli.command import start_command, write_model, write_project
from tests.damage import change_json
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model
from tests.storage.test_kit import keep, rewrite

ANSWER = ("evaluate", "kit.zip", "--data", "there", "--counts-only", "answer.json",
          "--provider", "cpu")  # fmt: skip


def write_hospital(folder: Path, *, cases: int = 40, others: int = 60) -> Path:
    """Images of grey values about which the models are often wrong; two sexes, some not stated."""
    draw = np.random.default_rng(5)
    rows = [(int(draw.integers(70, 140)), "covid-19", "validation") for _ in range(cases)]
    rows += [(int(draw.integers(40, 125)), "normal", "validation") for _ in range(others)]
    manifest = write_flat_dataset(folder, rows)
    table = list(csv.reader(manifest.read_text().splitlines()))
    sexes = ["F" if at % 2 else "M" for at in range(len(rows))]
    for at in (3, 50):
        sexes[at] = ""
    stated = ["sex", *sexes]
    with manifest.open("w", newline="") as stream:
        csv.writer(stream).writerows([*row, each] for row, each in zip(table, stated, strict=True))
    return manifest


@pytest.fixture
def hospitals(share, tmp_path, covidreport, monkeypatch):
    """Two runs here, and a kit of them beside images that stay there."""

    def make(folder):
        write_project(folder, a=100, b=92)
        write_hospital(folder / "there")
        monkeypatch.chdir(folder)
        assert covidreport("evaluate", "runs", "--threshold", "0.5").code == 0
        done = covidreport("kit", "runs", "--threshold", "0.5", "--by", "sex", "--json")
        assert done.code == 0, done.err
        assert covidreport(*ANSWER).code == 0
        return str(folder)

    shutil.copytree(share("hospitals", make), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _answer(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return found


def test_the_answer_is_that_of_a_plain_evaluation(hospitals, covidreport):
    """The same counts, findings and bins' sums; and what is brought in has them again."""
    done = covidreport("evaluate", "runs", "--data", "there", "--threshold", "0.5")
    assert done.code == 0, done.err
    answer = _answer(hospitals)
    done = covidreport("import-counts", "answer.json", "--name", "bern")
    assert done.code == 0, done.err
    for run in answer["runs"]:
        folder = hospitals / "runs" / run["run"] / "evaluations"
        plain, brought = (
            read_evaluation(folder / name) for name in ("there-validation", "bern-all")
        )
        counts = plain.counts["covid-19"]
        assert brought.counts["covid-19"] == counts
        cells = run["counts"]
        assert (cells["tp"], cells["fn"]) == (counts.tp, counts.fn)
        assert (cells["fp"], cells["tn"]) == (counts.fp, counts.tn)
        bins = run["curve"]["positives"]
        above = bins["counts"][bins["edges"].index(0.5) :]
        assert sum(above) == counts.tp
        for metric in ("sensitivity", "specificity"):
            own, other = (each.estimates["covid-19"][metric] for each in (plain, brought))
            assert (own.value, own.low, own.high) == (other.value, other.low, other.high)
        area, binned = (e.estimates["covid-19"]["roc_auc"] for e in (plain, brought))
        ends = np.array([binned.low, area.value, binned.high], dtype=float)
        assert (np.diff(ends) >= 0).all()
        assert str(binned.method).startswith("from binned scores")
        assert {(f.severity, f.code) for f in plain.findings} == {
            (f["severity"], f["code"]) for f in run["findings"]
        }
        assert not brought.has_scores
        assert brought.facts.answer.kit == answer["kit"]


def test_no_group_of_an_answer_is_small_and_all_add_up(hospitals):
    """Of three values the one of two images is told with another."""
    for run in _answer(hospitals)["runs"]:
        groups, counts = run["groups"]["sex"], run["counts"]
        assert len(groups) == 2
        assert groups[-1]["value"] is None
        for cell in ("tp", "fn", "fp", "tn"):
            assert sum(each[cell] for each in groups) == counts[cell]
            assert min(each[cell] for each in groups) >= 5


def test_the_answer_names_no_image_and_no_place(hospitals, covidreport):
    """Its bytes hold no name of a file, of the folder, of the machine, and no score; what is
    printed is what is written."""
    (hospitals / "answer.json").unlink()
    done = covidreport(*ANSWER)
    assert done.code == 0, done.err
    data = (hospitals / "answer.json").read_bytes()
    assert done.out == data.decode()
    names = [path.name for path in (hospitals / "there").iterdir()]
    assert len(names) == 101
    places = [str(hospitals), hospitals.name, os.uname().nodename, "there", "validation"]
    places += [opened.PREFIX, str(Path.home())]
    assert [each for each in [*names, *places] if each.encode() in data] == []
    keys = set(_answer(hospitals)["runs"][0])
    assert keys == {
        "run", "model_sha256", "contract_sha256", "threshold", "counts", "effective", "curve",
        "groups", "findings", "failed",
    }  # fmt: skip


def test_nothing_is_left_there_but_the_answer(hospitals, covidreport, monkeypatch, tmp_path):
    """No run, no score, and no cache; the settings of the place change no threshold and no
    contract."""
    before = _answer(hospitals)
    (hospitals / "answer.json").unlink()
    for name in ("temporary", "cache"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("COVIDREPORT_CACHE", str(tmp_path / "cache"))
    with (hospitals / "covidreport.toml").open("a") as file:
        file.write('target = "normal"\nthreshold = 0.1\n')
        file.write('[input]\nactivation = "sigmoid"\n')
    seen = {path for path in hospitals.rglob("*") if "temporary" not in str(path)}
    done = covidreport(*ANSWER)
    assert done.code == 0, done.err
    assert _answer(hospitals) == before
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list((tmp_path / "cache").iterdir()) == []
    left = {path for path in hospitals.rglob("*") if "temporary" not in str(path)} - seen
    assert left == {hospitals / "answer.json"}


def test_a_stopped_evaluation_leaves_nothing(hospitals, tmp_path):
    """Once the kit is unpacked and its models have run."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    slow = (
        "import time, covidreport.evaluate.loop as loop\n"
        "usual = loop.score_runs\n"
        "def wait(*given, **named):\n"
        "    found = usual(*given, **named)\n"
        f"    open({str(tmp_path / 'scored')!r}, 'w').close()\n"
        "    time.sleep(60)\n"
        "    return found\n"
        "import covidreport.evaluate.group as group\n"
        "group.score_runs = wait\n"
    )
    words = ("evaluate", "kit.zip", "--data", "there", "--counts-only", "other.json")
    process = start_command(hospitals, *words, "--provider", "cpu", before=slow,
                            TMPDIR=str(temporary))  # fmt: skip
    begun = time.monotonic()
    while not (tmp_path / "scored").exists() and time.monotonic() - begun < 60:
        time.sleep(0.05)
    assert [path.name.startswith(opened.PREFIX) for path in temporary.iterdir()] == [True]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "stopped; nothing of the kit is kept here" in err
    assert "what was done is kept" not in err
    assert list(temporary.iterdir()) == []
    assert not (hospitals / "other.json").exists()


def test_what_is_to_be_kept_is_kept(hospitals, covidreport):
    """In a new folder, with the scores; not in one that is there."""
    (hospitals / "answer.json").unlink()
    done = covidreport(*ANSWER, "--keep", "kept")
    assert done.code == 0, done.err
    assert len(list((hospitals / "kept").rglob("scores.parquet"))) == 2
    done = covidreport(*ANSWER[:-3], "other.json", "--keep", "kept")
    assert done.code == 2
    assert "kept: is there already" in done.err


def test_the_same_runs_give_the_same_bytes(hospitals, covidreport):
    """At another time, elsewhere; another threshold is another kit, which does not take its
    place."""
    before = (hospitals / "kit.zip").read_bytes()
    os.utime(hospitals / "runs" / "a" / "model.onnx", (1, 1))
    shutil.copytree(hospitals / "runs", hospitals / "elsewhere")
    words = ("kit", "--by", "sex", "--threshold")
    done = covidreport(*words, "0.5", "elsewhere", "--output", "again.zip")
    assert done.code == 0, done.err
    assert (hospitals / "again.zip").read_bytes() == before
    assert covidreport(*words, "0.5", "runs").code == 0
    done = covidreport(*words, "0.4", "runs")
    assert done.code == 2
    assert "kit.zip: is there already, and is not this kit" in done.err
    assert (hospitals / "kit.zip").read_bytes() == before
    with zipfile.ZipFile(hospitals / "kit.zip") as archive:
        assert all(b"data/manifest.csv" not in archive.read(each) for each in archive.namelist())


def test_runs_that_cant_be_sealed_are_named(hospitals, covidreport):
    """All of them at once, and nothing is written."""
    for name, words in (
        ("untuned", {}),
        ("fold", {"fold": 0, "configuration": "c"}),
        ("argmax", {"input": {"activation": "softmax", "decision": "argmax"}}),
    ):
        folder = hospitals / "odd" / name
        write_model(folder, 90 + len(name))
        (folder / "run.json").write_text(json.dumps({"schema": "covidreport.run/1", **words}))
    shutil.copytree(hospitals / "runs" / "a" / "evaluations",
                    hospitals / "odd" / "counts" / "evaluations")  # fmt: skip
    done = covidreport("kit", "odd", "--output", "odd.zip")
    assert done.code == 3
    assert "untuned: has no tuned thresholds (thresholds.json)" in done.err
    assert "fold: is of folds" in done.err
    assert "counts: there is no model.onnx" in done.err
    assert not (hospitals / "odd.zip").exists()
    shutil.copytree(hospitals / "runs" / "a", hospitals / "twice" / "a")
    shutil.copytree(hospitals / "runs" / "a", hospitals / "twice" / "b")
    done = covidreport("kit", "twice", "--threshold", "0.5", "--output", "odd.zip")
    assert done.code == 3
    assert "b: has the very model of a" in done.err


def test_tuned_thresholds_go_along(hospitals, covidreport):
    """Each run's own, and it is evaluated at them."""
    assert covidreport("tune", "runs", "--split", "validation", "--label", "covid-19",
                       "--target-sensitivity", "0.6").code == 0  # fmt: skip
    done = covidreport("kit", "runs", "--output", "tuned.zip")
    assert done.code == 0, done.err
    words = ("evaluate", "tuned.zip", "--data", "there", "--provider", "cpu", "--counts-only")
    done = covidreport(*words, "tuned.json")
    assert done.code == 0, done.err
    found = {run["run"]: run["threshold"] for run in json.loads(done.out)["runs"]}
    tuned = {
        name: json.loads((hospitals / "runs" / name / "thresholds.json").read_text())
        for name in "ab"
    }
    assert found == {name: each["fits"]["covid-19"]["threshold"] for name, each in tuned.items()}
    done = covidreport("import-counts", "tuned.json", "--kit", "tuned.zip", "--name", "bern")
    assert done.code == 0, done.err
    there = read_evaluation(hospitals / "runs" / "a" / "evaluations" / "bern-all")
    assert there.thresholds_from == "tuned on validation"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--threshold", "0.4"), "--threshold: a kit is evaluated as it was sealed"),
        (("--occlude", "centre"), "--occlude: a kit is evaluated as it was sealed"),
        (("--disturb",), "--disturb: a kit"),
        (("--foreign",), "--foreign: a kit"),
        (("--thumbnails",), "--thumbnails: a kit"),
        (("--withhold", "names"), "--withhold names: one of counts, curves, groups"),
        (("runs",), "--counts-only takes one kit"),
        (("--data", "data"), "--counts-only takes one data set"),
    ],
)
def test_what_a_sender_cant_choose_is_refused(hospitals, covidreport, words, said):
    """Before anything is read."""
    (hospitals / "answer.json").unlink()
    done = covidreport(*ANSWER, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (hospitals / "answer.json").exists()


def test_a_kit_alone_is_no_run_and_an_answer_is_not_written_over(hospitals, covidreport):
    """Both say what to do."""
    done = covidreport("evaluate", "kit.zip", "--data", "there")
    assert done.code == 2
    assert "kit.zip: is a kit: say where its answer goes" in done.err
    done = covidreport(*ANSWER)
    assert done.code == 2
    assert "answer.json: is there already" in done.err
    done = covidreport("evaluate", "runs", "--data", "there", "--keep", "kept")
    assert done.code == 2
    assert "--keep goes with --counts-only" in done.err


def test_a_kit_that_asks_for_fewer_is_refused(hospitals, covidreport):
    """One that was made to tell of single images, or of nothing."""
    (hospitals / "answer.json").unlink()
    for change, said in (
        ({"fewest": 1}, "asks for counts of 1 images and more"),
        ({"runs": []}, "holds no run"),
    ):
        rewrite(hospitals / "kit.zip", keep, lambda document, new=change: document.update(new))
        done = covidreport(*ANSWER)
        assert done.code == 2
        assert said in done.err
        rewrite(hospitals / "kit.zip", keep, lambda document: document.update(fewest=5))


def test_counts_can_be_withheld(hospitals, covidreport):
    """Then nothing tells them: no group, and no bin ends at the threshold; a report has no use of
    it."""
    (hospitals / "answer.json").unlink()
    assert covidreport(*ANSWER, "--withhold", "counts").code == 0
    for run in _answer(hospitals)["runs"]:
        assert (run["counts"], run["groups"], run["effective"]) == (None, {}, None)
        for bins in run["curve"].values():
            assert 0.5 not in bins["edges"]
            assert min(bins["counts"]) >= 5
    done = covidreport("import-counts", "answer.json")
    assert done.code == 2
    assert "its sender withheld the counts" in done.err


def test_a_run_that_fails_there_stops_no_other(hospitals, covidreport):
    """It answers with no number; why is told there, and its stage alone is sent."""
    write_brightness_model(
        hospitals / "runs" / "c" / "model.onnx", offsets=(-11, 9, -1), tail=("Sqrt",)
    )
    assert covidreport("kit", "runs", "--threshold", "0.5", "--output", "more.zip").code == 0
    words = ("evaluate", "more.zip", "--data", "there", "--provider", "cpu", "--counts-only")
    done = covidreport(*words, "more.json")
    assert done.code == 3
    assert "c" in done.err
    assert "not finite" in done.err
    runs = json.loads(done.out)["runs"]
    assert [(run["run"], bool(run["failed"]), bool(run["counts"])) for run in runs] == [
        ("a", False, True), ("b", False, True), ("c", True, False)
    ]  # fmt: skip
    assert "finite" not in done.out
    done = covidreport("import-counts", "more.json", "--kit", "more.zip", "--name", "bern")
    assert done.code == 0
    assert "warning: c failed there" in done.err
    assert done.out.split() == [f"runs/{run}/evaluations/bern-all" for run in "ab"]


def test_images_that_fail_there_are_counted(hospitals, covidreport):
    """As wrong answers; why is told there alone."""
    (hospitals / "answer.json").unlink()
    manifest = hospitals / "there" / "manifest.csv"
    for line in manifest.read_text().splitlines()[1:30]:
        (hospitals / "there" / line.split(",")[0]).write_bytes(b"no picture")
    done = covidreport(*ANSWER)
    assert done.code == 3
    assert "images" in done.err
    counts = _answer(hospitals)["runs"][0]["counts"]
    assert counts["failed_positive"] == 29
    assert "picture" not in (hospitals / "answer.json").read_text()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("target", "normal", "`target` is normal, and covid-19 was sealed"),
        ("fewest", 2, "`fewest` is 2, and 5 was sealed"),
        ("attributes", ["age"], "`attributes` is age, and sex was sealed"),
        ("kit", "0" * 64, "it answers kit 000"),
        ("runs.0.threshold", 0.4, "a: `threshold` is 0.4, and 0.5 was sealed"),
        ("runs.0.model_sha256", "0" * 64, "a: `model_sha256` is 000"),
        ("runs.1.contract_sha256", "0" * 64, "b: `contract_sha256` is 000"),
        ("runs.1.run", "c", "its runs are a, c, and a, b were sealed"),
        ("runs.0.counts.tp", 1, "a: its curve does not add up to its counts"),
        ("runs.0.counts.unknown", -1, "a: its counts are none"),
        ("runs.0.counts.tn", 2**60, "a: its counts are none"),
        ("runs.0.effective", {"positives": 50, "negatives": 2}, "a: 40 images can't count as 50"),
        ("runs.0.groups.ward", [], "a: has groups by ward, which nobody asked for"),
        ("runs.0.groups.sex.0.tp", 1, "a: its groups by sex do not add up to its counts"),
        ("runs.0.counts", None, "a: has no counts, and nothing says why"),
    ],
)
def test_an_answer_other_than_the_sealed_one_is_refused(hospitals, covidreport, path, value, said):
    """By name, and nothing is written."""
    document = _answer(hospitals)
    *above, last = [int(each) if each.isdecimal() else each for each in path.split(".")]
    place: Any = document
    for key in above:
        place = place[key]
    place[last] = value
    (hospitals / "answer.json").write_text(json.dumps(document))
    done = covidreport("import-counts", "answer.json")
    assert done.code == 2
    assert said in done.err
    assert not list(hospitals.glob("runs/*/evaluations/answer-all"))


def test_runs_that_changed_since_are_refused(hospitals, covidreport):
    """A model that was exported again, a contract that was rewritten; no kit, no answer."""
    (hospitals / "runs" / "b" / "run.json").write_text(
        json.dumps({"schema": "covidreport.run/1", "input": {"resample": "box"}})
    )
    write_model(hospitals / "runs" / "a", 101)
    done = covidreport("import-counts", "answer.json")
    assert done.code == 2
    assert "a: its model here is " in done.err
    assert "b: `input` of its run.json is another than the sealed one" in done.err
    (hospitals / "kit.zip").rename(hospitals / "moved.zip")
    done = covidreport("import-counts", "answer.json")
    assert "kit.zip: the kit that answer.json answers is needed" in done.err
    done = covidreport("import-counts", "answer.json", "--threshold", "0.5")
    assert "--threshold: an answer has those that its kit sealed" in done.err


def test_a_second_import_is_said_and_another_answer_is_refused(hospitals, covidreport):
    """Under the same name; a new one is a data set of its own."""
    assert "stands beside" in covidreport("import-counts", "answer.json", "--name", "bern").err
    done = covidreport("import-counts", "answer.json", "--name", "bern")
    assert done.code == 0
    assert "answer.json was brought in before: nothing of bern has changed" in done.err
    change_json(hospitals / "answer.json", "versions", {"covidreport": "9"})
    done = covidreport("import-counts", "answer.json", "--name", "bern")
    assert done.code == 2
    assert "a: bern stands there with other figures; give --name" in done.err
    done = covidreport("import-counts", "answer.json", "--name", "oslo")
    assert done.code == 0
    assert "warning: the counts of oslo are those of bern: the same images twice?" in done.err
    done = covidreport("import-counts", "answer.json", "--name", "paris")
    assert done.code == 2
    assert "this very answer was brought in before, as oslo" in done.err
    done = covidreport("import-counts", "answer.json", "--name", "data")
    assert done.code == 2
    assert "other data that are called data" in done.err


def test_the_report_has_it_as_a_site_and_a_data_set(hospitals, covidreport):
    """Marked as counts, its area as one of bins; JSON has all of the answer."""
    assert covidreport("import-counts", "answer.json", "--name", "bern").code == 0
    words = ("--site", "dataset", "--format", "markdown", "--output", "-")
    done = covidreport("render", "runs", *words)
    assert done.code == 0, done.err
    assert "2 sites, a data set each." in done.out
    assert "It came as counts" in done.out
    assert "from binned scores" in done.out
    assert "an answer to a kit" in done.out
    group = _answer(hospitals)["runs"][0]["groups"]["sex"][0]
    among = group["tp"] + group["fn"]
    assert f"| Sex | {group['value']} | {group['tp'] / among:.3f} ({group['tp']} of" in done.out
    assert "| Sex | all others |" in done.out
    document = json.loads(covidreport("render", "runs", "--format", "json", "--output", "-").out)
    areas = [e for e in document["datasets"][1]["differences"] if e["metric"] == "roc_auc"]
    assert {(e["difference"]["value"], e["why"]) for e in areas} == {(None, "from binned scores")}
    (brought,) = document["runs"][0]["elsewhere"]
    assert brought["provenance"]["answer"]["groups"]["sex"]
    assert [each["dataset"] for each in document["datasets"]] == ["data", "bern"]
