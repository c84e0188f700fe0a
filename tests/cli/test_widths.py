"""What commands print into terminals of 80, 100 and 140 columns, and into a file."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import termios
from fcntl import ioctl

import pytest

from tests.cli.command import CODE, ROOT, write_project
from tests.forking import find_forks

LONG = "exp15-vgg16-bce-frozen-balanced-augmented-seed"
WORDS = {
    "list": ("list",),
    "evaluate": ("evaluate",),
    "score": ("score", "--threshold", "0.4"),
    "gate": ("gate", "runs", "--baseline", "runs/base"),
    "limits": ("gate", "runs/new", "--baseline", "runs/base"),
    "audit": ("audit", "data"),
    "init": ("init", "data", "--force"),
    "tune": ("tune", "--split", "validation", "--target-sensitivity", "0.9"),
    "adopt": ("adopt", "runs/new"),
    "plan": ("plan", "runs", "--sensitivity", "0.85", "--half-width", "0.05", "--margin", "0.05"),
    "doctor": ("doctor",),
    "cache": ("cache", "info"),
    "wrong": ("evaluate", "--split", "nowhere"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two runs whose long names differ in their last sign, a baseline, and one without a model."""
    folder = tmp_path_factory.mktemp("widths")
    names = {f"{LONG}-1": 85, f"{LONG}-2": 95, "base": 100, "new": 106}
    write_project(folder, **names)
    (folder / "runs" / "broken").mkdir()
    (folder / "runs" / "broken" / "model.onnx").write_bytes(b"no model")
    see(folder, 140, "evaluate")
    return folder


def see(folder, width, *words, **more):
    """What a terminal of so many columns gets from a command, without its colours."""
    parent, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {
        key: value for key, value in os.environ.items() if key not in ("COLUMNS", "GITHUB_ACTIONS")
    }
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}
    process = subprocess.Popen(
        [find_forks().python("covidreport"), "-c", CODE, *words], cwd=folder, env=environment,
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    got = b""
    while select.select([parent], [], [], 120)[0]:
        try:
            part = os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        got += part
    process.wait(timeout=60)
    os.close(parent)
    text = got.decode().replace("\r\n", "\n")
    assert process.returncode in (0, 1, 2, 3), text
    assert "Traceback" not in text
    return text


def clear(text):
    """The lines as they stand at last: without colours and without what a bar drew."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.split("\r")[-1] for line in text.split("\n")]


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("name", WORDS)
def test_no_line_is_wider_than_the_terminal(project, name, width):
    """But for the command to be copied, which stands alone; nothing is lost at its end."""
    lines = clear(see(project, width, *WORDS[name]))
    wide = [line for line in lines if len(line.rstrip()) > width]
    assert [line for line in wide if not re.match(r"go on with|next: |\S*/\S*$| +\S+$", line)] == []
    assert any(lines)


@pytest.mark.parametrize("name", ["list", "evaluate", "score", "gate", "tune"])
def test_runs_whose_names_differ_at_the_end_are_told_apart_at_80_columns(project, name):
    """Each name is whole, over several lines or not."""
    lines = clear(see(project, 80, *WORDS[name]))
    column = "".join(re.split("  +", line.removeprefix(" " * 6).strip())[0] for line in lines)
    text = column + "\n".join(lines)
    assert f"{LONG}-1" in text
    assert f"{LONG}-2" in text


def test_a_ranking_is_full_at_140_columns_and_says_what_it_leaves_out_at_80(project):
    """Rank, run, missed and false alarms always; the intervals before sensitivity."""
    wide = "\n".join(clear(see(project, 140, "list")))
    narrow = "\n".join(clear(see(project, 80, "list")))
    for head in ("missed", "sensitivity", "specificity", "(95 % CI)", "F1", "accuracy"):
        assert head in wide
    assert "No room for" not in wide
    assert "No room for intervals of sensitivity" in narrow
    assert "or --json show all." in " ".join(narrow.split())
    for head in ("rank", "run", "missed", "alarms", "sensitivity"):
        assert head in narrow
    assert "(0." not in narrow.split("No room")[0]


def test_without_colours_lines_are_wrapped_all_the_same(project):
    """NO_COLOR asks for no colour, and for nothing else."""
    text = see(project, 80, "list", NO_COLOR="1")
    assert not re.search(r"\x1b\[(\d;)?[34]\d", text)
    assert clear(text) == clear(see(project, 80, "list"))


def test_what_goes_into_a_file_is_whole(project):
    """A row is one line there, whatever its names are, and so is a sentence."""
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [find_forks().python("covidreport"), "-c", CODE, "list"],
        cwd=project, text=True, check=True,
        env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True,
    )  # fmt: skip
    rows = [line for line in done.stdout.splitlines() if re.match(r" +\d  ", line)]
    assert len(rows) == 4
    assert all(len(re.split("  +", row.strip())) == 12 for row in rows)
    assert "No room" not in done.stdout


def test_a_long_remedy_goes_on_under_its_line(project):
    """What a terminal of 60 columns shows is what a file gets, with further lines indented."""
    words = ("evaluate", "runs/broken", "--split", "nowhere", "--data", "data/manifest.csv")
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [find_forks().python("covidreport"), "-c", CODE, *words],
        cwd=project, text=True, check=False,
        env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True,
    )  # fmt: skip
    lines = [line for line in clear(see(project, 60, *words)) if line]
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("    ") for line in lines)
    joined = re.sub(r"\n {4}(?=\S)", " ", "\n".join(lines)).split("\n")
    assert joined == [line.rstrip() for line in done.stderr.splitlines() if line]
