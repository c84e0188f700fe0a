"""baseline.json: what stands in it, and that a gate against it is the one against its run."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from covidreport.errors import GateError
from covidreport.gate.baseline import BaselineRequest, find_baseline, identify_run
from covidreport.gate.evidence import read_baseline, write_baseline
from covidreport.gate.limits import read_limit, require_evidence
from covidreport.storage.chosen import ImageQuery
from covidreport.storage.runs import read_run
from covidreport.text import SALT
from tests.damage import change_json
from tests.gate.runs import TARGET, judge, write_run_missing


def _find(place):
    return find_baseline(BaselineRequest(place, TARGET, ImageQuery(), 0.5))


@pytest.fixture
def base(tmp_path):
    """A run that misses two of ten, and its baseline.json."""
    run = write_run_missing(tmp_path / "base", [0, 1], alarms=3)
    baseline = _find(run.folder)
    write_baseline(tmp_path / "baseline.json", baseline.evidence)
    return run


def test_a_file_judges_as_its_run_does(tmp_path, base):
    """Outcomes, figures, comparisons and cases are the same; only the source differs."""
    run = write_run_missing(tmp_path / "run", [1, 2], alarms=4)
    limits = [
        read_limit("specificity>=baseline-0.1", TARGET),
        read_limit("brier<=baseline+0.1", TARGET),
        read_limit("contradiction<=baseline", TARGET),
        require_evidence(TARGET, 0.05, "x"),
    ]
    by_run = judge(run, base.folder, *limits)
    by_file = judge(run, tmp_path / "baseline.json", *limits)
    assert by_file.baseline.kind == "file"
    assert by_run.newly_missed
    same = {"kind": "", "source": ""}
    assert replace(by_run, baseline=replace(by_run.baseline, **same), timing={}) == replace(
        by_file, baseline=replace(by_file.baseline, **same), timing={}
    )


def test_no_sample_id_stands_in_the_file(tmp_path, base):
    """It is committed: cases stand there by digest, and it is small."""
    text = (tmp_path / "baseline.json").read_text()
    assert ".png" not in text
    wrong = json.loads(text)["wrong"]
    assert (len(wrong["missed"]), len(wrong["false_alarms"])) == (2, 3)
    assert len(text) < 30_000


def test_equal_runs_give_equal_files(tmp_path, base):
    """A baseline that is set again changes nothing in the repository."""
    write_baseline(tmp_path / "again.json", _find(base.folder).evidence)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "baseline.json").read_bytes()


def test_another_salt_is_refused(tmp_path, base, monkeypatch):
    """Digests of another salt name no case of these images."""
    monkeypatch.setenv(SALT, "secret")
    with pytest.raises(GateError, match="another salt than COVIDREPORT_SALT") as caught:
        read_baseline(tmp_path / "baseline.json", "baseline.json")
    assert caught.value.stage == "baseline"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "covidreport.baseline/2"}, "its schema is 'covidreport.baseline/2'"),
        ({"schema": "covidreport.verdict/1"}, "its schema is 'covidreport.verdict/1'"),
        ({"counts": {}}, "is not a whole baseline"),
        ({"figures": None}, "is not a whole baseline"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, base, change, message):
    """What is wrong, where, and that it is to be set again."""
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(GateError, match=message) as caught:
        read_baseline(file, str(file))
    assert "covidreport baseline set" in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (f"counts.{TARGET}.tn", "5", "Expected `int`, got `str` - at `$.counts"),
        (f"counts.{TARGET}.tn", -4, "Expected `int` >= 0 - at `$.counts"),
        (f"figures.{TARGET}.sensitivity.value", "high", "at `$.figures"),
        (f"figures.{TARGET}.sensitivity.value", float("inf"), "A number without end - at `$.figur"),
        ("thresholds", ["x"], "Expected `object`, got `array` - at `$.thresholds`"),
        ("tuning", {"targets": [1]}, "at `$.tuning.targets`"),
        ("known", ["x"], "at `$.known`"),
        ("target", "no label", "no counts of its target 'no label'"),
    ],
)
def test_a_figure_of_another_kind_is_refused_with_its_path(tmp_path, base, path, value, words):
    """Nothing is judged by it: such a file passed a gate, or ended it with a traceback."""
    file = tmp_path / "baseline.json"
    change_json(file, path, value)
    with pytest.raises(GateError, match="is not a whole baseline") as caught:
        read_baseline(file, str(file))
    assert words in str(caught.value)


def test_a_field_that_a_newer_version_wrote_is_passed_over(tmp_path, base):
    """As in every file that covidreport wrote."""
    file = tmp_path / "baseline.json"
    before = read_baseline(file, "x")
    document = json.loads(file.read_text())
    document["newer"] = document["counts"][TARGET]["newer"] = 1
    document["figures"][TARGET]["sensitivity"]["newer"] = 1
    file.write_text(json.dumps(document))
    assert read_baseline(file, "x") == before


def test_what_is_read_is_the_record_that_was_written(tmp_path, base):
    """The file is the record of one side of a gate: the run's own and the file's are the same."""
    ours = _find(base.folder).evidence
    assert read_baseline(tmp_path / "baseline.json", "x").evidence == ours
    assert (ours.counts[TARGET].missed, ours.counts[TARGET].false_alarms) == (2, 3)
    assert (len(ours.wrong.missed), len(ours.wrong.false_alarms)) == (2, 3)


def test_counts_are_read_where_they_are_counted(tmp_path, base):
    """An edited file that says `missed` among its figures as well: 9 there stand against 2."""
    file = tmp_path / "baseline.json"
    document = json.loads(file.read_text())
    document["figures"][TARGET]["missed"] = {"value": 9}
    file.write_text(json.dumps(document))
    verdict = judge(write_run_missing(tmp_path / "run", 3), file)
    assert verdict.outcome == "fail"
    assert (verdict.results[0].value, verdict.results[0].baseline) == (3, 2)


@pytest.mark.parametrize("metric", ["failed_images", "brier"])
def test_what_the_file_does_not_say_fails_its_limit(tmp_path, base, metric):
    """Nobody knows that of the baseline: it is not taken for 0."""
    file = tmp_path / "baseline.json"
    run = write_run_missing(tmp_path / "run", 1)
    limit = read_limit(f"{metric}<=baseline+0.5", TARGET)
    assert judge(run, file, limit).outcome == "pass"
    document = json.loads(file.read_text())
    for estimates in document["figures"].values():
        estimates.pop(metric, None)
    file.write_text(json.dumps(document))
    verdict = judge(run, file, limit)
    assert verdict.results[-1].outcome == verdict.outcome == "fail"
    assert "the baseline's is undefined or missing" in verdict.results[-1].sentence


def test_thresholds_that_were_tuned_on_the_split_of_the_baseline_are_refused(tmp_path, base):
    """By the split's name, where nothing says on which images: they are exploratory."""
    file = tmp_path / "baseline.json"
    document = json.loads(file.read_text()) | {"thresholds_from": "tuned on validation"}
    file.write_text(json.dumps(document))
    with pytest.raises(GateError, match="tuned on validation"):
        _find(file)


