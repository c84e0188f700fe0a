"""Runs of other labels on the same images: one ranking by the target, one gate, and dashes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy.stats import binomtest

from covidreport.store import SCORES_FILE, read_evaluation, read_scores
from tests.cli.command import ROWS
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model

FINDINGS = tuple(f"finding-{i}" for i in range(15))
"""What the model of 18 outputs has besides, and the data don't."""
MISSED = {"one": (0, 3), "three": (3, 3), "eighteen": (6, 0)}
"""By hand, of 9 with covid-19 (120, 110 and 90 bright, three each) and 12 without (105 is the
brightest): missed and false alarms of models that call covid-19 what is brighter than 85, 100 and
115."""


def _write_models(runs):
    write_brightness_model(runs / "one" / "model.onnx", (0.1,), (-8.5,), labels=("covid-19",))
    write_brightness_model(runs / "three" / "model.onnx")
    write_brightness_model(
        runs / "eighteen" / "model.onnx", (0.1, -0.1, 0.02, *[0.01] * 15),
        (-11.5, 10.0, -1.0, *[-2.0] * 15), labels=("covid-19", "normal", "pneumonia", *FINDINGS),
    )  # fmt: skip


@pytest.fixture
def study(tmp_path):
    """Models of 1, 3 and 18 outputs, and 21 images of three labels."""
    write_flat_dataset(tmp_path / "data", ROWS * 3)
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    _write_models(tmp_path / "runs")
    return tmp_path


def _read(study, run):
    return read_evaluation(study / "runs" / run / "evaluations" / "data-validation")


def _list(covidreport):
    return json.loads(covidreport("list", "runs", "--json").out)["rankings"]


def test_models_of_1_3_and_18_outputs_stand_in_one_ranking(covidreport, study):
    """Each is evaluated for those labels of the data that it has, and ranked by the target."""
    done = covidreport("evaluate", "runs")
    assert done.code == 0, done.err
    assert "one has no output for normal and pneumonia: evaluated for covid-19" in done.err
    assert done.out.count("ranked by") == 1
    assert "Figures over all labels are left out" in done.out
    assert "micro F1" not in done.out
    (ranking,) = _list(covidreport)
    rows = [(r["rank"], r["run"], r["missed"], r["false_alarms"]) for r in ranking["rows"]]
    assert rows == [(i, name, *MISSED[name]) for i, name in enumerate(MISSED, start=1)]
    assert [row["micro_f1"] for row in ranking["rows"]] == [None] * 3
    assert [len(row["labels"]) for row in ranking["rows"]] == [1, 3, 3]
    assert set(_read(study, "one").counts) == {"covid-19"}
    assert _read(study, "one").estimates[""]["micro_f1"].value is not None  # of its own label
    prints = {_read(study, name).label_fingerprints["covid-19"] for name in MISSED}
    assert prints == {ranking["fingerprint"]}


def test_pairs_are_compared_by_what_each_missed(covidreport, study):
    """Exact McNemar tests by SciPy, of the images that a brightness of its own parts."""
    covidreport("evaluate", "runs")
    (ranking,) = _list(covidreport)
    limits = {"one": 85, "three": 100, "eighteen": 115}
    bright = np.array([value for value, label, split in ROWS * 3
                       if label == "covid-19" and split == "validation"])  # fmt: skip
    pairs = {(p["first"], p["second"]): p for p in ranking["comparisons"]["sensitivity"]}
    assert len(pairs) == 3
    for (first, second), pair in pairs.items():
        only_first = int(np.sum((bright <= limits[first]) & (bright > limits[second])))
        only_second = int(np.sum((bright > limits[first]) & (bright <= limits[second])))
        assert (pair["only_first"], pair["only_second"]) == (only_first, only_second)
        p = binomtest(only_first, only_first + only_second).pvalue
        assert pair["p_value"] == pytest.approx(p)
        assert pair["difference"] == pytest.approx((only_second - only_first) / 9)


def test_each_alone_gives_the_same_evaluation(covidreport, study):
    """Whatever was evaluated beside it: nothing is replaced, and nothing is run again."""
    covidreport("evaluate", "runs")
    before = {name: _read(study, name) for name in MISSED}
    for name in ("one", "three"):
        done = covidreport("evaluate", f"runs/{name}")
        assert "1 of 1 run is unchanged" in done.err
        assert _read(study, name) == before[name]
    done = covidreport("evaluate", "runs")
    assert "3 of 3 runs are unchanged" in done.err
    assert len(_list(covidreport)) == 1


def test_outputs_that_the_data_have_no_truth_of_are_told(covidreport, study):
    """A model of 18 outputs is evaluated on data of three labels without being described."""
    done = covidreport("evaluate", "runs/eighteen")
    assert done.code == 0, done.err
    assert "the data have no truth of finding-0, finding-1" in " ".join(done.err.split())
    assert set(_read(study, "eighteen").counts) == {"covid-19", "normal", "pneumonia"}


