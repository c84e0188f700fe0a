"""Several processes and one grid: who fits what, and that nothing is done twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from tests.train.conftest import read_json
from train.command import FitOptions, Listener, run_fit
from train.parallel import fit_in_parallel, share_machine

ROOT = Path(__file__).parents[2]
HOLDER = (
    "import sys, time; from pathlib import Path; from covidreport.locks import claim_lock\n"
    "with claim_lock(Path(sys.argv[1])) as ours: print(ours, flush=True); time.sleep(600)"
)


@pytest.fixture
def fitted_elsewhere(tmp_path):
    """Another process holds the lock of `one`, and nothing but its end gives it back."""
    lock = tmp_path / "runs" / "one" / ".lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate(timeout=10)


def test_what_another_process_fits_is_left_to_it(
    write_study, fit, without_export, tmp_path, capsys, fitted_elsewhere
):
    """The others are fitted; once that process has ended, its experiment is free."""
    study = write_study(
        "number = 1\nname = 'one'\nepochs = 1", "number = 2\nname = 'two'\nepochs = 1"
    )
    assert fit(study) == 0
    said = capsys.readouterr().err
    assert "one: another process is fitting it" in said
    assert "1 of 2 runs are left to the processes that fit them now" in said
    assert not (tmp_path / "runs" / "one" / "run.json").exists()
    assert read_json(tmp_path / "runs" / "two" / "run.json")["status"] == "finished"
    fitted_elsewhere.send_signal(signal.SIGKILL)
    fitted_elsewhere.wait()
    assert fit(study) == 0
    assert read_json(tmp_path / "runs" / "one" / "run.json")["status"] == "finished"


def test_overwrite_is_refused_beside_a_running_fit(
    write_study, fit, without_export, tmp_path, fitted_elsewhere
):
    """Nothing is removed, of the other experiments neither."""
    study = write_study("number = 1\nname = 'one'\nepochs = 1", "number = 2\nepochs = 1")
    assert fit(study) == 0
    before = (tmp_path / "runs" / "exp2-tiny-bce" / "run.json").read_bytes()
    with pytest.raises(UsageError, match="--overwrite: another process is fitting one"):
        fit(study, overwrite=True)
    assert (tmp_path / "runs" / "exp2-tiny-bce" / "run.json").read_bytes() == before


def test_what_another_process_has_tried_meanwhile_is_not_tried_again(
    write_study, manifest, without_export, tmp_path, monkeypatch, capsys
):
    """It failed there a moment ago; what failed before this command is tried again."""
    study = write_study("number = 1\nname = 'one'\nepochs = 1")
    options = FitOptions(str(study), manifest, tmp_path / "runs", device="cpu", workers=2)
    path = tmp_path / "runs" / "one" / "run.json"

    class Meanwhile(Listener):
        def on_ready(self):
            path.write_text(json.dumps({**read_json(path), "failed": "later"}))

    with monkeypatch.context() as patched:
        patched.setattr("train.loop.Passes.train", None)  # as an error of ours would be
        assert run_fit(options) == 3
    assert read_json(path)["stage"] == "fit"
    assert run_fit(options, Meanwhile()) == 3
    assert "one failed: fit: TypeError" in capsys.readouterr().err
    assert run_fit(options) == 0


def _read_models(runs: Path) -> dict[str, tuple[bytes, bytes]]:
    return {
        folder.name: ((folder / "model.onnx").read_bytes(), (folder / "history.csv").read_bytes())
        for folder in runs.iterdir()
        if folder.is_dir()
    }


def test_in_parallel_the_bytes_are_those_of_one_after_the_other(
    write_study, manifest, tmp_path, capfd
):
    """Two processes with one thread each, three experiments; each is fitted once."""
    study = write_study(*(f"number = {n}\nseed = {n}" for n in (1, 2, 3)))
    options = FitOptions(
        str(study), manifest, tmp_path / "serial", device="cpu", threads=1, workers=1
    )
    assert fit_in_parallel(options) == 0
    capfd.readouterr()
    again = replace(options, out=tmp_path / "parallel", parallel=2)
    assert fit_in_parallel(again) == 0
    said = capfd.readouterr()
    names = [f"exp{n}-tiny-bce" for n in (1, 2, 3)]
    assert sorted(said.out.split()) == [str(tmp_path / "parallel" / name) for name in names]
    assert said.err.count("epoch 1/2") == 3
    assert _read_models(tmp_path / "parallel") == _read_models(tmp_path / "serial")
    assert fit_in_parallel(again) == 0
    assert capfd.readouterr().err.count("fitted already") == 3


def test_the_cores_are_divided_among_processes(monkeypatch):
    """Each has its share of torch's threads and a card; the first one speaks and clears."""
    monkeypatch.setattr("train.parallel.count_workers", lambda: 7)
    options = FitOptions("s", Path("d"), Path("o"), parallel=3, devices=(1, 0), overwrite=True)
    shares = [share_machine(options, number) for number in range(3)]
    assert [(each.threads, each.workers, each.card) for each in shares] == [
        (2, 2, 1), (2, 2, 0), (2, 2, 1),
    ]  # fmt: skip
    assert [each.overwrite for each in shares] == [True, False, False]
    assert [each.speaks for each in shares] == [True, False, False]
    assert share_machine(replace(options, threads=5), 1).threads == 5
    assert share_machine(replace(options, parallel=9), 1).threads == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [({"devices": (0, 7)}, "torch finds no card"), ({"devices": (0,), "device": "cpu"}, "names")],
)
def test_cards_that_are_not_there_are_named(write_study, manifest, tmp_path, more, said):
    """Before any process starts."""
    study = write_study("number = 1")
    with pytest.raises(UsageError, match=said):
        fit_in_parallel(FitOptions(str(study), manifest, tmp_path / "runs", parallel=2, **more))


def test_processes_that_torchrun_started_start_no_others(
    write_study, manifest, tmp_path, monkeypatch
):
    """They share one fit already."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    study = write_study("number = 1")
    with pytest.raises(UsageError, match="--parallel: torchrun"):
        fit_in_parallel(FitOptions(str(study), manifest, tmp_path / "runs", parallel=2))
