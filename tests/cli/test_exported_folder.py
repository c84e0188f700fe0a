"""A folder as optimum exports it is evaluated without a run.json."""

from __future__ import annotations

import json

import pytest

from covidreport.records import PixelSpec
from covidreport.store import read_evaluation, write_run
from tests.cli.command import write_project
from tests.onnx_models import write_brightness_model
from tests.storage.test_published import VIT

KEY = "data-validation"
LABELS = {"0": "covid-19", "1": "normal", "2": "pneumonia"}


@pytest.fixture
def project(tmp_path):
    """Data, and a model of [0, 1] that calls covid-19 what is brighter than 100/255."""
    write_project(tmp_path)
    write_brightness_model(
        tmp_path / "exported" / "model.onnx", (25.5, -25.5, 5.1), dtype="float32", metadata={},
        pixels=PixelSpec(8, 8, channels=3),
    )  # fmt: skip
    _write(tmp_path, "config", {"id2label": LABELS, "problem_type": "multi_label_classification"})
    processor = {**VIT, "size": {"height": 8, "width": 8}, "do_normalize": False}
    _write(tmp_path, "preprocessor_config", processor)
    return tmp_path


def _write(project, name, value):
    (project / "exported" / f"{name}.json").write_text(json.dumps(value))


def _evaluation(project):
    return read_evaluation(project / "exported" / "evaluations" / KEY)


def test_it_needs_no_run_json(project, covidreport):
    """Size, scale, labels and activation come from the files of Hugging Face."""
    done = covidreport("evaluate", "exported/")
    assert done.code == 0
    assert len(done.err.splitlines()) == 1  # that nothing is replayed of it
    assert "exported has no reference/answers.json" in done.err
    evaluation = _evaluation(project)
    assert (evaluation.counts["covid-19"].fn, evaluation.counts["covid-19"].tp) == (1, 2)
    assert "unchanged" in covidreport("evaluate", "exported/").err


def test_another_processor_is_another_evaluation(project, covidreport):
    """What it says is in the key, as what a run.json says is."""
    covidreport("evaluate", "exported/")
    first = _evaluation(project).provenance["key"]
    processor = {**VIT, "size": {"height": 8, "width": 8}, "do_normalize": False, "resample": 3}
    _write(project, "preprocessor_config", processor)
    assert "unchanged" not in covidreport("evaluate", "exported/").err
    assert _evaluation(project).provenance["key"] != first


def test_what_a_run_json_says_of_the_input_is_all_that_is_said(project, covidreport):
    """Nothing of the files beside it is taken."""
    write_run(project / "exported", {"input": {"fit": "pad"}})
    done = covidreport("evaluate", "exported/")
    assert done.code == 3
    assert "the model does not state labels, activation, resample, divisor, mean, std" in done.err


def test_a_model_that_states_its_contract_takes_nothing_of_them(project, covidreport):
    """A config.json that lies beside it by chance does not contradict it."""
    write_brightness_model(project / "exported" / "model.onnx")
    assert covidreport("evaluate", "exported/").code == 0