def test_a_model_without_the_target_fails_and_says_what_it_has(covidreport, study):
    """As ever: nothing can be ranked of it; the others are evaluated."""
    write_brightness_model(
        study / "runs" / "other" / "model.onnx", (0.1,), (-8.5,), labels=("pneumonia",)
    )
    done = covidreport("evaluate", "runs")
    assert done.code == 3
    assert "the model has no output for covid-19, normal; it states pneumonia" in " ".join(
        done.err.split()
    )
    assert len(_list(covidreport)[0]["rows"]) == 3


def test_a_label_that_is_spelt_otherwise_is_asked_for(covidreport, study):
    """Not taken for one that the model lacks."""
    write_brightness_model(
        study / "runs" / "other" / "model.onnx", labels=("covid-19", "Normal", "pneumonia")
    )
    done = covidreport("evaluate", "runs")
    assert done.code == 3
    assert '"label_map": {"Normal": "normal"}' in " ".join(done.err.split())


def test_thresholds_of_a_label_are_for_those_who_have_it(covidreport, study):
    """One that no run has is refused, as ever."""
    done = covidreport("evaluate", "runs", "--threshold", "pneumonia=0.3")
    assert done.code == 0, done.err
    assert _read(study, "three").thresholds["pneumonia"] == 0.3
    assert _read(study, "one").thresholds == {"covid-19": 0.5}
    assert len(_list(covidreport)) == 1
    assert covidreport("evaluate", "runs", "--threshold", "pneumonai=0.3").code == 2
    # by other thresholds of a label that both have they are not of one rule, and `one` is of either
    covidreport("evaluate", "runs/eighteen", "--threshold", "pneumonia=0.4")
    assert sorted(len(ranking["rows"]) for ranking in _list(covidreport)) == [1, 2]
    covidreport("evaluate", "runs", "--threshold", "covid-19=0.3")
    covidreport("evaluate", "runs/one", "--threshold", "0.5")
    assert sorted(len(ranking["rows"]) for ranking in _list(covidreport)) == [1, 2]


def test_another_truth_of_another_label_is_no_other_ranking(covidreport, study):
    """Whoever mends the pneumonia of one image does not part the runs; that of covid-19 does."""
    covidreport("evaluate", "runs")
    manifest = study / "data" / "manifest.csv"
    text = manifest.read_text()
    lines = text.splitlines()
    row = next(i for i, line in enumerate(lines) if line.endswith(",0,1,0,validation"))
    lines[row] = lines[row].replace(",0,1,0,", ",0,0,1,")
    manifest.write_text("\n".join(lines) + "\n")
    covidreport("evaluate", "runs/three")
    (ranking,) = _list(covidreport)
    assert {row["run"]: row["missed"] for row in ranking["rows"]} == {
        "one": 0, "three": 3, "eighteen": 6,
    }  # fmt: skip
    lines[row] = lines[row].replace(",0,0,1,", ",1,0,0,")
    manifest.write_text("\n".join(lines) + "\n")
    covidreport("evaluate", "runs/three")
    assert sorted(len(each["rows"]) for each in _list(covidreport)) == [1, 2]


def _forget(study, *runs):
    """The evaluations as an earlier version wrote them, without fingerprints of labels."""
    for run in runs:
        file = study / "runs" / run / "evaluations" / "data-validation" / "evaluation.json"
        document = json.loads(file.read_text())
        del document["label_fingerprints"]
        file.write_text(json.dumps(document))


def test_evaluations_of_earlier_versions_compare_as_they_did(covidreport, study):
    """By the whole fingerprint and all labels; one beside them that has both joins them. Evaluated
    again they have what they lack, and nothing is run."""
    covidreport("evaluate", "runs")
    _forget(study, *MISSED)
    assert sorted(len(each["rows"]) for each in _list(covidreport)) == [1, 2]
    done = covidreport("evaluate", "runs/three")
    assert "1 of 1 run is unchanged" in done.err
    assert _read(study, "three").label_fingerprints
    assert sorted(len(each["rows"]) for each in _list(covidreport)) == [1, 2]
    covidreport("evaluate", "runs/one")
    (ranking,) = _list(covidreport)
    assert len(ranking["rows"]) == 3


