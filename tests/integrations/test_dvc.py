"""What DVC shows: figures as nested scalars, and tables for its plots, read by the real `dvc`."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from covidreport.integrations.dvc import (
    TRACKED,
    format_confusion,
    format_precision,
    format_roc,
    render_dvc_metrics,
)
from covidreport.metrics import count_curve
from covidreport.records import Counts
from tests.integrations.run_folders import GOOD, POOR, TRUTH, write_scored_run
from tests.integrations.verdicts import broken

COVID = np.array([row[0] for row in TRUTH], np.int8)
NO_DVC = shutil.which("dvc") is None


def _read(text):
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("seed", range(5))
def test_the_curves_are_scikit_learn_s(seed):
    """The same lines: ours leaves out points that lie on them, and none of the corners."""
    chance = np.random.default_rng(seed)
    truth = (chance.random(60) < 0.3).astype(np.int8)
    scores = np.round(chance.normal(truth, 1.0), 1).astype(np.float32)
    curve = count_curve(truth, scores, np.zeros(60, np.bool_))
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=True)
    ours = [(float(row["fpr"]), float(row["tpr"])) for row in _read(format_roc(curve))]
    assert (ours[0], ours[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert np.trapezoid([y for _, y in ours], [x for x, _ in ours]) == pytest.approx(
        np.trapezoid(tpr, fpr)
    )
    assert {(round(x, 9), round(y, 9)) for x, y in ours} <= {
        (round(x, 9), round(y, 9)) for x, y in zip(*roc_curve(truth, scores)[:2], strict=True)
    }
    precision, recall, _ = precision_recall_curve(truth, scores)
    theirs = {(round(r, 9), round(p, 9)) for r, p in zip(recall, precision, strict=True)}
    points = [
        (float(row["recall"]), float(row["precision"])) for row in _read(format_precision(curve))
    ]
    assert {(round(r, 9), round(p, 9)) for r, p in points} <= theirs
    assert points[-1][0] == 1
    assert len({r for r, _ in points}) == len(set(np.round(recall[recall > 0], 9)))


def test_the_confusion_table_has_a_row_for_each_image():
    """Images that were not scored are called so; those of unknown truth are left out."""
    counts = Counts(tn=3, fp=2, fn=1, tp=4, failed_positive=1, failed_negative=2, unknown=5)
    rows = [(row["actual"], row["predicted"]) for row in _read(format_confusion("flu", counts))]
    assert len(rows) == 13
    assert rows.count(("flu", "not flu")) == 1
    assert rows.count(("flu", "not scored")) == 1
    assert rows.count(("not flu", "flu")) == 2
    assert rows.count(("not flu", "not scored")) == 2


def test_a_run_without_a_verdict_has_an_outcome_and_no_figures():
    """Nothing of an earlier run is shown for it."""
    assert json.loads(render_dvc_metrics([broken()])) == {"outcome": "error"}


def test_ten_figures_are_tracked_and_the_others_come_on_request(covidreport, tmp_path):
    """The ten are of the target; a figure has one name in both, so that histories go on."""
    write_scored_run(tmp_path / "good")
    assert covidreport("export", "good", "--dvc", "few").code == 0
    assert covidreport("export", "good", "--dvc", "all", "--all-metrics").code == 0
    few, every = (json.loads((tmp_path / of / "metrics.json").read_text()) for of in ("few", "all"))
    assert set(few) == {"images", "covid-19"}
    assert set(few["covid-19"]) == {"threshold", *TRACKED}
    assert len(TRACKED) == 10
    assert few["covid-19"]["sensitivity"] == {"value": 1.0}
    assert every["covid-19"]["sensitivity"]["low"] == pytest.approx(0.51, abs=0.001)
    assert set(every) == {"images", "covid-19", "normal", "all labels"}
    for name in TRACKED:
        found, wanted = few["covid-19"][name], every["covid-19"][name]
        assert found == ({"value": wanted["value"]} if isinstance(wanted, dict) else wanted)
    done = covidreport("export", "good", "--model-card", "card.md", "--all-metrics")
    assert (done.code, "--all-metrics is of --dvc FOLDER" in done.err) == (2, True)


def test_export_writes_figures_and_plots(covidreport, tmp_path):
    """4 of 4 found with 1 false alarm: by hand, with the ROC through (1/6, 3/4) and (1/6, 1)."""
    write_scored_run(tmp_path / "good")
    done = covidreport("export", "good", "--dvc", "dvc", "--all-metrics")
    assert done.code == 0, done.err
    figures = json.loads((tmp_path / "dvc" / "metrics.json").read_text())
    assert (figures["covid-19"]["missed"], figures["covid-19"]["fp"]) == (0, 1)
    assert figures["covid-19"]["sensitivity"]["value"] == 1
    assert figures["images"] == 10
    assert 0 <= figures["all labels"]["micro_f1"]["value"] <= 1
    roc = _read((tmp_path / "dvc" / "plots" / "roc-covid-19.csv").read_text())
    points = [(round(float(r["fpr"]) * 6, 6), round(float(r["tpr"]) * 4, 6)) for r in roc]
    # 0.7 is the score of a positive and of the negative: the two are passed together
    assert points == [(0, 0), (0, 2), (1, 3), (1, 4), (6, 4)]
    assert sorted(done.out.split()) == sorted(
        ["dvc/metrics.json"]
        + [
            f"dvc/plots/{kind}-{label}.csv"
            for kind in ("confusion", "roc", "pr")
            for label in ("covid-19", "normal")
        ]
    )


def test_export_says_what_is_wrong(covidreport, tmp_path):
    """No run, nothing to write."""
    write_scored_run(tmp_path / "good")
    assert "is no run folder" in covidreport("export", "none", "--dvc", "dvc").err
    done = covidreport("export", "good")
    assert done.code == 2
    assert "nothing to write: give --dvc FOLDER, --model-card FILE, " in done.err


@pytest.mark.skipif(NO_DVC, reason="dvc is not installed here")
def test_the_real_dvc_shows_what_changed(covidreport, tmp_path):
    """`dvc metrics diff` tells 2 more missed; `dvc plots diff` draws the three plots of the
    example, each with both revisions."""
    example = Path(__file__).resolve().parents[2] / "examples" / "ci" / "dvc.yaml"
    plots = example.read_text().split("plots:\n", 2)[-1]
    here = tmp_path / "repository"
    here.mkdir()
    (here / "dvc.yaml").write_text(
        f"metrics:\n  - dvc/metrics.json\nplots:\n{plots}", encoding="utf-8"
    )
    quiet = {**os.environ, "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}

    def call(*words):
        done = subprocess.run(
            words, cwd=here, env=quiet, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    call("git", "init", "-q")
    call("git", "config", "user.email", "a@example.org")
    call("git", "config", "user.name", "A")
    call("dvc", "init", "-q")
    for covid in (GOOD, POOR):
        write_scored_run(tmp_path / "run", covid=covid)
        assert covidreport("export", "run", "--dvc", here / "dvc").code == 0
        if covid is GOOD:
            call("git", "add", "-A")
            call("git", "commit", "-qm", "good")
    changed = json.loads(call("dvc", "metrics", "diff", "--json"))["dvc/metrics.json"]
    assert changed["covid-19.missed"] == {"old": 0, "new": 2, "diff": 2}
    assert changed["covid-19.sensitivity.value"] == {"old": 1.0, "new": 0.5, "diff": -0.5}
    call("dvc", "plots", "diff", "HEAD", "-o", "drawn")
    page = (here / "drawn" / "index.html").read_text()
    drawn = set(re.findall(r"vegaEmbed\('#([^']+)'", page))
    assert drawn == {"covid-19_answers", "covid-19_ROC", "covid-19_precision_and_recall"}
    assert '"rev": "HEAD"' in page
    assert '"rev": "workspace"' in page
