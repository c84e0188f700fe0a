"""HTML, Markdown, JSON and CSV can't say different things."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from covidreport.compare.pairs import Plan
from covidreport.metrics import ALL_METRICS
from covidreport.report import render_csv, render_html, render_json, render_markdown
from covidreport.report.view import view_report
from covidreport.report.view.records import (
    Answer,
    EvaluationView,
    Fact,
    FindingView,
    MethodView,
    RankingView,
    RunView,
    Span,
    Table,
)
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.reading import list_figures, read_html, read_markdown, show_markdown
from tests.report.tables import ReadTable, read_tables

STUDIES = ("study", "hostile", "compared", "detailed")


def _markdown(data):
    """The whole text, nothing left out for the length of a comment."""
    return render_markdown(data, limit=None)


@pytest.fixture(scope="module", params=STUDIES)
def report(request):
    """A report's data, its view, its page and its Markdown as shown."""
    data = request.getfixturevalue(request.param)
    return data, view_report(data), render_html(data), show_markdown(_markdown(data))


@pytest.fixture
def texts(report):
    """The words of both formats for the same data."""
    return read_html(report[2]), read_html(report[3])


def _walk(record: object) -> Iterator[object]:
    """A record and every record in it; geometry of charts left out, which is no text."""
    if is_dataclass(record) and not isinstance(record, type):
        if ".charts." in type(record).__module__:
            return
        yield record
        for one in fields(record):
            yield from _walk(getattr(record, one.name))
    elif isinstance(record, (tuple, list)):
        for one in record:
            yield from _walk(one)


def _of_kind(view, kind):
    return [one for one in _walk(view) if isinstance(one, kind)]


def test_every_figure_of_one_is_in_the_other(texts):
    """No number stands in one of them alone."""
    page, text = (list_figures(one) for one in texts)

    assert page == text
    assert len(page) > 40


def _as_shown(table: Table) -> tuple[str, tuple[tuple[tuple[str, str], ...], ...]]:
    return (
        _flat(table.caption),
        tuple(tuple((_flat(c.text), _flat(c.note)) for c in row.cells) for row in table.rows),
    )


