"""Configurations that were trained once a fold: evaluated, ranked, reported and judged as one."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from covidreport.storage.folds import join_folds
from covidreport.storage.runs import discover_runs, read_evaluations
from covidreport.store import read_scores, write_run
from tests.cli.command import write_model
from tests.datasets import write_flat_dataset

FOLDS = ("1", "2", "3", "4", "5")
FIGURES = ("rank", "missed", "found", "positives", "false_alarms", "sensitivity", "specificity")


def write_images(folder, n=60, seed=0):
    """Images of two patients each, brighter where they show covid-19; a fold for every patient."""
    rng = np.random.default_rng(seed)
    labels = ["covid-19", "normal", "pneumonia"]
    rows = []
    for _ in range(n):
        label = labels[rng.integers(3)]
        bright = rng.normal(115 if label == "covid-19" else 80, 20)
        rows.append((int(np.clip(bright, 0, 255)), label, "validation"))
    patients = [f"p{i // 2:03}" for i in range(n)]
    manifest = write_flat_dataset(folder / "data", rows, patients=patients)
    write_column(manifest, [FOLDS[(i // 2) % 5] for i in range(n)])
    (folder / "covidreport.toml").write_text(
        'data = "data/manifest.csv"\nsplit = "validation"\nprovider = "cpu"\n'
    )
    return manifest


def write_column(manifest, cells, name="fold"):
    """Add, replace, or without cells take away a column."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for at, row in enumerate(rows):
        row.pop(name, None)
        if cells is not None:
            row[name] = cells[at]
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_configuration(runs, name, limits, folds=FOLDS, **settings):
    """A run for each fold, which calls covid-19 what is brighter than its limit."""
    for fold, limit in zip(folds, limits, strict=True):
        folder = runs / f"{name}-{fold}"
        write_model(folder, limit)
        write_run(folder, {"configuration": name, "fold": int(fold), **settings})


@pytest.fixture
def study(tmp_path, covidreport):
    """Two configurations of five folds, and the data they were trained on."""
    write_images(tmp_path)
    write_configuration(tmp_path / "runs", "a", [100] * 5)
    write_configuration(tmp_path / "runs", "b", [90, 95, 110, 105, 85])
    return tmp_path


def rows_of(done):
    (ranking,) = json.loads(done.out)["rankings"]
    return {row["run"]: row for row in ranking["rows"]}, ranking


def pooled(study, name):
    (run,) = [each for each in join_folds(discover_runs([study / "runs"])) if each.name == name]
    return run, *read_evaluations(run)


def test_every_image_counts_once_by_the_model_of_its_fold(covidreport, study):
    """The counts of b are those of each fold at its own limit, counted from the pictures."""
    done = covidreport("evaluate", "runs", "--json")
    assert done.code == 0, done.err
    rows, ranking = rows_of(done)
    assert set(rows) == {"a", "b"}
    assert (ranking["dataset"], ranking["split"]) == ("data", "folds")
    with (study / "data" / "manifest.csv").open(newline="") as file:
        images = list(csv.DictReader(file))
    scores = read_scores(study / "runs/b-1/evaluations/data-folds/scores.parquet")
    limits = dict(zip(FOLDS, [90, 95, 110, 105, 85], strict=True))
    bright = dict(zip(scores.sample_ids, scores.scores[:, 0], strict=True))
    missed = alarms = 0
    for image in images:
        # score = (brightness - limit) / 10, so the picture's own brightness is known again
        value = bright[image["path"]] * 10 + limits[image["fold"]]
        assert value == pytest.approx(round(value), abs=1e-3)
        called = round(value) > limits[image["fold"]]
        missed += image["covid-19"] == "1" and not called
        alarms += image["covid-19"] == "0" and called
    positives = sum(image["covid-19"] == "1" for image in images)
    assert (rows["b"]["missed"], rows["b"]["false_alarms"]) == (missed, alarms)
    assert rows["b"]["positives"] == positives
    assert tuple(scores.sample_ids) == tuple(image["path"] for image in images)
    assert scores.folds == tuple(image["fold"] for image in images)


