"""Sentences with code in them: shown as code in every format, harmless whatever they hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from covidreport.records import Finding
from covidreport.report.formats import render_html, render_markdown
from covidreport.report.markdown import MARKDOWN
from covidreport.report.prose import HTML, split_code
from covidreport.report.summary import render_summary
from tests.report.reading import read_html, show_markdown


@pytest.mark.parametrize(
    ("sentence", "html", "markdown"),
    [
        ("run `it` now", "run <code>it</code> now", "run `it` now"),
        ("`a_b` and `c*d*`", "<code>a_b</code> and <code>c*d*</code>", "`a_b` and `c*d*`"),
        (
            "<b> `<b> & c` | x",
            "&lt;b&gt; <code>&lt;b&gt; &amp; c</code> | x",
            "\\<b\\> `<b> & c` \\| x",
        ),
        ("one ` alone", "one ` alone", "one \\` alone"),
        ("``two``", "``two``", "\\`\\`two\\`\\`"),
        ("`a|b`", "`a|b`", "\\`a\\|b\\`"),
        ("` a `", "` a `", "\\` a \\`"),
        ("$`a`$", "$`a`$", "\\$\\`a\\`\\$"),
        ("`@octo`", "<code>@octo</code>", "`@octo`"),
    ],
)
def test_what_stands_between_backticks_is_code(sentence, html, markdown):
    """Escaped in both; what would not be code in Markdown is code in neither."""
    assert HTML.write_prose(sentence) == html
    assert MARKDOWN.write_prose(sentence) == markdown


@given(st.text("ab`$|\\<>&* _@1.-\n", max_size=30))
def test_both_formats_show_the_same_pieces(text):
    """Whatever a sentence holds: Markdown that is shown has the code that HTML has, and no tag."""
    text = " ".join(text.split())
    code = split_code(text)[1::2]
    shown = show_markdown(f"x {MARKDOWN.write_prose(text)} x")

    assert re.findall(r"<code>(.*?)</code>", HTML.write_prose(text)) == re.findall(
        r"<code>(.*?)</code>", shown
    )
    assert len(re.findall("<code>", shown)) == len(code)
    assert set(re.findall(r"<[^>]*>", shown)) <= {"<p>", "</p>", "<code>", "</code>"}
    assert read_html(f"<p>x {HTML.write_prose(text)} x</p>") == read_html(shown).replace(
        "\u200b", ""
    )


@given(st.text("ab`$|\\<>*", max_size=20))
def test_a_sentence_in_a_table_stays_in_its_cell(text):
    """Nor does a pipe in code add a column."""
    text = " ".join(text.split())
    shown = show_markdown(f"| a | b |\n| --- | --- |\n| {MARKDOWN.write_prose(text)} | last |\n")

    cells = re.findall(r"<td>(.*?)</td>", shown, re.S)
    assert len(cells) == 2
    assert cells[1] == "last"


HOSTILE = "`<script>alert(1)</script>` ``x`` `|` <img src=x onerror=alert(1)>"


@pytest.fixture
def hostile_sentences(study):
    """The study with a run of a name that wants to be code, and findings that speak of it."""
    first = study.runs[1]
    runs = (replace(first, run=replace(first.run, name=HOSTILE)), *study.runs[2:])
    findings = tuple(
        Finding(severity, "x", f"{HOSTILE} is odd", f"of {HOSTILE}", "run `it`", (HOSTILE,))
        for severity in ("error", "warning")
    )
    return replace(study, runs=runs, findings=findings, rankings=())


def test_a_hostile_name_is_harmless_in_sentences(hostile_sentences):
    """No element comes of it in any format; as a name it stands letter by letter."""
    page, text = render_html(hostile_sentences), render_markdown(hostile_sentences)

    for shown in (page, show_markdown(text), render_summary(hostile_sentences)):
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
    assert HOSTILE in read_html(page)
    assert HOSTILE in read_html(show_markdown(text))


def test_no_backtick_of_ours_is_left_on_the_page(study, compared):
    """Commands that a reader should type look like commands."""
    for data in (study, compared):
        page = render_html(data)
        body = page[page.index("<body>") : page.index('<script type="application/json"')]

        assert "`" not in re.sub(r'\s(?:aria-label|title|alt)="[^"]*"', "", body)
    assert "<code>covidreport evaluate</code>" in render_html(study)
    assert "`covidreport evaluate`" in render_markdown(study)
