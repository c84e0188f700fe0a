"""Models that run and are not what they look like: told beside a good run, by every command."""

from __future__ import annotations

import json
import shutil

import pytest

from covidreport.store import write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.mixing_models import MIXING, write_mixing_model
from tests.onnx_models import write_brightness_model

# covid-19 is called above 100; the greys around it are where a mixed batch decides otherwise
GREYS = (93, 96, 99, 101, 102, 105, 107, 40, 70, 98, 103, 20)
ROWS = [(grey, LABELS[i % 3], "validation") for i, grey in enumerate(GREYS)]


@pytest.fixture
def study(tmp_path):
    """Twelve images and a good run."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "good" / "model.onnx")
    return tmp_path


@pytest.mark.parametrize("stated", ["logit", "softmax-logit"])
def test_a_softmax_too_many_is_told_and_the_good_run_is_not_accused(covidreport, study, stated):
    """The graph ends in a softmax, and the description says that there is none yet."""
    write_brightness_model(
        study / "runs" / "odd" / "model.onnx", tail=("Softmax", "Identity"), metadata={}
    )
    described = {
        "labels": list(LABELS), "activation": stated, "fit": "stretch", "resample": "bilinear",
        "size": [8, 8],
    }  # fmt: skip
    write_run(study / "runs" / "odd", {"name": "odd", "input": described})
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 0, done.err
    said = done.out + done.err
    assert "The outputs of odd are described as" in said
    assert '"activation": "softmax"' in said
    assert "of good are" not in said


@pytest.mark.parametrize("kind", ["dynamic quantisation", "batch statistics", "number of images"])
def test_a_verdict_is_the_same_at_every_batch_size(covidreport, study, kind):
    """The run is judged by ci against a copy of itself that was evaluated in other batches."""
    write_mixing_model(study / "runs" / "odd" / "model.onnx", MIXING[kind])
    shutil.copytree(study / "runs" / "odd", study / "base" / "same")
    done = covidreport("evaluate", "base", "--data", "data", "--batch-size", 32)
    assert "depend on the images beside it" in done.out + done.err
    verdicts = []
    for size, jobs in ((1, 1), (3, 2), (8, 1), (32, 2)):
        done = covidreport(
            "ci", "runs/odd", "--data", "data", "--baseline", "base/same", "--batch-size", size,
            "--jobs", jobs, "--limit", "missed<=baseline", "--limit", "false_alarms<=baseline",
            "--output-dir", f"out{size}",
        )  # fmt: skip
        (verdict,) = json.loads((study / f"out{size}" / "verdict.json").read_text())["verdicts"]
        codes = [finding["code"] for finding in verdict["findings"]]
        assert "depends-on-batch" in codes
        verdicts.append((done.code, verdict["outcome"], verdict["counts"]))
    assert verdicts == [verdicts[0]] * 4
    assert verdicts[0][:2] == (0, "pass")