def test_one_model_as_all_folds_is_that_model(covidreport, study):
    """Counts, intervals, p and ranks are, digit for digit, those of single models on all images."""
    folded = covidreport("evaluate", "runs", "--json")
    shutil.rmtree(study / "runs")
    write_model(study / "single" / "a", 100)
    write_configuration(study / "folded", "a", [100] * 5)
    write_model(study / "single" / "b", 90)
    write_configuration(study / "folded", "b", [90] * 5)
    (one, first), (five, second) = (
        rows_of(covidreport("evaluate", folder, "--json")) for folder in ("single", "folded")
    )
    assert folded.code == 0
    for name in ("a", "b"):
        assert {k: one[name][k] for k in FIGURES} == {k: five[name][k] for k in FIGURES}
    for key in ("rank_evidence", "sensitivity", "specificity", "overall", "detectable_difference"):
        assert first["comparisons"][key] == second["comparisons"][key]
    assert first["comparisons"]["picked"] == second["comparisons"]["picked"]
    stored = [
        json.loads((study / folder / "evaluations" / key / "evaluation.json").read_text())
        for folder, key in (("single/a", "data-validation"), ("folded/a-1", "data-folds"))
    ]
    for label in ("covid-19", "normal", "pneumonia", ""):
        alone, whole = (each["estimates"][label] for each in stored)
        assert {k: v for k, v in alone.items() if k != "roc_auc"} == {
            k: v for k, v in whole.items() if k != "roc_auc"
        }
    for label in ("covid-19", "normal", "pneumonia"):
        assert (
            stored[1]["details"]["labels"][label]["pooled"]["roc_auc"]
            == stored[0]["estimates"][label]["roc_auc"]["value"]
        )
    assert stored[0]["counts"] == stored[1]["counts"]


def test_the_order_of_folds_and_runs_decides_nothing(covidreport, study):
    """Folders and rows in another order give the same bytes, but for time stamps."""
    covidreport("evaluate", "runs")
    file = study / "runs/a-1/evaluations/data-folds"
    before = (file / "scores.parquet").read_bytes(), _without_times(file)
    shutil.copytree(study / "runs", study / "again")
    for folder in (study / "again").glob("*/evaluations"):
        shutil.rmtree(folder)
    for at, fold in enumerate(reversed(FOLDS)):
        (study / "again" / f"a-{fold}").rename(study / "again" / f"{at}")
        write_run(
            study / "again" / f"{at}", {"name": f"a-{fold}", "configuration": "a", "fold": fold}
        )
    assert covidreport("evaluate", "again").code == 0
    there = study / "again/4/evaluations/data-folds"
    assert (there / "scores.parquet").read_bytes() == before[0]
    assert _without_times(there) == before[1]


def _without_times(folder):
    document = json.loads((folder / "evaluation.json").read_text())
    return {key: value for key, value in document.items() if key != "timing"}


def test_the_grey_levels_of_all_folds_are_those_of_the_images(covidreport, study):
    """Each flat image counts by its value, once; not where a fold's evaluation states none."""
    assert covidreport("evaluate", "runs").code == 0
    _, (evaluation,), _ = pooled(study, "a")
    values = [np.asarray(Image.open(file)).item(0) for file in (study / "data").glob("*.png")]
    assert evaluation.facts.grey_levels == tuple(sorted(Counter(values).items()))
    file = study / "runs/a-2/evaluations/data-validation/evaluation.json"
    document = json.loads(file.read_text())
    del document["provenance"]["grey_levels"]
    file.write_text(json.dumps(document))
    assert covidreport("evaluate", "runs").code == 0
    _, (evaluation,), _ = pooled(study, "a")
    assert evaluation.facts.grey_levels is None


