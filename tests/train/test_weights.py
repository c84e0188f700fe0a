from __future__ import annotations

import hashlib
import urllib.error

import pytest
import torch
import torchvision

from train.models import build_network
from train.settings import FitSettings
from train.start import start_model
from train.weights import Weights, WeightsError, find_weights, fits, read_state


def settings(**others):
    values = {"weights": "none", "loss": "bce", "optimizer": "sgd", "learning_rate": 0.01}
    values |= {"architecture": "tiny", "epochs": 1, "batch_size": 4}
    return FitSettings(**{**values, **others})


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder of downloaded weights, and no network."""

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("train.weights.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("train.weights.load_state_dict_from_url", refuse)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_weights_that_cant_be_had_are_an_error_that_says_how_to_bring_them(hub, tmp_path):
    """Without network: the address, the place for the file, and the two other ways."""
    with pytest.raises(WeightsError) as caught:
        find_weights(settings(architecture="resnet18", weights="imagenet"), tmp_path)
    for words in (
        "no network",
        torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url,
        str(hub / "resnet18-f37072fd.pth"),
        'weights = "none"',
        "--weights path/to/file.pth",
    ):
        assert words in str(caught.value)


def test_damaged_imagenet_weights_are_refused(hub, tmp_path):
    """A file whose sha256 is not the one in its name is named, with where to get it again."""
    (hub / "resnet18-f37072fd.pth").write_bytes(b"half a file")
    with pytest.raises(WeightsError, match="is damaged: its sha256 begins with"):
        find_weights(settings(architecture="resnet18", weights="imagenet"), tmp_path)


def test_imagenet_weights_are_loaded_when_they_are_there(hub, tmp_path, monkeypatch):
    """A file of the right name and digest becomes the network's weights, and is recorded."""
    torch.manual_seed(9)
    state = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(state, tmp_path / "state.pth")
    data = (tmp_path / "state.pth").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    member = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    url = f"https://example.org/resnet18-{digest[:8]}.pth"
    monkeypatch.setattr(type(member), "url", property(lambda self: url), raising=False)
    (hub / f"resnet18-{digest[:8]}.pth").write_bytes(data)
    monkeypatch.setenv("TORCH_HOME", str(hub.parent.parent))
    chosen = settings(architecture="resnet18", weights="imagenet")
    weights = find_weights(chosen, tmp_path)
    assert weights.describe() == {
        "weights": "imagenet",
        "name": "ResNet18_Weights.IMAGENET1K_V1",
        "sha256": digest,
    }
    monkeypatch.setattr(
        torchvision.models.ResNet18_Weights, "get_state_dict", lambda self, **_: torch.load(
            hub / f"resnet18-{digest[:8]}.pth", weights_only=True
        )
    )  # fmt: skip
    started = start_model(chosen, weights, 3).network.state_dict()
    for key in ("conv1.weight", "layer4.1.bn2.running_var"):
        assert torch.equal(started[key], state[key])


def test_the_demos_network_has_no_imagenet_weights(tmp_path):
    """Asking for what was never trained is an error, not a random start."""
    with pytest.raises(WeightsError, match='none for tiny; say weights = "none"'):
        find_weights(settings(weights="imagenet"), tmp_path)


def test_a_file_of_weights_starts_the_network_with_or_without_its_head(tmp_path):
    """A stock network's file and a run's weights.pt both load, the latter with its head."""
    torch.manual_seed(1)
    stock = build_network(settings()).state_dict()
    torch.save({"state_dict": stock}, tmp_path / "stock.pt")
    finished = start_model(settings(seed=5), Weights("none", ""), 3).network.state_dict()
    torch.save(finished, tmp_path / "finished.pt")
    for name, state in (("stock.pt", stock), ("finished.pt", finished)):
        chosen = settings(weights=name, seed=2)
        started = start_model(chosen, find_weights(chosen, tmp_path), 3).network.state_dict()
        assert torch.equal(started["features.0.weight"], state["features.0.weight"])
        same_head = torch.equal(started["classifier.weight"], finished["classifier.weight"])
        assert same_head == (name == "finished.pt")


def test_weights_of_another_network_are_refused(tmp_path):
    """What is missing, strange and of another shape is said; nothing is loaded in part."""
    state = dict(build_network(settings()).state_dict())
    state["features.0.weight"] = torch.zeros(1)
    state["extra"] = state.pop("classifier.bias")
    torch.save(state, tmp_path / "other.pt")
    chosen = settings(weights="other.pt")
    with pytest.raises(WeightsError) as caught:
        start_model(chosen, find_weights(chosen, tmp_path), 3)
    assert "lacks classifier.bias" in str(caught.value)
    assert "has besides extra" in str(caught.value)
    assert "has otherwise features.0.weight" in str(caught.value)


def test_old_files_without_batch_counters_fit():
    """Files from before batch norm counted its batches load; nothing reads these counters."""
    network = build_network(settings())
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("_tracked")}
    assert fits(network, state)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    """Weights are read as data: a pickle that calls something is refused, and calls nothing."""

    class Bomb:
        def __reduce__(self):
            return (exec, ("open('exploded', 'w')",))

    torch.save({"weights": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="can't be read as weights"):
        read_state(tmp_path / "bomb.pt")
    torch.save({"epoch": 3}, tmp_path / "note.pt")
    with pytest.raises(WeightsError, match="no table of weights"):
        read_state(tmp_path / "note.pt")


def test_a_missing_file_of_weights_is_named(tmp_path):
    """The path that was looked up is in the message."""
    with pytest.raises(WeightsError, match="there is no file"):
        find_weights(settings(weights="gone.pt"), tmp_path)


def test_random_weights_come_from_the_seed():
    """The same seed gives the same start, another seed another."""
    first, again, other = (
        start_model(settings(seed=seed), Weights("none", ""), 3).state_dict() for seed in (4, 4, 5)
    )
    key = "network.features.0.weight"
    assert torch.equal(first[key], again[key])
    assert not torch.equal(first[key], other[key])