def test_every_face_shows_dashes(covidreport, study):
    """For labels that a run lacks; what is over all labels is left out with the reason."""
    covidreport("evaluate", "runs", "--thumbnails")
    for kind in ("html", "markdown", "csv", "json"):
        assert covidreport("render", "runs", "--format", kind, "--output", f"r.{kind}").code == 0
    with (study / "r.csv").open() as file:
        rows = {(row["run"], row["label"]): row for row in csv.DictReader(file)}
    assert (rows["one", "covid-19"]["rank"], rows["one", "covid-19"]["missed"]) == ("1", "0")
    for cell in ("tn", "threshold", "sensitivity", "roc_auc", "missed"):
        assert rows["one", "pneumonia"][cell] == ""
        assert rows["three", "pneumonia"][cell] != ""
    text = (study / "r.markdown").read_text()
    assert "Labels: COVID-19, normal and pneumonia" in text
    (confusion,) = (line for line in text.splitlines() if line.startswith("| one (rank 1) | yes"))
    assert confusion.endswith("| 0 (0.000) | 9 (1.000) | – | – | – | – |")
    assert "Figures over all labels are left out" in text
    assert "not in the table: one" in text
    document = json.loads((study / "r.json").read_text())
    (ranking,) = document["rankings"]
    assert [row["run"] for row in ranking["rows"]] == list(MISSED)
    page = (study / "r.html").read_text()
    assert page.count("data:image/jpeg") == 6 + 3  # missed by any run, and false alarms


def test_the_gate_asks_what_both_have(covidreport, study):
    """Misses and false alarms of the target, image by image; the rest can't be asked, and says
    why: that is no pass."""
    covidreport("evaluate", "runs")
    for baseline in ("runs/three", "baseline.json"):
        covidreport("baseline", "set", "runs/three")
        done = covidreport("gate", "runs/one", "--baseline", baseline, "--output-dir", "out")
        assert done.code == 0, done.out + done.err
        (verdict,) = json.loads((study / "out" / "verdict.json").read_text())["verdicts"]
        assert [len(verdict[key]) for key in ("newly_missed", "newly_found")] == [0, 3]
        assert verdict["comparisons"][0]["only_second"] == 3
        done = covidreport(
            "gate", "runs/one", "--baseline", baseline, "--limit", "pneumonia:sensitivity>=0.5",
            "--limit", "micro_f1>=baseline-0.1", "--limit", "micro_f1>=0.5",
        )  # fmt: skip
        assert done.code == 4, done.err
        said = " ".join(done.out.split())
        assert "2 of 5 limits inconclusive: pneumonia sensitivity, micro_f1" in said
        assert "pneumonia sensitivity can't be asked: one has no output for pneumonia" in said
        assert "micro_f1 can't be asked: it is over all labels" in said
    assert covidreport("gate", "runs/eighteen", "--baseline", "runs/one").code == 1
    assert covidreport("gate", "runs/one", "--limit", "pneumonai:missed<=3").code == 2


def test_a_baseline_counts_the_models_that_were_judged_on_its_images(covidreport, study):
    """Whatever their labels: each is a try."""
    covidreport("evaluate", "runs")
    covidreport("baseline", "set", "runs/three")
    covidreport("gate", "runs/one", "--baseline", "baseline.json", "--output-dir", "out")
    done = covidreport("baseline", "set", "runs/three", "--judged", "out/verdict.json")
    assert "no verdict in it is on these images" not in done.err
    assert len(json.loads((study / "baseline.json").read_text())["judged"]) == 1


def test_a_baseline_without_fingerprints_of_labels_compares_as_it_did(covidreport, study):
    """A run of the same labels is judged; one of others is refused, as by earlier versions."""
    covidreport("evaluate", "runs")
    _forget(study, "three")
    covidreport("baseline", "set", "runs/three")
    assert "label_fingerprints" not in json.loads((study / "baseline.json").read_text())
    assert covidreport("gate", "runs/eighteen", "--baseline", "baseline.json").code == 1
    done = covidreport("gate", "runs/one", "--baseline", "baseline.json")
    assert done.code == 3
    assert "labels: covid-19; the baseline's: covid-19, normal, pneumonia" in " ".join(
        (done.out + done.err).split()
    )


def test_scores_are_of_the_same_images_in_the_same_order(covidreport, study):
    """What a model of one output is told of truth is what the others are told."""
    covidreport("evaluate", "runs")
    one, three = (
        read_scores(study / "runs" / name / "evaluations" / "data-validation" / SCORES_FILE)
        for name in ("one", "three")
    )
    assert one.sample_ids == three.sample_ids
    assert one.truth[:, 0].tolist() == three.truth[:, 0].tolist()
    assert one.labels == ("covid-19",)


def test_a_threshold_of_no_label_is_refused_by_score_too(covidreport, study):
    """One of a label that some run has is for those."""
    covidreport("evaluate", "runs")
    assert covidreport("score", "runs", "--threshold", "pneumonia=0.3").code == 0
    done = covidreport("score", "runs", "--threshold", "pneumonai=0.3")
    assert done.code == 2
    assert "which is no label of the data" in " ".join(done.err.split())
