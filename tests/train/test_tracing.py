"""A network is traced once; what it is given afterwards is in no way that of the first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from covidreport.inference.session import open_session
from covidreport.records import PixelSpec
from train import tracing
from train.export import Contract, export_model
from train.models import PixelModel

PIXELS = PixelSpec(16, 16, channels=1)
CONTRACT = Contract(PIXELS, ("covid-19", "normal", "pneumonia"), "a run")
IMAGES = np.random.default_rng(3).integers(0, 255, (6, 1, 16, 16), dtype=np.uint8)
HIDDEN = {"gain": 1.0}


class Network(nn.Module):
    """With a normalisation, two layers of one weight, and what a subclass makes of its logits."""

    def __init__(self, **held):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.twice = nn.Conv2d(4, 4, 1)
        self.again = nn.Conv2d(4, 4, 1)
        self.again.weight = self.twice.weight
        self.head = nn.Linear(4, 3)
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, images):
        return self.head(self.again(self.twice(self.first(images))).mean((2, 3)))


class Scaled(Network):
    def forward(self, images):
        return super().forward(images) * self.scale


class Global(Network):
    def forward(self, images):
        return super().forward(images) * HIDDEN["gain"]


def make(kind=Network, seed=0, **held):
    torch.manual_seed(seed)
    network = kind(**held)
    network.first[1].running_mean.uniform_(-1, 1)
    network.first[1].running_var.uniform_(0.5, 2)
    return PixelModel(network, (0.4 + 0.1 * seed,), (0.25,)).eval()


@pytest.fixture
def traced(monkeypatch):
    """How often torch has traced since."""
    counted = []
    export = torch.onnx.export

    def count(*args, **kwargs):
        counted.append(args[0])
        return export(*args, **kwargs)

    monkeypatch.setattr("torch.onnx.export", count)
    monkeypatch.setattr(tracing, "_TRACED", {})
    return counted


def write(folder, name, model):
    (folder / name).mkdir()
    export_model(model, CONTRACT, IMAGES, folder / name)
    return (folder / name / "model.onnx").read_bytes()


def test_a_second_model_is_what_it_is_when_it_is_the_first(traced, tmp_path):
    """Byte for byte: weights, running means, normalisation and the one weight of two layers."""
    first, second = (write(tmp_path, str(seed), make(seed=seed)) for seed in (0, 1))
    assert len(traced) == 1
    assert first != second
    tracing._TRACED.clear()
    assert write(tmp_path, "alone", make(seed=1)) == second
    assert len(traced) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [(2.0, 3.0), (torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 2.0, 1.0]))],
    ids=["number", "tensor"],
)
def test_what_a_module_holds_beside_its_weights_is_its_own(traced, tmp_path, one, other):
    """A number, or a tensor that is neither parameter nor buffer."""
    for name, scale in (("one", one), ("other", other), ("again", one)):
        model = make(Scaled, scale=scale)
        write(tmp_path, name, model)
        with torch.no_grad():
            expected = model(torch.from_numpy(IMAGES)).numpy()
        given = open_session(tmp_path / name / "model.onnx").run(IMAGES)
        np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)
    assert len(traced) == 2


def test_what_can_not_be_written_down_is_traced_each_time(traced, tmp_path):
    """Such as a function without a name."""
    for name in ("one", "other"):
        write(tmp_path, name, make(Scaled, scale=2.0, made_by=lambda: None))
    assert len(traced) == 2


def test_a_graph_that_does_not_answer_as_torch_is_traced_anew(traced, tmp_path, monkeypatch):
    """Here by what the network's code looks at elsewhere."""
    write(tmp_path, "one", make(Global))
    monkeypatch.setitem(HIDDEN, "gain", 3.0)
    model = make(Global)
    write(tmp_path, "other", model)
    assert len(traced) == 2
    given = open_session(tmp_path / "other" / "model.onnx").run(IMAGES)
    with torch.no_grad():
        expected = model(torch.from_numpy(IMAGES)).numpy()
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_few_networks_are_kept_and_none_of_their_weights(traced):
    """The newest four; what is kept lies nowhere."""
    for size in range(16, 22):
        tracing.build_graph(make(), PixelSpec(size, size, channels=1))
    assert len(tracing._TRACED) == tracing.MOST
    graph = next(reversed(tracing._TRACED.values())).model.graph
    weights = dict(make().named_parameters())
    kept = [graph.initializers[name].const_value.raw for name in graph.initializers
            if name in weights]  # fmt: skip
    assert kept
    assert all(each.device.type == "meta" for each in kept)
