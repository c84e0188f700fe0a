from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from covidreport.errors import RunError
from covidreport.evaluate.reference import replay_reference
from covidreport.images.reference import decode_reference
from covidreport.inference.session import open_session
from covidreport.records import PixelSpec
from covidreport.storage.runs import read_run
from covidreport.store import read_reference
from train.export import Contract, check_export, export_model
from train.models import PixelModel
from train.pooling import AdaptiveMean
from train.settings import FitSettings
from train.start import start_model
from train.weights import Weights

LABELS = ("covid-19", "normal", "pneumonia")


def make(architecture="tiny", size=32, channels=1):
    settings = FitSettings(
        architecture, "none", "bce", "sgd", 0.01, 1, 4, image_size=size, channels=channels
    )
    model = start_model(settings, Weights("none", ""), 3).eval()
    images = np.random.default_rng(0).integers(0, 255, (5, channels, size, size), dtype=np.uint8)
    return model, Contract(settings.pixels, LABELS, "a run"), images


@pytest.fixture(
    scope="module", params=[("tiny", 32, 3), ("resnet18", 48, 1)], ids=lambda param: param[0]
)
def exported(request, tmp_path_factory):
    """A model, its contract, images, where it was exported to, and the evidence of that."""
    model, contract, images = make(*request.param)
    folder = tmp_path_factory.mktemp("exported")
    return model, contract, images, folder, export_model(model, contract, images, folder)


def test_exports_state_their_contract_and_answer_as_torch_does(exported):
    """Any batch size gives torch's logits; labels, size, resize and channels are in the file."""
    model, _, images, folder, evidence = exported
    session = open_session(folder / "model.onnx")
    assert session.identity.sha256 == evidence["sha256"]
    size, channels = images.shape[3], images.shape[1]
    assert session.spec.pixels == PixelSpec(size, size, resample="bicubic", channels=channels)
    assert session.spec.labels == LABELS
    assert session.spec.activation == "logit"
    assert (session.spec.input_name, session.spec.output_name) == ("pixels", "logits")
    for batch in (images[:1], images):
        with torch.no_grad():
            expected = model(torch.from_numpy(batch)).numpy()
        np.testing.assert_allclose(session.run(batch), expected, rtol=1e-4, atol=1e-4)
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "reference"]
    onnx.checker.check_model(folder / "model.onnx", full_check=True)


def test_torch_s_answers_to_the_drawn_pictures_travel_with_the_model(exported):
    """From the bytes of three files; ONNX Runtime answers the same but for rounding."""
    model, contract, _, folder, evidence = exported
    answers = read_reference(folder)
    assert answers.source == f"torch {torch.__version__}"
    assert (answers.model, answers.labels) == (evidence["sha256"], LABELS)
    replayed = replay_reference(read_run(folder), open_session(folder / "model.onnx"))
    assert replayed.difference <= replayed.limit == 1e-4
    assert replayed.changed == ()
    scores = np.array(answers.scores)
    assert (scores[0] != scores[1]).all()
    pixels = decode_reference(contract.pixels).pixels
    with torch.no_grad():
        expected = model(torch.from_numpy(np.moveaxis(pixels, 3, 1).copy())).numpy()
    assert scores.tolist() == expected.astype(float).tolist()


def test_vgg16s_pooling_exports_below_its_own_size(tmp_path):
    """1 x 1 features spread over 7 x 7, which ONNX has no pooling for, answer as in torch."""
    layers = (nn.Conv2d(3, 4, 32, stride=32), AdaptiveMean((7, 7)), nn.Flatten(), nn.Linear(196, 3))
    model = PixelModel(nn.Sequential(*layers), (0.5,) * 3, (0.25,) * 3).eval()
    _, contract, images = make()
    export_model(model, contract, images, tmp_path)
    assert (tmp_path / "model.onnx").is_file()


def test_the_same_weights_give_the_same_file(tmp_path):
    """Byte for byte."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        model, contract, images = make()
        export_model(model, contract, images, tmp_path / name)
    first, second = ((tmp_path / name / "model.onnx").read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_model_that_disagrees_with_torch_is_not_written(tmp_path, monkeypatch):
    """A difference above the tolerance is an error, and what stood there before still does."""
    (tmp_path / "model.onnx").write_bytes(b"the one before")
    model, contract, images = make()

    def changed(*args):
        with torch.no_grad():
            model.network.classifier.bias += 0.01
        return check_export(*args)

    monkeypatch.setattr("train.export.check_export", changed)
    with pytest.raises(RunError, match=r"ONNX Runtime and torch disagree by 0\.01"):
        export_model(model, contract, images, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == b"the one before"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_model_whose_answers_are_not_finite_is_not_written(tmp_path):
    """NaN on both sides is no agreement."""
    model, contract, images = make()
    with torch.no_grad():
        model.network.classifier.bias[1] = float("nan")
    with pytest.raises(RunError, match="not finite"):
        export_model(model, contract, images, tmp_path)
    assert not list(tmp_path.iterdir())
