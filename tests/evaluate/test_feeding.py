"""Models that are described otherwise than they were made: found, named, and never mended.

Each answers by how near the mean of what it is fed lies to one value, so that scale, normalisation,
inversion and black edges decide what it knows. COVID-19 is grey 90 or thereabouts, the others are
darker or brighter.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from covidreport.dataset import read_dataset
from covidreport.evaluate.feeding import feed_runs, sample_images
from covidreport.evaluate.options import EvaluateOptions
from covidreport.evaluate.preprocessing import describe_check, findings_of
from covidreport.images import read_bytes
from covidreport.records import Dataset, Noted, PixelSpec
from covidreport.storage.runs import read_run
from covidreport.store import write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.onnx_models import write_brightness_model

PEAK = 90
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
WAYS: dict[str, dict[str, Any]] = {
    "0 to 255": {"range": [0, 255]},
    "0 to 1": {"divisor": 255, "mean": None, "std": None},
    "-1 to 1": {"range": [-1, 1]},
    "ImageNet's normalisation": {"range": [0, 1], **IMAGENET},
    "inverted": {"range": [1, 0]},
}
ENDS = {
    "0 to 255": (0, 255), "0 to 1": (0, 1), "-1 to 1": (-1, 1), "inverted": (1, 0),
    "ImageNet's normalisation": ((0 - 0.449) / 0.226, (1 - 0.449) / 0.226),
}  # fmt: skip
"""Of each way what black and white are fed as: by hand, ImageNet's as the mean of its channels."""
OPTIONS = EvaluateOptions(provider="cpu")


