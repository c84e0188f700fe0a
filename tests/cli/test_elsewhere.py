"""Scores from other frameworks, models from elsewhere, and images without truth."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from covidreport.records import PixelSpec
from covidreport.store import read_evaluation, read_scores, write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.onnx_models import write_brightness_model

ROWS = [
    (120, "covid-19", "validation"),
    (90, "covid-19", "validation"),
    (110, "normal", "validation"),
    (20, "normal", "validation"),
    (30, "pneumonia", "validation"),
]
SCORES = [(0.9, 0.1, 0.2), (0.4, 0.5, 0.1), (0.6, 0.8, 0.1), (0.1, 0.9, 0.1), (0.2, 0.3, 0.9)]
DESCRIBED = {"fit": "stretch", "resample": "bilinear"}


@pytest.fixture
def study(tmp_path):
    """Five images, and a table of scores that finds one of two positives with one false alarm."""
    write_flat_dataset(tmp_path / "data", ROWS)
    with (tmp_path / "keras.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *LABELS])
        writer.writerows([f"{i:03}.png", *scores] for i, scores in enumerate(SCORES))
    return tmp_path


def _import(covidreport, *words):
    return covidreport(
        "import-scores", "keras.csv", "--run", "keras", "--activation", "sigmoid",
        "--data", "data", *words,
    )  # fmt: skip


def test_imported_scores_are_ranked_beside_the_rest(covidreport, study):
    """A run from elsewhere and one evaluated here stand in one ranking, on the same images."""
    write_brightness_model(study / "runs" / "keen" / "model.onnx", offsets=(-8.5, 10, -1))
    done = _import(covidreport)
    assert done.code == 0, done.err
    assert covidreport("evaluate", "runs/keen", "--data", "data").code == 0
    evaluation = read_evaluation(study / "runs" / "keras" / "evaluations" / "data-validation")
    counts = evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (2, 1, 1, 1)
    text = covidreport("render", "--format", "markdown", "--output", "-").out
    assert text.count("\n## Ranking") == 1
    assert "computed elsewhere" in text


def test_an_image_without_a_score_counts_against_the_run(covidreport, study):
    """A positive without a row is missed; the report says how many there are."""
    lines = (study / "keras.csv").read_text().splitlines()
    (study / "keras.csv").write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    done = _import(covidreport)
    assert "1 of 5 images have no score" in done.err
    evaluation = read_evaluation(study / "runs" / "keras" / "evaluations" / "data-validation")
    assert evaluation.counts["covid-19"].failed_positive == 1
    assert evaluation.counts["covid-19"].missed == 2


def test_parquet_and_other_column_names_do_too(covidreport, study):
    """`path` names the image and `score.LABEL` the score."""
    columns: dict[str, list[object]] = {"path": [f"{i:03}.png" for i in range(5)]}
    columns |= {f"score.{label}": [row[k] for row in SCORES] for k, label in enumerate(LABELS)}
    pq.write_table(pa.table(columns), study / "scores.parquet")
    done = covidreport(
        "import-scores", "scores.parquet", "--run", "x", "--activation", "softmax", "--data", "data"
    )
    assert done.code == 0, done.err
    scores = read_scores(
        study / "runs" / "x" / "evaluations" / "data-validation" / "scores.parquet"
    )
    np.testing.assert_allclose(scores.scores, SCORES, rtol=1e-6)
    assert scores.activation == "softmax"


SOFTMAX = [
    # covid-19, normal, pneumonia, another class
    (0.4, 0.3, 0.2, 0.1),  # covid-19: found below a half
    (0.45, 0.05, 0.0, 0.5),  # covid-19: the other class is higher
    (0.6, 0.2, 0.1, 0.1),  # normal: a false alarm
    (0.1, 0.7, 0.1, 0.1),
    (0.3, 0.3, 0.3, 0.1),  # pneumonia: a tie names none
]


def _write_softmax(path, rows=SOFTMAX):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *LABELS, "tuberculosis"])
        writer.writerows([f"{i:03}.png", *scores] for i, scores in enumerate(rows))


def _import_softmax(covidreport, *words):
    return covidreport(
        "import-scores", "softmax.csv", "--run", "keras", "--activation", "softmax",
        "--decision", "argmax", "--data", "data", *words,
    )  # fmt: skip


def test_the_highest_of_all_classes_decides_where_that_is_asked_for(covidreport, study):
    """Of two positives one is found, though below 0.5, and one loses to a class that the data do
    not have; one negative of three is a false alarm, and a tie names nobody."""
    _write_softmax(study / "softmax.csv")
    done = _import_softmax(covidreport, "--other", "tuberculosis")
    assert done.code == 0, done.err
    assert "argmax" in done.out
    folder = study / "runs" / "keras" / "evaluations" / "data-validation"
    evaluation = read_evaluation(folder)
    counts = evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (2, 1, 1, 1)
    assert (evaluation.thresholds, evaluation.thresholds_from) == ({}, "argmax")
    assert "argmax-tied" in {finding.code for finding in evaluation.findings}
    others = read_scores(folder / "scores.parquet").others
    assert others is not None
    assert others.tolist() == pytest.approx([0.1, 0.5, 0.1, 0.1, 0.1])
    top_1 = evaluation.estimates[""]["top_1_accuracy"]
    assert (top_1.numerator, top_1.denominator) == (2, 5)
    write_brightness_model(study / "runs" / "keen" / "model.onnx", offsets=(-8.5, 10, -1))
    assert covidreport("evaluate", "runs/keen", "--data", "data").code == 0
    text = covidreport("render", "--format", "markdown", "--output", "-").out
    assert text.count("\n## Ranking") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "line 3: the probabilities sum to 0.500, and argmax needs every class"),
        (("--other", "tb"), "there is no column tb"),
        (("--other", "tuberculosis", "--threshold", "0.4"), "by argmax there is none"),
        (("--decision", "highest"), "one of threshold, argmax"),
        (("--activation", "sigmoid"), "takes --activation softmax, not sigmoid"),
        (("--decision", "threshold", "--other", "tuberculosis"), "say --decision argmax"),
    ],
)
def test_argmax_of_half_the_classes_is_refused(covidreport, study, words, said):
    """And what contradicts it."""
    _write_softmax(study / "softmax.csv")
    done = _import_softmax(covidreport, *words)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert not (study / "runs" / "keras").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000.png,0.9", "000.png,1.9", "line 2: 1.9 is no probability"),
        ("001.png", "000.png", "line 3: '000.png' stands in line 2 already"),
        ("001.png", "xyz.png", "line 3: 'xyz.png' is no image of data, validation"),
        ("000.png,0.9", "000.png,nan", "line 2: the score 'nan' is no finite number"),
        ("id,", "who,", "there is no column id"),
        ("covid-19", "flu", "no column score.covid-19 or covid-19"),
    ],
)
def test_a_wrong_table_is_refused_with_its_lines(covidreport, study, old, new, message):
    """Nothing is written where a score can't be what it is said to be."""
    text = (study / "keras.csv").read_text()
    assert old in text
    (study / "keras.csv").write_text(text.replace(old, new, 1))
    done = _import(covidreport)
    assert done.code == 2
    assert message in done.err
    assert not (study / "runs").exists()


