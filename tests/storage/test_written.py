"""Files of every version that was written so far are read, and written as they were.

`tests/data/written` has what covidreport made of one small data set (flat images, a model whose
answers can be worked out by hand) when files had scores alone, then details, then counts near the
threshold, then the commands that set thresholds, then intervals of net benefit, then what
is pooled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from covidreport.audit.document import audit_as_json, read_audit
from covidreport.gate.evidence import read_baseline, write_baseline
from covidreport.records import Counts, ThresholdOrigin
from covidreport.storage.codec import format_json
from covidreport.storage.evaluation import (
    decode_evaluation,
    encode_evaluation,
    mend_evaluation,
    read_evaluation,
)
from covidreport.store import (
    REFERENCE_FILE,
    read_failure,
    read_reference,
    read_scores,
    read_thresholds,
    write_failure,
    write_json,
    write_reference,
    write_thresholds,
)

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "tests" / "data" / "written"
VERSIONS = sorted(folder.name for folder in WRITTEN.iterdir())
TODAY = VERSIONS[-1]
STUDY = sorted((ROOT / "examples").rglob("evaluation.json"))
LATER = {
    "near": None, "pooled": {}, "remedy": "", "unbounded": "", "ignored": [],
    "low": None, "high": None, "method": None,
}  # fmt: skip
"""Fields that came within a version, and what they are where a file has none of them."""


def _encode(file: Path) -> str:
    """An evaluation.json read and written again, without what is mended of earlier versions."""
    document = json.loads(file.read_text())
    evaluation = decode_evaluation(document, str(file))
    return f"{format_json(encode_evaluation(evaluation, document.get('scores_sha256')))}\n"


def _drop_later(value: Any, like: Any) -> Any:
    """A document without what came later, where the one that it is like has none of it."""
    if isinstance(value, dict) and isinstance(like, dict):
        return {
            key: _drop_later(item, like.get(key))
            for key, item in value.items()
            if key in like or item != LATER.get(key, "no")
        }
    if isinstance(value, list) and isinstance(like, list):
        return [_drop_later(a, b) for a, b in zip(value, like, strict=True)]
    return value


@pytest.mark.parametrize("file", [*STUDY, WRITTEN / TODAY / "evaluation.json"], ids=str)
def test_evaluations_are_written_as_they_stand(file):
    """The study's and one with all that there is: byte for byte; nothing is to be mended but the
    interval of the prevalence, which says nothing of other patients."""
    assert _encode(file) == file.read_text()
    document = json.loads(file.read_text())
    evaluation = decode_evaluation(document, str(file))
    mended = mend_evaluation(evaluation)
    assert mended == read_evaluation(file)
    for figures in document["estimates"].values():
        if "prevalence" in figures:
            figures["prevalence"] |= {"low": None, "high": None, "method": None}
    assert mended == decode_evaluation(document, str(file))


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_earlier_evaluations_keep_every_value(version):
    """Digits and order are those of the file; what came later is null."""
    file = WRITTEN / version / "evaluation.json"
    before = json.loads(file.read_text())
    after = _drop_later(json.loads(_encode(file)), before)
    if version == VERSIONS[0]:
        assert after.pop("details") is None
    assert json.dumps(after) == json.dumps(before)


@pytest.mark.parametrize("version", VERSIONS)
def test_figures_are_what_can_be_counted_by_hand(version):
    """Scores are a tenth of the grey value less 10, as logits; 99 and up are COVID-19 but for 101.

    Grey values are 60, 80, 92, 99, 101, 108, 130 and 170; at 0.5 (a grey of 100) one case of four
    is missed and 101 is a false alarm; at the tuned 0.3 (91.5) none is, and 92 is one as well.
    """
    evaluation = read_evaluation(WRITTEN / version)
    tuned = version != VERSIONS[0]
    expected = Counts(tn=2, fp=2, fn=0, tp=4) if tuned else Counts(tn=3, fp=1, fn=1, tp=3)
    assert evaluation.counts["covid-19"] == expected
    assert evaluation.estimates["covid-19"]["sensitivity"].value == (1.0 if tuned else 0.75)
    origin = ThresholdOrigin.of_split("tuning") if tuned else ThresholdOrigin("default")
    assert evaluation.origin == origin
    assert (evaluation.score_metrics is None) is not tuned
    by_hand = [-4, -2, -0.8, -0.1, 0.1, 0.8, 3, 7]
    scores = read_scores(WRITTEN / version / "scores.parquet")
    assert scores.scores[:, 0].tolist() == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_failures_are_written_as_they_stand(tmp_path, version):
    """Of a model that is none."""
    failure = read_failure(WRITTEN / version)
    assert failure is not None
    assert (failure.subject, failure.stage) == ("c", "load")
    written = write_failure(tmp_path, "x", failure)
    _assert_same(written, WRITTEN / version / "failure.json", "remedy")


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_thresholds_are_read_without_a_bound_that_does_not_hold(tmp_path, version):
    """Eight images of four patients: version 1 said how sure it was of new ones all the same."""
    file = WRITTEN / version / "thresholds.json"
    tuned = read_thresholds(file.parent)
    assert tuned is not None
    fit = tuned.fits["covid-19"]
    assert (fit.threshold, fit.metric, fit.target, fit.bound) == (0.3, "sensitivity", 0.9, None)
    assert tuned.unbounded == "8 images are of 4 patients"
    written = write_thresholds(tmp_path, tuned)
    if json.loads(file.read_text())["schema"] == "covidreport.thresholds/1":
        assert json.loads(file.read_text())["fits"]["covid-19"]["bound"] is not None
        assert read_thresholds(tmp_path) == tuned
    else:
        assert written.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_baselines_are_written_as_they_stand(tmp_path, version):
    """Whole numbers and fractions among their figures too."""
    file = WRITTEN / version / "baseline.json"
    baseline = read_baseline(file, "baseline.json").evidence
    assert baseline.counts["covid-19"].fp == len(baseline.wrong.false_alarms) == 2
    assert set(baseline.known) == {"a", "b"}
    write_baseline(tmp_path / "baseline.json", baseline)
    assert (tmp_path / "baseline.json").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_audits_are_written_as_they_stand(tmp_path, version):
    """With what was found in the data and in the runs; which version wrote it stands there, too."""
    file = WRITTEN / version / "audit.json"
    wrote = json.loads(file.read_text())["covidreport"]
    audit = read_audit(file)
    assert (audit.images, audit.patients, audit.labels) == (16, 12, ("covid-19", "normal"))
    write_json(tmp_path / "audit.json", {**audit_as_json(audit), "covidreport": wrote})
    _assert_same(tmp_path / "audit.json", file, "ignored")


def test_reference_answers_are_written_as_they_stand(tmp_path):
    """Byte for byte; the second label's logit is the first one's, turned around."""
    file = WRITTEN / TODAY / "answers.json"
    place = tmp_path / REFERENCE_FILE
    place.parent.mkdir()
    place.write_bytes(file.read_bytes())
    answers = read_reference(tmp_path)
    assert answers is not None
    assert answers.labels == ("covid-19", "normal", "pneumonia")
    assert [a == -b for a, b, _ in answers.scores] == [True] * 3
    write_reference(tmp_path, answers)
    assert place.read_bytes() == file.read_bytes()


def _assert_same(written: Path, file: Path, later: str) -> None:
    """Byte for byte but for one field that came later, which stands last."""
    after, before = json.loads(written.read_text()), json.loads(file.read_text())
    if later not in before:
        assert after.pop(later) == LATER[later]
        assert json.dumps(after) == json.dumps(before)
    else:
        assert written.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "split", "origin"),
    [
        ("default", None, ThresholdOrigin("default")),
        ("tuned on a", "a", ThresholdOrigin.of_split("a")),
        ("tuned on a (exploratory)", "a", ThresholdOrigin.of_split("a", exploratory=True)),
        ("tuned on a (exploratory)", None, ThresholdOrigin.of_split("a", exploratory=True)),
        (
            "tuned on a (exploratory)",
            "a (exploratory)",
            ThresholdOrigin.of_split("a (exploratory)"),
        ),
    ],
)
def test_where_thresholds_come_from_is_read_from_its_words(words, split, origin):
    """A split may itself be called so: where the tuning is recorded its name is known."""
    assert ThresholdOrigin.parse(words, split) == origin
    assert str(origin) == words


def test_thresholds_of_the_same_split_are_exploratory_unless_the_images_are_known():
    """A file that does not say on which images they were tuned is judged by the split's name."""
    evaluation = read_evaluation(WRITTEN / TODAY)
    assert not evaluation.origin.exploratory
    named = replace(evaluation, thresholds_from="tuned on validation", provenance={})
    assert named.origin == ThresholdOrigin.of_split("validation", exploratory=True)
    elsewhere = {"tuning": {"dataset": "other", "split": "validation"}}
    assert not replace(named, provenance=elsewhere).origin.exploratory
