"""The paper's face of a report: escaped, complete, with its sources, and compiled where TeX is."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.errors import CovidReportError
from covidreport.report import methods_texts
from covidreport.report.docx import render_docx
from covidreport.report.latex import draw_document, escape_latex, render_latex, write_bibtex
from covidreport.report.options import RenderOptions
from covidreport.report.paper import view_paper
from covidreport.report.references import REFERENCES
from covidreport.report.sections import methods
from covidreport.text import p_value
from tests.report.blocks import list_tables, read_lines, read_values
from tests.report.study import BEST, HOSTILE

SIGNS = {
    r"\textbackslash{}": "\\", r"\textasciicircum{}": "^", r"\textasciitilde{}": "~",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|", r"\textquotedbl{}": '"',
    r"\textasciigrave{}": "`", r"\textquotesingle{}": "'", r"-{}": "-", r"{[}": "[", r"{]}": "]",
    r"\{": "{", r"\}": "}", r"\$": "$", r"\&": "&", r"\#": "#", r"\%": "%", r"\_": "_",
    r"\textendash{}": "–", r"\textemdash{}": "—", r"\ensuremath{-}": "−",
    r"\ensuremath{\times}": "×", r"\ensuremath{\pm}": "±", r"\ensuremath{\geq}": "≥",
    r"\ensuremath{\leq}": "≤", r"\ensuremath{\neq}": "≠", r"\ensuremath{\surd}": "√",
    r"\ensuremath{\Sigma}": "Σ", r"\ensuremath{\chi}": "χ", r"\ensuremath{^2}": "²",
    r"\ensuremath{'}": "′", r"\textperiodcentered{}": "·", r"\ldots{}": "…",
    r"\textquotedblleft{}": "“", r"\textquotedblright{}": "”", r"\textquoteleft{}": "‘",
    r"\textquoteright{}": "’",
}  # fmt: skip
"""What each command is set as, as LaTeX's own manual has it."""
_TOKEN = re.compile(
    r"\\othersign\{([0-9A-F]+)\}\{(.)\}|"
    + "|".join(map(re.escape, sorted(SIGNS, key=len)[::-1]))
    + "|.",
    re.S,
)
needs_tex = pytest.mark.skipif(
    not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="TeX is not installed"
)
needs_pandoc = pytest.mark.skipif(not shutil.which("pandoc"), reason="pandoc is not installed")


def _read(text: str) -> str:
    """What LaTeX sets of an escaped text; it fails on a sign that would be a command."""
    read = []
    for token in _TOKEN.finditer(text):
        if token[1]:
            assert int(token[1], 16) == ord(token[2])
            read.append(token[2])
        elif token[0] in SIGNS:
            read.append(SIGNS[token[0]])
        else:
            assert token[0] not in "\\{}$&#%_^~[]", text
            read.append(token[0])
    return "".join(read)


@given(st.text() | st.text(alphabet="\\{}$&#%_^~<>|\"'`[]- a1é☃"))
def test_whatever_a_name_holds_is_set_as_it_is(name):
    """No sign of it is a command, no brace stays open, and none is lost but what can't be seen."""
    flat = re.sub(r"\s+", " ", name)
    shown = "".join("\ufffd" if category(sign) in ("Cc", "Cs") else sign for sign in flat)
    assert _read(escape_latex(name)) == shown


def test_the_tables_are_numbered_as_a_paper_has_them(everything):
    """The patients first, the results second; each a booktabs table, with heads on every page."""
    text = render_latex(everything)
    captions = re.findall(r"\\caption\{(.*?)\}\\\\", text)
    assert "patients by class" in captions[0]
    assert captions[1].startswith("Runs on drawn")
    assert captions[2] == "1 run without figures"
    assert "STARD 2015" in captions[3]
    assert text.count(r"\toprule") == 2 * len(captions)
    assert text.count(r"\bottomrule") == text.count(r"\begin{longtable}") == len(captions)