def test_a_run_that_was_not_imported_is_not_overwritten(covidreport, study):
    """The folder of a model is left alone; an imported one may be imported again."""
    write_brightness_model(study / "runs" / "keras" / "model.onnx")
    assert "holds another run" in _import(covidreport).err
    assert _import(covidreport, "--output", "other").code == 0
    assert _import(covidreport, "--output", "other").code == 0


def test_models_from_elsewhere_are_evaluated_as_described(covidreport, study):
    """Float NHWC, a fixed batch, sigmoid outputs, other names, two outputs: the same counts."""
    here = study / "runs"
    write_brightness_model(here / "ours" / "model.onnx")
    names = {"COVID": "covid-19", "None": "normal", "Pneu": "pneumonia"}
    foreign = {
        "labels": list(names), "label_map": names, "activation": "logit",
        "divisor": 1, "mean": [0], "std": [1], **DESCRIBED,
    }  # fmt: skip
    cases: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "nhwc": ({"dtype": "float32", "layout": "NHWC"}, {}),
        "batch": ({"dtype": "float32", "batch": 3}, {}),
        "half": ({"dtype": "float16"}, {}),
        "sigmoid": ({"dtype": "float32", "tail": ["Sigmoid"]}, {"activation": "sigmoid"}),
        "several": ({"dtype": "float32", "outputs": 2}, {"output_name": "logits"}),
    }
    for name, (options, words) in cases.items():
        write_brightness_model(here / name / "model.onnx", metadata={}, **options)
        write_run(here / name, {"name": name, "input": {**foreign, **words}})
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 0, done.err
    for name in ("ours", *cases):
        counts = read_evaluation(here / name / "evaluations" / "data-validation").counts
        assert (counts["covid-19"].tn, counts["covid-19"].fp) == (2, 1), name
        assert (counts["covid-19"].fn, counts["covid-19"].tp) == (1, 1), name