def draw_rows(split, n=60, seed=0):
    """Grey values that overlap a little: the target in the middle, others on both sides."""
    rng = np.random.default_rng(seed)
    sick = [(int(v), "covid-19", split) for v in rng.normal(PEAK, 9, n).clip(0, 255)]
    dark = [(int(v), "normal", split) for v in rng.normal(55, 12, n // 2).clip(0, 255)]
    bright = [(int(v), "pneumonia", split) for v in rng.normal(135, 15, n // 2).clip(0, 255)]
    return [*sick, *dark, *bright]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images of two splits, wider than high."""
    folder = tmp_path_factory.mktemp("data")
    rows = [*draw_rows("validation", 12, 1), *draw_rows("tuning")]
    return read_dataset(write_flat_dataset(folder, rows), LABELS)


def write_net(
    folder, true, said, *, peak=PEAK, channels=3, fit="stretch", metadata=None, **options
):
    """A run whose model was made for one way to be fed, and is described by other words."""
    black, white = ENDS[true]
    slope = 20 / (white - black)
    offset = -slope * (black + (white - black) * peak / 255)
    write_brightness_model(
        folder / "model.onnx", [slope, -slope, slope / 5], [offset, -offset, offset / 5],
        pixels=PixelSpec(8, 8, channels=3), dtype="float32", tail=["Abs", "Neg"], metadata={},
    )  # fmt: skip
    usual = {"labels": LABELS, "activation": "logit", "resample": "bilinear", "fit": "stretch"}
    write_run(folder, {"input": {**usual, **said}})
    return read_run(folder)


def check(data, *runs, split="validation"):
    """What other ways to feed these runs showed."""
    images = sample_images(data, "covid-19", split, runs)
    assert not isinstance(images, str)
    return feed_runs(runs, images, OPTIONS)


@pytest.mark.parametrize("true", WAYS)
def test_the_way_that_a_model_was_made_for_is_found_and_named(tmp_path, data, true):
    """By whatever else it is described; rightly described nothing is raised."""
    said = {name: words for name, words in WAYS.items() if "inverted" not in (name, true)}
    if true == "-1 to 1":  # ImageNet's would feed a grey of 98 as 90 is here: hardly otherwise
        del said["ImageNet's normalisation"]
    if true == "inverted":
        said = {"0 to 1": WAYS["0 to 1"]}
    runs = [write_net(tmp_path / str(i), true, words) for i, words in enumerate(said.values())]
    right = write_net(tmp_path / "right", true, WAYS[true])
    for name, found in zip([*said, true], check(data, *runs, right), strict=True):
        assert len(found.tried) + len(found.same) <= 10
        if name == true:
            assert found.roc_auc > 0.95
            assert findings_of(found) == ()
            assert "none is better" in describe_check(found)
            continue
        (finding,) = findings_of(found)
        assert found.best.name == true, describe_check(found)
        assert found.best.roc_auc > 0.95
        assert finding.subjects == (found.run,)
        said_now = re.search(r"say (.*?)( in place of `divisor`)? under", finding.remedy)
        assert said_now is not None
        assert ("divisor" in said[name]) is bool(said_now[2])
        pasted = json.loads(f"{{{said_now[1]}}}")
        kept = {word: value for word, value in said[name].items() if word != "divisor"}
        (mended,) = check(data, write_net(tmp_path / f"mended-{name}", true, {**kept, **pasted}))
        assert findings_of(mended) == ()
        assert mended.roc_auc == found.best.roc_auc


def test_black_edges_are_found(tmp_path, data):
    """A model that was made for padded pictures, of 20 x 12 pixels here: 8 x 5 of 8 x 8."""
    run = write_net(tmp_path / "pad", "0 to 1", WAYS["0 to 1"], peak=PEAK * 5 / 8)
    (found,) = check(data, run)
    assert found.best.name == "pad"
    assert found.same == ("BGR", "crop")  # all are grey, and of one value all over


def test_every_image_is_decoded_once_for_all_runs_and_ways(tmp_path, data, monkeypatch):
    """Whatever their number."""
    seen = []

    def read(path):
        seen.append(path)
        return read_bytes(path)

    monkeypatch.setattr("covidreport.evaluate.decode.read_bytes", read)
    runs = [write_net(tmp_path / name, name, WAYS[name]) for name in ("0 to 1", "-1 to 1")]
    found = check(data, *runs)
    assert [len(each.tried) for each in found] == [5, 5]
    assert len({*seen}) == 120
    assert len(seen) == 120 + 3  # three are looked at before: does an answer depend on the batch?


def test_a_model_that_draws_at_random_is_told_of_and_the_others_are_tried(tmp_path, data):
    """Its answers to one image are two: no way to feed it is compared."""
    good = write_net(tmp_path / "good", "0 to 1", WAYS["0 to 1"])
    write_brightness_model(tmp_path / "random" / "model.onnx", noise=50.0)
    images = sample_images(data, "covid-19", "validation", ())
    assert not isinstance(images, str)
    told: list[Any] = []
    found = feed_runs([read_run(tmp_path / "random"), good], images, OPTIONS, told.append)
    assert [each.run for each in found] == ["good"]
    (warning,) = [each.text for each in told if isinstance(each, Noted) and each.warning]
    assert warning.startswith("run random: other ways to feed it could not be tried: gives one")


def test_grey_pictures_cannot_tell_the_order_of_colours_and_coloured_ones_can(tmp_path):
    """A model of the red channel alone that is fed the blue one first."""
    rng = np.random.default_rng(0)
    n = 40
    red = rng.normal(120, 10, 2 * n) + np.repeat([30, 0], n)
    colours = np.stack([red, rng.normal(120, 10, 2 * n), rng.normal(120, 10, 2 * n)], axis=1)
    for i, colour in enumerate(colours.clip(0, 255).astype(int)):
        Image.new("RGB", (8, 8), tuple(map(int, colour))).save(tmp_path / f"{i}.png")
    truth = np.repeat([1, 0], n).astype(np.int8)[:, np.newaxis]
    paths = tuple(f"{i}.png" for i in range(2 * n))
    data = Dataset(
        "x", tmp_path, tmp_path, ("covid-19",), paths, paths, truth, ("train",) * (2 * n)
    )
    folder = tmp_path / "run"
    folder.mkdir()
    nodes = [
        helper.make_node("Gather", ["pixels", "first"], ["red"], axis=1),
        helper.make_node("ReduceMean", ["red", "axes"], ["scores"], keepdims=0),
    ]
    value, tensor = helper.make_tensor_value_info, helper.make_tensor
    graph = helper.make_graph(
        nodes, "red", [value("pixels", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [value("scores", TensorProto.FLOAT, ["n", 1])],
        [tensor("first", TensorProto.INT64, [1], [0]),
         tensor("axes", TensorProto.INT64, [2], [2, 3])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    words = {
        "labels": ["covid-19"], "activation": "logit", "resample": "bilinear", "fit": "stretch",
        "range": [0, 1], "channel_order": "BGR",
    }  # fmt: skip
    write_run(folder, {"input": words})
    (found,) = check(data, read_run(folder))
    assert found.best.name == "RGB"
    assert {"crop", "pad"} <= {*found.same}
    write_run(folder, {"input": {**words, "channel_order": "RGB"}})
    (found,) = check(data, read_run(folder))
    assert findings_of(found) == ()
    assert "BGR" in [each.name for each in found.tried]


def test_what_the_model_decides_is_not_tried(tmp_path, data):
    """uint8: scale and inversion are in the graph; one channel has no order; the file says fit."""
    folder = tmp_path / "own"
    write_brightness_model(folder / "model.onnx")
    (found,) = check(data, read_run(folder))
    assert (found.tried, found.same) == ((), ())
    assert found.closed == ("scale", "inversion", "order of colours", "fit")
    assert "not tried, since the model decides it: scale, inversion" in describe_check(found)


def test_a_model_that_takes_each_picture_by_itself_has_no_scale(tmp_path, data):
    """z-score takes its place."""
    run = write_net(tmp_path / "z", "0 to 1", {"per_image": "z-score"})
    (found,) = check(data, run)
    assert found.closed == ("scale", "inversion")


def test_the_training_split_comes_last(data):
    """The tuning split first; never the one that is evaluated; each needs ten of both."""
    names = ["validation", "train", "test", "tuning", "own"]
    rows = [(name, label) for name in names for label in [1] * 12 + [0] * 12]
    n = len(rows)
    ids = tuple(map(str, range(n)))
    truth = np.array([[label] for _, label in rows], np.int8)

    def choose(split, without=()):
        splits = tuple("" if name in without else name for name, _ in rows)
        made = Dataset(
            "x", data.root, data.source, ("covid-19",), ids, data.paths[:n], truth, splits
        )
        found = sample_images(made, "covid-19", split, ())
        return found if isinstance(found, str) else found.split

    assert choose("validation") == "tuning"
    assert choose("tuning") == "validation"
    assert choose("validation", without=("tuning",)) == "own"
    assert choose("validation", without=("tuning", "own", "test")) == "train"
    assert choose("validation", without=names[1:]) == "the data has no split besides validation"
