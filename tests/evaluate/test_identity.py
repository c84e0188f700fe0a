"""Whatever decides an answer is in the key of an evaluation: each is changed alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.evaluate import identity, write
from covidreport.evaluate.checkpoint import open_checkpoint
from covidreport.evaluate.identity import evaluation_key, find_stored
from covidreport.evaluate.occlusion import read_occlusion
from covidreport.images.cache import decoder_versions
from covidreport.inference.contract import WORDS
from covidreport.inference.execution import Execution
from covidreport.inference.providers import CPU, PROVIDERS
from covidreport.storage.runs import read_run
from covidreport.store import read_evaluation, write_evaluation, write_run
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS, evaluate_folder, make_request
from tests.onnx_models import LABELS, write_brightness_model

CUDA = next(each for each in PROVIDERS if each.name == "cuda")
CHANGED = {
    "labels": ["covid-19", "pneumonia", "normal"],
    "size": [9, 9],
    "fit": "crop",
    "resample": "nearest",
    "antialias": False,
    "channels": 3,
    "shorter_side": 10,
    "activation": "sigmoid",
    "decision": "argmax",
    "layout": "NHWC",
    "input_name": "other",
    "output_name": "other",
    "divisor": 255,
    "mean": [0.5],
    "std": [0.5],
    "label_map": {"covid-19": "covid"},
    "range": [-1, 1],
    "channel_order": "BGR",
    "per_image": "min-max",
    "per_image_step": "after-resize",
    "clip_limit": 3,
    "tiles": [4, 4],
}
"""Another value of each word of a contract than the run below has."""


@pytest.fixture
def study(tmp_path):
    """Six images and a run that is described in run.json."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    return tmp_path


def _request(study, **options):
    return make_request(study / "data" / "manifest.csv", **options)


def _find(study, request):
    """What is kept of the stored evaluation, as `evaluate` asks for it."""
    return find_stored(
        read_run(study / "runs" / "a"), "data-validation", fingerprint=request.fingerprint,
        labels=request.dataset.labels, n_groups=request.n_groups,
        provider=request.provider_facts, batch=request.batch, verify=request.verify,
    )  # fmt: skip


def _key(request, described=None, model="m"):
    return evaluation_key(
        model, request.fingerprint, request.dataset.labels, described, request.provider_facts,
        request.batch,
    )  # fmt: skip


def test_every_word_of_a_contract_has_a_change_here():
    """A new word needs one: else nobody would notice that the key lacks it."""
    assert set(CHANGED) == set(WORDS)


@pytest.mark.parametrize("word", CHANGED)
def test_every_word_of_the_description_is_in_the_key(study, word):
    """Said or not said, and said otherwise, are three keys."""
    request = _request(study)
    other = {"layout": "NCHW"} if word != "layout" else {"channels": 1}
    keys = {
        _key(request, other), _key(request, {**other, word: CHANGED[word]}),
        _key(request, {**other, word: "something else"}),
    }  # fmt: skip
    assert len(keys) == 3


def test_a_description_without_newer_words_keeps_its_key(monkeypatch):
    """What was evaluated before a word was added stands: this key was made without them."""
    monkeypatch.setattr(identity, "runtime_version", lambda: "1")
    monkeypatch.setattr(identity, "_installed", lambda _: "1")
    described = {word: CHANGED[word] for word in ("labels", "size", "activation", "mean")}
    key = evaluation_key("m", "f", ["covid-19"], described, {"provider": "cpu"}, 8)
    assert key == "5c9b3cdfebeee24b99ae8512274dd8789fad51462b6ad374e1f72d90e9f79c4d"


@pytest.mark.parametrize("word", CHANGED)
def test_an_evaluation_is_not_kept_where_a_word_changed(study, word):
    """Nothing but that word of run.json is another."""
    evaluate_folder(study / "runs", _request(study))
    assert _find(study, _request(study)) is not None
    write_run(study / "runs" / "a", {"name": "a", "input": {word: CHANGED[word]}})
    assert _find(study, _request(study)) is None


