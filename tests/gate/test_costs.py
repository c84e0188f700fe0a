"""What a model costs is limited like any metric, and compared on one machine alone."""

from __future__ import annotations

import json

import pytest

from covidreport.errors import UsageError
from covidreport.gate.evidence import read_baseline, take_evidence, write_baseline
from covidreport.gate.limits import read_limit
from covidreport.store import read_evaluation
from tests.gate.runs import TARGET, judge, outcomes, write_run_missing

KEY = "cxr-validation"


def _priced(folder, parameters=1_000_000, seconds=2.0, machine="one"):
    """A run that misses 2 of 10, whose model was timed over 100 images."""
    run = write_run_missing(folder, 2)
    path = folder / "evaluations" / KEY / "evaluation.json"
    document = json.loads(path.read_text())
    document["provenance"]["model"] |= {"parameters": parameters, "bytes": 3 * 2**20}
    document["timing"] = {
        "inference_s": seconds, "images_timed": 100, "memory_bytes": 5 * 2**20, "machine": machine,
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return run


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        ("parameters<=1e6", "pass"), ("parameters<=999999", "fail"), ("model_mib<=3", "pass"),
        ("model_mib<=2.9", "fail"), ("images_per_s>=50", "pass"), ("images_per_s>=50.1", "fail"),
        ("memory_mib<=5", "pass"), ("memory_mib<=4", "fail"),
    ],
)  # fmt: skip
def test_a_cost_is_limited(tmp_path, limit, outcome):
    """100 images in 2 s are 50 a second."""
    verdict = judge(_priced(tmp_path / "a"), None, read_limit(limit, TARGET))
    name = limit.partition("<")[0].partition(">")[0]
    assert outcomes(verdict)[name] == outcome


def test_speed_is_compared_on_one_machine_alone(tmp_path):
    """On another it can't be asked; what does not depend on the machine can."""
    base = _priced(tmp_path / "base")
    limits = [
        read_limit(text, TARGET) for text in ("images_per_s>=baseline", "parameters<=baseline")
    ]
    slower = judge(_priced(tmp_path / "slower", seconds=2.5), base.folder, *limits)
    assert outcomes(slower)["images_per_s"] == "fail"
    assert outcomes(slower)["parameters"] == "pass"
    elsewhere = judge(
        _priced(tmp_path / "elsewhere", seconds=2.5, machine="two"), base.folder, *limits
    )
    assert outcomes(elsewhere)["images_per_s"] == "inconclusive"
    assert outcomes(elsewhere)["parameters"] == "pass"
    (said,) = [each.sentence for each in elsewhere.results if each.limit.metric == "images_per_s"]
    assert "the run's is two, the baseline's is one" in said


def test_a_cost_that_was_not_recorded_is_no_pass(tmp_path):
    """As of evaluations that were made before."""
    verdict = judge(write_run_missing(tmp_path / "a", 2), None, read_limit("parameters<=9", TARGET))
    assert outcomes(verdict)["parameters"] == "fail"
    (said,) = [each.sentence for each in verdict.results if each.limit.metric == "parameters"]
    assert "did not record it" in said


def test_a_baseline_keeps_the_machine(tmp_path):
    """In baseline.json, where there is one; of runs without it the file is as it was."""
    for run, machine in (
        (_priced(tmp_path / "a"), "one"),
        (write_run_missing(tmp_path / "b", 2), None),
    ):
        path = tmp_path / "baseline.json"
        evaluation = read_evaluation(run.folder / "evaluations" / KEY)
        write_baseline(path, take_evidence(evaluation, TARGET, None))
        assert ("machine" in json.loads(path.read_text())) == (machine is not None)
        assert read_baseline(path, str(path)).evidence.machine == machine


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters.low>=3", "a cost has no interval"),
        ("pneumonia:parameters<=3", "one metric over all labels"),
        ("images_per_s<=baseline", "is better higher"),
    ],
)
def test_a_limit_that_can_t_be_is_refused(text, said):
    """With the reason."""
    with pytest.raises(UsageError, match=said):
        read_limit(text, TARGET)