SIGMOID_COUNTS, SOFTMAX_COUNTS = (2, 1, 1, 1), (3, 0, 1, 1)
"""tn, fp, fn, tp of covid-19 by hand: its softmax is 0.64, 0.07, 0.42, then next to nothing."""


@pytest.mark.parametrize(
    ("options", "words", "expected"),
    [
        ({"batch": 1}, {}, SIGMOID_COUNTS),
        ({"batch": 7}, {}, SIGMOID_COUNTS),
        ({"batch": 50}, {}, SIGMOID_COUNTS),
        ({"layout": "NHWC", "batch": 2}, {"layout": "NHWC"}, SIGMOID_COUNTS),
        ({"tail": ["Softmax"]}, {"activation": "softmax"}, SOFTMAX_COUNTS),
        ({}, {"activation": "softmax-logit"}, SOFTMAX_COUNTS),
        ({"tail": ["Sigmoid"], "outputs": 3},
         {"activation": "sigmoid", "output_name": "logits"}, SIGMOID_COUNTS),
        ({"slopes": (0.02, 9.0, 0.1, -0.1), "offsets": (-1.0, 9.0, -10.0, 10.0)},
         {"labels": ["Pneu", "Effusion", "COVID", "None"]}, SIGMOID_COUNTS),
    ],
    ids=["batches of 1", "batches of 7", "batches of 50", "NHWC in batches of 2", "softmax",
         "softmax to be applied", "three outputs", "more labels in another order"],
)  # fmt: skip
def test_every_kind_of_foreign_model_gives_the_counts_of_hand(
    covidreport, study, options, words, expected
):
    """Float input with mean and deviation outside, under the data's label names."""
    names = {"COVID": "covid-19", "None": "normal", "Pneu": "pneumonia"}
    # (v / 2 - 5) / 0.5 = v - 10, which slope times 10 in the offsets makes up for
    slopes = options.get("slopes", (0.1, -0.1, 0.02))
    offsets = options.get("offsets", (-10.0, 10.0, -1.0))
    offsets = [offset + 10 * slope for slope, offset in zip(slopes, offsets, strict=True)]
    described = {
        "labels": list(names), "label_map": names, "activation": "logit",
        "divisor": 2, "mean": [5], "std": [0.5], **DESCRIBED, **words,
    }  # fmt: skip
    options = {"dtype": "float32", **options, "slopes": slopes, "offsets": offsets}
    folder = study / "runs" / "foreign"
    write_brightness_model(folder / "model.onnx", metadata={}, **options)
    write_run(folder, {"name": "foreign", "input": described})
    (study / "covidreport.toml").write_text(f"labels = {list(LABELS)}\n")
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 0, done.err
    evaluation = read_evaluation(folder / "evaluations" / "data-validation")
    counts = evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == expected
    assert evaluation.labels == LABELS


def test_a_model_from_elsewhere_that_nobody_described_fails_by_name(covidreport, study):
    """What is missing is listed, and where to say it."""
    write_brightness_model(study / "runs" / "ours" / "model.onnx")
    write_brightness_model(study / "runs" / "bare" / "model.onnx", metadata={}, dtype="float32")
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 3
    assert "does not state labels, activation, fit, resample, divisor, mean, std" in done.err


