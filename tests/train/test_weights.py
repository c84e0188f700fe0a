from __future__ import annotations

import hashlib
import importlib
import re
import urllib.error
from argparse import Namespace

import pytest
import torch
import torchvision

from train.models import build_network, find_head
from train.networks import find_architecture, load_timm
from train.settings import FitSettings
from train.start import start_model
from train.weights import Weights, WeightsError, find_weights, load_weights, read_state


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
    stock = build_network(settings(), 1000).state_dict()
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
    state = dict(build_network(settings(), 3).state_dict())
    state["features.0.weight"] = torch.zeros(1)
    state["extra"] = state.pop("features.1.bias")
    torch.save(state, tmp_path / "other.pt")
    chosen = settings(weights="other.pt")
    with pytest.raises(WeightsError) as caught:
        start_model(chosen, find_weights(chosen, tmp_path), 3)
    assert "whose head is classifier: it lacks features.1.bias" in str(caught.value)
    assert "has besides extra" in str(caught.value)
    assert "has otherwise features.0.weight (1, not 16 × 1 × 3 × 3)" in str(caught.value)


def test_old_files_without_batch_counters_fit(tmp_path):
    """Files from before batch norm counted its batches load; nothing reads these counters."""
    network = build_network(settings(), 3)
    state = {k: v for k, v in network.state_dict().items() if not k.endswith("_tracked")}
    loaded = load_weights(network, state, tmp_path / "old.pt", ["classifier"])
    assert (loaded.loaded, loaded.new, loaded.left_over) == (len(state), (), ())


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


def test_the_head_of_the_2020_study_is_new_as_a_whole(tmp_path):
    """Stock weights have one layer where it has two; a run's own have both."""
    stock = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(stock, tmp_path / "stock.pt")
    chosen = settings(architecture="resnet18", head="study")
    model = start_model(chosen, Weights("stock.pt", "stock.pt", tmp_path / "stock.pt"), 3)
    assert model.loaded.new == ("fc.0.weight", "fc.0.bias", "fc.2.weight", "fc.2.bias")
    assert model.loaded.left_over == ("fc.weight", "fc.bias")
    torch.save(model.network.state_dict(), tmp_path / "run.pt")
    again = start_model(chosen, Weights("run.pt", "run.pt", tmp_path / "run.pt"), 3)
    assert again.loaded.new == again.loaded.left_over == ()


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod."])
def test_what_frameworks_put_before_the_names_is_taken_off(tmp_path, prefix):
    """DataParallel, Lightning and `torch.compile`, also where one is in the other."""
    state = build_network(settings(), 1000).state_dict()
    torch.save({"state_dict": {prefix + k: v for k, v in state.items()}}, tmp_path / "w.pt")
    model = start_model(settings(weights="w.pt"), Weights("w.pt", "w.pt", tmp_path / "w.pt"), 3)
    assert torch.equal(model.network.state_dict()["features.1.bias"], state["features.1.bias"])
    assert model.loaded.new == ("classifier.weight", "classifier.bias")
    assert model.loaded.left_over == ("classifier.weight", "classifier.bias")
    assert model.loaded.loaded == len(state) - 2


def test_a_name_that_comes_twice_is_refused(tmp_path):
    """Nobody can say which of the two was meant."""
    state = dict(build_network(settings(), 3).state_dict())
    state["module.features.0.weight"] = state["features.0.weight"]
    with pytest.raises(WeightsError, match=r"has features\.0\.weight twice"):
        load_weights(build_network(settings(), 3), state, tmp_path / "w.pt", ["classifier"])


def test_safetensors_are_read(tmp_path):
    """The same weights as in a file of torch; a broken file is an error."""
    from safetensors.torch import save_file

    state = build_network(settings(), 3).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    read = read_state(tmp_path / "w.safetensors")
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], state[name]) for name in state)
    (tmp_path / "w.safetensors").write_bytes(b"half a file")
    with pytest.raises(WeightsError, match="can't be read as weights"):
        read_state(tmp_path / "w.safetensors")


def test_averaged_weights_come_first_and_options_do_no_harm(tmp_path):
    """A checkpoint as timm's script writes it: its options are a Namespace, which runs nothing."""
    plain, averaged = ({"w": torch.full((2,), value)} for value in (1.0, 2.0))
    checkpoint = {"state_dict": plain, "state_dict_ema": averaged, "args": Namespace(lr=0.1)}
    torch.save(checkpoint, tmp_path / "checkpoint.pth.tar")
    assert torch.equal(read_state(tmp_path / "checkpoint.pth.tar")["w"], averaged["w"])


