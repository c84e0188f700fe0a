"""Images that are scored by workers of a cluster: the evaluations are those of this process."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport import EvaluateOptions, evaluate_runs
from covidreport.images.cache import _ROW, PixelCache
from covidreport.records.events import StepsDone
from tests.cli.command import read_evaluations, write_project
from tests.datasets import write_flat_dataset

WORKER = b"ray::Worker"


@pytest.fixture
def study(tmp_path):
    """Three runs and 600 images, of which one is broken; the runs once more in `others`."""
    pytest.importorskip("ray", reason="the extra `ray` isn't installed")
    write_project(tmp_path, a=85, b=100, c=130)
    labels = ("covid-19", "normal", "pneumonia")
    rows = [(i % 251, labels[i % 3], "validation") for i in range(600)]
    write_flat_dataset(tmp_path / "data", rows)
    (tmp_path / "data" / "007.png").write_bytes(b"no picture")
    shutil.copytree(tmp_path / "runs", tmp_path / "others")
    return tmp_path


def _find_workers():
    """The processes of actors, by what Ray calls them."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if (each / "cmdline").read_bytes().startswith(WORKER):
                found.append(int(each.name))
        except OSError:
            continue
    return sorted(found)


def test_evaluations_are_those_of_this_process(covidreport, study, monkeypatch):
    """Byte for byte, also of a failed image and where pixels are cached by then; stdout holds the
    document alone. Without `--address` the cluster is its own, whatever other one is stated."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    words = ("--max-failed-share", "0.1", "--json")
    ray = ("evaluate", "others", *words, "--engine", "ray", "--jobs", "2")
    monkeypatch.setenv("COVIDREPORT_CACHE", str(study / "cache"))
    done = covidreport(*ray)
    assert (done.code, json.loads(done.out)["schema"]) == (0, "covidreport.evaluate/2")
    first = read_evaluations(study / "others")
    again = covidreport("evaluate", "others", *words)
    assert "3 of 3 runs are unchanged" in again.err
    assert _count_cached(study / "cache") == 600
    assert covidreport(*ray, "--force").code == 0
    assert read_evaluations(study / "others") == first
    monkeypatch.setenv("COVIDREPORT_CACHE", str(study / "other-cache"))
    assert covidreport("evaluate", "runs", *words).code == 0
    assert read_evaluations(study / "runs") == first
    assert len(first) == 6


def _count_cached(cache):
    """Of how many images the pixels are known, or that they have none."""
    (folder,) = (file.parent for file in cache.glob("pixels/*/rows.bin"))
    shape = (600, *_find_shape(folder))
    entry = PixelCache(
        folder,
        np.memmap(folder / "pixels.u8", np.uint8, "r", shape=shape),
        np.memmap(folder / "rows.bin", _ROW, "r", shape=(600,)),
    )
    return int((~entry.missing(0, 600)).sum())


def _find_shape(folder):
    """Height, width and channels of square pictures in grey."""
    size = (folder / "pixels.u8").stat().st_size // 600
    assert round(size**0.5) ** 2 == size
    return round(size**0.5), round(size**0.5), 1


def test_so_are_they_after_a_worker_was_killed(study, monkeypatch):
    """While chunks are scored; each image is counted once."""
    if not Path("/proc").is_dir():
        pytest.skip("the processes are found in /proc")
    monkeypatch.chdir(study)
    killed, steps = [], []

    def kill_one(event):
        if isinstance(event, StepsDone):
            steps.append(event)
            workers = [] if killed else _find_workers()
            for worker in workers[:1]:
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

    usual = EvaluateOptions(provider="cpu", batch_size=4, max_failed_share=0.1, cache=False)
    evaluate_runs("runs", options=usual)
    ray = replace(usual, engine="ray", jobs=2)
    done = evaluate_runs("others", options=ray, on_event=kill_one)
    assert len(killed) == 1
    assert done.failures == ()
    assert read_evaluations(study / "others") == read_evaluations(study / "runs")


def test_what_is_no_engine_or_no_cluster_is_refused(covidreport, study):
    for words, code, said in (
        (("--engine", "spark"), 2, "--engine spark: one of local, ray"),
        (("--address", "auto"), 2, "it goes with --engine ray"),
        (("--engine", "ray", "--address", "127.0.0.1:1"), 3, "no cluster of Ray answers"),
        (("--engine", "ray", "--address", "ray://host:1"), 2, "give HOST:PORT, or auto"),
    ):
        done = covidreport("evaluate", "runs", *words)
        assert (done.code, said in done.err.replace("\n", " ")) == (code, True), done.err


def test_without_the_package_it_says_what_to_install(covidreport, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    write_project(tmp_path, a=85)
    done = covidreport("evaluate", "runs", "--engine", "ray")
    assert done.code == 2
    assert "pip install 'covidreport[ray]'" in done.err