def test_a_pixel_spec_that_can_t_be_made_fails_its_run_alone(covidreport, study):
    """Lanczos without antialiasing is not made: the other run is evaluated."""
    write_brightness_model(study / "runs" / "ours" / "model.onnx")
    spec = PixelSpec(8, 8, resample="lanczos", antialias=False)
    write_brightness_model(study / "runs" / "odd" / "model.onnx", pixels=spec)
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 3
    assert "run odd was not evaluated" in done.err
    assert "ours" in done.out


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predict_writes_answers_and_scores(covidreport, study, suffix):
    """Image name, a 0/1 column and a score a label; a broken image has a reason and no answer."""
    write_brightness_model(study / "model.onnx")
    (study / "new" / "deep").mkdir(parents=True)
    Image.new("L", (9, 9), 150).save(study / "new" / "deep" / "b.png")
    Image.new("L", (9, 9), 50).save(study / "new" / "c.jpg")
    (study / "new" / "a.png").write_bytes(b"nonsense")
    done = covidreport("predict", "model.onnx", "new", "--output", f"out.{suffix}")
    assert done.code == 3
    assert "a.png: " in done.err
    if suffix == "csv":
        with (study / "out.csv").open() as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pq.read_table(study / "out.parquet").to_pylist()
    assert [row["image"] for row in rows] == ["a.png", "c.jpg", "deep/b.png"]
    assert [row["covid-19"] for row in rows] in (["", "0", "1"], [None, 0, 1])
    assert float(rows[2]["score.covid-19"]) == pytest.approx(5, abs=1e-4)
    assert rows[0]["failure"]
    assert not rows[1]["failure"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.onnx", "none"], "no such file or folder"),
        (["none.onnx", "data"], "no such run folder or ONNX file"),
        (["model.onnx", "data", "--output", "x.txt"], "written as .csv or .parquet"),
        (["keras.csv", "data"], "can't be loaded"),
    ],
)
def test_predict_says_what_is_wrong(covidreport, study, words, message):
    """One clear error, and no table."""
    write_brightness_model(study / "model.onnx")
    done = covidreport("predict", *words)
    assert done.code in (2, 3)
    assert message in done.err
    assert not (study / "predictions.csv").exists()


def test_a_table_without_rows_is_refused(covidreport, study):
    """It would make a run that misses everybody."""
    head = (study / "keras.csv").read_text().splitlines()[0]
    (study / "keras.csv").write_text(f"{head}\n")
    done = _import(covidreport)
    assert done.code == 2
    assert "there is no row of scores" in done.err
    assert not (study / "runs").exists()


@pytest.mark.parametrize(("kind", "stored"), [("text", np.float64), (pa.float64(), np.float64),
                                              (pa.float32(), np.float32)])  # fmt: skip
def test_imported_scores_that_lie_on_the_threshold_are_a_no(covidreport, tmp_path, kind, stored):
    """20 images scored 0.3, at 0.3: none is called positive, in whatever type they were given."""
    write_flat_dataset(tmp_path / "data", [(i, LABELS[i % 3], "validation") for i in range(20)])
    file = tmp_path / "given.csv"
    names = [f"{i:03}.png" for i in range(20)]
    if kind == "text":
        rows = "".join(f"{name},0.3,0.3,0.3\n" for name in names)
        file.write_text(f"id,{','.join(LABELS)}\n{rows}")
    else:
        file = file.with_suffix(".parquet")
        columns = {label: pa.array([0.3] * 20, kind) for label in LABELS}
        pq.write_table(pa.table({"id": names, **columns}), file)
    for threshold, positives in (("0.3", 0), ("0.2999999", 7)):
        done = covidreport(
            "import-scores", file.name, "--run", "given", "--activation", "sigmoid",
            "--data", "data", "--threshold", threshold,
        )  # fmt: skip
        assert done.code == 0, done.err
        folder = tmp_path / "runs" / "given" / "evaluations" / "data-validation"
        assert read_scores(folder / "scores.parquet").scores.dtype == stored
        counts = read_evaluation(folder).counts["covid-19"]
        assert counts.tp == positives
        assert counts.fp == (13 if positives else 0)


