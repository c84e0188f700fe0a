"""`covidreport audit` from end to end: what it finds, where it says so, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

CXR = Path(
    os.environ.get("COVIDREPORT_CXR", Path(__file__).parents[2].parent / "shared/data/cxr")
).resolve()


def _write_data(folder, n=60):
    """Noise pictures of as many patients: every third a case, every second in train."""
    rng = np.random.default_rng(0)
    rows = [
        (0, "normal" if i % 3 else "covid-19", ("train", "validation")[(i // 3) % 2])
        for i in range(n)
    ]
    write_flat_dataset(folder, rows, size=(32, 32), patients=[f"p{i}" for i in range(n)])
    for i in range(n):
        picture = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(picture).save(folder / f"{i:03}.png")
    return folder / "manifest.csv"


@pytest.fixture
def study(tmp_path):
    """Sound data with few cases, and a run."""
    _write_data(tmp_path / "data")
    write_brightness_model(tmp_path / "runs" / "shy" / "model.onnx")
    return tmp_path


def _codes(done):
    document = json.loads(done.out)
    return [finding["code"] for finding in document["findings"]]


def test_sound_data_is_exit_code_0(covidreport, study):
    """Ten cases in validation are a warning, and no error."""
    done = covidreport("audit", "data/manifest.csv")
    assert done.code == 0, done.out
    assert done.out.startswith("data: 60 images of 60 patients in train and validation: 1 warning")
    assert "few COVID-19 cases in validation" in done.out
    assert "To do: " in done.out
    assert done.err == ""


def test_an_error_is_exit_code_1(covidreport, study):
    """A picture in train and in validation under two names, as another file."""
    picture = Image.open(study / "data" / "000.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(study / "data" / "003.png")
    picture.save(study / "data" / "004.png", compress_level=0)
    shutil.copy(study / "data" / "001.png", study / "data" / "005.png")
    done = covidreport("audit", "data", "--json")
    assert done.code == 1
    found = _codes(done)
    assert found[:3] == [
        "identical-files-across-splits",
        "identical-pixels-across-splits",
        "near-duplicates-across-splits",
    ]


def _copy_between_splits(study):
    """Two errors and the warning of few cases: a file of train in validation."""
    shutil.copy(study / "data" / "001.png", study / "data" / "005.png")


def test_the_code_stands_beside_each_finding(covidreport, study):
    """Which is what --ignore takes."""
    _copy_between_splits(study)
    shown = " ".join(covidreport("audit", "data").out.split())
    codes = _codes(covidreport("audit", "data", "--json"))
    assert codes == ["identical-files-across-splits", "too-few-positives"]
    assert all(f"[{code}]" in shown for code in codes)


def test_what_was_looked_at_is_ignored_and_still_told(covidreport, study):
    """By option or with a reason in the configuration: listed and counted apart, exit code 0."""
    _copy_between_splits(study)
    done = covidreport("audit", "data", "--ignore", "identical-files-across-splits")
    assert done.code == 0, done.out
    shown = " ".join(done.out.split())
    assert "in train and validation: 1 warning, 1 ignored" in shown
    assert "[identical-files-across-splits] Reason: --ignore" in shown
    (study / "covidreport.toml").write_text(
        "[audit]\nignore = [\n"
        '  {code = "identical-files-across-splits", reason = "a phantom, on purpose"},\n'
        '  {code = "gone", reason = "it was there once"},\n]\n'
    )
    done = covidreport("audit", "data", "--json", "--output", "audit.json")
    assert done.code == 0
    document = json.loads(done.out)
    (ignored,) = document["ignored"]
    assert ignored["finding"]["code"] == "identical-files-across-splits"
    assert ignored["reason"] == "a phantom, on purpose"
    assert _codes(done) == ["too-few-positives", "ignored-and-not-found"]
    assert document["findings"][-1]["what"] == "gone is ignored and was not found"
    again = covidreport("audit", "data", "--ignore", "too-few-positives")
    assert again.code == 0
    assert "1 note, 2 ignored" in " ".join(again.out.split())


def test_an_ignored_finding_is_a_note_of_the_report(covidreport, study):
    """With its reason: who reads the report by itself knows of it."""
    _copy_between_splits(study)
    covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    covidreport("audit", "data", "--output", "a.json", "--ignore", "identical-files-across-splits")
    words = ("render", "runs", "--audit", "a.json", "--format", "json", "--output", "r.json")
    done = covidreport(*words)
    assert done.code == 0, done.err
    findings = json.loads((study / "r.json").read_text())["findings"]
    (found,) = (one for one in findings if one["code"] == "identical-files-across-splits")
    assert found["severity"] == "note"
    assert found["what"].startswith("Ignored in the audit: ")
    assert found["evidence"].startswith("error; the reason given: --ignore. ")
    document = json.loads((study / "a.json").read_text())
    del document["ignored"]  # as an earlier version wrote it
    (study / "a.json").write_text(json.dumps(document))
    assert covidreport(*words).code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("audit = 3", "`audit` is 3; a table is wanted"),
        ("[audit]\nignored = []", "`audit.ignored` is no setting; `audit.ignore` is"),
        ('[audit]\nignore = ["x"]', "codes with reasons are wanted"),
        ('[audit]\nignore = [{code = "x"}]', "codes with reasons are wanted"),
        ('[audit]\nignore = [{code = "x", reason = " "}]', "codes with reasons are wanted"),
        (
            '[audit]\nignore = [{code = "x", reason = "a"}, {code = "x", reason = "b"}]',
            "`audit.ignore` has 'x' twice",
        ),
    ],
)
def test_an_ignored_code_needs_its_reason(covidreport, study, text, message):
    """Exit code 2 says what is wanted."""
    (study / "covidreport.toml").write_text(text + "\n")
    done = covidreport("audit", "data")
    assert done.code == 2
    assert message in done.err


def test_a_split_alone_can_be_audited(covidreport, study):
    """What crosses splits is not seen then; several can be named."""
    shutil.copy(study / "data" / "001.png", study / "data" / "005.png")
    assert covidreport("audit", "data", "--split", "Train").code == 0
    both = covidreport("audit", "data", "--split", "train", "--split", "validation")
    assert both.code == 1


def test_the_configuration_names_data_labels_and_target(covidreport, study):
    """Without an argument its data are audited; runs alone may follow."""
    (study / "covidreport.toml").write_text('data = "data"\ntarget = "normal"\n')
    done = covidreport("audit", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["target"] == "normal"
    covidreport("evaluate", "--provider", "cpu")
    beside = json.loads(covidreport("audit", "runs", "--json").out)
    assert beside["runs"] == ["shy"]
    assert beside["dataset"] == "data"


def test_runs_are_audited_beside_the_data(covidreport, study):
    """The run finds no case, which only its evaluation shows; the data's findings come first."""
    write_brightness_model(study / "runs" / "shy" / "model.onnx", offsets=(-90.0, 10.0, -1.0))
    covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    document = json.loads(covidreport("audit", "data", "runs", "--json").out)
    codes = [finding["code"] for finding in document["run_findings"]]
    assert "degenerate-run" in codes
    assert "too-few-positives" not in codes  # the data's own finding says it better
    same = json.loads(covidreport("audit", "runs", "--data", "data", "--json").out)
    assert same == document


