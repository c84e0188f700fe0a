"""CONTRIBUTING.md is followed to the letter, in a copy of the package."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
PLACE = re.compile(r"(?:# |<!-- )([\w/.-]+)(?:, (.*?))?(?: -->)?$")
BIN = Path(sysconfig.get_path("scripts"))
TRUTH = {f"{i:02}.png": int(i < 5) for i in range(10)}
ANSWERS = {**TRUTH, "00.png": 0, "09.png": 1}
"""4 of 5 found with 1 false alarm: 4 of the 6 that either calls positive."""


@dataclass(frozen=True)
class Copy:
    """The packages and what belongs to them, changed as the page says."""

    folder: Path

    def paste(self, block: str) -> str:
        """Put a block where its first line says; that file's name."""
        first, _, text = block.partition("\n")
        found = PLACE.fullmatch(first)
        assert found is not None, first
        file, where = self.folder / found[1], found[2]
        if where is None:
            assert not file.exists()
            file.write_text(text)
            return found[1]
        lines = file.read_text().splitlines(keepends=True)
        lines.insert(_find_line(lines, where), text if where != "at the end" else f"\n\n{text}")
        file.write_text("".join(lines))
        return found[1]

    def run(self, *words, code=0):
        """What a command of the copy prints, which ends with that code."""
        done = subprocess.run(
            [str(word) for word in words], cwd=self.folder, check=False, capture_output=True,
            text=True, env=os.environ | {"PYTHONPATH": str(self.folder), "GITHUB_ACTIONS": ""},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def call(self, *words, code=0):
        """The same of covidreport."""
        start = "from covidreport.cli import main; main()"
        return self.run(sys.executable, "-P", "-c", start, *words, code=code)


def _find_line(lines, where):
    """Before which line a text goes, by the words of the page."""
    if where == "at the end":
        return len(lines)
    if where == "with the imports":
        return lines.index("from __future__ import annotations\n") + 1
    kind, _, name = where.partition(" ")
    if kind == "behind":
        return max(i for i, line in enumerate(lines) if line.startswith(f"| {name} |")) + 1
    (found,) = (
        each
        for each in ast.parse("".join(lines)).body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and where == f"last in {each.target.id}"
    )
    assert found.end_lineno is not None
    return found.end_lineno - 1


def _write_table(file, answers):
    lines = [f"{name},{yes},{1 - yes},validation\n" for name, yes in answers.items()]
    file.write_text("".join(["path,covid-19,normal,split\n", *lines]))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """All blocks pasted, imports put in order, the page of metrics written; and a run."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("covidreport", "train", "templates", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "data", "train" if name == "tests" else "")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    made = Copy(folder)
    pasted = [made.paste(text) for kind, text in BLOCKS if kind in ("python", "markdown")]
    made.run(BIN / "ruff", "check", "--fix", *(file for file in pasted if file.endswith(".py")))
    made.run(sys.executable, "-m", "tests.metrics_page")
    _write_table(folder / "manifest.csv", TRUTH)
    _write_table(folder / "scores.csv", ANSWERS)
    for name in TRUTH:
        (folder / name).write_bytes(b"not looked at")
    words = "import-scores", "scores.csv", "--run", "keras", "--activation", "sigmoid"
    made.call(*words, "--data", "manifest.csv")
    return made


@pytest.fixture(scope="module")
def report(copy):
    """The report of the run in every format that the page names, by its suffix."""
    names = ("html", "markdown", "json", "csv", "text")
    copy.call("render", "runs", *(word for name in names for word in ("--format", name)),
              "--output", "out")  # fmt: skip
    return {file.suffix: file.read_text() for file in (copy.folder / "out").iterdir()}


def test_the_metric_is_in_every_output(report):
    """4 of 6 with an interval in CSV and JSON, by its title in what people read."""
    (row,) = [
        each
        for each in csv.DictReader(report[".csv"].splitlines())
        if each["label"] == "covid-19" and not each["attribute"]
    ]
    assert float(row["jaccard"]) == pytest.approx(4 / 6)
    assert float(row["jaccard_low"]) < 4 / 6 < float(row["jaccard_high"])
    (run,) = json.loads(report[".json"])["runs"]
    found = run["evaluation"]["estimates"]["covid-19"]["jaccard"]
    assert (found["numerator"], found["denominator"]) == (4, 6)
    assert all("Jaccard index" in report[suffix] for suffix in (".html", ".md", ".txt"))


def test_the_metric_can_be_limited(copy):
    """By its name and by the other one: 0.667 keeps one limit and not the next."""
    limits = ["--limit", "jaccard>=0.6", "--limit", "threat_score>=0.7"]
    words = ("gate", "runs/keras", "--json", *limits)
    (verdict,) = json.loads(copy.call(*words, code=1))["verdicts"]
    judged = {
        each["limit"]["min"]: each["outcome"]
        for each in verdict["results"]
        if each["limit"]["metric"] == "jaccard"
    }
    assert judged == {0.6: "pass", 0.7: "fail"}


def test_the_section_is_in_the_page_and_in_markdown(report):
    """With its threshold as a cell, and in the contents."""
    assert '<section id="thresholds"' in report[".html"]
    assert '<a href="#thresholds">Thresholds</a>' in report[".html"]
    assert "## Thresholds" in report[".md"]
    assert re.search(r"^\| .*keras.* \| 0\.500 \| default \|$", report[".md"], re.M)


def test_the_section_can_be_left_out(copy):
    """By its name, which the settings know, and in its words."""
    settings = copy.folder / "covidreport.toml"
    settings.write_text('[report]\nhide = ["thresholds"]\n')
    text = copy.call("render", "runs", "--format", "text", "--output", "-")
    settings.unlink()
    assert "THRESHOLDS" not in text
    assert text.endswith("\nLeft out by the configuration: the thresholds.\n")


def test_the_format_is_written_by_render(report):
    """Beside the others, with what the section says."""
    assert report[".txt"].endswith("\n")
    assert "\nTHRESHOLDS\nA score above its threshold is called COVID-19.\n" in report[".txt"]
    assert "\nkeras\t0.500\tdefault\n" in report[".txt"]


def test_the_tests_that_notice_a_gap_are_content(copy):
    """Those that walk the lists, in the copy: with nothing added but what the page says."""
    walking = (
        *("tests/report/test_formats.py", "-k", "text or suffix or documentation or metrics"),
        "tests/report/test_sections.py::test_the_documentation_names_every_section",
        "tests/test_new_metric.py::test_the_page_of_metrics_is_the_table",
    )
    copy.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *walking)


def test_the_rooms_hold(copy):
    """Nothing that the page adds breaks a contract."""
    copy.run(BIN / "lint-imports", "--no-cache")


def test_the_code_is_as_we_ask_for(copy):
    """Formatter and linter have nothing to say of it but where imports go."""
    for name in ("report/sections/thresholds.py", "report/plain.py"):
        copy.run(BIN / "ruff", "check", copy.folder / "covidreport" / name)
        copy.run(BIN / "ruff", "format", "--check", copy.folder / "covidreport" / name)


def test_its_commands_and_links_are_there():
    """Targets of the Makefile, files, modules, folders of tests."""
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert "STAMP := $(VENV)/.installed" in makefile
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:tests|covidreport|\.ci)/[\w/.]+)`", PAGE):
        assert (ROOT / path).exists(), path
