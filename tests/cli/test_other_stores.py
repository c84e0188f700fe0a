"""Runs and data in `az://` and `gs://`, in servers on this machine where these are installed.

npm install azurite    # `azurite-blob` is looked for in PATH
pip install adlfs gcsfs gcp-storage-emulator
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time

import pytest

from covidreport.storage.objects import forget_stores
from tests.cli.command import TUNING_ROWS, write_model
from tests.datasets import write_flat_dataset

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of the account that Azurite has, as its documentation states it: it is everyone's."""
GOOGLE = (
    "from gcp_storage_emulator.server import create_server as c; c('127.0.0.1', {}, True).run()"
)
CALLS = (
    "evaluate RUNS --data STORE/data/manifest.csv --split tuning",
    "tune RUNS --split tuning --target-sensitivity 0.9",
    "evaluate RUNS --data STORE/data/manifest.csv --split validation --thresholds tuned",
    "combine RUNS/a RUNS/b --output RUNS --name both",
    "baseline set RUNS/b --output STORE/set/baseline.json",
    "gate RUNS/a --baseline STORE/set/baseline.json --output-dir STORE/verdict",
    "render RUNS --output STORE/report.html",
    "list RUNS --json",
)


def _start_azure(monkeypatch, folder, port):
    pytest.importorskip("adlfs", reason="adlfs isn't installed")
    program = shutil.which("azurite-blob") or pytest.skip("azurite-blob isn't installed")
    point = f"http://127.0.0.1:{port}/devstoreaccount1"
    account = f"AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={point};"
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING", f"DefaultEndpointsProtocol=http;{account}"
    )
    return [program, "--silent", "--location", str(folder), "--blobPort", str(port),
            "--skipApiVersionCheck", "--disableTelemetry"]  # fmt: skip


def _start_google(monkeypatch, folder, port):
    pytest.importorskip("gcsfs", reason="gcsfs isn't installed")
    pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator isn't installed")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # it knows no gRPC
    return [sys.executable, "-c", GOOGLE.format(port)]


def _await(port):
    for _ in range(100):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server does not start")


@pytest.fixture(params=["az", "gs"])
def store(request, monkeypatch, tmp_path):
    """The file system of a server with the bucket `clinic`, as fsspec has it."""
    fsspec = pytest.importorskip("fsspec", reason="the extra `cloud` isn't installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = _start_azure if request.param == "az" else _start_google
    words = start(monkeypatch, tmp_path / "server", port)
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    try:
        _await(port)
        forget_stores()
        fsspec.filesystem(request.param).mkdir("clinic")
        yield fsspec.filesystem(request.param)
    finally:
        server.kill()
        server.wait()
        forget_stores()


def test_runs_and_data_there_are_as_here(covidreport, store, tmp_path, monkeypatch):
    """What is evaluated, tuned, combined, judged and rendered, and every file of the runs."""
    monkeypatch.chdir(tmp_path)
    write_flat_dataset(tmp_path / "data", TUNING_ROWS)
    for name, limit in (("a", 85), ("b", 100)):
        write_model(tmp_path / "runs" / name, limit)
    bucket = f"{store.protocol if isinstance(store.protocol, str) else store.protocol[0]}://clinic"
    bucket = bucket.replace("abfs:", "az:").replace("gcs:", "gs:")
    for folder in ("data", "runs"):
        for file in filter(lambda each: each.is_file(), (tmp_path / folder).rglob("*")):
            store.pipe_file(f"clinic/{file.relative_to(tmp_path).as_posix()}", file.read_bytes())
    for call in CALLS:
        for runs, place in (("runs", "."), (f"{bucket}/runs", bucket)):
            done = covidreport(*call.replace("RUNS", runs).replace("STORE", place).split())
            assert done.code == 0, (call, done.err)
    store.invalidate_cache()
    there = {each.removeprefix("clinic/") for each in store.find("clinic")}
    here = {
        each.relative_to(tmp_path).as_posix()
        for name in ("data", "runs", "set", "verdict", "report.html")
        for each in [tmp_path / name, *(tmp_path / name).rglob("*")]
        if each.is_file() and "/." not in each.relative_to(tmp_path).as_posix()
    }
    assert there == here
    for name in (each for each in here if each.endswith("evaluation.json")):
        stored = json.loads(store.cat_file(f"clinic/{name}"))
        own = json.loads((tmp_path / name).read_bytes())
        for key in ("counts", "estimates", "thresholds", "fingerprint"):
            assert stored[key] == own[key], (name, key)