def test_nothing_is_computed_again_that_stands(covidreport, study):
    """A second call leaves the files as they are; --force gives the same figures."""
    covidreport("evaluate", "runs")
    file = study / "runs/a-1/evaluations/data-folds/evaluation.json"
    before = file.read_bytes()
    done = covidreport("evaluate", "runs")
    assert file.read_bytes() == before
    assert (
        "2 of 2 runs are unchanged" in done.err
        or "All 2 runs" in done.err
        or "unchanged" in done.err
    )
    covidreport("evaluate", "runs", "--force")
    assert _without_times(file.parent) == {
        k: v for k, v in json.loads(before).items() if k != "timing"
    }


def test_a_missing_fold_is_named_and_the_others_go_on(covidreport, study):
    """The configuration is shown without a rank, with which fold it lacks."""
    shutil.rmtree(study / "runs" / "b-3")
    done = covidreport("evaluate", "runs")
    assert done.code == 3
    assert "it has no run of fold 3" in done.err
    assert covidreport("render", "runs", "--format", "json").code == 0
    report = json.loads((study / "report.json").read_text())
    failures = {each["run"]["name"]: each["failure"] for each in report["runs"]}
    assert failures["a"] is None
    assert "it has no run of fold 3" in failures["b"]["reason"]
    assert [row["run"] for row in report["rankings"][0]["rows"]] == ["a"]


def test_a_fold_that_was_evaluated_otherwise_is_never_mixed_in(covidreport, study):
    """Other thresholds of one fold: what was put together before is not read."""
    covidreport("evaluate", "runs")
    assert covidreport("score", "runs/b-2", "--threshold", "covid-19=0.9", "--write").code == 0
    run, found, faults = pooled(study, "b")
    assert found == ()
    assert "fold 2 of b, b-2, was evaluated again, or otherwise" in faults[0]
    assert run.faults == ()
    assert pooled(study, "a")[2] == ()
    done = covidreport("render", "runs", "--format", "json")
    assert done.code == 0
    assert covidreport("evaluate", "runs").code == 0
    assert len(pooled(study, "b")[1]) == 1


def test_exchanged_scores_of_a_fold_are_noticed(covidreport, study):
    """Whatever is in the file of a fold, by its bytes."""
    covidreport("evaluate", "runs")
    file = study / "runs/a-4/evaluations/data-validation/scores.parquet"
    shutil.copy(study / "runs/b-4/evaluations/data-validation/scores.parquet", file)
    assert pooled(study, "a")[1] == ()


