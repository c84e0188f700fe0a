"""The frames of `covidreport.load` hold what the JSON holds."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from msgspec.structs import replace

import covidreport
from covidreport.report.formats import render_json
from covidreport.report.frames import columns
from covidreport.report.notebook import Report
from tests.report.compared import compared_study
from tests.report.detailed import detailed_study
from tests.report.scored_runs import write_runs
from tests.report.study import small_study

PAGE = (Path(__file__).parents[2] / "docs" / "notebook.md").read_text()
FIXED = {
    "runs": columns.RUNS,
    "ranking": columns.RANKING,
    "counts": columns.COUNTED,
    "estimates": columns.ESTIMATES,
    "comparisons": columns.COMPARISONS,
    "same_specificity": columns.SAME_SPECIFICITY,
    "non_inferiority": columns.NON_INFERIORITY,
    "combinations": columns.COMBINATIONS,
    "cases": columns.CASES,
    "findings": columns.FINDINGS,
    "failures": columns.FAILURES,
    "subgroups": columns.SUBGROUPS,
    "operating_points": columns.OPERATING_POINTS,
    "calibration": columns.CALIBRATION,
    "net_benefit": columns.NET_BENEFIT,
    "configurations": columns.CONFIGURATIONS,
    "configuration_comparisons": columns.CONFIGURATION_COMPARISONS,
}
SETTINGS_AND_HISTORY = {"settings", "history"}


@pytest.fixture(scope="module")
def detailed():
    """Six runs with scores, one of them as an earlier version left it."""
    return detailed_study()


@pytest.fixture(scope="module")
def documents(detailed, everything):
    """The JSON of four reports beside their frames; of the last, patients are known."""
    studies = {
        "small": small_study(), "detailed": detailed, "compared": compared_study(),
        "everything": everything,
    }  # fmt: skip
    return {name: (json.loads(render_json(data)), Report(data)) for name, data in studies.items()}


def _same(cell, value):
    """A frame's cell is the JSON's value; what is null there is NaN or <NA> here."""
    if value is None:
        return bool(pd.isna(cell))
    return cell == value


def _evaluations(document):
    for item in document["runs"]:
        yield from [one for one in (item["evaluation"], *item["others"]) if one is not None]


def _expected_estimates(document):
    """Every figure of the JSON by run, split, label and metric."""
    for one in _evaluations(document):
        place = (one["run"], one["split"])
        for label, figures in one["estimates"].items():
            for metric, figure in figures.items():
                yield (*place, label, metric), figure
        if one["score_metrics"] is None:
            continue
        found = one["score_metrics"]["consistency"]
        yield (*place, "", "no_label"), found["nothing"]
        yield (*place, "", "contradiction"), found["contradiction"]
        for label, details in one["score_metrics"]["labels"].items():
            for metric in ("positive_likelihood_ratio", "negative_likelihood_ratio"):
                yield (*place, label, metric), details[metric]
            yield (*place, label, "ppv_at_prevalence"), details["ppv"]
            yield (*place, label, "npv_at_prevalence"), details["npv"]
            for metric, name in (
                ("brier", "brier"), ("calibration_intercept", "intercept"),
                ("calibration_slope", "slope"), ("ece", "ece"),
            ):  # fmt: skip
                yield (*place, label, metric), details["calibration"][name]


@pytest.mark.parametrize("name", ["small", "detailed"])
def test_every_estimate_is_the_one_of_the_json(documents, name):
    """Value, ends, fraction and method, each figure once, and none more."""
    document, report = documents[name]
    frame = report.estimates
    keys = list(zip(frame["run"], frame["split"], frame["label"], frame["metric"], strict=True))
    expected = dict(_expected_estimates(document))
    assert len(keys) == len(set(keys)) == len(expected) > 50
    for key, row in zip(keys, frame.to_dict("records"), strict=True):
        for field in ("value", "low", "high", "numerator", "denominator", "method"):
            assert _same(row[field], expected[key][field]), (key, field)


@pytest.mark.parametrize("name", ["small", "detailed", "compared"])
def test_every_count_and_threshold_is_the_one_of_the_json(documents, name):
    """A row for each run, split and label; the seven counts add up."""
    document, report = documents[name]
    expected = {
        (one["run"], one["split"], label): (one["counts"][label], one["thresholds"][label])
        for one in _evaluations(document)
        for label in one["labels"]
    }
    rows = report.counts.to_dict("records")
    assert len(rows) == len(expected)
    for row in rows:
        counts, threshold = expected[row["run"], row["split"], row["label"]]
        assert {name: row[name] for name in counts} == counts
        if row["is_target"]:
            assert sum(counts.values()) == row["n_images"]
        assert row["threshold"] == threshold
        assert row["is_target"] == (row["label"] == document["target"])


def _standings(ranking):
    made = ranking["comparisons"]
    return {each["run"]: each for each in made["rank_evidence"]} if made else {}


@pytest.mark.parametrize("name", ["small", "detailed", "compared", "everything"])
def test_the_ranking_is_the_one_of_the_json(documents, name):
    """Order, counts, standings and rates."""
    document, report = documents[name]
    evaluations = {one["run"]: one for one in _evaluations(document) if one["split"] != "train"}
    expected = [
        (place, row, _standings(ranking))
        for place, ranking in enumerate(document["rankings"], start=1)
        for row in ranking["rows"]
    ]
    rows = report.ranking.to_dict("records")
    assert len(rows) == len(expected)
    for cells, (place, row, standings) in zip(rows, expected, strict=True):
        assert (cells["ranking"], cells["run"]) == (place, row["run"])
        for field in ("rank", "missed", "false_alarms", "why_unranked", "average_precision"):
            assert _same(cells[field], row[field]), field
        standing = standings.get(row["run"], {})
        assert _same(cells["significantly_different"], standing.get("significantly_different"))
        assert _same(cells["p"], standing.get("p_value"))
        assert _same(cells["adjusted_p"], standing.get("adjusted_p_value"))
        assert _same(cells["p_high"], standing.get("p_value_high"))
        assert _same(cells["adjusted_p_high"], standing.get("adjusted_p_value_high"))
        for field in ("rank_low", "rank_high", "best_probability"):
            assert _same(cells[field], standing.get(field)), field
        _check_patients(cells, row["patients"])
        figures = evaluations[row["run"]]["estimates"]
        for label, metric in (("covid-19", "sensitivity"), ("covid-19", "f1"), ("", "micro_f1")):
            one = figures[label].get(metric, {"value": None, "low": None, "high": None})
            for end in ("value", "low", "high"):
                column = metric if end == "value" else f"{metric}_{end}"
                assert _same(cells[column], one[end]), column


def _check_patients(cells, patients):
    """Figures by patient, or unknown in every column; missed are fn and those not scored."""
    counts = patients["counts"] if patients else None
    assert _same(cells["patient_rule"], patients and patients["rule"])
    for column, parts in (
        ("patients_missed", ("fn", "failed_positive")),
        ("patients_positive", ("tp", "fn", "failed_positive")),
        ("patients_false_alarms", ("fp", "failed_negative")),
        ("patients_negative", ("tn", "fp", "failed_negative")),
    ):
        assert _same(cells[column], counts and sum(counts[part] for part in parts)), column
    for metric in ("sensitivity", "specificity"):
        for end in ("value", "low", "high"):
            column = f"patient_{metric}" if end == "value" else f"patient_{metric}_{end}"
            assert _same(cells[column], patients and patients[metric][end]), column


def test_every_comparison_is_the_one_of_the_json(documents):
    """All pairs by sensitivity, specificity and ROC AUC, and the runs that vote."""
    document, report = documents["compared"]
    (made,) = [ranking["comparisons"] for ranking in document["rankings"]]
    expected = [*made["sensitivity"], *made["specificity"], *made["roc_auc"]]
    rows = report.comparisons.to_dict("records")
    assert len(rows) == len(expected) > 50
    for cells, pair in zip(rows, expected, strict=True):
        for field, value in pair.items():
            assert _same(cells[field], value), field
    assert [row["missed"] for row in report.combinations.to_dict("records")] == [
        each["missed"] for each in made["combinations"]
    ]
    assert report.combinations["runs"][0] == tuple(made["combinations"][0]["runs"])


def test_what_scores_say_is_what_the_json_says(documents):
    """Operating points, calibration, net benefit, subgroups and methods, row by row."""
    document, report = documents["detailed"]
    labels = [
        (one["run"], label, details)
        for one in _evaluations(document)
        if one["score_metrics"]
        for label, details in one["score_metrics"]["labels"].items()
    ]
    points = [
        ((run, label, metric, point["at"]), point["estimate"])
        for run, label, details in labels
        for metric in ("sensitivity", "specificity")
        for point in details[f"{metric}_at"]
    ]
    found = report.operating_points
    assert len(found) == len(points)
    for cells, (place, figure) in zip(found.to_dict("records"), points, strict=True):
        assert (cells["run"], cells["label"], cells["metric"], cells["at"]) == place
        assert all(_same(cells[end], figure[end]) for end in ("value", "low", "high"))
    assert set(zip(found["metric"], found["given"], strict=True)) == {
        ("sensitivity", "specificity"), ("specificity", "sensitivity")
    }  # fmt: skip
    bins = [each for *_, details in labels for each in details["calibration"]["bins"]]
    assert len(report.calibration) == len(bins)
    for cells, each in zip(report.calibration.to_dict("records"), bins, strict=True):
        assert (cells["bin_low"], cells["n_images"]) == (each["low"], each["count"])
        assert _same(cells["predicted"], each["predicted"])
        assert _same(cells["observed_high"], each["observed"]["high"])
    benefits = [each for *_, details in labels for each in details["net_benefit"]]
    assert report.net_benefit[["threshold", "net_benefit", "treat_all"]].to_dict("records") == [
        {"threshold": b["threshold"], "net_benefit": b["run"], "treat_all": b["treat_all"]}
        for b in benefits
    ]
    groups = [
        (one["run"], label, attribute, group)
        for one in _evaluations(document)
        if one["score_metrics"]
        for label in one["labels"]
        for attribute, by_label in one["score_metrics"]["subgroups"].items()
        for group in [*by_label[label]["groups"], by_label[label]["not_stated"]]
        if group is not None
    ]
    assert len(report.subgroups) == len(groups) > 10
    for cells, (run, label, attribute, group) in zip(
        report.subgroups.to_dict("records"), groups, strict=True
    ):
        assert (cells["run"], cells["label"], cells["attribute"]) == (run, label, attribute)
        assert cells["value"] == group["value"]
        assert {name: cells[name] for name in group["counts"]} == group["counts"]
        assert _same(cells["sensitivity_low"], group["sensitivity"]["low"])
        assert cells["specificity_compared"] == ("specificity" in group["compared"])
    spreads = [
        (spread["mean"], spread["sd"])
        for repeats in document["repeats"]
        for method in repeats["configurations"]
        for spread in method["metrics"].values()
    ]
    for (mean, sd), cells in zip(spreads, report.configurations.to_dict("records"), strict=True):
        assert _same(cells["mean"], mean)
        assert _same(cells["sd"], sd)
    compared = [each for repeats in document["repeats"] for each in repeats["comparisons"]]
    assert list(report.configuration_comparisons["p_value"]) == [
        each["comparison"]["p_value"] for each in compared
    ]


def test_cases_are_those_of_the_json(tmp_path):
    """Every answer of every run to every case, by digest unless ids are asked for."""
    write_runs(tmp_path / "runs", runs=3, images=80)
    report = covidreport.load(tmp_path / "runs")
    table = json.loads(render_json(report.data))["cases"]
    expected = [
        (kind, case["name"], run, answer, score)
        for kind, cases in (
            ("positive", table["positives"]),
            ("false alarm", table["false_alarms"]),
        )
        for case in cases
        for run, answer, score in zip(table["runs"], case["answers"], case["scores"], strict=True)
    ]
    rows = report.cases.to_dict("records")
    assert len(rows) == len(expected) > 30
    for cells, (*place, score) in zip(rows, expected, strict=True):
        assert [cells["kind"], cells["case"], cells["run"], cells["answer"]] == place
        assert _same(cells["score"], score)
    assert not report.cases["case"].str.startswith("image-").any()
    shown = covidreport.load(tmp_path / "runs", show_ids=True).cases
    assert shown["case"].str.startswith("image-").all()


@pytest.mark.parametrize("study", ["small", "detailed", "compared", "everything"])
def test_every_frame_goes_through_parquet(study, documents, tmp_path):
    """What is read back is the same values in columns of the same types. Parquet has lists as
    arrays, and a key that one row has in all, with nothing in it."""
    report = documents[study][1]
    for name in {*FIXED, *SETTINGS_AND_HISTORY}:
        frame = getattr(report, name)
        frame.to_parquet(tmp_path / "frame.parquet")
        back = pd.read_parquet(tmp_path / "frame.parquet")
        # polars.from_dataframe, and whatever else takes a frame over, reads it by this interface
        streamed = pa.RecordBatchReader.from_stream(frame).read_all()
        assert (streamed.column_names, streamed.num_rows) == (list(frame), len(frame))
        for column in frame.select_dtypes("object"):
            read, written = back.pop(column), frame[column]
            assert read.map(_as_listed).tolist() == written.map(_as_listed).tolist()
        frame = frame[back.columns]
        pd.testing.assert_frame_equal(back, frame, obj=name)


def _as_listed(cell):
    if isinstance(cell, dict):
        return {key: value for key, value in cell.items() if value is not None}
    return list(cell)


def test_settings_have_the_type_that_their_values_have():
    """Whole numbers beside others are numbers; of several kinds, and of no plain kind, JSON."""
    data = small_study()
    given = {
        "whole": (1, None), "number": (1, 0.5), "yes": (True, False), "text": ("a", None),
        "mixed": ("auto", 0.5), "list": ([1, 2], None), "flag_or_count": (True, 1),
        "empty": ({}, 1), "large": (2**70, 1), "nothing": (None, None),
    }  # fmt: skip
    first, second, *_ = data.runs
    runs = tuple(
        replace(one, run=replace(one.run, settings={key: both[i] for key, both in given.items()}))
        for i, one in enumerate((first, second))
    )
    frame = Report(replace(data, runs=runs)).settings
    kinds = {key: str(kind) for key, kind in frame.dtypes.items() if kind != "string"}
    assert kinds == {"whole": "Int64", "number": "float64", "yes": "boolean"}
    texts = ["text", "mixed", "list", "flag_or_count", "empty", "large"]
    of_first = frame[frame["run"] == first.run.name]
    assert of_first[texts].to_numpy()[0].tolist() == [
        "a", "auto", "[1, 2]", "true", "{}", str(2**70)
    ]  # fmt: skip


def test_runs_settings_and_epochs_are_those_of_the_folders(documents):
    """A run that failed is there with its reason; a figure that was not recorded is NaN."""
    _, report = documents["small"]
    runs = report.runs.set_index("run")
    assert runs.loc["exp99-broken", "failure"] == "load: there is no model.onnx in runs/99"
    assert runs.loc["exp15-vgg16-bce-frozen", ["rank", "block"]].tolist() == [1, "4b"]
    settings = report.settings.set_index("run")
    assert settings.loc["exp15-vgg16-bce-frozen", "hyperparameters.learning_rate"] == 1e-4
    assert settings.loc["exp15-vgg16-bce-frozen", "exported_epoch.epoch"] == 3
    history = report.history
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["validation_accuracy"][0] == 0.782
    assert math.isnan(history["validation_accuracy"][1])


def test_findings_are_those_of_the_report_the_gravest_first(documents):
    """With the runs that each is about."""
    _, report = documents["small"]
    assert report.findings["severity"].tolist() == ["error", "warning"]
    assert report.findings["subjects"][1] == ("exp15-vgg16-bce-frozen", "exp3-resnet18-bce")


@pytest.mark.parametrize("frame", FIXED)
def test_a_frame_has_its_columns_and_types_with_and_without_rows(documents, frame):
    """A notebook that worked on one report works on the next."""
    for _, report in documents.values():
        found = getattr(report, frame)
        assert {name: str(kind) for name, kind in found.dtypes.items()} == FIXED[frame]


def test_every_frame_and_column_is_documented():
    """docs/notebook.md has a section for each frame, which names each of its columns."""
    sections = dict(re.findall(r"^### `(\w+)`(.*?)(?=^###|\Z)", PAGE, flags=re.M | re.S))
    frames = {
        name for name, value in vars(Report).items() if type(value).__name__ == "cached_property"
    }
    assert set(sections) == frames == set(FIXED) | SETTINGS_AND_HISTORY
    shared = PAGE.split("## Frames")[1].split("### ")[0] + sections["counts"]
    for name, kinds in FIXED.items():
        for column in kinds:
            base = re.sub(r"_(low|high)$", "", column)
            told = {f"`{column}`", f"`{base}`"}
            assert any(word in sections[name] + shared for word in told), (name, column)
