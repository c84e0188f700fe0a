"""Networks of timm and of one's own, from the study file to the exported model and back."""

from __future__ import annotations

import sys

import pytest

from covidreport.errors import RunError
from covidreport.inference.session import open_session
from tests.train.conftest import read_json
from train.command import run_export

OWN = """
from torch import nn

def build(n_labels):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, n_labels))
"""


@pytest.fixture
def own(tmp_path):
    """A file of one's own beside the study."""
    path = list(sys.path)
    file = tmp_path / "mine_of_sources.py"
    file.write_text(OWN)
    yield file
    sys.modules.pop("mine_of_sources", None)
    sys.path[:] = path


def test_a_network_of_ones_own_is_fitted_and_exported_again(own, fit, write_study, tmp_path):
    """Its file stands in run.json; where that has changed the run is another, and not exported."""
    study = write_study("number = 1\narchitecture = 'mine_of_sources:build'\nname = 'mine'")
    assert fit(study) == 0
    folder = tmp_path / "runs" / "mine"
    run = read_json(folder / "run.json")
    assert run["network"]["folder"] == "../.."
    assert run["network"]["file"] == "mine_of_sources.py"
    assert (run["network"]["mean"], run["network"]["std"]) == ([0.0], [1.0])
    before = (folder / "model.onnx").read_bytes()
    run_export(folder, None)
    assert (folder / "model.onnx").read_bytes() == before
    own.write_text(OWN + "\n# another file\n")
    with pytest.raises(RunError, match=r"mine_of_sources\.py is not the file that the run"):
        run_export(folder, None)
    assert fit(study) == 3
    assert read_json(folder / "run.json") == read_json(folder / "run.json") | {"status": "finished"}


def test_weights_of_another_study_begin_a_network_of_timm(fit, write_study, tmp_path, capsys):
    """All but the head is taken from a run's weights.pt: listed, and in run.json."""
    words = "architecture = 'timm:test_resnet'\nimage_size = 64\nepochs = 1"
    assert fit(write_study(f"number = 1\n{words}\nname = 'first'")) == 0
    first = tmp_path / "runs" / "first"
    session = open_session(first / "model.onnx")
    assert session.spec.labels == ("covid-19", "normal", "pneumonia")
    run = read_json(first / "run.json")
    assert run["network"] == {"mean": [0.5] * 3, "std": [0.5] * 3}
    assert run["versions"]["timm"]
    study = write_study(
        f"number = 2\n{words}\nname = 'second'\nweights = 'runs/first/weights.pt'\n"
        "train_labels = 'as-given'", name="two",
    )  # fmt: skip
    two = study.read_text().replace("[defaults]", 'labels = ["covid-19", "normal"]\n[defaults]')
    study.write_text(two)
    assert fit(study) == 0
    started = read_json(tmp_path / "runs" / "second" / "run.json")["started_from"]
    assert started["new"] == started["left_over"] == ["fc.weight", "fc.bias"]
    said = " ".join(capsys.readouterr().err.split())
    assert f"second: {started['loaded']} weights of weights.pt are loaded; new: fc.weight," in said