def write_tuning_images(study):
    """Thirty images in no fold, of a split to tune on."""
    write_images(study, 90)
    write_column(study / "data/manifest.csv", ["validation"] * 60 + ["tuning"] * 30, "split")
    write_column(study / "data/manifest.csv", [FOLDS[(i // 2) % 5] for i in range(60)] + [""] * 30)


def test_tuned_thresholds_are_each_models_own(covidreport, study):
    """Models that differ in nothing but their offset answer alike at thresholds tuned alike.

    What is tuned for each lies midway between the same two brightnesses, so all of `b` call what
    the one model of `a` calls, although their scores differ.
    """
    write_tuning_images(study)
    done = covidreport("evaluate", "runs", "--split", "tuning", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rankings"] == []
    assert covidreport("tune", "runs", "--split", "tuning", "--target-sensitivity", "0.9").code == 0
    done = covidreport(
        "evaluate", "runs", "--split", "validation", "--thresholds", "tuned", "--json"
    )
    assert done.code == 0, done.err
    rows, ranking = rows_of(done)
    assert {k: rows["a"][k] for k in FIGURES} == {k: rows["b"][k] for k in FIGURES}
    assert (rows["b"]["threshold"], rows["b"]["thresholds_from"]) == (0.5, "tuned on tuning")
    assert ranking["comparisons"]["sensitivity"][0]["difference"] == 0
    own = {
        json.loads((study / f"runs/b-{fold}/thresholds.json").read_text())["fits"]["covid-19"][
            "threshold"
        ]
        for fold in FOLDS
    }
    assert len(own) == 5
    singles = [
        json.loads(
            (study / f"runs/b-{fold}/evaluations/data-validation/evaluation.json").read_text()
        )["counts"]
        for fold in FOLDS
    ]
    (evaluation,) = pooled(study, "b")[1]
    for label in evaluation.labels:
        for name in ("tp", "fn", "fp", "tn"):
            assert getattr(evaluation.counts[label], name) == sum(s[label][name] for s in singles)
    assert evaluation.score_metrics.labels["covid-19"].calibration.brier.value is None
    covidreport("render", "runs", "--split", "folds", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert all(each["thresholds_written_here"] for each in report["runs"])
    assert covidreport("render", "runs", "--split", "folds").code == 0


def test_thresholds_of_several_rules_are_not_put_together(covidreport, study):
    """The configuration is shown and not ranked, with the reason; the other goes on."""
    write_tuning_images(study)
    covidreport("evaluate", "runs", "--split", "tuning")
    covidreport("tune", "runs", "--split", "tuning", "--target-sensitivity", "0.9")
    covidreport("tune", "runs/b-4", "--split", "tuning", "--target-sensitivity", "0.8")
    done = covidreport("evaluate", "runs", "--split", "validation", "--thresholds", "tuned")
    assert done.code == 3
    assert "the thresholds of fold 4 (b-4) come from elsewhere than those of fold 1" in done.err
    covidreport("render", "runs", "--split", "folds", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert [row["run"] for row in report["rankings"][0]["rows"]] == ["a"]


def test_thresholds_tuned_on_their_own_fold_are_not_put_together(covidreport, study):
    """They flatter, and a configuration has no exploratory figures."""
    covidreport("evaluate", "runs")
    covidreport("tune", "runs", "--split", "validation", "--target-sensitivity", "0.9")
    done = covidreport("evaluate", "runs", "--thresholds", "tuned")
    assert done.code == 3
    assert "the thresholds of fold 1 (a-1) were tuned on images of its own fold" in done.err


def test_folds_the_data_has_not(covidreport, study):
    """A run of a fold that is none of the data's, and data without folds."""
    write_run(study / "runs/a-5", {"configuration": "a", "fold": 9})
    done = covidreport("evaluate", "runs")
    assert (
        "it has no run of fold 5; fold 9 is none of the data, which has 1, 2, 3, 4 and 5"
        in done.err
    )
    write_column(study / "data/manifest.csv", None)
    done = covidreport("evaluate", "runs")
    assert (done.code, "no column `fold`" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fold": 1}, "states `fold` and no `configuration`"),
        ({"fold": 1.5, "configuration": "a"}, "`fold` is 1.5; a whole number or a text"),
        ({"fold": 1, "configuration": ""}, "`configuration` is ''; a name"),
    ],
)
def test_words_that_do_not_fit_are_named(covidreport, study, settings, said):
    """A fault of that run alone."""
    write_run(study / "runs/a-1", settings)
    assert said in covidreport("list", "runs").err.replace("\n", " ")


def test_names_and_folds_that_stand_twice(covidreport, study):
    """A configuration called like a run, and two runs of one fold."""
    write_model(study / "runs" / "a", 100)
    write_configuration(study / "runs", "c", [100] * 5)
    shutil.copytree(study / "runs" / "c-1", study / "runs" / "copy")
    found = {each.name: each.faults for each in join_folds(discover_runs([study / "runs"]))}
    assert "a run is called a as well" in found["a (cross-validated)"][0]
    assert found["c"][0].startswith("fold 1 has 2 runs, c-1 and copy")
    assert found["b"] == ()


def test_a_split_called_folds_is_refused(covidreport, study):
    """It would stand in the place of what is put together."""
    write_column(study / "data/manifest.csv", ["folds"] * 60, "split")
    done = covidreport("evaluate", "runs", "--split", "folds")
    assert (done.code, "a split can't be called 'folds'" in done.err) == (2, True)


def test_patients_across_folds_and_images_in_none_are_findings(covidreport, study):
    """Both are told at the evaluation, and stand in the report."""
    cells = [FOLDS[(i // 2) % 5] for i in range(60)]
    cells[0], cells[-1] = "2", ""
    write_column(study / "data/manifest.csv", cells)
    done = covidreport("evaluate", "runs")
    assert "1 patient has images in several folds" in done.err
    assert "Of 60 images 1 in no fold" in done.err
    covidreport("render", "runs", "--format", "json")
    codes = {each["code"] for each in json.loads((study / "report.json").read_text())["findings"]}
    assert {"patients-across-folds", "images-in-no-fold", "cross-validated"} <= codes


def test_the_report_says_how_many_models_a_row_is(covidreport, study):
    """In the ranking, beside p how many folds, and what intervals are of."""
    covidreport("evaluate", "runs")
    assert "a (5 models)" in covidreport("list", "runs").out
    covidreport("render", "runs", "--format", "json", "--format", "markdown", "--output", ".")
    page = (study / "report.md").read_text()
    assert "5 models" in page
    assert " of 5 folds" in page
    assert "a is 5 models, one a fold" in page
    assert "so are its calibration intercept" in page
    report = json.loads((study / "report.json").read_text())
    (won,) = report["rankings"][0]["comparisons"]["folds"]
    assert won["folds"] == 5
    assert won["fewer"] + won["more"] <= 5
    assert "better" not in page.split("## ")[1]


def test_seeds_are_rows_of_their_own_and_repeats(covidreport, study):
    """Two seeds of five folds are two rows, and one method with a spread."""
    for seed in (1, 2):
        write_configuration(study / "more" / str(seed), "c", [95 + seed] * 5, seed=seed)
        for fold in FOLDS:
            folder = study / "more" / str(seed) / f"c-{fold}"
            folder.rename(folder.with_name(f"c-{fold}-{seed}"))
    covidreport("evaluate", "more")
    covidreport("render", "more", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert {row["run"] for row in report["rankings"][0]["rows"]} == {"c, seed 1", "c, seed 2"}
    (repeats,) = report["repeats"]
    assert repeats["configurations"][0]["seeds"] == [1, 2]


def test_the_gate_judges_all_folds_or_nothing(covidreport, study):
    """A verdict on the configuration; none where a fold's model or evaluation is another."""
    covidreport("evaluate", "runs")
    done = covidreport("gate", "runs", "--limit", "specificity>=0.1", "--json")
    assert done.code in (0, 1), done.err
    assert {each["run"] for each in json.loads(done.out)["verdicts"]} == {"a", "b"}
    write_model(study / "runs" / "a-3", 101)
    done = covidreport("gate", "runs", "--limit", "specificity>=0.1", "--json")
    verdicts = {each["run"]: each for each in json.loads(done.out)["verdicts"]}
    assert (done.code, verdicts["a"]["outcome"]) == (3, "error")
    assert "a-3/model.onnx has the sha256" in json.dumps(verdicts["a"])
    assert verdicts["b"]["outcome"] != "error"


@pytest.mark.parametrize("asked", [(), ("--split", "validation"), ("--split", "folds")])
@pytest.mark.parametrize("configured", [True, False])
def test_the_gate_judges_a_run_and_a_configuration_against_each_other(
    covidreport, study, asked, configured
):
    """Their images are the same, whatever they are filed under: the paired difference is stated."""
    write_model(study / "single", 100)  # as each model of a
    (study / "a").mkdir()
    for folder in sorted((study / "runs").glob("a-*")):
        folder.rename(study / "a" / folder.name)
    if not configured:
        settings = study / "covidreport.toml"
        settings.write_text(settings.read_text().replace('split = "validation"\n', ""))
    covidreport("evaluate", "a", "--split", "validation")
    covidreport("evaluate", "single", "--split", "validation")
    fingerprint = read_evaluations(discover_runs([study / "single"])[0])[0][0].fingerprint
    for judged, baseline in (("a", "single"), ("single", "a")):
        done = covidreport("gate", judged, "--baseline", baseline, "--json", *asked)
        assert done.code == 0, done.err
        (verdict,) = json.loads(done.out)["verdicts"]
        of = verdict["outcome"], verdict["baseline"]["run"], verdict["fingerprint"]
        assert of == ("pass", baseline, fingerprint)
        assert "misses 1 of 17 " in verdict["sentence"]


def test_ci_judges_new_folds_and_can_not_without_one(covidreport, study, monkeypatch):
    """Against a baseline of all folds; without a fold nothing can be judged."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    shutil.copytree(
        study / "runs",
        study / "base",
        ignore=lambda _, names: [n for n in names if n.startswith("b-")],
    )
    for folder in (study / "runs").glob("a-*"):
        shutil.rmtree(folder)
    done = covidreport("ci", "runs", "--baseline", "base", "--json")
    assert done.code in (0, 1), done.err
    (verdict,) = json.loads(done.out)["verdicts"]
    assert (verdict["run"], verdict["split"]) == ("b", "folds")
    assert verdict["scores_from"] == "computed here"
    shutil.rmtree(study / "runs" / "b-2")
    done = covidreport("ci", "runs", "--baseline", "base", "--json")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert (done.code, verdict["outcome"]) == (3, "error")
    assert "it has no run of fold 2" in json.dumps(verdict)


def test_a_fold_brought_from_elsewhere_is_not_computed_here(covidreport, study):
    """Trust holds where it holds for every fold."""
    covidreport("evaluate", "runs")
    covidreport("render", "runs", "--format", "json")
    origins = {
        each["run"]["name"]: each["scores_from"]
        for each in json.loads((study / "report.json").read_text())["runs"]
    }
    assert origins == {"a": "computed here", "b": "computed here"}
    covidreport("cache", "clear")
    covidreport("render", "runs", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert {each["scores_from"] for each in report["runs"]} == {"as stored"}


def test_a_baseline_file_of_a_configuration(covidreport, study):
    """Set from the folder of its folds; what it knows is not judged until a fold changes."""
    (study / "base").mkdir()
    for folder in sorted((study / "runs").glob("a-*")):
        shutil.copytree(folder, study / "base" / folder.name)
    covidreport("evaluate", "runs")
    covidreport("evaluate", "base")
    done = covidreport("baseline", "set", "base/a-1")
    assert (done.code, "is not among these runs" in done.err) == (3, True)
    done = covidreport("baseline", "set", "base", "--known", "runs")
    assert done.code == 0, done.err
    assert "a on data, folds" in done.err
    done = covidreport("ci", "runs", "--json")
    assert (done.code, json.loads(done.out)["verdicts"]) == (0, []), done.err
    write_model(study / "runs" / "b-3", 99)
    done = covidreport("ci", "runs", "--json")
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["run"] == "b"
    assert done.code in (0, 1), done.err


def test_pictures_and_occlusion_are_of_all_folds(covidreport, study):
    """Small pictures stand beside what was put together; so does what is left without the lungs."""
    done = covidreport("evaluate", "runs", "--thumbnails")
    assert done.code == 0, done.err
    assert any((study / "runs/b-1/evaluations/data-folds/thumbnails").iterdir())
    done = covidreport("evaluate", "runs", "--occlude", "centre")
    assert done.code == 0, done.err
    assert (study / "runs/b-1/evaluations/data-folds-occlude-centre-0.8/evaluation.json").exists()
    assert covidreport("render", "runs").code == 0


def test_a_single_run_beside_configurations(covidreport, study):
    """The images and their truth are the same: one ranking, and all pairs are compared."""
    write_model(study / "runs" / "single", 100)
    done = covidreport("evaluate", "runs", "--json")
    assert done.code == 0, done.err
    rows, ranking = rows_of(done)
    assert set(rows) == {"a", "b", "single"}
    assert (ranking["dataset"], ranking["split"]) == ("data", "validation")
    # the one model of `single` is each of the five of `a`
    assert {k: rows["a"][k] for k in FIGURES} == {k: rows["single"][k] for k in FIGURES}
    pairs = {
        frozenset((each["first"], each["second"])): each["difference"]
        for each in ranking["comparisons"]["sensitivity"]
    }
    assert pairs[frozenset(("a", "single"))] == 0
    assert pairs[frozenset(("b", "single"))] in (
        pairs[frozenset(("a", "b"))], -pairs[frozenset(("a", "b"))]
    )  # fmt: skip
    for split in ("validation", "folds"):
        covidreport("render", "runs", "--split", split, "--format", "json", "--format", "markdown")
        report = json.loads((study / "report.json").read_text())
        (one,) = report["rankings"]
        assert {row["run"] for row in one["rows"]} == {"a", "b", "single"}
        assert all(each["failure"] is None for each in report["runs"])
        (page,) = study.rglob("report.md")
        assert "5 models" in page.read_text()
    listed = covidreport("list", "runs")
    assert "a (5 models)" in listed.out
    assert "evaluated later" not in listed.err


def test_a_single_run_that_saw_the_images_has_no_rank_beside_configurations(covidreport, study):
    """It states so, and wins nothing by it; among its like it is ranked as ever."""
    write_model(study / "runs" / "single", 100)
    write_run(study / "runs" / "single", {"data": {"train_split": "validation"}})
    rows, _ = rows_of(covidreport("evaluate", "runs", "--json"))
    assert rows["single"]["rank"] is None
    assert rows["single"]["why_unranked"] == (
        "was trained on split validation: it has seen what it answers"
    )
    assert {rows["a"]["rank"], rows["b"]["rank"]} == {1, 2}
    for folder in [*(study / "runs").glob("a-*"), *(study / "runs").glob("b-*")]:
        shutil.rmtree(folder)
    rows, _ = rows_of(covidreport("evaluate", "runs", "--json"))
    assert rows["single"]["rank"] == 1


def test_a_single_run_on_more_images_than_are_in_folds_stands_apart(covidreport, study):
    """An image in no fold: the images are not the same."""
    write_column(study / "data/manifest.csv", [*(FOLDS[(i // 2) % 5] for i in range(58)), "", ""])
    write_model(study / "runs" / "single", 100)
    done = covidreport("evaluate", "runs", "--json")
    assert done.code == 0, done.err
    found = [
        (each["split"], {row["run"] for row in each["rows"]})
        for each in json.loads(done.out)["rankings"]
    ]
    assert sorted(found) == [("folds", {"a", "b"}), ("validation", {"single"})]


def test_ranked_at_a_target_each_fold_has_its_own_threshold(covidreport, study):
    """`rank_at` holds for every fold; one tuned anew takes the configuration out of the ranking."""
    write_tuning_images(study)
    with (study / "covidreport.toml").open("a") as file:
        file.write('rank_at = { sensitivity = 0.9 }\n[tune]\nsplit = "tuning"\n')
    for command in (("evaluate", "runs", "--split", "tuning"), ("tune", "runs")):
        assert covidreport(*command).code == 0
    done = covidreport("evaluate", "runs", "--json")
    assert done.code == 0, done.err
    rows, _ = rows_of(done)
    assert rows["b"]["thresholds_from"] == "tuned on tuning"
    covidreport("render", "runs", "--split", "folds", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert {row["run"] for row in report["rankings"][0]["rows"]} == {"a", "b"}
    covidreport("tune", "runs/b-2", "--target-sensitivity", "0.5")
    covidreport("render", "runs", "--split", "folds", "--format", "json")
    report = json.loads((study / "report.json").read_text())
    assert {row["run"] for row in report["rankings"][0]["rows"]} == {"a"}
