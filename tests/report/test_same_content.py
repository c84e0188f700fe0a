"""HTML and Markdown can't say different things."""

from __future__ import annotations

import pytest

from covidreport.compare.pairs import Plan
from covidreport.report import render_html, render_markdown
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.reading import list_figures, read_html, read_markdown


@pytest.fixture(params=["study", "hostile"])
def texts(request):
    """The words of both formats for the same data."""
    data = request.getfixturevalue(request.param)
    return read_html(render_html(data)), read_markdown(render_markdown(data))


def test_every_figure_of_one_is_in_the_other(texts):
    """No number stands in one of them alone."""
    page, text = (list_figures(one) for one in texts)

    assert page == text
    assert len(page) > 40


@pytest.mark.parametrize(
    "sentence",
    [
        "What this is not",
        "nobody should be diagnosed, treated or sent home by them.",
        "Runs are ordered by the fewest missed COVID-19 images",
        "The share of right answers over all images and labels (1 − Hamming loss)",
        "A label is predicted above 0.5 (published).",
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
    page, text = read_html(render_html(study)), read_markdown(render_markdown(study))

    for one in (page, text):
        # Markup between the words leaves a blank before a full stop or behind a bracket.
        assert sentence in one.replace(" :", ":").replace(" .", ".").replace(" (", " (")


@pytest.mark.parametrize("plan", [Plan(), Plan("exp3", 0.2)])
def test_comparisons_stand_in_both(plan):
    """Every figure of the runs against each other, every sentence, and the hostile name as text."""
    data = compared_study(plan=plan)
    page, text = read_html(render_html(data)), read_markdown(render_markdown(data))

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
