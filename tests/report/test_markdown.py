"""The Markdown file: what GitHub shows is what the data say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covidreport.report import render_markdown
from covidreport.report.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("exp15-vgg16-bce-frozen", "exp15-vgg16-bce-frozen"),
        ("0.714 (20/28; 95 % CI 0.529 to 0.847)", "0.714 (20/28; 95 % CI 0.529 to 0.847)"),
        ("a|b", "a\\|b"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("`code` *b* _i_ ~s~ $m$", "\\`code\\` \\*b\\* \\_i\\_ \\~s\\~ \\$m\\$"),
        ("[x](y)", "\\[x\\](y)"),
        ("back\\slash", "back\\\\slash"),
        ("# title", "\\# title"),
        ("- item", "\\- item"),
        ("1. first", "1\\. first"),
        ("1.5 is a number", "1.5 is a number"),
        ("&lt;", "\\&lt;"),
        ("R&D", "R\\&D"),
        ("two\nlines", "two lines"),
        ("http://evil.example", "http\\://evil.example"),
        ("www.evil.example", "www\\.evil.example"),
    ],
)
def test_text_is_escaped_where_it_could_be_markup(text, escaped):
    """Plain names stay readable; a backslash goes before what Markdown would take as its own."""
    assert escape_markdown(text) == escaped


@given(st.text())
def test_escaped_text_never_breaks_a_table(text):
    """Whatever a name holds: one line, no bare pipe, no tag, no code, no link."""
    escaped = escape_markdown(text)
    bare = re.sub(r"\\.", "", escaped)

    assert len(escaped.splitlines()) <= 1
    assert not set(bare) & set("|<>`*_[]")


def test_a_table_has_as_many_cells_in_each_row(study, hostile):
    """A pipe in a name would add a column and shift every figure behind it."""
    for data in (study, hostile):
        blocks = re.findall(r"(?:^\|.*\n)+", render_markdown(data), re.M)

        assert len(blocks) > 10
        for block in blocks:
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1


def test_the_ranking_reads_as_it_should(study):
    """The first rows of the ranking, asserted to the letter."""
    text = render_markdown(study)

    assert (
        "| Rank | Run | Block | Missed (of 28) | Found (of 28) | False alarms (of 600) | "
        "Sensitivity (95 % CI) | Specificity (95 % CI) | F1 (COVID-19) | Micro F1 (all labels) | "
        "Label accuracy (all labels) | Exact match (all labels) |\n"
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| 1 | **exp15-vgg16-bce-frozen** | 4b | 8 | 20 | 195 | "
        "0.714 (20/28; 95 % CI 0.529 to 0.847) | 0.675 (405/600; 95 % CI 0.636 to 0.711) | "
        "0.165 | 0.806 | 0.850 | – |\n"
        "| 2 | exp3-resnet18-bce | 1 | 10 | 18 | 204 | "
        "0.643 (18/28; 95 % CI 0.458 to 0.793) | 0.660 (396/600; 95 % CI 0.621 to 0.697) | "
        "– | 0.806 | 0.850 | – |\n"
    ) in text


def test_runs_without_a_rank_or_without_figures_have_their_reasons(study):
    """Nothing is dropped without a word."""
    text = render_markdown(study)

    assert "| exp9-vgg16-focal | 28 | 0 | 0 | Calls 628 of 628 images negative |" in text
    assert "| exp99-broken | load | there is no model.onnx in runs/99 |" in text


def test_matrices_have_actual_in_rows_and_predicted_in_columns(study):
    """The layout of the reference study: no before yes."""
    text = render_markdown(study)

    assert (
        "| Label | Actual | Predicted no | Predicted yes |\n"
        "| --- | --- | ---: | ---: |\n"
        "| COVID-19 | no | 405 | 195 |\n"
        "| COVID-19 | yes | 8 | 20 |\n"
        "| normal | no | 200 | 28 |\n"
        "| normal | yes | 13 | 387 |\n"
    ) in text
    assert "| COVID-19 | no | 3,832 | 168 |\n| COVID-19 | yes | 258 | 1,942 |" in text


def test_it_holds_no_html(hostile):
    """A viewer that lets HTML through gets none from us."""
    text = re.sub(r"\\.", "", render_markdown(hostile))

    assert "<" not in text
