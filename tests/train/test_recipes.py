"""What a study can say about how weights are changed, and that a kill changes none of it."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from covidreport.records import PixelSpec
from tests.forking import run_python
from tests.train.conftest import read_history, read_json
from tests.train.test_resume import SCRIPT, assert_equal, fit_epochs
from train.device import Device
from train.networks import ModelError
from train.progress import Silence
from train.run_record import describe_experiment, find_differences, read_settings
from train.sampling import weigh_positives
from train.settings import FitSettings, Transforms
from train.study import StudyError, read_study
from train.transforms import check_transforms, transform_pixels
from train.updates import Updates, make_optimizer, rate_at

CPU = Device(torch.device("cpu"), autocast=False)


def settings(**others):
    values = {"architecture": "tiny", "weights": "none", "loss": "bce", "optimizer": "sgd"}
    numbers = {"learning_rate": 0.8, "epochs": 4, "batch_size": 4}
    return FitSettings(**{**values, **numbers, **others})


def rates(chosen, batches):
    return [
        rate_at(chosen, epoch, batch, batches)
        for epoch in range(1, chosen.epochs + 1)
        for batch in range(1, batches + 1)
    ]


def test_the_rate_rises_to_the_stated_one_and_then_falls():
    """Half an epoch of four updates: half of it, all of it; then a cosine by update, towards 0."""
    found = rates(settings(warmup_epochs=0.5, schedule="cosine", epochs=2), 4)
    down = [0.8 * (1 + math.cos(math.pi * n / 7)) / 2 for n in range(1, 7)]
    assert found == pytest.approx([0.4, 0.8, *down])
    assert 0 < found[-1] < 0.05
    constant = rates(settings(warmup_epochs=1, epochs=2), 4)
    assert constant == pytest.approx([0.2, 0.4, 0.6, *[0.8] * 5])


def test_without_a_warm_up_the_cosine_goes_by_epoch():
    """As it always did: Loshchilov and Hutter's with one value an epoch."""
    found = rates(settings(schedule="cosine"), 2)
    expected = [0.4 * (1 + math.cos(math.pi * n / 4)) for n in range(4) for _ in range(2)]
    assert found == pytest.approx(expected)


def test_a_plateau_is_torchs():
    """A tenth after ten epochs without a better one, also where figures are below zero."""
    model = nn.Linear(2, 1)
    updates = Updates(model, settings(schedule="plateau", epochs=40), CPU)
    theirs = torch.optim.SGD(model.parameters(), 0.8)
    scheduler = ReduceLROnPlateau(theirs, threshold_mode="abs")
    figures = [-0.5, -0.6, *[-0.6] * 12, -0.7, *[-0.65] * 11]
    for n, figure in enumerate(figures, 1):
        updates.set_rate(n, 1, 3)
        (ours,) = updates.optimizer.param_groups
        assert ours["lr"] == pytest.approx(theirs.param_groups[0]["lr"])
        updates.end_epoch(figure)
        scheduler.step(figure)
    assert theirs.param_groups[0]["lr"] == pytest.approx(0.008)


def test_the_state_of_an_optimizer_alone_is_taken_too():
    """Checkpoints held no more before; what they hold goes on."""
    model = nn.Linear(2, 1)
    before = torch.optim.SGD(model.parameters(), 0.8, momentum=0.9)
    model(torch.ones(1, 2)).sum().backward()
    before.step()
    updates = Updates(model, settings(momentum=0.9), CPU)
    updates.load_state_dict(before.state_dict())
    assert_equal(updates.optimizer.state_dict(), before.state_dict())
    assert updates.optimizer.state_dict()["state"][0]["momentum_buffer"].any()


def test_gradients_are_clipped_to_the_norm_of_all():
    """The weights move by the clipped gradient: 3 and 4 are of length 5, and become 0.6 and 0.8."""
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    updates = Updates(model, settings(clip_norm=1.0, learning_rate=1.0), CPU)
    updates.step((model.weight * torch.tensor([[3.0, 4.0]])).sum())
    torch.testing.assert_close(model.weight.detach(), -torch.tensor([[0.6, 0.8]]))


