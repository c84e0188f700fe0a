"""What a paper takes from a report, for a word processor: made from Markdown by pandoc."""

from __future__ import annotations

import os
import shutil
import subprocess

from covidreport.errors import CovidReportError
from covidreport.records import ReportData
from covidreport.report.markdown import draw_text
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.paper import view_paper

PANDOC = "pandoc"
_OLDEST = {"SOURCE_DATE_EPOCH": "315532800"}
"""The first time stamp that a ZIP file can have: the same data give the same bytes."""


def render_docx(data: ReportData, options: RenderOptions = PLAIN) -> bytes:
    """The bytes of a .docx; CovidReportError where pandoc is not installed, or fails."""
    program = shutil.which(PANDOC)
    if program is None:
        raise CovidReportError(
            "--format docx is made by pandoc, which is not installed: get it from "
            "https://pandoc.org/installing.html (Debian: apt-get install pandoc), or write "
            "--format latex or --format markdown"
        )
    text = draw_text(view_paper(data, options), options)
    done = subprocess.run(
        [program, "--from", "gfm", "--to", "docx", "--output", "-"],
        input=text.encode(), capture_output=True, check=False, env={**os.environ, **_OLDEST},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise CovidReportError(f"{program} could not make a .docx: {said}")
    return done.stdout