def test_table_2_has_counts_metrics_with_intervals_and_adjusted_p(everything, study):
    """The figures of the ranking, which a hand has counted; the same as the page's."""
    (table,) = list_tables(view_paper(study).sections["table-2"][0])
    best = next(row for row in read_lines(table) if row[0] == BEST)
    assert best[1:4] == ["8", "195", "0.714 (20 of 28; 95 % CI 0.529 to 0.847)"]
    scored = list_tables(view_paper(everything).sections["table-2"][0])[0]
    assert [column.title for column in scored.columns] == [
        "Run", "Missed", "False alarms", "Sensitivity", "Specificity", "F1", "ROC AUC",
        "Adjusted p",
    ]  # fmt: skip
    standing = everything.rankings[0].comparisons.rank_evidence
    adjusted = {one.run: p_value(one.adjusted_p_value) for one in standing}
    first, *others = read_values(scored)
    assert first[-1] == "the best"
    assert [row[-1] for row in others] == [adjusted[row[0]] for row in others]
    assert len(others) == 6
    text = render_latex(study)
    assert "0.714 (0.529 to 0.847)" in text
    assert "Shown and not ranked" in text


def test_every_source_that_is_cited_is_in_the_bibliography(everything):
    """And no other; the names stand in the text as well."""
    text = render_latex(everything)
    cited = set(re.findall(r"\\cite\{(\w+)\}", text))
    entries = set(re.findall(r"^@\w+\{(\w+),", text, re.M))
    assert cited == entries
    assert {"wilson1927", "mcnemar1947", "westfall1993"} <= cited
    assert r"(Wilson 1927~\cite{wilson1927})" in text
    methods_alone = text[text.index(r"\section{Methods}") : text.index(r"\section{Software}")]
    unknown = re.findall(r"\b(?:19|20)\d\d\b(?!\)?~\\cite)", methods_alone)
    assert unknown == []


def test_every_source_is_one_that_the_methods_cite():
    """By the very words; the key is the first author's name and the year."""
    files = (methods.__file__, methods_texts.__file__)
    said = "".join(Path(file).read_text() for file in files)
    said = said.replace('"\n    "', "").replace('"\n     "', "")
    said = re.sub(r'"\s*\n\s*f?"', "", said)
    for one in REFERENCES:
        if one.key not in ("numpy", "onnxruntime"):
            assert any(words in said for words in one.cited), one.key
            assert one.key.endswith(str(one.year))
        entry = write_bibtex(one)
        assert entry.count("{") == entry.count("}")


def test_hidden_sections_are_in_no_paper(everything):
    """As in the report."""
    hide = frozenset({"study", "ranking", "methods"})
    assert list(view_paper(everything, RenderOptions(hide=hide)).sections) == [
        "failed-failed",
        "software",
    ]


@needs_tex
@pytest.mark.parametrize("name", ["study", "hostile", "everything"])
def test_it_compiles(name, request, tmp_path):
    """With the programs of any TeX, whatever runs are called; no table is wider than its page."""
    view = view_paper(request.getfixturevalue(name))
    (tmp_path / "paper.tex").write_text(draw_document(view))
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"]
    for program in (latex, ["bibtex", "paper"], latex, latex):
        done = subprocess.run(
            program, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
        )
        assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "paper.log").read_text(errors="replace")
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    assert "undefined" not in log.split("Output written")[0].split("**paper")[-1].lower()
    wide = [
        float(found) for found in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\) in al", log)
    ]
    assert [each for each in wide if each > 10] == []


def test_without_pandoc_it_is_said_what_to_install(study, monkeypatch):
    """And which formats need none."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        CovidReportError, match=r"pandoc, which is not installed: get it from .*latex"
    ):
        render_docx(study)


def test_a_pandoc_that_fails_is_quoted(study, monkeypatch, tmp_path):
    """With what it said."""
    program = tmp_path / "pandoc"
    program.write_text("#!/bin/sh\necho 'out of ink' >&2\nexit 5\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CovidReportError, match=r"could not make a \.docx: out of ink"):
        render_docx(study)


@needs_pandoc
def test_a_document_has_the_tables_of_the_paper(hostile):
    """The same bytes for the same data; names as they are, and nothing folded away."""
    document = render_docx(hostile)
    assert document == render_docx(hostile)
    with zipfile.ZipFile(io.BytesIO(document)) as opened:
        words = opened.read("word/document.xml").decode()
    text = re.sub(r"<[^>]+>", "", words.replace("</w:p>", "\n"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert HOSTILE[3] in text
    assert "not stated" in text
    assert "Wilson score intervals" in text