def _occlude(study):
    return replace(_request(study), occlusion=read_occlusion("centre"))


def _swap_truth(study):
    rows = [(ROWS[0][0], "normal", "validation"), *ROWS[1:]]
    write_flat_dataset(study / "data", rows)
    return _request(study)


def _change_image(study):
    write_flat_dataset(study / "data", [(121, *ROWS[0][1:]), *ROWS[1:]])
    return _request(study)


def _drop_image(study):
    write_flat_dataset(study / "data", ROWS[1:])
    return _request(study)


def _change_model(study):
    write_brightness_model(study / "runs" / "a" / "model.onnx", offsets=(-10.0, 10.0, -1.0000001))
    return _request(study)


def _run_elsewhere(study):
    return replace(_request(study), execution=Execution(CUDA))


def _run_in(precision):
    return lambda study: replace(_request(study), execution=Execution(CUDA, precision))


def _run_on(card, **libraries):
    execution = Execution(CUDA, card=card, libraries=tuple(libraries.items()))
    return lambda study: replace(_request(study), execution=execution)


CHANGES = {
    "the model's bytes": _change_model,
    "an image's bytes": _change_image,
    "the truth of an image": _swap_truth,
    "which images": _drop_image,
    "the batch": lambda study: _request(study, batch=5),
    "the provider": _run_elsewhere,
    "tf32": _run_in("tf32"),
    "fp16": _run_in("fp16"),
    "a card": _run_on("NVIDIA H200", cudnn="9.26.0"),
    "another card": _run_on("NVIDIA L4", cudnn="9.26.0"),
    "another cuDNN": _run_on("NVIDIA H200", cudnn="9.27.0"),
    "a TensorRT": _run_on("NVIDIA H200", cudnn="9.26.0", tensorrt="10.14"),
    "occlusion": _occlude,
    "another fraction": lambda study: replace(
        _request(study), occlusion=read_occlusion("centre:0.7")
    ),
    "another region": lambda study: replace(_request(study), occlusion=read_occlusion("borders")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_evaluation_is_not_kept_where_anything_else_changed(study, change):
    """Each alone; what stands is not taken for it."""
    evaluate_folder(study / "runs", _request(study))
    assert _find(study, _request(study)) is not None
    assert _find(study, CHANGES[change](study)) is None


def test_no_two_changes_have_one_key(study):
    """Nor are they the same as nothing changed."""
    requests = [_request(study)]
    for name, change in CHANGES.items():
        if name != "the model's bytes":
            requests.append(change(study))
            write_flat_dataset(study / "data", ROWS)
    assert len({_key(request) for request in requests}) == len(requests)


@pytest.mark.parametrize("package", ["pillow", "imagecodecs"])
def test_another_version_of_what_decodes_is_another_key(study, monkeypatch, package):
    """A new JPEG decoder may give other pixels."""
    evaluate_folder(study / "runs", _request(study))
    known = identity._installed
    monkeypatch.setattr(
        identity, "_installed", lambda name: "0.0" if name == package else known(name)
    )
    assert _find(study, _request(study)) is None


def test_another_version_of_the_runtime_is_another_key(study, monkeypatch):
    """The last digits of scores are its kernels'."""
    evaluate_folder(study / "runs", _request(study))
    monkeypatch.setattr(identity, "runtime_version", lambda: "1.0.0")
    assert _find(study, _request(study)) is None


def test_another_version_of_the_loop_is_another_key(study, monkeypatch):
    """Counted up by whoever changes what it computes."""
    evaluate_folder(study / "runs", _request(study))
    monkeypatch.setattr(identity, "ENGINE", "another")
    assert _find(study, _request(study)) is None


def test_another_decoder_of_ours_ends_what_it_may_change_alone(study, monkeypatch):
    """Images that failed may be read now; where all were read, and as they are now, scores hold."""
    request = _request(study)
    evaluate_folder(study / "runs", request)
    monkeypatch.setattr(identity, "DECODER", "another")
    assert _find(study, request) is not None
    monkeypatch.undo()
    (study / "data" / request.dataset.paths[0]).write_bytes(b"no image")
    damaged = _request(study)
    evaluate_folder(study / "runs", damaged)
    assert _find(study, damaged) is not None
    monkeypatch.setattr(identity, "DECODER", "another")
    assert _find(study, damaged) is None


def test_another_pydicom_ends_what_it_decoded_alone(study, monkeypatch):
    """An evaluation with DICOM images, or with one that failed; PNG files are none of its."""
    from tests.images.radiographs import radiograph

    def change(version):
        known = decoder_versions()
        monkeypatch.setattr(identity, "decoder_versions", lambda: {**known, "pydicom": version})

    request = _request(study)
    evaluate_folder(study / "runs", request)
    change("0.0")
    assert _find(study, request) is not None
    monkeypatch.undo()
    path = study / "data" / request.dataset.paths[0]
    path.write_bytes(radiograph(np.full((24, 32), 90, np.uint8), 8))
    mixed = _request(study)
    evaluate_folder(study / "runs", mixed)
    assert _find(study, mixed) is not None
    change("0.0")
    assert _find(study, mixed) is None
    monkeypatch.undo()
    path.write_bytes(b"no image")
    damaged = _request(study)
    evaluate_folder(study / "runs", damaged)
    change("0.0")
    assert _find(study, damaged) is None


def test_an_evaluation_of_dicom_that_names_no_pydicom_is_computed_again(study):
    """As earlier versions wrote them: nobody can tell which one decoded it."""
    from tests.images.radiographs import radiograph

    request = _request(study)
    (study / "data" / request.dataset.paths[0]).write_bytes(
        radiograph(np.full((24, 32), 90, np.uint8), 8)
    )
    request = _request(study)
    evaluate_folder(study / "runs", request)
    folder = study / "runs" / "a" / "evaluations" / "data-validation"
    stored = read_evaluation(folder)
    facts = json.loads(json.dumps(stored.provenance))
    del facts["versions"]["pydicom"]
    write_evaluation(study / "runs" / "a", replace(stored, provenance=facts))
    assert _find(study, request) is None


def test_a_killed_evaluation_goes_on_with_the_same_decoders_alone(study, monkeypatch):
    """Scores of one pydicom are never put together with those of another."""
    made: list[str] = []

    def note(folder, key, *rest):
        made.append(key)
        return open_checkpoint(folder, key, *rest)

    monkeypatch.setattr(write, "open_checkpoint", note)
    for version in ("1", "2"):
        monkeypatch.setattr(write, "decoder_versions", lambda version=version: {"pydicom": version})
        evaluate_folder(study / "runs", _request(study, force=True))
    assert len(set(made)) == 2


def test_what_decides_nothing_is_in_no_key(study):
    """Jobs, thresholds, the order of rows and the word by which the provider was asked for."""
    plain = _request(study, jobs=1)
    assert plain.execution == CPU
    same = [
        _request(study, jobs=2),
        _request(study, thresholds={"covid-19": 0.2}),
        replace(plain, provider_option="auto"),
    ]
    assert {_key(each) for each in same} == {_key(plain)}
    assert plain.dataset.labels == LABELS


def test_the_number_of_a_card_is_in_no_key(study):
    """Two of one name give the same scores; its memory and driver stand beside the key alone."""
    on = [
        Execution(CUDA, device_id=number, card="NVIDIA H200", libraries=(("cudnn", "9.26.0"),))
        for number in (0, 1)
    ]
    first, second = (_key(replace(_request(study), execution=each)) for each in on)
    assert first == second


def test_keys_of_the_cpu_are_what_they_were(monkeypatch):
    """As computed before cards were named: what is stored goes on to hold."""
    monkeypatch.setattr(identity, "_installed", lambda name: "1.0")
    monkeypatch.setattr(identity, "runtime_version", lambda: "1.0")
    key = evaluation_key("m", "f", ("a", "b"), None, {"asked": "cpu", **CPU.facts()}, 32)
    assert key == "911d3efa72871280623db981d290cb0dcb0a8f996362c72457cc35abddf9585b"
