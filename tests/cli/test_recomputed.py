"""Every figure of a report comes out of scores.parquet by scikit-learn as well."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.datasets import LABELS, write_flat_dataset
from tests.onnx_models import write_brightness_model
from tests.recompute import compare_report


@pytest.mark.parametrize("threshold", ["0.5", "0.3"])
def test_a_report_agrees_with_scikit_learn(covidreport, tmp_path, threshold):
    """Two runs, two splits, multi-label truth: 58 figures an evaluation, none differs."""
    draw = random.Random(7)  # noqa: S311 - test data
    kinds = [*LABELS, "covid-19+pneumonia", ""]
    splits = ("train", "validation")
    rows = [(draw.randrange(256), draw.choice(kinds), splits[i % 2]) for i in range(80)]
    write_flat_dataset(tmp_path / "data", rows)
    generator = np.random.default_rng(3)
    for name in ("one", "two"):
        write_brightness_model(
            tmp_path / "runs" / name / "model.onnx",
            tuple(generator.normal(0, 0.05, 3)),
            tuple(generator.normal(0, 4, 3)),
        )
    for split in splits:
        words = ["--data", "data", "--split", split, "--threshold", threshold]
        assert covidreport("evaluate", "runs", *words).code == 0
    assert covidreport("render", "--format", "json").code == 0
    agree, differ = compare_report(tmp_path / "report.json", tmp_path / "runs")
    assert differ == []
    assert agree == 4 * (3 * 18 + 4)
