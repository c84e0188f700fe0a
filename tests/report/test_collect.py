"""What reading the evidence of a report takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from covidreport.compare import reading
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import FORMATS, need_curves
from covidreport.store import read_scores
from tests.report.scored_runs import write_runs


def _note(opened: list[Path], file: Path) -> Path:
    opened.append(file)
    return file


def test_comparisons_cases_and_curves_read_the_scores_of_each_run_once(tmp_path, monkeypatch):
    """Three runs are three files, however many parts of the report are made from them."""
    opened: list[Path] = []
    monkeypatch.setattr(
        reading, "ScoresReader", lambda: lambda file: read_scores(_note(opened, file))
    )
    runs = write_runs(tmp_path, runs=3, images=80)
    data = collect_report(runs, ReportChoices("covid-19", 0.5))

    assert data.rankings[0].comparisons.basis == "scores"
    assert data.cases is not None
    assert len(data.curves.runs) == 3
    assert sorted(opened) == sorted(tmp_path.glob("*/evaluations/*/scores.parquet"))


def test_a_format_without_curves_is_the_same_where_none_are_read(tmp_path):
    """Of JSON and CSV; the findings say of how many patients the positives are all the same."""
    runs = write_runs(tmp_path, runs=3, images=80)
    choices = ReportChoices("covid-19", 0.5)
    whole, without = (collect_report(runs, choices, curves=curves) for curves in (True, False))

    assert whole.curves is not None
    assert without.curves is None
    names = [name for name in FORMATS if not need_curves([name])]
    assert "json" in names
    for name in names:
        assert FORMATS[name].render(whole) == FORMATS[name].render(without)
    (few,) = (each for each in without.findings if each.code == "too-few-positives")
    scores = read_scores(next(tmp_path.glob("*/evaluations/*/scores.parquet")))
    positive = scores.truth[:, scores.labels.index("covid-19")] == 1
    patients = len(set(np.array(scores.groups)[positive]))
    assert f"{positive.sum()} positives of {patients} patients" in few.evidence


def test_no_report_loads_pandas_and_a_second_one_no_scipy(tmp_path):
    """Methods over seeds, comparisons, cases, curves and drawings are kept from the first one."""
    write_runs(tmp_path, runs=12, images=80)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from covidreport.report.formats import render_html\n"
        "from covidreport.report.choices import ReportChoices\n"
        "from covidreport.report.collect import collect_report\n"
        "from covidreport.storage.runs import discover_runs\n"
        f"runs = discover_runs([Path({str(tmp_path)!r})])\n"
        "data = collect_report(runs, ReportChoices('covid-19', 0.5))\n"
        "assert data.repeats[0].comparisons\n"
        "render_html(data)\n"
        "heavy = ('pandas', 'sklearn', 'onnxruntime', 'scipy', 'pyarrow', 'vl_convert')\n"
        "print(*[name for name in heavy if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    loaded = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]

    assert loaded == [["scipy", "pyarrow", "vl_convert"], []]