def test_cases_of_other_images_are_refused(tmp_path, base):
    """An edited list of missed cases is noticed: none of these images has such a digest."""
    file = tmp_path / "baseline.json"
    document = json.loads(file.read_text())
    document["wrong"]["missed"][0] = "0" * 12
    file.write_text(json.dumps(document))
    verdict = judge(write_run_missing(tmp_path / "run", 0), file)
    assert verdict.outcome == "error"
    assert "none of these images" in verdict.error.reason


def test_a_baseline_of_another_version_is_judged_and_noted(tmp_path, base):
    """Figures of an earlier covidreport are comparable as long as the file can be read."""
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"evaluated_with": "0.0.1"}))
    run = write_run_missing(tmp_path / "run", 0)
    evaluation = run.folder / "evaluations" / "cxr-validation" / "evaluation.json"
    document = json.loads(evaluation.read_text())
    document["provenance"]["versions"] = {"covidreport": "0.1.0"}
    evaluation.write_text(json.dumps(document))
    verdict = judge(run, file)
    assert verdict.outcome == "pass"
    assert [each.code for each in verdict.findings][:1] == ["baseline-of-another-version"]


def test_a_run_is_another_when_its_model_or_description_is(tmp_path, base):
    """New weights, and a new description of what goes in, make a run new."""
    before = identify_run(base)
    assert identify_run(read_run(base.folder)) == before
    (base.folder / "model.onnx").write_bytes(b"weights")
    with_model = read_run(base.folder)
    assert identify_run(with_model) != before
    described = replace(with_model, settings={**with_model.settings, "input": {"size": [8, 8]}})
    assert identify_run(described) != identify_run(with_model)
