"""The table is that of the installed torchvision, and pixels are those of its transforms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from covidreport.adopt.presets import read_preset
from covidreport.adopt.torchvision import TRANSFORMS, find_architecture, read_transforms
from covidreport.errors import UsageError
from covidreport.images.pixels import DecodedImage
from covidreport.images.resize import fit_pixels
from covidreport.inference.batch import prepare_batch
from covidreport.inference.contract import read_contract
from covidreport.inference.graph import Graph, Tensor


def _weights():
    models = pytest.importorskip("torchvision").models
    for name in models.list_models(module=models):
        kind = models.get_model_weights(name)
        yield from ((name, each, kind.DEFAULT) for each in kind.__members__.values())


def test_the_table_is_that_of_the_installed_torchvision():
    """Every classifier's weights but VGG16's features, which are of no classifier."""
    known = {}
    for name, weights, default in _weights():
        if weights.name == "IMAGENET1K_FEATURES":
            continue
        given = weights.transforms()
        assert len(given.resize_size) == len(given.crop_size) == 1
        normalisation = {"mean": list(given.mean), "std": list(given.std)}
        row = (given.resize_size[0], given.crop_size[0], given.interpolation.value, normalisation)
        known[name, weights.name] = row
        first = next(of for model, of in TRANSFORMS if model == name)
        assert TRANSFORMS[name, first] == known.get((name, default.name), row) or (
            weights is not default
        )
        assert given.antialias
    assert known == TRANSFORMS


@pytest.mark.parametrize("model", ["resnet50", "efficientnet_b1", "vit_b_16", "inception_v3"])
def test_pixels_are_those_of_its_transforms(model):
    """Of a picture of noise that is wider than high, to the rounding of float32."""
    torchvision = pytest.importorskip("torchvision")
    noise = np.random.default_rng(3).integers(0, 256, (300, 413), dtype=np.uint8)
    picture = Image.fromarray(noise)
    weights = torchvision.models.get_model_weights(model).DEFAULT
    expected = weights.transforms()(picture.convert("RGB")).numpy()
    words = {**read_preset(f"torchvision:{model}", "")[0], "labels": ["a"], "activation": "logit"}
    side = words["size"][0]
    graph = Graph(
        (Tensor("x", (None, 3, side, side), "tensor(float)"),),
        (Tensor("y", (None, 1), "tensor(float)"),), {},
    )  # fmt: skip
    spec = read_contract(graph, words)
    found = prepare_batch(fit_pixels(DecodedImage(picture, "PNG", 8), spec.pixels)[None], spec)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("file", "model"),
    [("resnet50_covid", "resnet50"), ("wide-resnet50-2", "wide_resnet50_2"), ("vitb16", "vit_b_16"),
     ("densenet121-fold3", "densenet121"), ("exp15", "")],
)  # fmt: skip
def test_a_file_s_name_names_the_model(file, model):
    """The longest that fits; none where none does."""
    assert find_architecture(file) == model


def test_what_torchvision_has_not_is_refused():
    """With what is near, and the weights that there are."""
    with pytest.raises(UsageError, match="near are resnet50"):
        read_transforms("resnet5O")
    with pytest.raises(UsageError, match="has no weights 'V3'; IMAGENET1K_V2, IMAGENET1K_V1 are"):
        read_transforms("resnet50/V3")
    with pytest.raises(UsageError, match="--like caffe: one of torchvision, timm"):
        read_preset("caffe", "")