@pytest.mark.parametrize(
    ("architecture", "head"),
    [("resnet18", "fc"), ("squeezenet1_1", "classifier.1"), ("mobilenet_v3_small", "classifier.3"),
     ("timm:test_resnet", "fc"), ("timm:test_vit", "head"),
     ("timm:deit_tiny_distilled_patch16_224", "head head_dist")],
)  # fmt: skip
def test_the_head_is_what_follows_the_labels(architecture, head):
    """Found by laying the network out for one label more."""
    assert " ".join(find_head(settings(architecture=architecture), 3)) == head


def test_the_auxiliary_outputs_of_a_file_have_no_place_and_are_passed_over(tmp_path):
    """GoogLeNet's published weights have two outputs more, which are not built here."""
    whole = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=True)
    chosen = settings(architecture="googlenet")
    network = build_network(chosen, 3)
    auxiliary = find_architecture("googlenet").auxiliary
    loaded = load_weights(network, whole.state_dict(), tmp_path / "g.pt", ["fc"], auxiliary)
    assert loaded.new == loaded.left_over == ("fc.weight", "fc.bias")
    given = torchvision.models.inception_v3(weights=None, init_weights=False).state_dict()
    network = build_network(settings(architecture="inception_v3"), 3)
    assert load_weights(network, given, tmp_path / "i.pt", ["fc"], auxiliary).new == loaded.new


def test_the_old_names_of_densenet_are_known(tmp_path):
    """torchvision's files still say `norm.1` where its networks say `norm1`."""
    network = build_network(settings(architecture="densenet121"), 3)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value
        for name, value in network.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert load_weights(network, old, tmp_path / "d.pt", ["classifier"]).new == ()


def test_a_stem_of_one_channel_asks_for_a_mean_of_one_value(tmp_path):
    """timm's are built with one where `mean` has one value; no stem is adapted."""
    one = {"architecture": "timm:test_resnet", "mean": (0.4,), "std": (0.2,)}
    state = build_network(settings(**one), 3).state_dict()
    assert state["conv1.0.weight"].shape[1] == 1
    torch.save(state, tmp_path / "grey.pt")
    weights = Weights("grey.pt", "grey.pt", tmp_path / "grey.pt")
    assert start_model(settings(**one), weights, 3).loaded.new == ()
    with pytest.raises(WeightsError, match="`mean` and `std` are stated with one value each"):
        start_model(settings(architecture="timm:test_resnet"), weights, 3)


def test_pretrained_weights_need_their_tag_and_ask_the_hub_alone(tmp_path, monkeypatch):
    """The tag names them; the file is the hub's, recorded with its revision and digest."""
    import huggingface_hub
    from safetensors.torch import save_file

    with pytest.raises(WeightsError, match=r"name the tag; of test_resnet timm has test_resnet\."):
        find_weights(settings(architecture="timm:test_resnet", weights="pretrained"), tmp_path)
    with pytest.raises(WeightsError, match="are timm's"):
        find_weights(settings(architecture="resnet18", weights="pretrained"), tmp_path)
    with pytest.raises(WeightsError, match='say weights = "pretrained"'):
        find_weights(settings(architecture="timm:test_resnet", weights="imagenet"), tmp_path)
    chosen = settings(architecture="timm:test_resnet.r160_in1k", weights="pretrained")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)

    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(WeightsError, match=r"no network\).*repository timm/test_resnet.r160_in1k"):
        find_weights(chosen, tmp_path)
    file = tmp_path / "abc123" / "model.safetensors"
    file.parent.mkdir()
    torch.manual_seed(3)
    state = build_network(settings(architecture="timm:test_resnet"), 1000).state_dict()
    save_file(state, file)
    asked = []

    def download(*words):
        asked.append(words)
        return str(file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    weights = find_weights(chosen, tmp_path)
    assert asked == [("timm/test_resnet.r160_in1k", "model.safetensors")]
    assert weights.describe() == {
        "weights": "pretrained", "name": "timm/test_resnet.r160_in1k, abc123",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }  # fmt: skip
    model = start_model(chosen, weights, 3)
    assert model.loaded.new == ("fc.weight", "fc.bias")
    assert torch.equal(model.network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    load_timm()
    # read as it is loaded, which here another test may have done before
    assert importlib.reload(huggingface_hub.constants).HF_HUB_DISABLE_TELEMETRY
