from __future__ import annotations

import hashlib
import re
import sys
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torch import nn
from torchvision.transforms import v2

from train.freezing import freeze, frozen_in_effect, keep_frozen_still
from train.models import PixelModel, build_network, wrap_network
from train.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelError,
    TinyCNN,
    describe_source,
    find_architecture,
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
        return build_network(settings(architecture, **others), n_labels)


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


def test_what_puts_its_labels_elsewhere_takes_them_too():
    """SqueezeNet ends in a convolution; GoogLeNet and Inception have no second output here."""
    assert outline("squeezenet1_0").classifier[1].out_channels == 3
    for name in ("googlenet", "inception_v3"):
        network = outline(name)
        assert network.fc.out_features == 3
        assert not any("aux" in module.lower() for module, _ in network.named_modules())


@pytest.mark.parametrize(
    ("name", "inside"), [("googlenet", True), ("inception_v3", True), ("efficientnet_v2_l", False)]
)
def test_what_is_fed_is_what_the_weights_were_made_with(name, inside):
    """As torchvision prepares images for its weights, in the network itself or before it."""
    architecture = find_architecture(name)
    enum = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    prepared = enum.transforms()
    pixels = torch.rand(2, 3, 5, 5)
    expected = v2.functional.normalize(pixels, prepared.mean, prepared.std)
    if inside:
        stub = torchvision.models.GoogLeNet._transform_input
        expected = stub(SimpleNamespace(transform_input=True), expected)
    found = v2.functional.normalize(pixels, architecture.mean, architecture.std)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_stated_mean_and_std_are_what_the_network_sees():
    """In place of its own; three channels where grey is repeated in them."""
    chosen = settings("resnet18", mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    model = wrap_network(nn.Identity(), chosen)
    pixels = torch.full((1, 1, 2, 2), 102, dtype=torch.uint8)  # 0.4
    assert model(pixels)[0, :, 0, 0].tolist() == pytest.approx([0.6, 0.2 / 0.6, 0.1 / 0.7])
    with pytest.raises(ModelError, match="resnet18 has three channels"):
        build_network(settings("resnet18", mean=(0.4,), std=(0.2,)), 3)


def test_timm_networks_are_built_with_their_own_mean_and_std():
    """`timm:NAME`, with or without a tag; what is unknown is said with what is near."""
    architecture = find_architecture("timm:test_resnet.r160_in1k")
    assert (architecture.mean, architecture.std) == ((0.5,) * 3, (0.5,) * 3)
    network = outline("timm:test_resnet", 4)
    assert network.fc.out_features == 4
    assert find_model_faults([Experiment("1", "x", settings("timm:test_resnet"))], 3) == []
    with pytest.raises(ModelError, match=r"timm has no network 'test_resnt'; .*test_resnet"):
        find_architecture("timm:test_resnt")
    with pytest.raises(ModelError, match=r"no weights 'test_resnet.a1'; .* test_resnet.r160_in1k"):
        find_architecture("timm:test_resnet.a1")
    for asks in ("timm:hf-hub:someone/net", "timm:local-dir:net"):
        with pytest.raises(ModelError, match="timm has no network"):
            find_architecture(asks)


def test_timm_is_asked_for_where_it_is_missing(monkeypatch):
    """Only then is it imported; the error names the extra."""
    monkeypatch.setitem(sys.modules, "timm", None)
    assert len(find_architecture("resnet18").mean) == 3
    with pytest.raises(ModelError, match=r"pip install 'covidreport\[train,timm\]'"):
        find_architecture("timm:test_nfnet")  # which no other test has asked for


OWN = """
from torch import nn
def build(n_labels):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, n_labels))
def two(n_labels):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
def fails(n_labels):
    raise LookupError("my file is gone")
nothing = "no function"
def number(n_labels):
    return n_labels
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A study's folder with a module of its own, first on the path."""
    (tmp_path / "mine_of_models.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("mine_of_models", None)


def test_a_network_of_ones_own_is_called_with_the_number_of_labels(own):
    """It sees pixels / 255; where it stands, and its digest, are recorded."""
    chosen = settings("mine_of_models:build")
    network = build_network(chosen, 5)
    assert network.get_submodule("3").out_features == 5
    pixels = torch.full((1, 1, 2, 2), 51, dtype=torch.uint8)
    assert wrap_network(nn.Identity(), chosen)(pixels).unique().item() == pytest.approx(0.2)
    assert find_model_faults([Experiment("1", "x", chosen)], 3) == []
    assert describe_source(chosen.architecture, own / "runs") == {
        "folder": "..", "file": "mine_of_models.py",
        "sha256": hashlib.sha256(OWN.encode()).hexdigest(),
    }  # fmt: skip
    assert describe_source("resnet18", own) == {}


@pytest.mark.parametrize(
    ("function", "fault"),
    [("fails", "fails.3. raised LookupError: my file is gone"), ("nothing", "no function of this"),
     ("number", "gave 3, no network"), ("two", "nothing in it depends|gives .2, 2. for 2 images")],
)  # fmt: skip
def test_a_network_of_ones_own_that_cant_be_used_says_why(own, function, fault):
    """Whatever it raises, or gives in place of one logit a label."""
    (found,) = find_model_faults([Experiment("1", "x", settings(f"mine_of_models:{function}"))], 3)
    assert re.search(fault, found), found


def test_a_module_that_is_not_there_is_a_fault(own):
    """Named with the folder that was looked in."""
    (found,) = find_model_faults([Experiment("1", "x", settings("mine_of_nobody:build"))], 3)
    assert "mine_of_nobody can't be imported (ModuleNotFoundError" in found
    assert "the study's folder first" in found


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
        network = TinyCNN(3, channels).eval()
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
    network = build_network(settings(), 3)
    freeze(network, ["features.0", "features.1"])
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


def test_a_replaced_mean_keeps_its_place_and_its_size():
    """AlexNet's 6 x 6, also where sides differ."""
    with torch.device("meta"):
        assert build_network(settings("alexnet"), 3).avgpool.size == (6, 6)
    network = nn.Sequential(nn.AdaptiveAvgPool2d((2, 3)), nn.AdaptiveAvgPool2d(1))
    images = torch.randn(2, 4, 5, 7)
    expected = network[0](images)
    replace_adaptive_means(network)
    assert [type(layer) for layer in network] == [AdaptiveMean, nn.AdaptiveAvgPool2d]
    torch.testing.assert_close(network[0](images), expected)
