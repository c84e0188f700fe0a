"""The worked example of examples/ci plays, and the README's CI section is what it runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.forking import find_forks

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "examples" / "ci" / "story.sh"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the story printed."""
    folder = tmp_path_factory.mktemp("story")
    forks = find_forks()
    programs = [str(Path(forks.python("covidreport")).parent), str(forks.programs)]
    (folder / "repository").mkdir()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "COVIDREPORT_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("GITHUB_ACTIONS", None)
    done = subprocess.run(
        ["bash", STORY, folder / "repository"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return re.sub(r"\s+", " ", done.stdout), done.stdout


def test_the_better_passes_the_worse_fails_the_broken_is_told_apart(told):
    """Each day ends with the verdict that its text promises; the script checks the exit codes."""
    words, _ = told
    passes, fails, broken = (words.index(word) for word in ("PASS", "FAIL", "NOT JUDGED"))
    assert passes < fails < broken
    assert "better misses 5 of 40 COVID-19 images, the baseline first 8" in words
    assert "worse misses 12 of 40 COVID-19 images, the baseline better 5" in words
    assert "broken could not be judged (load)" in words


def test_the_comment_lists_the_newly_missed_by_digest_unless_ids_are_asked_for(told):
    """Seven cases: twelve digits each, then seven file names."""
    _, text = told
    first, second = re.findall(r"\*\*Newly missed\*\* \(7 images .*?\): (.*)", text)
    assert re.fullmatch(r"(?:[0-9a-f]{12}(?:, |$)){7}", first)
    assert re.fullmatch(r"(?:images/covid-19-\d\d\.png(?:, |$)){7}", second)


def test_the_readme_s_ci_section_is_what_the_story_runs():
    """Its commands, in its order, word for word."""
    section = (ROOT / "README.md").read_text().split("\n## CI\n")[1].split("\n## ")[0]
    assert len(section.splitlines()) < 25
    (block,) = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    commands = [line.split("#")[0].strip() for line in block.splitlines() if line.strip()]
    story = re.findall(r"^run \d (covidreport .*)$", STORY.read_text(), flags=re.MULTILINE)
    assert commands == story[:3]
