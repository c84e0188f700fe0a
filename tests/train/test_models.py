from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torchvision.transforms import v2

from train.freezing import freeze, frozen_in_effect, keep_frozen_still
from train.models import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelError,
    PixelModel,
    TinyCNN,
    build_network,
    replace_head,
    torchvision_names,
    wrap_network,
)
from train.pooling import AdaptiveMean, replace_adaptive_means
from train.settings import Experiment, FitSettings
from train.start import find_model_faults


def settings(architecture="tiny", **others):
    values = {"weights": "none", "loss": "bce", "optimizer": "sgd", "learning_rate": 0.01}
    return FitSettings(architecture, **{**values, "epochs": 1, "batch_size": 4, **others})


def outline(architecture, n_labels=3, **others):
    """The network with its head, laid out without weights."""
    with torch.device("meta"):
        network = build_network(settings(architecture, **others))
        replace_head(network, settings(architecture, **others), n_labels)
    return network


def test_vgg16_keeps_its_classifier_and_adds_a_head():
    """The study's VGG16: 1000-way classifier, ReLU, Linear(1000, 3)."""
    with torch.device("meta"):
        stock = torchvision.models.vgg16().classifier
    classifier = list(outline("vgg16", head="study").classifier)
    assert [str(layer) for layer in classifier[:-2]] == [str(layer) for layer in stock]
    assert classifier[6].out_features == 1000
    assert isinstance(classifier[7], nn.ReLU)
    assert (classifier[8].in_features, classifier[8].out_features) == (1000, 3)


def test_resnet18_has_the_studys_head():
    """The study's ResNet18: Linear(512, 512), ReLU, Linear(512, 3)."""
    head = outline("resnet18", head="study").fc
    assert [type(layer).__name__ for layer in head] == ["Linear", "ReLU", "Linear"]
    assert [(h.in_features, h.out_features) for h in (head[0], head[2])] == [(512, 512), (512, 3)]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("resnet18", "fc"),
        ("vgg16", "classifier.6"),
        ("resnet50", "fc"),
        ("densenet121", "classifier"),
        ("mobilenet_v3_small", "classifier.3"),
        ("efficientnet_b0", "classifier.1"),
        ("convnext_tiny", "classifier.2"),
        ("swin_t", "head"),
        ("vit_b_16", "heads.head"),
    ],
)
def test_any_torchvision_classifier_takes_a_plain_head(name, place):
    """Its last linear layer gives one logit a label, and nothing else has changed."""
    network = outline(name, n_labels=5)
    assert network.get_submodule(place).out_features == 5


@pytest.mark.parametrize("name", ["inception_v3", "googlenet", "squeezenet1_0"])
def test_what_has_no_plain_head_is_refused(name):
    """Two outputs in training, or no linear layer at the end: an error that says which."""
    with pytest.raises(ModelError, match=name):
        outline(name)


def test_normalisation_is_inside_and_is_torchvisions():
    """Grey pixels give the network what `v2.Normalize` gives of the picture as RGB."""
    model = PixelModel(nn.Identity(), IMAGENET_MEAN, IMAGENET_STD)
    pixels = torch.arange(0, 250, dtype=torch.uint8).view(2, 1, 5, 25)
    pipeline = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    )
    expected = pipeline(pixels.expand(2, 3, 5, 25))
    torch.testing.assert_close(model(pixels), expected)
    torch.testing.assert_close(model(pixels.expand(2, 3, 5, 25)), expected)


def test_the_demos_network_is_small():
    """It has 50,000 to 100,000 parameters and takes grey or colour pixels of any size."""
    for channels in (1, 3):
        network = TinyCNN(channels, 3).eval()
        assert 50_000 < sum(weight.numel() for weight in network.parameters()) < 100_000
        assert network(torch.zeros(2, channels, 48, 40)).shape == (2, 3)


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (7, 7), (8, 14), (12, 9)])
def test_adaptive_mean_is_torchs_adaptive_pooling(size):
    """Whether the input is smaller than, equal to, or larger than the output."""
    images = torch.randn(2, 4, *size)
    expected = nn.AdaptiveAvgPool2d((7, 7))(images)
    torch.testing.assert_close(AdaptiveMean((7, 7))(images), expected, rtol=1e-5, atol=1e-6)


def test_vgg16_at_its_own_size_is_torchvisions():
    """At 224 px nothing lies between the features and the classifier of the stock network."""
    images = torch.randn(1, 512, 7, 7)
    assert AdaptiveMean((7, 7))(images) is images


def test_frozen_layers_neither_train_nor_gather_statistics():
    """A frozen batch norm keeps its weights and its running statistics through a training step."""
    network = build_network(settings())
    freeze(network, ["features.0", "features.1"])
    replace_head(network, settings(), 3)
    model = wrap_network(network, settings())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    model.train()
    keep_frozen_still(network, ["features.0", "features.1"])
    optimizer = torch.optim.SGD([w for w in model.parameters() if w.requires_grad], 0.1)
    pixels = torch.randint(0, 255, (8, 1, 32, 32), dtype=torch.uint8)
    model(pixels).square().sum().backward()
    optimizer.step()
    after = network.state_dict()
    for name in before:
        still = name.startswith(("features.0.", "features.1."))
        assert torch.equal(before[name], after[name]) == still, name
    assert frozen_in_effect(network, ["features.0", "classifier"]) == ("features.0",)


def test_networks_are_checked_without_making_their_weights():
    """All architectures of the studies are laid out in no time and without memory for weights."""
    experiments = [
        Experiment(str(n), f"x{n}", settings(name, image_size=64))
        for n, name in enumerate(("vgg16", "resnet18", "tiny", "vit_h_14"))
    ]
    faults = find_model_faults(experiments, 3)
    assert len(faults) == 1
    assert faults[0].startswith("experiment 3: vit_h_14 can't take 64 px images")


@pytest.mark.parametrize("name", ["regnet_y_400mf", "swin_t", "maxvit_t"])
def test_networks_that_compute_with_numbers_are_laid_out_too(name):
    """RegNet's widths, and the places of the others' windows, while no weight has a value."""
    assert find_model_faults([Experiment("1", "x", settings(name))], 3) == []


def test_no_network_pools_adaptively_but_to_one_mean(monkeypatch):
    """torchvision's 80: its other adaptive means have no deterministic gradient on a GPU."""
    for name in dir(nn.init):
        if name.endswith("_") and not name.startswith("_"):  # half of the time, for no values
            monkeypatch.setattr(nn.init, name, lambda *weights, tensor=None, **_: tensor)
    assert len(torchvision_names()) >= 80
    with torch.device("meta"):
        for name in torchvision_names():
            network = build_network(settings(name))
            left = [m for m in network.modules() if isinstance(m, nn.AdaptiveAvgPool2d)]
            assert all(pool.output_size in (1, (1, 1)) for pool in left), name


def test_a_replaced_mean_keeps_its_place_and_its_size():
    """AlexNet's 6 x 6, also where sides differ."""
    with torch.device("meta"):
        assert build_network(settings("alexnet")).avgpool.size == (6, 6)
    network = nn.Sequential(nn.AdaptiveAvgPool2d((2, 3)), nn.AdaptiveAvgPool2d(1))
    images = torch.randn(2, 4, 5, 7)
    expected = network[0](images)
    replace_adaptive_means(network)
    assert [type(layer) for layer in network] == [AdaptiveMean, nn.AdaptiveAvgPool2d]
    torch.testing.assert_close(network[0](images), expected)