def test_all_but_the_head_trains_at_its_share_of_the_rate():
    """After one step of SGD each weight has moved by its gradient times its rate."""
    network = nn.ModuleDict({"first": nn.Linear(1, 1), "head": nn.Linear(1, 1)})
    model = nn.ModuleDict({"network": network})
    updates = Updates(model, settings(backbone_rate=0.1), CPU, head=("head",))
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    updates.set_rate(1, 1, 1)
    updates.step(torch.cat([weight.flatten() for weight in model.parameters()]).sum())
    for name, weight in model.named_parameters():
        moved = 0.8 if ".head." in name else 0.08
        torch.testing.assert_close(before[name] - weight.detach(), torch.full_like(weight, moved))


def test_adamw_is_torchs():
    """Its decay is apart from the gradient."""
    model = nn.Linear(3, 2)
    optimizer = make_optimizer(model, settings(optimizer="adamw", weight_decay=0.3), CPU)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.param_groups[0]["weight_decay"] == 0.3


def test_positives_weigh_by_label():
    """What is named weighs as stated, the rest 1."""
    truth = np.array([[1, 0, 0]], np.int8)
    table = settings(positive_weight=(("pneumonia", 3.0),))
    assert weigh_positives(table, truth, ("covid-19", "normal", "pneumonia")) == (1.0, 1.0, 3.0)
    assert weigh_positives(settings(positive_weight=2.0), truth, ("a", "b", "c")) == (2.0,) * 3
    assert weigh_positives(settings(), truth, ("a", "b", "c")) is None


TURN = Transforms(
    (("RandomRotation", (("degrees", (-20, 20)), ("interpolation", "bilinear"))),
     ("RandomHorizontalFlip", ()), ("GaussianNoise", (("sigma", 0.05),)),
     ("ColorJitter", (("brightness", 0.4), ("contrast", 0.4))), ("RandomErasing", ()))
)  # fmt: skip
PIXELS = np.random.default_rng(1).integers(0, 255, (32, 32, 1), dtype=np.uint8)


