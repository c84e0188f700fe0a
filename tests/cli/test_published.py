"""Data as others publish them, from the table to an evaluation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from PIL import Image

from covidreport.api.ci import _list_yardsticks
from covidreport.dataset import ManifestSettings
from covidreport.dataset.layout import Join, SplitBy
from covidreport.evaluate.options import EvaluateOptions
from covidreport.store import read_evaluation
from tests.onnx_models import write_brightness_model

TABLE = (
    "file;patient;pos;finding\n"
    "bright.png;1000;PA;COVID-19\ndim.png;1000.0;PA;COVID-19\ndark.png;7;AP;Normal\n"
    "side.png;8;L;COVID-19\ngone.png;9;PA;COVID-19\n"
)
SETTINGS = """
data = "archive/meta.csv"
provider = "cpu"
[manifest]
path = "pictures/{file}"
patient = "patient"
view = "pos"
classes = "finding"
exclude = {view = ["L"]}
missing = "fail"
"""


def test_a_published_table_is_evaluated_as_it_is(covidreport, tmp_path):
    """Semicolons, classes, a pattern; the lateral view is no image, the missing file is missed."""
    pictures = tmp_path / "archive" / "pictures"
    pictures.mkdir(parents=True)
    for name, grey in (("bright", 250), ("dim", 20), ("dark", 10)):
        Image.new("L", (20, 12), grey).save(pictures / f"{name}.png")
    (tmp_path / "archive" / "meta.csv").write_text(TABLE)
    (tmp_path / "covidreport.toml").write_text(
        'max_failed_share = 0.5\nlabels = ["covid-19", "normal"]\n' + SETTINGS
    )
    write_brightness_model(
        tmp_path / "runs" / "a" / "model.onnx",
        labels=("covid-19", "normal"),
        slopes=(0.1, -0.1),
        offsets=(-10.0, 10.0),
    )
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    found = read_evaluation(tmp_path / "runs" / "a" / "evaluations" / "archive-all")
    counts = found.counts["covid-19"]
    assert (counts.tp, counts.fn, counts.failed_positive, counts.tn) == (1, 1, 1, 1)
    assert found.n_groups == 3
    assert [each.code for each in found.findings if each.code == "images-left-out"]
    again = covidreport("evaluate", "runs")
    assert again.code == 0, again.err


def test_dark_files_of_one_source_are_told_beside_full_ones(covidreport, tmp_path):
    """Three 12-bit files in one folder, five of full depth in the other: whatever the batches."""
    rows = ["path,covid-19"]
    for i, grey in enumerate([65535] * 5 + [4095] * 3):
        name = f"{'full' if grey == 65535 else 'dark'}/{i}.png"
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("I;16", (8, 8), grey).save(tmp_path / "data" / name)
        rows.append(f"{name},{i % 2}")
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(rows) + "\n")
    write_brightness_model(
        tmp_path / "runs" / "a" / "model.onnx", labels=("covid-19",), slopes=(0.1,), offsets=(-10,)
    )
    words = ("--data", "data", "--provider", "cpu", "--batch-size", "1", "--jobs", "3")
    done = covidreport("evaluate", "runs", *words)
    assert done.code == 0, done.err
    assert "3 of 8 16-bit images use 12 bits or fewer" in done.err.replace("\n", " ")


def test_every_table_that_decides_the_truth_is_compared_with_the_base_branch(tmp_path):
    """A second table may turn a positive into a negative as the first may."""
    (tmp_path / "a.csv").write_text("path,x\n")
    words = ManifestSettings(join=(Join("b.csv", "x"),), split=SplitBy(lists={"test": "l.txt"}))
    options = EvaluateOptions(data=tmp_path / "a.csv", manifest=words)
    job: Any = SimpleNamespace(
        request=SimpleNamespace(baseline=tmp_path / "base.json"), settings=None, gate=None,
        options=options, runs=(),
    )  # fmt: skip
    assert _list_yardsticks(job) == [
        tmp_path / name for name in ("base.json", "a.csv", "b.csv", "l.txt")
    ]
