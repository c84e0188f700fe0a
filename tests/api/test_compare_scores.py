"""`covidreport.compare_scores`: arrays of scores come to what a file of them comes to."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import covidreport
from covidreport import compare_scores
from covidreport.compare import Plan
from covidreport.errors import CovidReportError, DatasetError, UsageError
from tests.cli.command import run_command
from tests.datasets import LABELS, write_flat_dataset

TRUTH = [1] * 10 + [0] * 10
FEW = [0.9] * 9 + [0.1] + [0.2] * 8 + [0.8] * 2
MANY = [0.9] * 3 + [0.1] * 7 + [0.2] * 9 + [0.8]


def rows_of(report):
    """Each run with its rank, missed positives and false alarms."""
    ranking = report.ranking
    return list(
        zip(*(ranking[of] for of in ("run", "rank", "missed", "false_alarms")), strict=True)
    )


def test_scores_at_hand_are_ranked_and_compared():
    """By hand: 1 and 7 missed of 10; the 6 that one alone misses are 2 * 0.5 ** 6 by McNemar."""
    report = compare_scores(TRUTH, {"many": MANY, "few": FEW})
    assert rows_of(report) == [("few", 1, 1, 2), ("many", 2, 7, 1)]
    (p,) = report.comparisons.query("metric == 'sensitivity'")["p_value"]
    assert p == pytest.approx(2 * 0.5**6)


def test_logits_and_probabilities_are_called_alike():
    """A threshold is a probability, whatever the scores are."""
    logits = {"few": np.log(np.array(FEW) / (1 - np.array(FEW)))}
    report = compare_scores(TRUTH, logits, activation="logit", threshold=0.85)
    assert rows_of(report) == [("few", 1, 1, 0)]


def test_other_scores_are_other_comparisons():
    """With the same counts: nothing that was kept of the first is taken for the second."""
    first = compare_scores(TRUTH, {"few": FEW, "many": MANY})
    second = compare_scores(TRUTH, {"few": [FEW[9], *FEW[:9], *FEW[10:]], "many": MANY})
    assert rows_of(first) == rows_of(second)
    assert not first.comparisons.equals(second.comparisons)


FRAMES = (
    "ranking", "counts", "estimates", "comparisons", "same_specificity", "cases", "calibration",
    "net_benefit", "operating_points", "combinations", "non_inferiority",
)  # fmt: skip
OF_THE_DATA = ["dataset", "split", "fingerprint"]


def test_arrays_and_files_of_the_same_scores_come_to_the_same(tmp_path, monkeypatch):
    """Three classes, patients with two images each, logits: every frame, and the tests in it."""
    rng = np.random.default_rng(4)
    classes = rng.permutation(np.repeat(LABELS, 8))
    truth = pd.get_dummies(pd.Series(classes))[list(LABELS)].to_numpy(int)
    patients = [f"P{i // 2}" for i in range(24)]
    write_flat_dataset(
        tmp_path / "data",
        [(10 * i, label, "validation") for i, label in enumerate(classes)],
        size=(4, 4),
        patients=patients,
    )
    names = [f"{i:03}.png" for i in range(24)]
    scores = {
        name: pd.DataFrame(
            rng.normal(size=(24, 3)) + skill * (truth - 0.5), index=names, columns=list(LABELS)
        )
        for name, skill in (("able", 5.0), ("fair", 2.0))
    }
    (tmp_path / "covidreport.toml").write_text('data = "data/manifest.csv"\nsplit = "validation"\n')
    for name, frame in scores.items():
        frame.to_csv(tmp_path / f"{name}.csv", index_label="id")
        words = ("import-scores", f"{name}.csv", "--run", name, "--activation", "logit")
        done = run_command(tmp_path, *words, "--threshold", "0.4")
        assert done.returncode == 0, done.stderr
    monkeypatch.chdir(tmp_path)
    of_files = covidreport.load("runs", baseline="able", margin=0.1, show_ids=True)
    of_arrays = compare_scores(
        pd.Series(classes, index=names), scores, labels=LABELS, target="covid-19", threshold=0.4,
        activation="logit", groups=patients, plan=Plan("able", 0.1), show_ids=True,
    )  # fmt: skip
    for name in FRAMES:
        found, wanted = (
            getattr(each, name).drop(columns=OF_THE_DATA, errors="ignore")
            for each in (of_arrays, of_files)
        )
        pd.testing.assert_frame_equal(found, wanted)
    assert len(of_files.comparisons) == 3
    assert of_files.comparisons["planned"].all()


def test_the_name_of_a_file_says_which_format_it_is(tmp_path):
    """The page and the other formats."""
    report = compare_scores(TRUTH, {"many": MANY, "few": FEW}, target="covid-19", title="Two")
    page = report.to_html()
    assert page.startswith("<!doctype html>")
    assert "9 of 10" in page
    assert report.render(tmp_path / "two.html").read_text() == page
    assert report.to_text("markdown") == report.render(tmp_path / "two.md").read_text()
    with report.render(tmp_path / "two.ranking.csv").open(newline="") as file:
        assert [row["run"] for row in csv.DictReader(file)] == ["few", "many"]
    assert report.runs["folder"].tolist() == ["few", "many"]  # no folder that is gone
    with pytest.raises(UsageError, match=r"two\.pdf: the name of a report ends as \.html, "):
        report.render(tmp_path / "two.pdf")


class Tensor:
    """What offers itself to numpy, as a torch tensor does."""

    def __init__(self, values, fault=None):
        self.values, self.fault = values, fault

    def __array__(self, dtype=None, copy=None):
        if self.fault:
            raise self.fault
        return np.array(self.values, dtype)


def test_whatever_numpy_reads_is_taken():
    """Lists, tuples, arrays of any width, pandas, and what offers itself as an array."""
    wanted = [("few", 1, 1, 2)]
    names = [f"a{i}" for i in range(20)]
    for truth, scores in (
        (tuple(TRUTH), tuple(FEW)),
        (np.array(TRUTH, bool), np.array(FEW, np.float16)),
        (pd.Series(TRUTH, names), pd.Series(FEW, names, dtype="Float64")),
        (np.array(TRUTH, float), pd.Series(FEW, names)),
        (Tensor(TRUTH), Tensor(FEW)),
    ):
        assert rows_of(compare_scores(truth, {"few": scores})) == wanted


def test_narrow_scores_are_judged_as_they_are():
    """0.3 as float32 is more than 0.3, and is not called positive at a threshold of 0.3: what is
    compared is a float32 with the threshold in float32, as of a file of them."""
    scores = np.array([0.9, 0.3, 0.1], np.float32)
    assert rows_of(compare_scores([1, 0, 0], {"a": scores}, threshold=0.3))[0][3] == 0


def test_the_class_that_a_softmax_scores_highest_is_the_answer():
    """By hand: the second covid-19 image scores 0.4 against 0.35 and 0.25, and 0.5 misses it."""
    scores = {"a": [[0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]}
    truth = ["c", "c", "n", "p"]
    asked: dict[str, Any] = {"labels": ["c", "n", "p"], "target": "c", "activation": "softmax"}
    assert rows_of(compare_scores(truth, scores, **asked))[0][2] == 1
    assert rows_of(compare_scores(truth, scores, **asked, threshold="argmax"))[0][2] == 0
    assert rows_of(compare_scores(truth, scores, **asked, threshold={"c": 0.3}))[0][2] == 0
    as_classes = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert rows_of(compare_scores(as_classes, scores, **asked))[0][2] == 1


def test_patients_decide_what_luck_is():
    """Cases without a patient are patients of their own: 2 patients and 18 others."""
    groups = ["p"] * 2 + ["q"] * 2 + [None, "", float("nan"), pd.NA] + [f"r{i}" for i in range(12)]
    report = compare_scores(TRUTH, {"few": FEW}, groups=groups)
    assert set(report.counts["n_groups"]) == {18}


TWO: dict[str, Any] = {"y_true": [0, 1], "y_score": {"a": [0.1, 0.9]}}


def named(values, *names):
    """With rows that have names."""
    return pd.Series(values, index=list(names))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y_true": [0, 2]}, "one 0 or 1 for each case is wanted"),
        ({"y_true": ["no", "yes"]}, "name them with labels="),
        ({"y_true": [0, -1]}, "one 0 or 1"),
        ({"y_true": [0, float("nan")]}, "one 0 or 1"),
        ({"y_true": []}, "there is no case"),
        ({"y_true": 1}, "one 0 or 1"),
        ({"y_true": [1, 1]}, "every case is positive"),
        ({"y_true": [0, 0], "target": "covid-19"}, "no case is covid-19"),
        ({"y_score": {}}, "one model at least"),
        ({"y_score": {"a/b": [0.1, 0.9]}}, "'a/b' is no name for a run"),
        ({"y_score": {1: [0.1, 0.9]}}, "1 is no name for a run"),
        ({"y_score": {"a": [0.1]}}, r"y_score of a: its shape is \(1,\), \(2,\) is wanted"),
        ({"y_score": {"a": [[0.1, 0.9], [0.2, 0.8]]}}, "give the column of the positive class"),
        ({"y_score": {"a": [[0.1], [0.2, 0.8]]}}, "y_score of a: numpy can't read it"),
        ({"y_score": {"a": ["low", "high"]}}, "y_score of a: numbers are wanted"),
        ({"y_score": {"a": [0.1, 0.9j]}}, "numbers are wanted, and it holds complex128"),
        (
            {"y_score": {"a": [0.1, None]}},
            "y_score of a: 1 fault row 2: the score nan is no finite",
        ),
        ({"y_score": {"a": [0.1, float("inf")]}}, "row 2: the score inf is no finite number"),
        ({"y_score": {"a": [0.1, 1.5]}}, r"row 2: 1\.5 is no probability, and sigmoid was stated"),
        ({"y_score": {"a": np.ma.array([0.1, 0.9], mask=[False, True])}}, "an entry is masked"),
        (
            {"y_score": {"a": Tensor([], TypeError("can't convert cuda:0"))}},
            "y_score of a: numpy can't read it .can't convert cuda:0",
        ),
        ({"groups": ["p"]}, "one for each of the 2 cases"),
        ({"threshold": 1.0}, "a probability between 0 and 1"),
        ({"threshold": "tuned"}, "a probability or 'argmax' is wanted"),
        ({"threshold": {"b": 0.3}}, "a threshold is set for 'b', which is no label"),
        ({"threshold": "argmax"}, "the labels of a softmax are wanted"),
        ({"activation": "softmax-logit"}, "'softmax-logit': one of sigmoid, softmax, logit"),
        ({"plan": Plan("b")}, "the baseline 'b' is none of these runs"),
        ({"y_true": named([0, 1], "x", "x")}, "two rows are called 'x'"),
        (
            {"y_true": named([0, 1], "x", "y"), "y_score": {"a": named([0.1, 0.9], "y", "x")}},
            "y_score of a: row 1 is called 'y', and 'x' in y_true. Give the same rows",
        ),
        (
            {"y_score": {"a": named([0.1, 0.9], "y", "x"), "b": named([0.1, 0.9], "y", "z")}},
            "y_score of b: row 2 is called 'z', and 'x' in y_score of a",
        ),
        (
            {"y_true": named([0, 1], 7, 3), "y_score": {"a": pd.Series([0.1, 0.9])}},
            "row 1 is called '0', and '7' in y_true",
        ),
        (
            {"y_true": named([0, 1], "x", "y"), "groups": named(["p"], "x")},
            "groups: 1 rows have a name, and 2 in y_true",
        ),
    ],
)
def test_scores_that_make_no_sense_are_refused(given, message):
    """Before anything is computed, with what would make sense."""
    with pytest.raises(CovidReportError) as caught:
        compare_scores(**TWO | given)
    assert re.search(message, re.sub(r"\s+", " ", str(caught.value)))


THREE: dict[str, Any] = {
    "y_true": ["c", "n", "p"],
    "y_score": {"a": np.eye(3)},
    "labels": ["c", "n", "p"],
    "target": "c",
}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": None}, "target: name the one to rank by, of c, n or p"),
        ({"target": "x"}, "'x' is none of the labels"),
        ({"labels": ["c", "n"]}, "y_true: p is none of the labels c and n"),
        ({"labels": ["c", "c", "n"]}, "two or more are wanted, each once"),
        ({"y_score": {"a": [0.1, 0.2, 0.9]}}, r"its shape is \(3,\), \(3, 3\) is wanted"),
        (
            {"y_score": {"a": pd.DataFrame(np.eye(3), columns=["n", "c", "p"])}},
            "its columns are n, c and p, and the labels c, n and p",
        ),
        (
            {"activation": "softmax", "threshold": "argmax", "y_score": {"a": np.eye(3) / 2}},
            "the probabilities sum to 0.5",
        ),
    ],
)
def test_classes_that_make_no_sense_are_refused(given, message):
    """Of three classes."""
    with pytest.raises((UsageError, DatasetError), match=message):
        compare_scores(**THREE | given)
