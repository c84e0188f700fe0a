"""What the README promises: its commands run, from `make demo` to the table of commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from covidreport.store import read_scores
from tests.forking import find_forks
from tests.visits import OPEN_FOLDS, SIDEWAYS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()
]


def _run(words, cwd, **environment):
    path = os.pathsep.join([str(find_forks().programs), str(BIN), os.environ["PATH"]])
    return subprocess.run(
        words, cwd=cwd, env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The folder that `make demo` fills, with this environment in place of a new one."""
    folder = tmp_path_factory.mktemp("demo")
    installed = folder / "installed"
    installed.touch()
    words = ["make", "demo", f"DEMO={folder}", f"BIN={find_forks().programs}", f"STAMP={installed}"]
    done = _run(words, ROOT, COVIDREPORT_CACHE=str(folder / "cache"))
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


def test_the_demo_trains_evaluates_ranks_and_reports(demo):
    """Of five runs some are good, one is poor and one is not ranked; all stand in one report."""
    document = json.loads(
        _run(
            ["covidreport", "render", demo / "runs", "--format", "json", "--output", "-"], demo
        ).stdout
    )
    (ranking,) = document["rankings"]
    ranked = [row for row in ranking["rows"] if row["rank"] is not None]
    unranked = [row for row in ranking["rows"] if row["rank"] is None]
    assert (len(ranked), len(unranked)) == (4, 1)
    assert ranked[0]["missed"] < ranked[-1]["missed"]
    assert "positive" in unranked[0]["why_unranked"]
    assert {e["split"] for run in document["runs"] for e in run["others"]} == {"train"}
    for other in ("disturbed", "foreign"):
        assert [each["run"] for each in document[other]] == [row["run"] for row in ranking["rows"]]
    page = (demo / "report.html").read_text()
    assert all(row["run"] in page for row in ranking["rows"])
    assert "2 sites, a data set each." in page
    assert [each["dataset"] for each in document["datasets"]] == ["drawn", "elsewhere"]
    assert ranked[0]["run"] in (demo / "stdout.txt").read_text()


def test_the_demos_report_is_read_on_few_screens(demo, visit):
    """With its changed pictures and its second site, before anything is unfolded."""
    page = visit(demo / "report.html", width=1440)

    assert page.evaluate("document.documentElement.scrollHeight") <= 9_000
    for name in ("disturbed", "foreign", "sites"):
        assert page.locator(f"#{name} summary").first.is_visible()
    page.evaluate(OPEN_FOLDS)
    for width in (1024, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SIDEWAYS) == []


def test_the_demo_says_that_its_images_are_drawn(demo):
    """Nobody can take the demo's data for patients."""
    assert "drawn" in (demo / "drawn" / "README.md").read_text().lower()
    header, first = (demo / "drawn" / "manifest.csv").read_text().splitlines()[:2]
    assert dict(zip(header.split(","), first.split(","), strict=True))["source"] == "drawn"


def test_every_command_of_the_readme_is_one_that_a_test_knows():
    """A new command in the README needs a line here that shows that it runs."""
    programs = {" ".join(shlex.split(command)[:3]) for command in COMMANDS}
    assert programs == {
        "make demo",
        "make test",
        "pip install .[gpu]",  # `make dockerfiles`
        "covidreport init data/manifest.csv",
        "covidreport evaluate runs/",
        "covidreport render --format",
        "covidreport baseline set",  # with `ci`, in tests/integrations/test_story.py
        "covidreport ci runs/",
        "python -m train",
    }


def test_the_commands_for_your_own_models_run(demo, tmp_path):
    """init, evaluate and render, word for word, in a folder with data/ and runs/."""
    (tmp_path / "data").symlink_to(demo / "drawn")
    shutil.copytree(
        demo / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns("evaluations", "*.pt")
    )
    (block,) = [block for block in BLOCKS if "covidreport init" in block]
    lines = [line.split("#")[0].strip() for line in block.splitlines()]
    wanted = [line for line in lines if line.startswith("covidreport")]
    assert len(wanted) >= 3
    for command in dict.fromkeys(wanted):
        done = _run(shlex.split(command), tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "covidreport.toml").is_file()
    assert (tmp_path / "report.html").is_file()


def test_two_runs_that_were_exported_become_one(demo, tmp_path):
    """Its stored scores of all images are the mean of theirs."""
    parts = [demo / "runs" / name for name in ("demo1-bce", "demo2-focal")]
    words = ["--output", tmp_path / "runs", "--name", "both"]
    done = _run(["covidreport", "combine", *parts, *words], demo)
    assert done.returncode == 0, done.stderr
    data = ["--data", demo / "drawn" / "manifest.csv"]
    done = _run(["covidreport", "evaluate", tmp_path / "runs", *data], demo)
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "runs" / "both").glob("evaluations/*/scores.parquet")
    stored = [read_scores(part / file.relative_to(tmp_path / "runs" / "both")) for part in parts]
    both = read_scores(file)
    assert both.sample_ids == stored[0].sample_ids
    mean = np.mean([expit(each.scores.astype(float)) for each in stored], axis=0)
    assert expit(both.scores.astype(float)) == pytest.approx(mean, abs=1e-6)


def test_the_tutorial_on_the_demo_goes_on_with_it(demo, tmp_path):
    """Word for word; the gate passes or fails the second run, and says on what."""
    shutil.copytree(demo / "runs", tmp_path / "demo" / "runs")
    page = (ROOT / "docs" / "tutorials" / "demo.md").read_text(encoding="utf-8")
    first, *blocks = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    assert first == "make demo\n"
    for command in "".join(blocks).splitlines():
        done = _run(shlex.split(command), tmp_path)
        wanted = (0, 1) if " gate " in command else (0,)
        assert done.returncode in wanted, f"{command}: {done.stderr}"
    (verdict,) = json.loads((tmp_path / "demo" / "verdict" / "verdict.json").read_text())[
        "verdicts"
    ]
    assert (verdict["run"], verdict["outcome"] == "fail") == ("demo2-focal", done.returncode == 1)
    assert (tmp_path / "demo" / "figures.csv").read_text().startswith("run,")


def test_the_training_command_names_a_study_that_is_there():
    """The study of the recipe is read and its settings are shown."""
    (command,) = [command for command in COMMANDS if command.startswith("python -m train fit")]
    words = shlex.split(command)
    study = words[words.index("--study") + 1]
    done = _run(["python", "-m", "train", "list", "--study", study], ROOT)
    assert done.returncode == 0, done.stderr
    assert "resnet18" in done.stdout.replace("\n", "")


def test_the_study_of_2020_renders_as_the_readme_says(tmp_path):
    """`covidreport render examples/study-2020` works in a folder without anything."""
    done = _run(["covidreport", "render", ROOT / "examples" / "study-2020"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "exp15-vgg16-bce-frozen" in (tmp_path / "report.html").read_text()


def test_the_table_of_commands_is_whole():
    """Every command of the program stands in the README's table."""
    done = _run(["covidreport", "--help"], ROOT)
    listed = set(re.findall(r"^  ([a-z][a-z-]*)  ", done.stdout, flags=re.MULTILINE))
    assert listed
    for name in listed:
        assert f"`covidreport {name}" in README, name


def test_links_of_the_readme_lead_somewhere():
    """Every file that it links to or shows is in the checkout."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
