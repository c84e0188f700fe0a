"""What other programs call: every name is there, light to import, and called after every room."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import covidreport
from covidreport import (
    EvaluateOptions,
    GateOptions,
    Thresholds,
    evaluate_runs,
    gate_runs,
    run_ci,
)
from covidreport.api import NAMES
from covidreport.errors import UsageError
from covidreport.records import StageStarted, StepsDone
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS
from tests.onnx_models import write_brightness_model

PACKAGE = Path(covidreport.__file__).parent
ROOMS = sorted(
    {each.stem for each in PACKAGE.glob("*.py") if each.stem != "__init__"}
    | {each.parent.name for each in PACKAGE.glob("*/__init__.py")}
)
STUDY = PACKAGE.parent / "examples" / "study-2020"
FUNCTIONS = [name for name in NAMES if name.islower()]


def test_no_name_of_a_room_is_the_name_of_a_function():
    """Importing `covidreport.evaluate` would bind the module over a function of that name."""
    assert len(ROOMS) > 10
    assert not set(ROOMS) & set(covidreport.__all__)
    assert set(covidreport.__all__) == {*NAMES, "__version__"} <= set(dir(covidreport))


def test_after_every_room_is_imported_each_function_can_be_called():
    """In a new process; called without what it needs, each says what is wrong."""
    code = (
        f"import importlib, covidreport\n"
        f"for room in {ROOMS!r}: importlib.import_module(f'covidreport.{{room}}')\n"
        f"for name in {FUNCTIONS!r}:\n"
        f"    try: getattr(covidreport, name)()\n"
        f"    except (TypeError, covidreport.errors.CovidReportError) as error: print(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=PACKAGE.parent / "docs",
    )  # fmt: skip
    assert done.stdout.split() == FUNCTIONS


def test_the_stub_that_type_checkers_read_has_the_same_names():
    """`covidreport/__init__.pyi` is written by hand."""
    stub = (PACKAGE / "__init__.pyi").read_text()
    listed = stub.split("__all__ = [")[1].split("]")[0]
    assert {each.strip().strip('",') for each in listed.split() if each.strip()} == set(
        covidreport.__all__
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Six validation images and two runs; the second calls the case of brightness 90 too."""
    write_flat_dataset(tmp_path / "data", ROWS)
    write_brightness_model(tmp_path / "runs" / "usual" / "model.onnx")
    write_brightness_model(
        tmp_path / "runs" / "keen" / "model.onnx", (0.1, -0.02, -0.1), (-8.0, 1.0, 4.0)
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_are_evaluated_and_ranked(project):
    """By hand: of brightness 120 and 90 the usual run finds one, the keen one both."""
    events = []
    options = EvaluateOptions(data=Path("data/manifest.csv"), provider="cpu")
    done = evaluate_runs("runs", options=options, on_event=events.append)
    assert [outcome.failure for outcome in done.outcomes] == [None, None]
    (ranked,) = done.rankings
    assert [(row.run, row.missed) for row in ranked.ranking.rows] == [("keen", 0), ("usual", 1)]
    assert (done.failures, done.without_model, done.too_many_failed) == ((), (), {})
    stages = [event.what for event in events if isinstance(event, StageStarted)]
    assert stages == ["Reading 6 files", "Evaluating 6 images"]
    steps = [event.steps for event in events if isinstance(event, StepsDone)]
    assert sum(steps) == 6 + 2 * 6
    assert (project / "runs/keen/evaluations/data-validation/evaluation.json").is_file()


def test_settings_lie_beneath_what_is_given(project):
    """Data of the settings, thresholds of the call; what stands is kept."""
    (project / "covidreport.toml").write_text('data = "data/manifest.csv"\nthreshold = 0.9\n')
    first = evaluate_runs(options=EvaluateOptions(provider="cpu"))
    assert {o.evaluation.thresholds_from for o in first.outcomes} == {"configuration"}
    given = Thresholds(0.2, origin="option")
    again = evaluate_runs(options=EvaluateOptions(provider="cpu", thresholds=given))
    assert [outcome.reused for outcome in again.outcomes] == [True, True]
    assert {o.evaluation.thresholds["covid-19"] for o in again.outcomes} == {0.2}


def test_runs_are_judged_by_a_baseline(project):
    """By hand: the keen run misses none, the usual one misses one more than it."""
    options = EvaluateOptions(data=Path("data/manifest.csv"), provider="cpu")
    evaluate_runs(options=options)
    better = gate_runs("runs/keen", options=GateOptions(baseline="runs/usual"))
    assert [(each.run, each.outcome) for each in better.verdicts] == [("keen", "pass")]
    (worse,) = gate_runs("runs/usual", options=GateOptions(baseline="runs/keen")).verdicts
    failed = [each.limit.name for each in worse.results if each.outcome == "fail"]
    assert (worse.outcome, failed) == ("fail", ["covid-19 missed"])
    asked = GateOptions(limits=("sensitivity>=0.4",))
    (kept,) = gate_runs("runs/usual", options=asked).verdicts
    assert kept.outcome == "pass"


def test_a_pipeline_evaluates_judges_and_collects_the_report(project):
    """In one call; the baseline needs no verdict, and nothing is written but evaluations."""
    options = EvaluateOptions(data=Path("data/manifest.csv"), provider="cpu")
    before = set(project.iterdir())
    events = []
    done = run_ci(
        "runs", gate=GateOptions(baseline="runs/usual"), evaluate=options, on_event=events.append
    )
    assert [(each.run, each.outcome) for each in done.verdicts] == [("keen", "pass")]
    assert [(each.run, each.why) for each in done.beside.not_judged] == [
        ("usual", "is the baseline")
    ]
    assert {each.run.name for each in done.report.runs} == {"keen", "usual"}
    assert any(isinstance(event, StageStarted) for event in events)
    assert set(project.iterdir()) == before


def test_what_makes_no_sense_is_said_as_on_the_command_line(project):
    """With what to do."""
    with pytest.raises(UsageError, match="no data is named: use --data"):
        evaluate_runs("runs")
    with pytest.raises(UsageError, match=r"nowhere: no such file or folder \(from --data\)"):
        evaluate_runs("runs", options=EvaluateOptions(data=Path("nowhere")))
    with pytest.raises(UsageError, match=r"--margin 0\.1 is a loss compared with a baseline"):
        gate_runs("runs", options=GateOptions(margin=0.1, limits=("missed<=5",)))
    with pytest.raises(UsageError, match="--policy tolerant compares with a baseline"):
        gate_runs("runs", options=GateOptions(policy="tolerant", limits=("missed<=5",)))
    with pytest.raises(UsageError, match="no format is called 'pdf'"):
        covidreport.render_report(covidreport.load(STUDY), "pdf")


def test_a_report_is_rendered_in_every_format(project):
    """From what `load` gives."""
    evaluate_runs(options=EvaluateOptions(data=Path("data/manifest.csv"), provider="cpu"))
    report = covidreport.load()
    assert covidreport.render_report(report).startswith("<!doctype html>")
    for name in ("markdown", "json", "ranking-csv", "metrics-csv"):
        assert "keen" in covidreport.render_report(report, name)
    with pytest.warns(DeprecationWarning, match=r"`csv` is deprecated and goes with 0\.3\.0; use"):
        assert "keen" in covidreport.render_report(report, "csv")


def test_the_examples_of_the_documentation_run(project, capsys):
    """Word for word, one after the other, in a folder with runs/ and data/."""
    page = (PACKAGE.parent / "docs" / "python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102  # our own page
    assert "keen 0" in capsys.readouterr().out
    assert (project / "report.html").stat().st_size > 10_000


def test_the_documentation_names_every_function():
    """And the README leads there."""
    page = (PACKAGE.parent / "docs" / "python.md").read_text()
    for name in FUNCTIONS:
        assert f"| `{name}(" in page
    assert "docs/python.md" in (PACKAGE.parent / "README.md").read_text()
