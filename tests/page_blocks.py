"""The blocks of code that the pages in docs/ show, and their commands, run word for word."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cli.command import ROOT, run_command
from tests.forking import run_python

DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"(?P<mark><!-- (?P<why>not run[^>]*) -->\n)?```(?P<kind>sh|python)\n(?P<text>.*?)```", re.S
)


def find_blocks(page: str, kind: str = "sh") -> list[re.Match[str]]:
    """A page's blocks of one kind: groups `text`, and `why` where one is marked as not run."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [found for found in BLOCK.finditer(text) if found["kind"] == kind]


def split_commands(text: str) -> list[list[str]]:
    """The words of each command of a block."""
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.split("#")[0].strip()]


def list_commands(page: str) -> list[list[str]]:
    """The commands of a page's blocks that are to be run, in their order."""
    texts = (found["text"] for found in find_blocks(page) if not found["why"])
    return [words for text in texts for words in split_commands(text)]


def run_words(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in a folder, by what is installed under its program's name."""
    program, *rest = words
    if program == "covidreport-train":
        return run_python("train", "-m", "train", *rest, cwd=folder)
    if words[:3] == ["python", "-m", "train"]:
        return run_python("train", *rest, cwd=folder)
    assert program == "covidreport", program
    done: subprocess.CompletedProcess[str] = run_command(folder, *rest)
    return done


def run_commands(
    folder: Path, commands: Sequence[Sequence[str]]
) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run them one after the other: each succeeds, and a gate passes or fails. What came of each,
    by its first two words."""
    done = {}
    for words in commands:
        one = run_words(folder, words)
        wanted = (0, 1) if "gate" in words[:2] else (0,)
        assert one.returncode in wanted, f"{words}: {one.returncode} {one.stdout}{one.stderr}"
        done[" ".join(words[1:3])] = one
    return done
