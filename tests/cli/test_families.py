"""Models as their frameworks export them are adopted by one command, and answer as these do.

`tests/data/families` is what `benchmarks.families` made: tiny models with random weights, the files
that stand beside them, and the scores that each framework gives to the drawn pictures through its
own preprocessing. Random weights turn a grey level into more than trained ones do.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from covidreport.adopt.foreign import name_foreign
from covidreport.images.reference import FOLDER, PICTURES
from covidreport.store import RUN_FILE

FAMILIES = Path(__file__).parent.parent / "data" / "families"
LIMITS = {
    "fastai": 1e-5,
    "torchvision": 1e-5, "timm": 1e-5, "huggingface-resnet": 1e-5,
    "lightning": 1e-4,
    "huggingface-vit": 1e-3,  # resized by torchvision: a level of grey here and there
    "keras": 5e-3,  # what is resized stays a float there, here it is of 8 bits
    "monai": 2e-2,  # the same, and then stretched
    "torchxrayvision": 0.1,  # scikit-image smooths otherwise, most at the edge
}  # fmt: skip
"""The largest difference of a probability from the framework's own."""


def _load(name):
    return json.loads((FAMILIES / name / "answers.json").read_text())


def _adopt(tmp_path, covidreport, name):
    """What was printed, and the words and scores (probabilities) of the run that was written."""
    shutil.copytree(FAMILIES / name, tmp_path, dirs_exist_ok=True)
    (tmp_path / "answers.json").unlink()
    done = covidreport("adopt", *_load(name)["adopt"], "--json")
    assert done.code == 0, done.err
    (model,) = json.loads(done.out)["models"]
    words = {word: each["value"] for word, each in model["words"].items()}
    (answers,) = tmp_path.rglob("reference/answers.json")
    scores = np.array(json.loads(answers.read_text())["scores"])
    return done, words, 1 / (1 + np.exp(-scores)) if words["activation"] == "logit" else scores


def _open(name):
    with Image.open(FOLDER / name) as picture:
        if picture.mode.startswith("I"):
            return Image.fromarray(np.rint(np.asarray(picture) / 257).astype(np.uint8))
        return picture.copy()


def _resize(picture, words):
    """By Pillow and torch alone: uint8 `(H, W, C)`."""
    picture = picture.convert("L" if words["channels"] == 1 else "RGB")
    height, width = words["size"]
    if words["fit"] == "crop":
        shorter = words.get("shorter_side") or min(height, width)
        scale = shorter / min(picture.size)
        sides = [int(side * scale) for side in picture.size]
        left, top = round((sides[0] - width) / 2), round((sides[1] - height) / 2)
    else:
        sides, left, top = [width, height], 0, 0
    if words["fit"] == "cut":
        side = min(picture.size)
        corner = [(whole - side) // 2 for whole in picture.size]
        picture = picture.crop((*corner, corner[0] + side, corner[1] + side))
    if words.get("antialias", True):
        pixels = np.asarray(picture.resize(sides, Image.Resampling[words["resample"].upper()]))
        pixels = pixels.reshape(*pixels.shape[:2], -1)
    else:
        torch = pytest.importorskip("torch")
        whole = np.array(picture, np.float32).reshape(picture.height, picture.width, -1)
        found = torch.nn.functional.interpolate(
            torch.from_numpy(whole).permute(2, 0, 1)[None], sides[::-1], mode=words["resample"]
        )
        pixels = found[0].permute(1, 2, 0).round().numpy()
    return pixels[top : top + height, left : left + width]


def _score(model, words, pixels):
    """A loop that everybody writes: uint8 `(H, W, C)` to probabilities."""
    fed = pixels.astype(np.float64)
    if words.get("per_image") == "min-max":
        fed = (fed - fed.min()) / (fed.max() - fed.min()) * 255
    low, high = words.get("range") or (0, 255 / (words.get("divisor") or 1))
    fed = fed / 255 * (high - low) + low
    fed = (fed - np.array(words.get("mean") or 0)) / np.array(words.get("std") or 1)
    fed = fed.astype(np.float32)[None]
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    fed = fed if words["layout"] == "NHWC" else fed.transpose(0, 3, 1, 2)
    out = session.run(None, {source.name: np.ascontiguousarray(fed)})[0][0].astype(np.float64)
    if words["activation"] == "logit":
        return 1 / (1 + np.exp(-out))
    if words["activation"] == "softmax-logit":
        return np.exp(out) / np.exp(out).sum()
    return out


@pytest.mark.parametrize("name", LIMITS)
def test_scores_are_those_of_a_plain_loop(tmp_path, covidreport, name):
    """Pillow (or torch where nothing is antialiased), numpy and ONNX Runtime, by the words."""
    _, words, scores = _adopt(tmp_path, covidreport, name)
    (model,) = tmp_path.glob("*.onnx")
    plain = [_score(model, words, _resize(_open(each), words)) for each in PICTURES]
    assert np.abs(scores - plain).max() < 1e-5


@pytest.mark.parametrize("name", LIMITS)
def test_scores_are_those_of_the_framework(tmp_path, covidreport, name):
    """Of each drawn picture, by the command that stands in docs/models.md."""
    _, _, scores = _adopt(tmp_path, covidreport, name)
    own = _load(name)["scores"]
    assert list(own) == list(PICTURES)
    assert np.abs(scores - np.array([*own.values()])).max() < LIMITS[name]


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_has_the_command(name):
    """The one that these tests run, with dots for the labels."""
    words = " ".join(_load(name)["adopt"]).replace("covid-19,normal,pneumonia", "…")
    assert f"| `{words}` |" in (FAMILIES.parents[2] / "docs" / "models.md").read_text()


def test_what_monai_s_words_leave_open_is_said(tmp_path, covidreport):
    """How its reader turns pictures, and where it stretches the grey."""
    done, _, _ = _adopt(tmp_path, covidreport, "monai")
    assert "LoadImage turns PNG and JPEG on their side" in done.err
    assert "`ScaleIntensity` is taken after the resize" in done.err


def test_scikit_learn_s_dictionaries_are_refused_with_the_line(tmp_path, covidreport):
    """As skl2onnx exports unless told otherwise: beside the class, which is no score either."""
    shutil.copytree(FAMILIES / "sklearn", tmp_path, dirs_exist_ok=True)
    done = covidreport("adopt", *_load("sklearn")["adopt"])
    assert done.code == 3
    assert 'export it with options={"zipmap": False}' in done.err
    assert not (tmp_path / RUN_FILE).exists()


def test_what_keras_saves_is_told_how_to_export(tmp_path, covidreport):
    """A .keras file, as `model.save` writes it."""
    assert name_foreign(FAMILIES / "keras" / "model.keras") == "a Keras model"
    shutil.copy(FAMILIES / "keras" / "model.keras", tmp_path)
    done = covidreport("adopt", "model.keras")
    assert done.code == 3
    assert "keras.models.load_model('model.keras').export('model.onnx', format='onnx')" in done.err


def test_the_fixtures_are_small_and_name_no_machine():
    """Each of at most 100 kB, all below 1 MB."""
    files = [path for path in FAMILIES.rglob("*") if path.is_file()]
    sizes = {path: path.stat().st_size for path in files}
    assert sum(sizes.values()) < 1e6
    assert max(sizes.values()) <= 100_000
    for path in files:
        assert b"site-packages" not in path.read_bytes()
        assert b"/tmp/" not in path.read_bytes()
