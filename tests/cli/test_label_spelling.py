"""Labels that a model spells otherwise than the data are proposed, not guessed."""

from __future__ import annotations

from tests.cli.command import write_project
from tests.onnx_models import write_brightness_model

SAID = '"label_map": {"COVID_19": "covid-19", "Normal": "normal"}'


def test_the_label_map_to_paste_is_said(tmp_path, covidreport):
    """Beside a run whose labels fit, which is evaluated, and alone, where the data are refused."""
    write_project(tmp_path, good=100)
    labels = ["COVID_19", "Normal", "pneumonia"]
    write_brightness_model(tmp_path / "runs" / "other" / "model.onnx", labels=labels)
    done = covidreport("evaluate", "runs")
    assert done.code == 3
    assert SAID in done.err
    alone = covidreport("evaluate", "runs/other")
    assert alone.code == 2
    assert "no column for the label 'COVID_19'" in alone.err
    assert SAID in alone.err
