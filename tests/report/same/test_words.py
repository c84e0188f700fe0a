"""Every sentence of the page stands in Markdown, and every sentence of Markdown on the page.

Told apart are sentences that speak of what one of them has not: pictures, a grid with a column for
each case, tables side by side. They are named here, and stand in the other in other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from covidreport.compare.pairs import Plan
from covidreport.report.formats import render_html, render_markdown
from tests.report.compared import HOSTILE_NAME, compared_study
from tests.report.reading import list_figures, read_html, read_markdown
from tests.report.tables import read_tables
from tests.report.tree import classes_of, words_of

BLOCKS = {"p", "li", "dt", "dd", "h3", "h4", "h5"}
PICTURES = {"tally", "trade-off", "chart", "curve", "gallery", "chosen", "key", "scores"}
"""Classes of pictures, of what is said of them, and of keys to them."""
OF_THE_PAGE_ALONE = (
    "No pictures are shown, since none were asked for:",
    "The same figures in the blocks that the study planned,",
    "Correct answers",
    "Left out for want of room:",
)
OF_MARKDOWN_ALONE = ("Made by ",)
"""How sentences begin that only one format has a use for; the last line is the page's footer."""


def _blocks(part: Element) -> Iterator[str]:
    """The smallest blocks of text in a part of a page, without tables and pictures."""
    if part.tag in ("table", "svg") or PICTURES & classes_of(part):
        return
    if part.tag == "summary":
        return  # Markdown has titles of folds in HTML
    if part.tag == "p" and len(part) == 1 and part[0].tag == "strong" and not part[0].tail:
        return  # what stands in bold before a table is its caption
    inner = [text for child in part for text in _blocks(child)]
    if part.tag in BLOCKS and not inner:
        yield words_of(part)
    yield from inner


def _plain(text: str) -> str:
    """Words without the punctuation that only markup brings, such as `Evidence: `."""
    return re.sub(r"[\s:.]+", " ", text).strip()


def test_every_sentence_of_the_page_stands_in_markdown(formats):
    """In the section of the same title."""
    seen = 0
    for _, page, text in formats.pairs():
        words = _plain(words_of(text))
        for sentence in _blocks(page):
            if not sentence.startswith(OF_THE_PAGE_ALONE):
                seen += 1
                assert _plain(sentence) in words
    assert seen > 40


def test_every_sentence_of_markdown_stands_on_the_page(formats):
    """In the section of the same title; the words of a chart are those for who does not see it."""
    seen = 0
    for _, page, text in formats.pairs():
        words = _plain(" ".join([words_of(page), *_described(page)]))
        for sentence in _blocks(text):
            if not sentence.startswith(OF_MARKDOWN_ALONE):
                seen += 1
                # What stands before a colon may be the caption of a table on the page.
                pieces = sentence.split(": ", 1)
                assert _plain(sentence) in words or all(_plain(one) in words for one in pieces)
    assert seen > 40


def test_every_figure_of_one_is_in_the_other(formats):
    """No number stands in one of them alone, in no section, words of charts included."""
    for name, page, text in formats.pairs():
        described = " ".join(_described(page))
        ours, theirs = _figures(page), _figures(text)
        assert theirs - _fractions(words_of(text)) <= ours | list_figures(described), name
        assert ours <= theirs, name


def _fractions(text: str) -> set[str]:
    """Both sides of each fraction, which Markdown has in more places than the page."""
    return {side for pair in re.findall(r"([\d,]+) of ([\d,]+)", text) for side in pair}


def _described(page: Element) -> list[str]:
    """The words of charts, for who does not see them."""
    return [each.get("aria-label", "") for each in page.iter() if each.get("role") == "img"]


def _figures(part: Element) -> set[str]:
    """The numbers in sentences and in tables."""
    alone = OF_THE_PAGE_ALONE + OF_MARKDOWN_ALONE
    sentences = [one for one in _blocks(part) if not one.startswith(alone)]
    tables = list(part.iter("table"))
    cells = [words_of(each) for one in tables for each in one.iter() if each.tag in ("td", "th")]
    captions = [one.caption for one in read_tables(part)]
    return list_figures(" ".join([*sentences, *cells, *captions]))


def test_fractions_stand_on_the_page_in_the_section_of_the_run(formats):
    """What Markdown says beside a figure of the ranking is said on the page as well."""
    words = " ".join(words_of(part) for part in formats.page.values())
    text = " ".join(words_of(part) for part in formats.text.values())
    found = set(re.findall(r"[\d,]+ of [\d,]+", text))

    assert found
    assert not [fraction for fraction in found if fraction not in words]


def test_the_answer_stands_in_both(study):
    """The report in one sentence, asserted to the letter."""
    sentence = (
        "By these counts, exp15-vgg16-bce-frozen misses the fewest: 8 of 28 COVID-19 images "
        "(sensitivity 0.714; 95 % CI 0.529 to 0.847). The price: 195 false alarms among 600 images "
        "without COVID-19 (specificity 0.675; 95 % CI 0.636 to 0.711)."
    )
    page, text = read_html(render_html(study)), read_markdown(render_markdown(study))

    for one in (page, text):
        # Markup between the words leaves a blank before a full stop or behind a bracket.
        assert sentence in one.replace(" :", ":").replace(" .", ".").replace(" (", " (")


@pytest.mark.parametrize("plan", [Plan(), Plan("exp3", 0.2)])
def test_comparisons_stand_in_both(plan):
    """Planned or not; the hostile name is text in both."""
    data = compared_study(plan=plan)
    page, text = read_html(render_html(data)), read_markdown(render_markdown(data))

    for sentence in (
        "Each p is that of the exact McNemar test on missed images. It is adjusted for 28 "
        "comparisons",
        "No two or three of these runs would by vote have missed fewer than the best alone.",
        "not significantly different",
        "Has no scores",
    ):
        assert sentence in page
        assert sentence in text
    assert HOSTILE_NAME in page
    assert HOSTILE_NAME not in render_html(data)