def test_torchvisions_transforms_are_drawn_from_the_seed_alone():
    """The same seed, the same picture; and torch's own generator, which dropout has, stays."""
    before = torch.get_rng_state()
    first, again, other = (
        transform_pixels(PIXELS, TURN, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.dtype, first.shape) == (PIXELS.dtype, PIXELS.shape)


def test_a_transform_does_what_torchvision_does():
    """A flip that always happens, and an inversion."""
    image = torch.from_numpy(PIXELS.transpose(2, 0, 1).copy())
    kind = Transforms((("RandomHorizontalFlip", (("p", 1.0),)), ("RandomInvert", (("p", 1.0),))))
    expected = functional.invert(functional.horizontal_flip(image)).numpy().transpose(1, 2, 0)
    assert np.array_equal(transform_pixels(PIXELS, kind, np.random.default_rng(0)), expected)


@pytest.mark.parametrize(
    ("step", "fault"),
    [(("RandomTurn", ()), "no transform 'RandomTurn'"), (("functional", ()), "no transform"),
     (("RandomRotation", (("degres", 3),)), "degres"),
     (("RandomRotation", ()), "degrees"),
     (("RandomRotation", (("degrees", 3), ("interpolation", "round"))), "round"),
     (("CenterCrop", (("size", 8),)), r"makes uint8 of \(8, 8, 1\) from uint8 of \(32, 32, 1\)"),
     (("Grayscale", (("num_output_channels", 3),)), r"of \(32, 32, 3\) from")],
)  # fmt: skip
def test_a_transform_that_cant_be_used_is_a_fault(step, fault):
    """Unknown, with options that it has not, or giving other than it takes."""
    with pytest.raises(ModelError, match=fault):
        check_transforms(Transforms((step,)), PixelSpec(32, 32))


def test_a_transform_that_draws_elsewhere_is_refused(monkeypatch):
    """Of another library, or by a function of torch that is not known here."""

    class Hidden(v2.Transform):  # type: ignore[misc]  # torchvision has no types
        def transform(self, inpt, params):
            torch.empty(1).cauchy_()
            return inpt

    monkeypatch.setattr(v2, "Hidden", Hidden, raising=False)
    with pytest.raises(ModelError, match="torch's own generator"):
        check_transforms(Transforms((("Hidden", ()),)), PixelSpec(32, 32))


RECIPE = """
augmentation = [{ name = "RandomRotation", degrees = [-5, 5] }, { name = "RandomHorizontalFlip" }]
positive_weight = { "covid-19" = 2, normal = 0.5 }
clip_norm = 1
backbone_rate = 0.5
warmup_epochs = 0.5
mean = [0.4]
std = [0.2]
"""


def test_a_recipe_is_read_recorded_and_read_back(write_study):
    """What run.json says is what the study said; a run of before is not another for saying less."""
    study = read_study(write_study(f"number = 1\n{RECIPE}"))
    (experiment,) = study.experiments
    run = describe_experiment(experiment, study)
    assert run["hyperparameters"]["positive_weight"] == {"covid-19": 2.0, "normal": 0.5}
    assert run["data"]["augmentation"][0] == {"name": "RandomRotation", "degrees": [-5, 5]}
    assert read_settings(run, Path("run.json")) == experiment.settings
    plain = read_study(write_study("number = 1"))
    now = describe_experiment(plain.experiments[0], plain)
    before = {**now, "hyperparameters": {
        key: value for key, value in now["hyperparameters"].items()
        if key not in ("warmup_epochs", "frozen_epochs")
    }}  # fmt: skip
    now["network"] = before["network"] = {"mean": [0.5], "std": [0.25]}
    assert find_differences(before, now) == ()


def test_faults_of_a_recipe_are_named(write_study):
    """With all others of the study, before anything starts."""
    path = write_study(
        "number = 1\npatience = 3", "number = 2\nfrozen_epochs = 2\nwarmup_epochs = 2.5",
        "number = 3\npositive_weight = { flu = 2 }", "number = 4\naugmentation = [{ degrees = 3 }]",
        "number = 5\naugmentation = 'milde'", "number = 6\nbackbone_rate = 2",
        "number = 7\nmean = [0.5]", "number = 8\nmean = [0.5]\nstd = [1, 1, 1]",
        "number = 9\nmomentum = 0.9\noptimizer = 'adamw'", "number = 10\nmean = [1, 2]",
        "number = 11\nfrozen_epochs = 1",
    )  # fmt: skip
    with pytest.raises(StudyError) as caught:
        read_study(path, check_models=False)
    faults = "\n".join(caught.value.faults)
    for expected in (
        "1: `patience` waits for a better epoch", "2: `frozen_epochs` is 2, and there are 2 epochs",
        "2: `warmup_epochs` is 2.5, and", "3: `positive_weight` has 'flu', which is no label",
        "4: `augmentation` is [{'degrees': 3}]; a name or a list", "5: `augmentation` is 'milde'",
        "6: `backbone_rate` is 2; a share", "7: `mean` and `std` go together",
        "8: `mean` and `std` have different numbers", "9: `momentum` has no meaning for adamw",
        "10: `mean` is [1, 2]; a list of one number or of three",
        "11: `frozen_epochs` keeps random weights",
    ):  # fmt: skip
        assert expected in faults
    bad = write_study("number = 1\naugmentation = [{ name = 'RandomTurn' }]")
    with pytest.raises(StudyError, match="1: `augmentation`: torchvision has no transform"):
        read_study(bad)


def test_the_head_alone_trains_at_first(write_study, manifest, tmp_path):
    """The others keep weights and statistics for that epoch, and train after it."""
    states = []

    class Kept(Silence):
        def on_epoch(self, row):
            path = next((tmp_path / "runs").glob("*/checkpoint.pt"))
            states.append(torch.load(path, weights_only=True)["weights"])

    study = write_study("number = 1\nepochs = 3\nfrozen_epochs = 2\nfrozen = ['features.0']")
    fit_epochs(study, manifest, tmp_path / "runs", Kept())
    for name in states[0]:
        moved = [not torch.equal(states[n][name], states[n + 1][name]) for n in (0, 1)]
        if name.startswith("classifier."):
            assert moved == [True, True], name
        else:
            assert moved == [False, not name.startswith("features.0.")], name


def test_nobody_waits_longer_than_patience(write_study, manifest, tmp_path):
    """At a rate that changes nothing no epoch is better than the first: two more are run."""
    study = write_study(
        "number = 1\nepochs = 9\npatience = 2\nlearning_rate = 1e-12\noptimizer = 'sgd'\n"
        "exported_epoch = { best = 'accuracy', split = 'validation' }"
    )
    fitted, _, _ = fit_epochs(study, manifest, tmp_path / "runs")
    assert (fitted.epoch, len(fitted.history)) == (1, 3)
    again, _, _ = fit_epochs(study, manifest, tmp_path / "runs")
    assert (again.epoch, len(again.history)) == (1, 3)


RESUMED = {
    "adamw": "optimizer = 'adamw'\nweight_decay = 0.1",
    "plateau": "schedule = 'plateau'",
    "float16": "precision = 'float16'",
    "positive_weight": "positive_weight = { 'covid-19' = 3 }",
    "augmentation": "augmentation = [{ name = 'RandomRotation', degrees = 20 }, "
    "{ name = 'GaussianNoise' }]",
    "warmup": "warmup_epochs = 2.5\nschedule = 'cosine'",
    "clip": "clip_norm = 0.1",
    "backbone": "backbone_rate = 0.1\noptimizer = 'sgd'\nmomentum = 0.9",
    "frozen": "frozen_epochs = 3",
    "patience": "patience = 3\nlearning_rate = 0.5\n"
    "exported_epoch = { best = 'loss', split = 'validation' }",
    "normalised": "mean = [0.3]\nstd = [0.1]",
}


def read_states(*folders):
    """What stands in their checkpoints but for the time that it took, and in their histories."""
    for folder in folders:
        state = torch.load(folder / "checkpoint.pt", weights_only=True)
        del state["timing"]
        yield state, (folder / "history.csv").read_bytes()


class Stopped(Silence):
    """Stops a fit in the middle of its third epoch, as a kill does: nothing is put away."""

    def on_batch(self, epoch, batch, batches):
        if (epoch, batch) == (3, 2):
            raise KeyboardInterrupt


@pytest.mark.parametrize("recipe", RESUMED)
def test_a_stop_changes_nothing(recipe, write_study, manifest, tmp_path):
    """Stopped in its third epoch and begun again: equal bytes of weights, state and history."""
    study = write_study(f"number = 1\nepochs = 5\n{RESUMED[recipe]}")
    _, model, straight = fit_epochs(study, manifest, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        fit_epochs(study, manifest, tmp_path / "stopped", Stopped())
    _, resumed, folder = fit_epochs(study, manifest, tmp_path / "stopped")
    first, second = read_states(straight, folder)
    assert_equal(first, second)
    assert_equal(dict(model.state_dict()), dict(resumed.state_dict()), "model")


def test_a_kill_changes_nothing(write_study, manifest, tmp_path):
    """All that goes together at once, killed for good in its third epoch."""
    names = ("adamw", "float16", "positive_weight", "augmentation", "warmup", "clip", "frozen")
    recipe = "\n".join([*(RESUMED[name] for name in names), "backbone_rate = 0.5"])
    study = write_study(f"number = 1\nepochs = 5\n{recipe}")
    _, model, straight = fit_epochs(study, manifest, tmp_path / "straight")
    killed = run_python("train", "-c", SCRIPT, study, manifest, tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    _, resumed, folder = fit_epochs(study, manifest, tmp_path / "killed")
    first, second = read_states(straight, folder)
    assert_equal(first, second)
    assert_equal(dict(model.state_dict()), dict(resumed.state_dict()), "model")


def test_float16_is_computed_in_and_recorded(fit, write_study, manifest, tmp_path, without_export):
    """By torch's scaler: the loss falls, and run.json says in what it was computed."""
    entry = "number = 1\nepochs = 6\nlearning_rate = 0.01\nprecision = 'float16'"
    assert fit(write_study(entry)) == 0
    folder = tmp_path / "runs" / "exp1-tiny-bce"
    assert read_json(folder / "run.json")["device"]["precision"] == "float16 autocast"
    losses = [float(row["train_loss"]) for row in read_history(folder / "history.csv")]
    assert losses[-1] < losses[0]
