"""Answers to three drawn pictures travel with a model, and every evaluation replays them."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnxruntime.quantization import QuantType, quantize_dynamic

from covidreport.errors import RunError, StoreError
from covidreport.evaluate import reference
from covidreport.evaluate.reference import (
    RECORDED,
    Replayed,
    findings_of,
    keep_reference,
    replay_reference,
)
from covidreport.images import decode_image, read_bytes
from covidreport.images.reference import FOLDER, PICTURES
from covidreport.inference.session import open_session
from covidreport.records import PixelSpec
from covidreport.storage.runs import read_run
from covidreport.store import REFERENCE_FILE, read_reference, write_reference, write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import write_brightness_model

WORDS = {
    "labels": LABELS, "activation": "logit", "resample": "bilinear", "fit": "stretch",
    "range": [0, 1],
}  # fmt: skip


def describe(folder, **words):
    write_run(folder, {"input": {**WORDS, **words}})
    return read_run(folder)


def open_model(run):
    return open_session(run.model, described=run.described)


def read_kept(run):
    answers = read_reference(run.folder)
    assert answers is not None
    return answers


def open_file(run):
    assert run.model is not None
    return open_session(run.model)


@pytest.fixture
def run(tmp_path):
    """A run that is fed 0 to 1, with the answers that were kept of it."""
    folder = tmp_path / "runs" / "a"
    slopes, offsets = [25.5, -25.5, 5.1], [-10.0, 10.0, -1.0]
    write_brightness_model(
        folder / "model.onnx", slopes, offsets, pixels=PixelSpec(16, 16), dtype="float32",
        metadata={},
    )  # fmt: skip
    run = describe(folder)
    assert "three drawn pictures are kept" in keep_reference(run, open_model(run))
    return run


def change_weight(run, factor):
    model = onnx.load(run.model)
    (slopes,) = [each for each in model.graph.initializer if each.name == "slopes"]
    values = onnx.numpy_helper.to_array(slopes) * np.float32(factor)
    slopes.CopyFrom(onnx.numpy_helper.from_array(values, "slopes"))
    onnx.save(model, run.model)


def test_what_is_kept_is_what_can_be_worked_out_from_the_pictures(run):
    """The mean of each picture, stretched to the model's size, times a slope plus an offset."""
    answers = read_kept(run)
    assert tuple(answers.pictures) == PICTURES
    for name, scores in zip(PICTURES, answers.scores, strict=True):
        picture = decode_image(read_bytes(FOLDER / name)).picture.convert("L")
        mean = np.asarray(picture.resize((16, 16), 2), np.float64).mean() / 255
        by_hand = [25.5 * mean - 10, -25.5 * mean + 10, 5.1 * mean - 1]
        assert scores == pytest.approx(by_hand, abs=1e-4)
    assert answers.source.startswith("ONNX Runtime ")


def test_a_softmax_with_outputs_that_have_no_name_is_replayed(run):
    """What competes without a name is no answer of a label: those that have one are kept."""
    named = ["covid-19", None, "pneumonia"]
    described = describe(run.folder, labels=named, activation="softmax-logit")
    keep_reference(described, open_model(described))
    answers = read_kept(described)
    assert [len(row) for row in answers.scores] == [2, 2, 2]
    assert all(sum(row) < 1 for row in answers.scores)
    assert replay_reference(described, open_model(described)).difference == 0


def test_the_same_machine_answers_the_same(run):
    """To the last bit; and what stands is not written again."""
    replayed = replay_reference(run, open_model(run))
    assert (replayed.difference, replayed.changed) == (0.0, ())
    assert findings_of("a", replayed) == ()
    before = (run.folder / REFERENCE_FILE).read_bytes()
    assert "stand in reference/answers.json" in keep_reference(run, open_model(run))
    assert (run.folder / REFERENCE_FILE).read_bytes() == before
    normalised = describe(run.folder, mean=0.5, std=[0.25])
    keep_reference(normalised, open_model(normalised))
    assert replay_reference(normalised, open_model(normalised)).changed == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"range": [0, 255]}, "divisor 255.0 → 1.0"),
        ({"range": [1, 0]}, "divisor 255.0 → -255.0"),
        ({"mean": 0.5, "std": 0.25}, r"mean none → \[0.5\]; std none → \[0.25\]"),
        ({"fit": "pad"}, "fit stretch → pad"),
        ({"activation": "softmax-logit"}, "activation logit → softmax-logit"),
        ({"labels": [LABELS[1], LABELS[0], LABELS[2]]}, "labels covid-19, normal and pneumonia → "),
    ],
)
def test_another_description_is_found_and_named(run, words, said):
    """One error, with what was changed and how to keep what is meant."""
    changed = describe(run.folder, **words)
    session = open_model(changed)
    with pytest.raises(RunError, match=said) as error:
        replay_reference(changed, session)
    assert "answers otherwise than its reference answers (ONNX Runtime " in str(error.value)
    assert f"`covidreport adopt {run.folder_text}`" in error.value.remedy
    assert "kept" in keep_reference(changed, session)
    assert replay_reference(changed, session).difference == 0


def test_a_changed_weight_is_found(run):
    """Of the model's file."""
    change_weight(run, 1.5)
    with pytest.raises(RunError, match="since then changed: the model's file"):
        replay_reference(run, open_model(run))


