"""What a manifest names may be no file at all: it is never opened where that would block."""

from __future__ import annotations

import os
import socket

import pytest

from covidreport.store import read_evaluation
from tests.cli.command import run_command, write_study


def _pipe(place):
    os.mkfifo(place)


def _device(place):
    place.symlink_to("/dev/zero")


def _socket(place):
    opened = socket.socket(socket.AF_UNIX)
    os.chdir(place.parent)  # a socket's path has at most 107 bytes
    opened.bind(place.name)
    opened.close()


def _folder(place):
    place.mkdir()


@pytest.mark.parametrize(
    ("make", "said"),
    [(_pipe, "a pipe"), (_device, "a device"), (_socket, "a socket"), (_folder, "a folder")],
)
def test_an_image_that_is_no_file_counts_against_the_run_and_holds_nobody_up(
    tmp_path, monkeypatch, make, said
):
    """evaluate and audit come to an end, and name what stands there."""
    study = write_study(tmp_path, base=100)
    place = study / "data" / "003.png"
    place.unlink()
    monkeypatch.chdir(tmp_path)
    make(place)
    done = run_command(study, "evaluate", "runs", "--data", "data", "--provider", "cpu")
    assert "Traceback" not in done.stderr
    evaluation = read_evaluation(study / "runs" / "base" / "evaluations" / "data-validation")
    (failure,) = evaluation.failures
    assert (failure.subject, failure.stage) == ("003.png", "decode")
    assert f"is {said}, and a file is wanted" in failure.reason
    assert "Traceback" not in run_command(study, "audit", "data/manifest.csv", "runs").stderr
