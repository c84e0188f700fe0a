from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from covidreport.errors import RunError
from tests.forking import run_python
from tests.train.conftest import read_history
from train.checkpoint import read_checkpoint
from train.command import FitOptions, prepare
from train.fit import prepare_task
from train.loop import fit_model
from train.progress import Silence
from train.ranks import Ranks
from train.run_record import find_differences
from train.settings import describe_settings
from train.study import read_study

ENTRY = """number = 1
architecture = "mobilenet_v3_small"
epochs = 4
schedule = "cosine"
augmentation = "mild"
exported_epoch = { best = "loss", split = "validation" }"""

SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.train.test_resume import fit_epochs

class Killed:
    def on_batch(self, epoch, batch, batches):
        if epoch == 3 and batch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    def on_epoch(self, row):
        pass

if __name__ == "__main__":
    fit_epochs(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Killed())
"""


def fit_epochs(study: Path, data: Path, out: Path, watcher=None, number=0, **more):
    """All epochs of one of a study's experiments: what came out, its model and its folder."""
    found = read_study(study, {"weights": "none"})
    options = FitOptions(str(study), data, out, device="cpu", workers=2, **more)
    request = prepare(options, found, found.experiments, Ranks())
    experiment = found.experiments[number]
    folder = out / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    model, task = prepare_task(request, experiment, folder)
    return fit_model(model, task, watcher or Silence()), model, folder


def assert_equal(first, second, place="checkpoint"):
    """Two nested values of tensors and numbers are bit for bit the same."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), place
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), place
        for key in first:
            assert_equal(first[key], second[key], f"{place}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), place
        for n, (a, b) in enumerate(zip(first, second, strict=True)):
            assert_equal(a, b, f"{place}.{n}")
    else:
        assert first == second, place


def test_a_killed_run_goes_on_as_if_nothing_had_happened(write_study, manifest, tmp_path):
    """Killed in its third epoch: weights, optimizer, random states, best epoch and history agree.

    The network has dropout and batch norm, so the generators and the statistics matter.
    """
    study = write_study(ENTRY)
    whole, model, straight = fit_epochs(study, manifest, tmp_path / "straight")
    killed = run_python("train", "-c", SCRIPT, study, manifest, tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = tmp_path / "killed" / straight.name
    stopped = read_checkpoint(folder)
    assert stopped is not None
    assert stopped.epoch == 2
    resumed, resumed_model, _ = fit_epochs(study, manifest, tmp_path / "killed")
    assert resumed.epoch == whole.epoch
    written = [torch.load(each / "checkpoint.pt", weights_only=True) for each in (straight, folder)]
    once, twice = (each.pop("timing") for each in written)
    assert (once["calls"], twice["calls"]) == (1, 2)
    assert (len(once["epoch_s"]), len(twice["epoch_s"])) == (4, 4)
    assert twice["epoch_s"][:2] == stopped.timing["epoch_s"]
    assert twice["started"] == stopped.timing["started"]
    assert twice["fit_s"] > stopped.timing["fit_s"] >= sum(stopped.timing["epoch_s"])
    assert_equal(*written)
    assert (straight / "history.csv").read_bytes() == (folder / "history.csv").read_bytes()
    assert_equal(dict(model.state_dict()), dict(resumed_model.state_dict()), "model")


def test_another_number_of_threads_does_not_go_on(write_study, manifest, tmp_path, monkeypatch):
    """Its sums are rounded otherwise: refused by name, unless that is accepted."""
    study = write_study("number = 1\nepochs = 3")

    class Stopped(Silence):
        def on_epoch(self, row):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_epochs(study, manifest, tmp_path / "runs", Stopped())
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads + 1)
    with pytest.raises(RunError, match=rf"threads was {threads}, is now {threads + 1}.*--threads"):
        fit_epochs(study, manifest, tmp_path / "runs")
    _, _, folder = fit_epochs(study, manifest, tmp_path / "runs", accept_other=True)
    gone_on = read_checkpoint(folder)
    assert (gone_on.epoch, gone_on.timing["calls"]) == (3, 2)


def test_the_interval_of_checkpoints_is_a_setting(write_study, manifest, tmp_path):
    """A stopped fit goes on from the last one, and under another interval is the same fit."""

    class Stopped(Silence):
        def on_epoch(self, row):
            if row.epoch == 5:
                raise KeyboardInterrupt

    study = write_study("number = 1\nepochs = 6\ncheckpoint_epochs = 3\nname = 'one'")
    with pytest.raises(KeyboardInterrupt):
        fit_epochs(study, manifest, tmp_path / "runs", Stopped())
    assert read_checkpoint(tmp_path / "runs" / "one").epoch == 3
    assert len(read_history(tmp_path / "runs" / "one" / "history.csv")) == 5
    often = write_study("number = 1\nepochs = 6\nname = 'one'", name="often")
    _, resumed, folder = fit_epochs(often, manifest, tmp_path / "runs")
    assert read_checkpoint(folder).timing["calls"] == 2
    _, straight, _ = fit_epochs(often, manifest, tmp_path / "straight")
    assert_equal(dict(resumed.state_dict()), dict(straight.state_dict()))
    records = [
        {"hyperparameters": describe_settings(read_study(each).experiments[0].settings)}
        for each in (study, often)
    ]
    assert records[0] != records[1]
    assert find_differences(*records) == ()


@pytest.mark.parametrize("sampling", ["shuffled", "class-balanced"])
def test_the_order_of_rows_changes_nothing(write_study, manifest, tmp_path, sampling):
    """The same images, listed backwards, give the same weights."""
    rows = manifest.read_text().splitlines()
    backwards = manifest.with_name(f"backwards-{sampling}.csv")
    backwards.write_text("\n".join([rows[0], *reversed(rows[1:])]) + "\n")
    study = write_study(f"number = 1\nepochs = 2\nsampling = '{sampling}'\naugmentation = 'mild'")
    _, first, _ = fit_epochs(study, manifest, tmp_path / "first")
    _, second, _ = fit_epochs(study, backwards, tmp_path / "second")
    assert_equal(dict(first.state_dict()), dict(second.state_dict()))


def test_a_broken_checkpoint_is_an_error_that_says_what_to_do(tmp_path):
    """It is never taken for a run that has not begun."""
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(RunError, match="fit again with --overwrite"):
        read_checkpoint(tmp_path)
    torch.save({"version": 0}, tmp_path / "checkpoint.pt")
    with pytest.raises(RunError, match="another version"):
        read_checkpoint(tmp_path)


def test_no_checkpoint_is_none(tmp_path):
    """A folder without one has nothing to go on from."""
    assert read_checkpoint(tmp_path) is None