def test_a_probability_that_rounding_carried_over_1_is_taken_for_1(covidreport, study):
    """1.0000001 is the float32 above 1, printed; 1.01 is no probability."""
    text = (study / "keras.csv").read_text()
    (study / "keras.csv").write_text(text.replace("0.9,0.1,0.2", "1.0000001,-1e-8,0.2"))
    assert _import(covidreport).code == 0
    folder = study / "runs" / "keras" / "evaluations" / "data-validation"
    assert read_scores(folder / "scores.parquet").scores[0].tolist() == [1, 0, 0.2]
    (study / "keras.csv").write_text(text.replace("0.9,0.1,0.2", "1.01,0.1,0.2"))
    done = _import(covidreport)
    assert done.code == 2
    assert "1.01 is no probability" in done.err


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_predictions_that_are_imported_again_are_the_same_scores(covidreport, tmp_path, name):
    """In the model's own type; as text with no more digits than that has."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    assert covidreport("evaluate", "--data", "data").code == 0
    done = covidreport("predict", "runs/a/model.onnx", "data", "--output", name)
    assert done.code == 0, done.err
    done = covidreport(
        "import-scores", name, "--run", "b", "--activation", "logit", "--data", "data"
    )
    assert done.code == 0, done.err
    first, second = (
        read_scores(tmp_path / "runs" / run / "evaluations/data-validation/scores.parquet").scores
        for run in ("a", "b")
    )
    np.testing.assert_array_equal(first, second.astype(np.float32))
    if name.endswith("csv"):
        text = (tmp_path / name).read_text()
        assert max(map(len, text.replace("\n", ",").split(","))) <= len("score.pneumonia")


@pytest.fixture
def split_study(tmp_path):
    """Three images of validation in two folders, and one of train."""
    folder = tmp_path / "data"
    rows = ["path,covid-19,split"]
    for name, label, split in (("a/1.png", 1, "validation"), ("b/1.png", 0, "validation"),
                               ("b/2.png", 1, "validation"), ("a/3.png", 1, "train")):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(folder / name)
        rows.append(f"./{name},{label},{split}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def _import_table(covidreport, folder, text, *words):
    (folder / "s.csv").write_text(text)
    return covidreport("import-scores", "s.csv", "--run", "x", "--activation", "sigmoid",
                       "--data", "data", *words)  # fmt: skip


def test_names_without_folder_or_suffix_and_rows_of_other_splits(covidreport, split_study):
    """`./` as the manifest has it, `2` for b/2.png; the row of train is passed over, and said."""
    text = "id,covid-19\n./a/1.png,0.9\nb\\1.png,0.1\n2,0.8\n3.png,0.7\n"
    done = _import_table(covidreport, split_study, text)
    assert done.code == 0, done.err
    assert "1 row is of other splits, and passed over" in done.err
    found = read_scores(split_study / "runs/x/evaluations/data-validation/scores.parquet")
    assert found.sample_ids == ("a/1.png", "b/1.png", "b/2.png")
    assert found.scores[:, 0].tolist() == [0.9, 0.1, 0.8]


def test_paths_name_images_that_have_ids(covidreport, split_study):
    """As the manifest has them, or absolute; and where a name is spelt otherwise that is said."""
    manifest = split_study / "data" / "manifest.csv"
    lines = manifest.read_text().splitlines()
    named = [f"{lines[0]},id", *(f"{line},image {i}" for i, line in enumerate(lines[1:]))]
    manifest.write_text("\n".join(named) + "\n")
    absolute = split_study / "data" / "b" / "1.png"
    text = f"path,covid-19\n./a/1.png,0.9\n{absolute},0.1\nimage 2,0.8\na/3.png,0.7\n"
    done = _import_table(covidreport, split_study, text)
    assert done.code == 0, done.err
    assert "1 row is of other splits, and passed over" in done.err
    found = read_scores(split_study / "runs/x/evaluations/data-validation/scores.parquet")
    assert found.sample_ids == ("image 0", "image 1", "image 2")
    assert found.scores[:, 0].tolist() == [0.9, 0.1, 0.8]
    done = _import_table(covidreport, split_study, "path,covid-19\nA/1.PNG,0.9\n")
    assert done.code == 2
    assert "line 2: 'A/1.PNG' is no image; there is 'a/1.png'" in done.err


def test_a_name_of_two_images_is_refused(covidreport, split_study):
    """Which is meant nobody knows; nor is one image named twice in two ways."""
    done = _import_table(
        covidreport, split_study, "id,covid-19\n1.png,0.9\nb/2.png,0.1\n2.png,0.1\n"
    )
    assert done.code == 2
    assert "line 2: '1.png' may be a/1.png or b/1.png: name it as the data do" in done.err
    assert "line 4: '2.png' stands in line 3 already" in done.err
    done = _import_table(covidreport, split_study, "id,covid-19\nz/2.png,0.9\n2.jpg,0.9\n")
    assert "line 2: 'z/2.png' is no image of data" in done.err
    assert "line 3: '2.jpg' is no image of data" in done.err


def test_columns_may_be_called_anything(covidreport, split_study):
    """With options that say which; a label that is none, and half an option, are refused."""
    text = "file;p_covid\na/1.png;0.9\nb/1.png;0.1\nb/2.png;0.8\n"
    options = ("--id-column", "file", "--label", "covid-19=p_covid")
    assert _import_table(covidreport, split_study, text, *options).code == 0
    done = _import_table(covidreport, split_study, text, *options, "--label", "flu=p_covid")
    assert "--label flu: no label of the data: covid-19" in done.err
    assert (
        "LABEL=COLUMN is wanted"
        in _import_table(covidreport, split_study, text, "--label", "a").err
    )