def _as_plain(table: Table) -> tuple[str, tuple[tuple[tuple[str, str], ...], ...]]:
    return (
        _flat(table.caption),
        tuple(tuple((_flat(cell.plain), "") for cell in row.cells) for row in table.rows),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _as_read(table: ReadTable) -> tuple[str, tuple[tuple[tuple[str, str], ...], ...]]:
    return table.caption, tuple(table.rows)


def test_every_table_of_the_view_stands_on_the_page_cell_by_cell(report):
    """Each as often as the view has it, and no table more; 2x2 tables are looked at below."""
    _, view, page, _ = report
    # Counts of all labels in one table are for Markdown, which can't set tables side by side.
    beside = {id(one.counts) for one in _of_kind(view, EvaluationView)}
    wanted = Counter(_as_shown(one) for one in _of_kind(view, Table) if id(one) not in beside)
    found = Counter(_as_read(one) for one in read_tables(page) if "matrix" not in one.kind)

    assert found == wanted
    assert wanted.total() > 5


def test_every_table_of_the_view_stands_in_markdown_cell_by_cell(report):
    """With the evidence of each figure in the cell; each as often as the view has it."""
    _, view, _, shown = report
    wanted = Counter(_as_plain(one) for one in _of_kind(view, Table))
    found = Counter(_as_read(one) for one in read_tables(shown.replace("\u200b", "")))

    assert found == wanted


def test_heads_of_columns_are_alike(report):
    """The same titles in the same order, with what stands beneath them in brackets."""
    _, view, page, shown = report
    wanted = {_as_shown(one): one for one in _of_kind(view, Table)}
    for table in read_tables(page):
        if "matrix" not in table.kind:
            columns = wanted[_as_read(table)].columns
            assert table.head == [(_flat(c.title), _flat(c.note)) for c in columns]
    plain = {_as_plain(one): one for one in _of_kind(view, Table)}
    for table in read_tables(shown):
        columns = plain[_as_read(table)].columns
        titles = [_flat(f"{c.title} ({c.note})" if c.note else c.title) for c in columns]
        assert [text for text, _ in table.head] == titles


def test_every_2x2_table_of_the_view_stands_in_both(report):
    """Counts by label, actual in rows, as often as there are runs and splits."""
    _, view, page, shown = report
    evaluations = _of_kind(view, EvaluationView)
    wanted = [
        (
            _flat(matrix.label),
            [(name, [cell.text for cell in cells]) for name, cells in matrix.rows],
        )
        for one in evaluations
        for matrix in one.matrices
    ]
    on_page = [
        (table.caption, [(row[0][0], [text for text, _ in row[1:]]) for row in table.rows[1:]])
        for table in read_tables(page)
        if "matrix" in table.kind
    ]
    in_text = [
        (row[0][0], row[1][0], [text for text, _ in row[2:]])
        for table in read_tables(shown)
        if table.caption == "Counts: actual in rows, predicted in columns"
        for row in table.rows
    ]

    assert on_page == wanted
    assert len(wanted) >= len(view.runs) - 1
    assert [(label, name, cells[: len(texts)]) for (label, name, cells), texts in zip(
        in_text, [texts for _, rows in wanted for _, texts in rows], strict=True
    )] == [(label, name, texts) for label, rows in wanted for name, texts in rows]  # fmt: skip


def _sentences(view) -> Iterator[str]:
    """Every text that the view has outside tables."""
    yield from (view.title, view.kicker, view.dash_note, *view.limits)
    for one in _of_kind(view, Fact):
        yield from (one.name, one.value)
    for one in _of_kind(view, Answer):
        yield from (*one.against, *one.doubts, one.standing, one.tally_caption)
        yield from (span.text for span in one.sentence)
    for one in _of_kind(view, FindingView):
        yield from (one.what, one.evidence, one.remedy, one.more)
        yield from (span.text for span in one.subjects)
    for one in _of_kind(view, RankingView):
        yield from (one.title, one.why, *(one.comparisons.sentences if one.comparisons else ()))
    for one in _of_kind(view, RunView):
        yield from (one.name, one.badge, one.summary, one.description, one.trouble)
    for one in _of_kind(view, EvaluationView):
        yield from (one.title, one.lead, one.failed, *(m.unknown for m in one.matrices))
        yield from one.details.remarks if one.details else ()
    for one in _of_kind(view, MethodView):
        yield from (one.title, *one.paragraphs)


def test_every_sentence_of_the_view_stands_in_both(report):
    """Titles, facts, the answer, findings, what runs are, methods."""
    _, view, page, shown = report
    words = [read_html(page), read_html(shown).replace("\u200b", "")]
    for sentence in dict.fromkeys(_flat(one) for one in _sentences(view)):
        for text in words:
            assert sentence in text
    assert {type(one) for one in _walk(view)} >= {Fact, Span, Table, RunView}


def _spelled(value: float | None) -> str:
    """Three decimals, or a dash: as every format for people writes a figure."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}".replace("-", "−")


def test_every_estimate_of_the_json_stands_on_the_page_and_in_markdown(report):
    """Found by run, split, label and metric: value, fraction and interval."""
    data, view, page, shown = report
    document = json.loads(render_json(data))
    sections = {run.name: place for place, run in enumerate(view.runs)}
    pages = re.split(r'<details class="run"', page)[1:]
    # In Markdown a run's section begins with its heading.
    parts = re.split(r"<h3>", shown[shown.index("<h2>Runs</h2>") : shown.index("<h2>Methods</h2>")])
    seen = 0
    for item, view_name in zip(document["runs"], _names(data, view), strict=True):
        place = sections[view_name]
        tables = [
            [one for one in read_tables(text) if one.caption.endswith("with 95 % intervals")]
            for text in (pages[place], parts[place + 1])
        ]
        evaluations = [one for one in (item["evaluation"], *item["others"]) if one]
        assert [len(one) for one in tables] == [len(evaluations)] * 2
        for evaluation, on_page, in_text in zip(evaluations, *tables, strict=True):
            assert on_page.caption.lower().startswith(evaluation["split"])
            cells = {row[0][0]: row[1:] for row in on_page.rows}
            texts = {row[0][0]: row[1:] for row in in_text.rows}
            for column, label in enumerate(evaluation["labels"]):
                for metric, figure in evaluation["estimates"][label].items():
                    seen += 1
                    text, note = cells[ALL_METRICS[metric].text][column]
                    plain = texts[ALL_METRICS[metric].text][column][0]
                    assert text == _spelled(figure["value"])
                    assert plain.split(" ")[0] == text
                    if figure["value"] is not None and figure["low"] is not None:
                        interval = f"{_spelled(figure['low'])} to {_spelled(figure['high'])}"
                        assert note.endswith(interval)
                        assert f"95 % CI {interval}" in plain
                    if figure["value"] is not None and figure["denominator"] is not None:
                        fraction = f"{figure['numerator']:,}/{figure['denominator']:,}"
                        assert note.startswith(fraction)
                        assert fraction in plain
    assert seen > 50


def _names(data, view) -> list[str]:
    """The view's name of each run of the data, which may be spelled without what can't be seen."""
    by_badge = {run.name: run.name for run in view.runs}
    return [
        next(name for name in by_badge if _seen(name) == _seen(one.run.name)) for one in data.runs
    ]


def _seen(name: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", "", " ".join(name.split()))


def test_every_number_of_the_csv_is_the_one_of_the_json(report):
    """Counts and estimates of each run, split and label: the same to the last digit."""
    data = report[0]
    document = json.loads(render_json(data))
    evaluations = {
        (_guarded(item["run"]["name"]), one["split"]): one
        for item in document["runs"]
        for one in (item["evaluation"], *item["others"])
        if one
    }
    rows = [
        row
        for row in csv.DictReader(io.StringIO(render_csv(data)))
        if not row["failure"] and not row["attribute"]
    ]
    assert len(rows) == sum(len(one["labels"]) + 1 for one in evaluations.values())
    for row in rows:
        evaluation = evaluations[row["run"], row["split"]]
        for metric, figure in evaluation["estimates"][row["label"]].items():
            for cell, end in ((metric, "value"), (f"{metric}_low", "low"), (f"{metric}_high", "high")):  # fmt: skip  # noqa: E501
                assert (float(row[cell]) if row[cell] else None) == figure[end]
        if row["label"]:
            for name, number in evaluation["counts"][row["label"]].items():
                assert int(row[name]) == number


def _guarded(name: str) -> str:
    guarded = f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else name
    return re.sub(r"[\r\n]+", " ", guarded)


@pytest.mark.parametrize(
    "sentence",
    [
        "What this is not",
        "nobody should be diagnosed, treated or sent home by them.",
        "Runs are ordered by the fewest missed COVID-19 images",
        "The share of right answers over all images and labels (1 − Hamming loss)",
    ],
)
def test_sentences_stand_in_both(texts, sentence):
    """The answer, the limits and the methods are the same words."""
    assert sentence in texts[0]
    assert sentence in texts[1]


def test_the_answer_stands_in_both(study):
    """The report in one sentence, asserted to the letter."""
    sentence = (
        "exp15-vgg16-bce-frozen misses the fewest: 8 of 28 COVID-19 images (sensitivity 0.714; "
        "95 % CI 0.529 to 0.847), at the price of 195 false alarms among 600 images without "
        "COVID-19 (specificity 0.675; 95 % CI 0.636 to 0.711)."
    )
    page, text = read_html(render_html(study)), read_markdown(_markdown(study))

    for one in (page, text):
        # Markup between the words leaves a blank before a full stop or behind a bracket.
        assert sentence in one.replace(" :", ":").replace(" .", ".").replace(" (", " (")


@pytest.mark.parametrize("plan", [Plan(), Plan("exp3", 0.2)])
def test_comparisons_stand_in_both(plan):
    """Every figure of the runs against each other, every sentence, and the hostile name as text."""
    data = compared_study(plan=plan)
    page, text = read_html(render_html(data)), read_markdown(_markdown(data))

    assert list_figures(page) == list_figures(text)
    for sentence in (
        "Each p is that of the exact McNemar test on missed cases, adjusted for 28 comparisons",
        "an idea for the next study, and no result.",
        "not told apart",
        "Has no scores",
    ):
        assert sentence in page
        assert sentence in text
    assert HOSTILE_NAME in page
    assert HOSTILE_NAME not in render_html(data)
