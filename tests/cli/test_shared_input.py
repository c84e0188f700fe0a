"""`[input]` of covidreport.toml says what all runs share; what a run says itself goes before."""

from __future__ import annotations

import json

import pytest

from covidreport.records import PixelSpec
from covidreport.store import read_evaluation, write_run
from tests.cli.command import write_model, write_study
from tests.onnx_models import write_brightness_model

KEY = "data-validation"
SHARED = """data = "data/manifest.csv"
provider = "cpu"

[input]
labels = ["COVID", "normal", "pneumonia"]
label_map = {COVID = "covid-19"}
fit = "stretch"
resample = "bilinear"
range = [0, 255]
activation = "logit"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Data, and two files that say nothing: a misses one of three, b none."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_study(tmp_path)
    for name, limit in (("a", 100), ("b", 85)):
        write_brightness_model(
            tmp_path / "runs" / f"{name}.onnx", offsets=(-limit / 10, 10.0, -1.0),
            dtype="float32", metadata={}, pixels=PixelSpec(8, 8),
        )  # fmt: skip
    (tmp_path / "covidreport.toml").write_text(SHARED)
    return tmp_path


def _read(project, name):
    return read_evaluation(project / "runs" / name / "evaluations" / KEY)


def test_files_that_say_nothing_are_described_once(project, covidreport):
    """No run.json is written for any of them."""
    done = covidreport("evaluate", "runs/a.onnx", "runs/b.onnx")
    assert done.code == 0, done.err
    assert [_read(project, name).counts["covid-19"].fn for name in "ab"] == [1, 0]
    predicted = covidreport("predict", "runs/a.onnx", "data/000.png")
    assert predicted.code == 0, predicted.err
    assert covidreport("gate", "runs/b.onnx", "--baseline", "runs/a.onnx").code in (0, 1, 4)
    assert covidreport("ci", "runs/b.onnx", "--baseline", "runs/a.onnx").code in (0, 1, 4)


def test_a_word_that_changed_is_another_evaluation(project, covidreport):
    """Pixels are fed a little darker: computed again, and known to gates."""
    covidreport("evaluate", "runs/a.onnx")
    covidreport("baseline", "set", "runs/a.onnx", "--output", "baseline.json")
    first = _read(project, "a").provenance["key"]
    known = json.loads((project / "baseline.json").read_text())["known"]
    (project / "covidreport.toml").write_text(SHARED.replace("[0, 255]", "[0, 254]"))
    done = covidreport("evaluate", "runs/")
    assert (done.code, "unchanged" in done.err) == (0, False)
    assert _read(project, "a").provenance["key"] != first
    covidreport("baseline", "set", "runs/a.onnx", "--output", "other.json")
    assert json.loads((project / "other.json").read_text())["known"] != known


def test_what_a_run_says_goes_before(project, covidreport):
    """Its run.json, and a file that states a contract, which takes nothing of it."""
    (project / "runs" / "a").mkdir()
    write_run(
        project / "runs" / "a", {"input": {"divisor": 0.5, "mean": None, "std": None}}
    )  # in place of the range
    write_model(project / "runs" / "own", 100)  # the same graph of uint8, whose file says all
    done = covidreport("evaluate", "runs/a.onnx", "runs/own")
    assert done.code == 0, done.err
    assert _read(project, "a").provenance["input"]["divisor"] == 0.5
    alone = _read(project, "own").provenance["key"]
    (project / "covidreport.toml").write_text(SHARED.split("[input]")[0])
    covidreport("evaluate", "runs/own", "--force")
    assert _read(project, "own").provenance["key"] == alone


def test_every_fault_of_it_is_named(project, covidreport):
    """As those of a run.json."""
    (project / "covidreport.toml").write_text('[input]\ninterpolation = "x"\nfit = "squash"\n')
    done = covidreport("evaluate", "runs/a.onnx")
    assert done.code == 2
    assert "`input.interpolation` is no word of a contract (`resample` is one)" in done.err
    assert "`input.fit` is 'squash'; one of stretch, crop, pad, cut" in done.err