def test_what_is_more_than_rounding_and_less_than_another_answer_is_a_finding(run):
    """A weight that moves a probability by some thousandths."""
    change_weight(run, 1.002)
    replayed = replay_reference(run, open_model(run))
    assert 1e-4 < replayed.difference < 2e-2
    (finding,) = findings_of("a", replayed)
    assert finding.code == "differs-from-reference"
    assert "otherwise than then: the model's file" in finding.evidence


def test_renamed_labels_are_the_same_columns(run):
    """The names in the data are no answers."""
    renamed = describe(run.folder, label_map={"covid-19": "COVID"})
    assert replay_reference(renamed, open_model(renamed)).difference == 0


def test_another_version_of_a_decoder_is_a_finding_and_no_failure(run):
    """As long as the model and how it is fed are the same."""
    answers = read_kept(run)
    other = replace(
        answers, decoded="0" * 64, decoders={**answers.decoders, "imagecodecs": "2020.1"},
        scores=tuple((row[0] + 1, *row[1:]) for row in answers.scores),
    )  # fmt: skip
    write_reference(run.folder, other)
    replayed = replay_reference(run, open_model(run))
    (finding,) = findings_of("a", replayed)
    assert "imagecodecs 2020.1 → " in finding.evidence
    write_reference(run.folder, replace(other, decoders=answers.decoders))
    with pytest.raises(RunError, match=r"beyond 0\.02 that is no rounding"):
        replay_reference(run, open_model(run))


def test_a_quantised_graph_is_a_finding_and_no_failure(run):
    """Its whole numbers come out otherwise on another processor."""
    source = run.folder / "float.onnx"
    model = onnx.load(run.model)
    weights = onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32), "eye")
    model.graph.initializer.append(weights)
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(onnx.helper.make_node("MatMul", ["before", "eye"], ["logits"]))
    onnx.save(model, source)
    quantize_dynamic(source, run.model, weight_type=QuantType.QUInt8)
    source.unlink()
    session = open_model(run)
    assert session.signs.quantised
    keep_reference(run, session)
    answers = read_kept(run)
    moved = tuple(tuple(score + 0.5 for score in row) for row in answers.scores)
    write_reference(run.folder, replace(answers, scores=moved))
    replayed = replay_reference(run, session)
    assert replayed.difference > 2e-2
    assert len(findings_of("a", replayed)) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d: d.update(schema="x"), "schema"),
        (lambda d: d["scores"].pop(), "Scores of other pictures or labels"),
        (lambda d: d["scores"][0].pop(), "Scores of other pictures or labels"),
        (lambda d: d.pop("model"), "missing required field `model`"),
        (lambda d: d["scores"][0].__setitem__(0, "high"), "Expected `float`"),
    ],
)
def test_a_damaged_file_is_one_clear_error(run, damage, said):
    """Of its path and what to do; adopting writes it again."""
    file = run.folder / REFERENCE_FILE
    document = json.loads(file.read_text())
    damage(document)
    file.write_text(json.dumps(document))
    with pytest.raises(StoreError, match=said) as error:
        replay_reference(run, open_model(run))
    assert REFERENCE_FILE in str(error.value)
    keep_reference(run, open_model(run))
    assert replay_reference(run, open_model(run)).difference == 0


def test_pictures_of_another_covidreport_are_told(run):
    """They can't be replayed."""
    answers = read_kept(run)
    write_reference(run.folder, replace(answers, pictures={**answers.pictures, "grey.png": "0"}))
    with pytest.raises(RunError, match="other pictures than this covidreport brings"):
        replay_reference(run, open_model(run))


def test_evaluations_replay_it_record_it_and_fail_where_it_is_another_answer(tmp_path, run):
    """The others are evaluated; nothing of it is in the key."""
    manifest = write_flat_dataset(tmp_path / "data", ROWS)
    request = make_request(manifest, force=True)
    first = evaluate_folder(tmp_path / "runs", request)["a"].evaluation
    assert first.provenance[RECORDED]["difference"] == 0
    (run.folder / REFERENCE_FILE).unlink()
    without = evaluate_folder(tmp_path / "runs", request)["a"].evaluation
    assert RECORDED not in without.provenance
    assert without.facts.key == first.facts.key
    keep_reference(run, open_model(run))
    change_weight(run, 3)
    write_brightness_model(tmp_path / "runs" / "b" / "model.onnx")
    done = evaluate_folder(tmp_path / "runs", request)
    assert "answers otherwise than its reference answers" in done["a"].failure.reason
    assert done["b"].failure is None


def test_a_model_that_draws_at_random_keeps_none(tmp_path):
    """It is found by itself."""
    folder = tmp_path / "a"
    write_brightness_model(folder / "model.onnx", noise=1.0)
    run = read_run(folder)
    assert "answers one image differently" in keep_reference(run, open_file(run))
    assert not (folder / REFERENCE_FILE).exists()


def test_the_worst_of_several_runs_is_told():
    """Beside what is rounding in its precision."""
    said = reference.describe_replayed([Replayed("x", 1e-3, 2e-3), Replayed("x", 9e-5, 1e-4)])
    assert said == (
        "reference answers of 2 runs replayed: probabilities differ by up to 9e-05 "
        "(0.0001 is rounding)"
    )
