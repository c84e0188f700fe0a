"""The table of formats, and what holds for all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from msgspec.structs import replace

from covidreport.records import ReportData, ReportedRun
from covidreport.report.formats import FORMATS
from tests.report.study import hostile_study, small_study


def test_formats_have_distinct_suffixes():
    """Several formats can be written side by side under one name."""
    suffixes = {entry.suffix for entry in FORMATS.values()}

    assert len(suffixes) == len(FORMATS) >= 4
    assert all(suffix.startswith(".") for suffix in suffixes)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("build", [small_study, hostile_study])
def test_equal_data_give_equal_bytes(name, build):
    """Nothing in a report comes from a clock, a hash seed or the order of a set."""
    render = FORMATS[name].render

    assert render(build()) == render(build())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("study_name", ["study", "hostile"])
def test_reports_are_text_that_utf8_holds(name, study_name, request):
    """A report can be written to a file whatever the names of the runs."""
    data: ReportData = request.getfixturevalue(study_name)

    text = FORMATS[name].render(data)

    assert text.endswith("\n")
    assert text.encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_name_that_is_no_text_does_not_stop_the_report(name, study):
    """A folder's name may hold bytes that no encoding knows; Python reads them as surrogates."""
    first = study.runs[0]
    odd = replace(first, run=replace(first.run, name="run-\udcff"))

    text = FORMATS[name].render(replace(study, runs=(odd, *study.runs[1:])))

    assert text.encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_without_any_evaluation_says_so(name, study):
    """Runs that all failed still give a report, with every reason in it."""
    runs = tuple(ReportedRun(one.run, None, (), study.runs[3].failure) for one in study.runs)
    empty = replace(study, runs=runs, rankings=(), findings=())

    assert "there is no model.onnx in runs/99" in FORMATS[name].render(empty).replace("\\", "")


def test_importing_the_reports_loads_nothing_heavy():
    """`covidreport --help` imports this package for its names, and must answer at once."""
    heavy = ("jinja2", "onnxruntime", "torch", "pandas", "scipy", "pyarrow", "PIL")
    code = (
        "import sys, covidreport.report.formats; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_rendering_loads_neither_models_nor_frames():
    """A report is made in a second because nothing of the kind is imported for it."""
    code = (
        "import sys\n"
        "from covidreport.report.formats import FORMATS\n"
        "from tests.report.study import small_study\n"
        "for entry in FORMATS.values(): entry.render(small_study())\n"
        "heavy = ('onnxruntime', 'torch', 'pandas', 'scipy', 'pyarrow', 'PIL')\n"
        "print([name for name in heavy if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
