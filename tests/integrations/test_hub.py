"""A run as a repository of the Hugging Face Hub: what goes there, and what never does."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from covidreport.integrations.mlflow.files import describe_file
from tests.cli.command import ROOT
from tests.integrations.run_folders import write_scored_run
from tests.onnx_models import move_weights_out, write_brightness_model

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
FILES = {"README.md", "run.json", "history.csv", "model.onnx", "weights/0.bin"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run whose weights stand beside its model; no token."""
    model = write_brightness_model(tmp_path / "runs" / "good" / "model.onnx")
    move_weights_out(model, "weights/0.bin")
    write_scored_run(tmp_path / "runs" / "good")
    monkeypatch.setattr(hub, "get_token", lambda: None)
    return tmp_path / "runs" / "good"


def _names(folder):
    return {
        file.relative_to(folder).as_posix() for file in Path(folder).rglob("*") if file.is_file()
    }


def test_without_a_token_the_folder_to_upload_is_written_and_named(covidreport, run, tmp_path):
    """The card, the model with all its files and what describes it; no score, no evaluation. What
    stands there is not written over."""
    words = ("push", run, "--hub", "lab/covid-net")
    done = covidreport(*words)
    assert (done.code, done.out) == (0, "covid-net-hub\n")
    assert "no token is set" in done.err
    assert "`hf upload lab/covid-net covid-net-hub` does it" in done.err
    assert _names(tmp_path / "covid-net-hub") == FILES
    for name in FILES - {"README.md"}:
        source, copy = run / name, tmp_path / "covid-net-hub" / name
        assert describe_file(copy, name) == describe_file(source, name)
    assert hub.ModelCard.load(tmp_path / "covid-net-hub" / "README.md").data.eval_results
    again = covidreport(*words)
    assert again.code == 2
    assert "covid-net-hub holds files already" in again.err


def test_without_the_package_the_folder_is_written_too(covidreport, run, tmp_path, monkeypatch):
    """With what installs it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    done = covidreport("push", run, "--hub", "lab/net")
    assert done.code == 0
    assert "huggingface_hub is not installed (pip install 'covidreport[hub]')" in done.err
    assert _names(tmp_path / "net-hub") == FILES


def test_with_a_token_it_is_uploaded(covidreport, run, tmp_path, monkeypatch):
    """By the calls that the real client has: a private repository, then the folder; nothing is left
    here."""
    calls = []
    client = hub.HfApi

    class Api:
        def __getattr__(self, name):
            real = inspect.signature(getattr(client, name))

            def call(*args, **options):
                given = real.bind(self, *args, **options).arguments
                files = _names(given["folder_path"]) if "folder_path" in given else None
                calls.append((name, given["repo_id"], given.get("private"), files))
                return SimpleNamespace(commit_url="https://hub.example/lab/net/commit/1")

            return call

    monkeypatch.setattr(hub, "get_token", lambda: "t")
    monkeypatch.setattr(hub, "HfApi", Api)
    done = covidreport("push", run, "--hub", "lab/net")
    assert (done.code, done.out) == (0, "https://hub.example/lab/net/commit/1\n")
    assert calls == [
        ("create_repo", "lab/net", True, None),
        ("upload_folder", "lab/net", None, FILES),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_hub_that_does_not_answer_is_said(covidreport, run, monkeypatch):
    """By the real client, with exit code 3."""
    monkeypatch.setattr(hub, "get_token", lambda: "t")
    monkeypatch.setattr(hub, "HfApi", partial(hub.HfApi, "http://127.0.0.1:1"))
    done = covidreport("push", run, "--hub", "lab/net")
    assert done.code == 3
    assert "the Hub, lab/net: " in done.err


def test_what_can_not_be_uploaded_is_refused(covidreport, run, tmp_path):
    """With what would make sense, and nothing is written."""
    for words, message in (
        ((run, "--hub", "net"), "--hub net: OWNER/NAME is wanted"),
        ((run, "--hub", "a/b", "--scores"), "never scores: leave the option out"),
        ((run,), "nowhere to push to: give --mlflow URI or --hub OWNER/NAME"),
    ):
        done = covidreport("push", *words)
        assert (done.code, message in done.err) == (2, True), done.err
    write_scored_run(tmp_path / "runs" / "scores")
    done = covidreport("push", "--hub", "a/b")
    assert "--hub is of one run: name its folder" in done.err
    done = covidreport("push", "runs/scores", "--hub", "a/b")
    assert (done.code, "scores: there is no model to upload" in done.err) == (3, True)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_hubs_client_sends_nothing_of_its_own():
    """Asked of a process that has not loaded it yet."""
    code = (
        "from covidreport.integrations.hub import why_not_uploaded; why_not_uploaded(); "
        "from huggingface_hub import constants; print(constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    own = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
