"""What is tried before the first epoch, what comes of it, and what it estimates."""

from __future__ import annotations

import shutil

import pytest
import torch

from covidreport.errors import RunError
from tests.train.conftest import read_json
from train.command import FitOptions, prepare
from train.estimate import describe_estimate, estimate_epoch, estimate_grid
from train.networks import TinyCNN
from train.ranks import Ranks
from train.study import read_study
from train.trial import Cost, try_networks

MIB = 2**20
COST = Cost(0.5, 0.1, 3.0, 600 * MIB, 10 * MIB, 20 * MIB, 10 * MIB)


@pytest.fixture
def prepared(manifest, tmp_path):
    """The request of a study, and its experiments."""

    def make(study, **more):
        found = read_study(study)
        options = FitOptions(str(study), manifest, tmp_path / "runs", device="cpu", workers=2)
        return prepare(options, found, found.experiments, Ranks()), found.experiments

    return make


def test_each_network_is_tried_once_and_then_recalled(write_study, prepared, tmp_path, monkeypatch):
    """Seeds, rates and losses share one, another size does not; generators are put back."""
    study = write_study(
        "number = 1",
        "number = 2\nname = 'two'\nseed = 4\nlearning_rate = 1e30\nloss = 'focal'\ngamma = 2",
        "number = 3\nimage_size = 24",
    )
    request, experiments = prepared(study)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    tried = []
    costs, faults = try_networks(request, experiments, lambda each: tried.append(each.number))
    assert (tried, faults) == (["1", "3"], {})
    assert costs["exp1-tiny-bce"] == costs["two"]
    assert torch.equal(torch.get_rng_state(), before)
    assert not (tmp_path / "runs" / ".trial").exists()
    measured = costs["exp1-tiny-bce"]
    # by hand: 71,568 in convolutions, 387 in the last layer, 448 of batch norm, as many statistics
    # of it, all float32, and 6 counters of int64; Adam keeps two of each weight, and 20 steps
    assert measured.weights_bytes == 4 * (71_568 + 387 + 448 + 448) + 8 * 6
    assert measured.optimizer_bytes == 4 * (2 * (71_568 + 387 + 448) + 20)
    assert measured.model_bytes > 4 * 71_568
    assert (measured.memory_bytes or 0) > 50 * MIB
    assert min(measured.train_s, measured.predict_s, measured.export_s) > 0
    again, _ = try_networks(request, experiments, lambda each: pytest.fail("is tried again"))
    assert again == costs


@pytest.fixture
def bad_weights(tmp_path):
    """Files of weights: of nothing that is known, and of `tiny` with a NaN in them."""
    torch.save({"a": torch.zeros(3)}, tmp_path / "strange.pt")
    state = TinyCNN(3, 1).state_dict()
    state["classifier.bias"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pt")


def test_a_network_that_fails_is_its_experiments_failure(
    write_study, fit, bad_weights, monkeypatch, tmp_path, capsys
):
    """Named with its stage before any epoch; the others are fitted, and it is tried again."""
    study = write_study(
        "number = 1\nname = 'good'\nepochs = 1",
        "number = 2\nname = 'strange'\nweights = 'strange.pt'",
        "number = 3\nname = 'nan'\nweights = 'nan.pt'",
        "number = 4\nname = 'closed'\nimage_size = 24\nepochs = 1",
    )
    closed = [24]

    def export(model, contract, images, folder):
        if contract.pixels.height in closed:
            raise RunError("can't be exported to ONNX")
        (folder / "model.onnx").write_bytes(b"stand-in")
        return {}

    monkeypatch.setattr("train.fit.export_model", export)
    assert fit(study, dry_run=True) == 3
    assert not list((tmp_path / "runs").glob("*/*"))
    assert "error: run nan would fail: fit: the loss is nan" in capsys.readouterr().err
    assert fit(study) == 3
    runs = {path.parent.name: read_json(path) for path in tmp_path.glob("runs/*/run.json")}
    found = {name: (run["status"], run.get("stage")) for name, run in runs.items()}
    assert found == {
        "good": ("finished", None), "strange": ("failed", "prepare"), "nan": ("failed", "fit"),
        "closed": ("failed", "export"),
    }  # fmt: skip
    assert "is not of this network" in runs["strange"]["reason"]
    said = capsys.readouterr().err
    assert said.index("closed failed") < said.index("good  epoch 1/1")
    assert "closed  epoch" not in said
    closed.clear()
    assert fit(study) == 3
    assert read_json(tmp_path / "runs" / "closed" / "run.json")["status"] == "finished"


def test_a_dry_run_says_what_the_grid_takes_and_fits_nothing(
    write_study, fit, monkeypatch, tmp_path, capsys
):
    """From the trial to the estimate; the fit after it tries nothing again."""
    monkeypatch.setattr(
        "train.fit.export_model", lambda m, c, i, folder: (folder / "model.onnx").write_bytes(b"1")
    )
    study = write_study("number = 1", "number = 2\nseed = 3")
    assert fit(study, dry_run=True, parallel=2) == 0
    said = capsys.readouterr().err
    assert said.count("Trying tiny at 32 px") == 1
    assert "Estimated for 2 runs: about " in said
    assert "of memory in each process" in said
    assert said.count("tiny, 32 px, batches of 6: ") == 1
    assert not list((tmp_path / "runs").glob("*/*"))
    assert fit(study, dry_run=True) == 0
    assert "Trying" not in capsys.readouterr().err


def test_the_estimate_is_that_of_a_hand_count(write_study, prepared):
    """20 images in batches of 6 that train, 13 that are measured; two processes, three runs."""
    study = write_study("number = 1", "number = 2\nseed = 1", "number = 3\nseed = 2")
    request, experiments = prepared(study)
    costs = {each.name: COST for each in experiments}
    epoch_s = 4 * 0.5 + 13 / 6 * 0.1
    assert estimate_epoch(request, experiments[0], COST) == pytest.approx(epoch_s)
    found = estimate_grid(request, experiments, costs, 2)
    assert found.fit_s == pytest.approx(3 * (2 * epoch_s + 3) / 2)
    assert found.memory_bytes == 600 * MIB
    # model.onnx and weights.pt of each; checkpoints of two, each beside the one before it
    assert found.disk_bytes == 3 * (10 + 10) * MIB + 2 * 2 * (10 + 20) * MIB
    assert found.free_bytes == pytest.approx(shutil.disk_usage(request.out.parent).free, rel=0.5)
    first, network = describe_estimate(request, experiments, costs, 2)
    assert first.startswith("Estimated for 3 runs: about 11 s, 600 MiB of memory in each process")
    assert "180 MiB on disk" in first
    assert network == "  tiny, 32 px, batches of 6: 2 s an epoch"
    # no experiment is divided among processes
    assert estimate_grid(request, experiments[:1], costs, 2).fit_s == pytest.approx(2 * epoch_s + 3)