def test_runs_that_were_not_evaluated_are_said_and_the_data_audited(covidreport, study):
    """A note on stderr; the exit code is that of the data."""
    done = covidreport("audit", "data", "runs")
    assert done.code == 0
    assert "nothing is said of the runs: none of these runs has been evaluated" in done.err
    assert "few COVID-19 cases" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no data is named"),
        (["nowhere.csv"], "nowhere.csv: no such file or folder"),
        (["data", "nowhere"], "nowhere: no such folder"),
        (["data", "--split", "holdout"], "no image is in the split 'holdout'"),
    ],
)
def test_wrong_usage_is_exit_code_2(covidreport, study, words, message):
    """One clear message and nothing on stdout."""
    done = covidreport("audit", *words)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""


def test_a_report_includes_an_audit_that_was_written(covidreport, study):
    """`render --audit`; an audit of other data is refused, one of changed images is a warning."""
    covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    shutil.copy(study / "data" / "001.png", study / "data" / "005.png")
    covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    covidreport("audit", "data", "runs", "--output", "audit.json")
    words = ("render", "--audit", "audit.json", "--format", "json", "--output", "-")
    found = [each["code"] for each in json.loads(covidreport(*words).out)["findings"]]
    assert found[0] == "identical-files-across-splits"
    assert found.count("too-few-positives") == 1
    assert "audit-of-other-images" not in found
    shutil.copy(study / "data" / "008.png", study / "data" / "009.png")
    covidreport("evaluate", "runs", "--data", "data", "--provider", "cpu")
    found = [each["code"] for each in json.loads(covidreport(*words).out)["findings"]]
    assert "audit-of-other-images" in found
    text = (study / "audit.json").read_text().replace('"dataset": "data"', '"dataset": "other"')
    (study / "audit.json").write_text(text)
    done = covidreport(*words)
    assert done.code == 2
    assert "the audit is of the data set 'other'" in done.err


def test_a_second_audit_opens_no_picture_again(covidreport, study, monkeypatch):
    """What was measured is kept by the files' digests; a changed file is measured again."""
    first = covidreport("audit", "data", "--json")
    opened = []
    monkeypatch.setattr("covidreport.images.read_image", lambda path: opened.append(path.name))
    assert covidreport("audit", "data", "--json").out == first.out
    assert opened == []
    monkeypatch.undo()
    monkeypatch.chdir(study)
    Image.new("L", (32, 32), 7).save(study / "data" / "010.png")
    assert covidreport("audit", "data", "--json", "--no-cache").code == 0


def test_a_broken_image_is_a_finding_each_time(covidreport, study):
    """The reason stands in the audit, with and without what was kept."""
    (study / "data" / "010.png").write_bytes(b"")
    for _ in range(2):
        document = json.loads(covidreport("audit", "data", "--json").out)
        (finding,) = (f for f in document["findings"] if f["code"] == "images-undecodable")
        assert finding["evidence"] == "010.png: the file is empty"


@pytest.mark.skipif(
    not (CXR / "manifest.csv").is_file(),
    reason="no radiographs: set COVIDREPORT_CXR to their folder",
)
def test_the_known_flaws_of_the_real_radiographs_are_found(covidreport):
    """What their own README tells of them, as far as files and manifest show it.

    The source is the class; sizes, shape, view and age tell it too; few patients with COVID-19;
    one file twice and one near-duplicate, both within a patient and a split; and no leak.
    """
    done = covidreport("audit", CXR / "manifest.csv", "--json")
    assert done.code == 1
    found = {each["code"]: each for each in json.loads(done.out)["findings"]}
    assert set(found) == {
        "shortcut-attributes",
        "too-few-positives",
        "identical-files",
        "near-duplicates",
    }
    for told in ("source 1.000 (0.982", "aspect ratio 0.99", "image height", "view", "age"):
        assert told in found["shortcut-attributes"]["evidence"]
    assert "18 positives of 11 patients" in found["too-few-positives"]["evidence"]
    assert sorted(found["identical-files"]["subjects"]) == [
        "images/normal/00002658_001.jpg",
        "images/normal/00002658_002.jpg",
    ]
    assert len(found["near-duplicates"]["subjects"]) == 2
