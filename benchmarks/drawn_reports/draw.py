"""Draws the reports that are compared, from runs that are made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from msgspec.structs import replace

from covidreport.compare import Plan
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_html, render_markdown
from covidreport.settings import Settings
from covidreport.storage.made_here import KIND as MADE_HERE
from covidreport.storage.runs import discover_runs, read_run
from covidreport.store import read_evaluation, write_evaluation, write_run
from tests.report.scored_runs import write_runs

ROOT = Path(__file__).resolve().parents[2]
MANY = 60
_COMMAND = "from covidreport.cli import main; main()"


def draw_reports(folder: Path, runs: Path, demo: Path | None) -> Iterator[str]:
    """Draw each report into `folder`; gives a line for each that was drawn or left out.

    runs: where the runs of the reports are, or are made: those of another drawing, so that times
    and chance are the same in both. demo: the demo's runs, made already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs.mkdir(parents=True, exist_ok=True)
    if demo is not None and not (runs / "demo").exists():
        shutil.copytree(demo, runs / "demo")
    images = os.environ.get("COVIDREPORT_CXR")
    made = runs / "cache"
    with _use_cache(made):
        make_demo(runs / "demo", runs / "drawn")
        make_many(runs / "sixty-runs")
        if images is not None:
            make_radiographs(runs / "radiographs", runs / "demo", Path(images).resolve())
    with tempfile.TemporaryDirectory() as cache, _use_cache(Path(cache)):
        # Who computed the scores is known as before; every figure of a report is computed anew.
        if (made / MADE_HERE).is_dir():
            shutil.copytree(made / MADE_HERE, Path(cache) / MADE_HERE)
        yield draw_report(ROOT / "examples" / "study-2020", folder)
        yield draw_report(runs / "demo", folder)
        yield draw_report(runs / "sixty-runs", folder, Plan(margin=0.05))
        if images is not None:
            yield draw_report(runs / "radiographs", folder)
        else:
            yield "radiographs: left out, since COVIDREPORT_CXR names no folder of them"


@contextmanager
def _use_cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("COVIDREPORT_CACHE")
    os.environ["COVIDREPORT_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["COVIDREPORT_CACHE"]
        if before is not None:
            os.environ["COVIDREPORT_CACHE"] = before


def draw_report(runs: Path, folder: Path, plan: Plan | None = None) -> str:
    """HTML, Markdown as the command cuts it, and Markdown that is not cut."""
    name, folder = runs.name, folder.resolve()
    settings = Settings()
    with chdir(runs.parent):
        data = collect_report(
            discover_runs([Path(name)]),
            settings.choose_report(),
            plan=plan,
            command=f"covidreport render {name}",
        )
        drawn = {
            f"{name}.html": render_html(data),
            f"{name}.md": render_markdown(data),
            f"{name}.whole.md": render_markdown(data, limit=None),
        }
    for file, text in drawn.items():
        (folder / file).write_text(text, encoding="utf-8")
    return f"{name}: {len(data.runs)} runs drawn as {', '.join(drawn)}"


def make_demo(runs: Path, images: Path) -> None:
    """The demo's five runs on drawn radiographs, as `make demo` makes them; about two minutes."""
    if not runs.exists():
        part = runs.with_name("demo.part")
        shutil.rmtree(part, ignore_errors=True)
        study = ROOT / "train" / "studies" / "demo.toml"
        _run("-m", "train", "draw", "--out", images)
        _run("-m", "train", "fit", "--study", study, "--data", images, "--out", part)
        for split in ("train", "validation"):
            _run("-c", _COMMAND, "evaluate", part, "--data", images, "--split", split)
        part.rename(runs)


def make_radiographs(runs: Path, demo: Path, images: Path) -> None:
    """The demo's models on real radiographs: pictures of cases, patients and attributes."""
    if not runs.exists():
        part = runs.with_name("radiographs.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(demo, part, ignore=shutil.ignore_patterns("evaluations"))
        data = images / "manifest.csv"
        _run(
            "-c",
            _COMMAND,
            "evaluate",
            part,
            "--data",
            data,
            "--split",
            "validation",
            "--thumbnails",
        )
        part.rename(runs)


def make_many(runs: Path) -> None:
    """Sixty runs with scores; four more with counts alone, and one that was not evaluated."""
    if not runs.exists():
        part = runs.with_name("sixty-runs.part")
        shutil.rmtree(part, ignore_errors=True)
        written = write_runs(part, runs=MANY, images=400)
        for run in written[::16]:
            add_counts_alone(run.folder, part / f"{run.folder.name}-counts")
        write_run(part / "exp99", {"name": "exp99-not-evaluated"})
        part.rename(runs)


def add_counts_alone(folder: Path, to: Path) -> None:
    """The same run under another name, of which only counts are known."""
    run = read_run(folder)
    name = f"{run.name}-counts"
    write_run(to, {**run.settings, "name": name})
    for stored in (folder / "evaluations").iterdir():
        evaluation = replace(
            read_evaluation(stored), run=name, has_scores=False, score_metrics=None
        )
        write_evaluation(to, evaluation)


def _run(*command: str | Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"`python {' '.join(map(str, command))}` ended with {done.returncode}")
