"""How long sentences of a report are: at most 25 words, as a reader counts them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import covidreport
from covidreport.records import ReportData
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.storage.runs import discover_runs
from tests.report.scored_runs import write_runs
from tests.report.sentences import MOST_WORDS, count_words, list_long, split_sentences
from tests.shared import Share

PACKAGE = Path(covidreport.__file__).parent
WRITING = ("audit", "compare", "report", "text")
"""The rooms whose sentences stand on a page."""
STUDY = PACKAGE.parent / "examples" / "study-2020"


@pytest.fixture(scope="module")
def eighteen(share: Share) -> ReportData:
    """Eighteen runs with scores."""

    def make(folder: Path) -> ReportData:
        write_runs(folder, runs=18, images=160)
        return collect_report(discover_runs([folder]), ReportChoices("covid-19", 0.5))

    return share("eighteen", make)


@pytest.fixture(scope="module")
def published() -> ReportData:
    """The study whose counts were published."""
    return collect_report(discover_runs([STUDY]), ReportChoices("covid-19", 0.5))


@pytest.mark.parametrize(
    "name", ["study", "compared", "detailed", "everything", "published", "eighteen"]
)
def test_no_sentence_of_a_report_is_longer_than_25_words(name, request):
    """Prose, notes, findings, remedies, captions and keys."""
    assert list_long(request.getfixturevalue(name)) == []


def test_no_sentence_in_the_source_is_longer():
    """What these reports don't say, too; whatever is put in counts as a word."""
    found = {
        f"{file.relative_to(PACKAGE)}: {sentence}"
        for room in WRITING
        for file in sorted((PACKAGE / room).rglob("*.py"))
        for text in _texts(ast.parse(file.read_text(encoding="utf-8")))
        for sentence in split_sentences(text)
        if count_words(sentence) > MOST_WORDS and "\\" not in sentence
    }
    assert not found


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts of a tree but for docstrings, and for what errors say."""
    match node:
        case ast.Raise() | ast.Expr(ast.Constant()):
            return
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(values):
            yield "".join(
                str(one.value) if isinstance(one, ast.Constant) else "0" for one in values
            )
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _texts(child)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("A dash stands for a figure that is undefined.", 9),
        ("exp1-a misses the fewest: 8 of 28 (sensitivity 0.714; 95 % CI 0.529 to 0.847).", 8),
        ("Fewest are missed by exp1-a, exp1 and 3 more.", 5),
        ("Run `covidreport evaluate --occlude centre` again.", 3),
        ("exp1-a misses 3; exp1 misses 4 and no more.", 6),
        ("exp1-a misses 3; others miss 4 and no more.", 9),
    ],
)
def test_words_are_counted_as_by_hand(sentence, words):
    """Names, commands and brackets of figures are one each; of a list of runs the longest part."""
    assert count_words(sentence, ["exp1", "exp1-a"]) == words


def test_a_sentence_ends_at_its_full_stop():
    """Not at a decimal, nor in `et al.`."""
    text = "Pairs differ by 0.5 (Itaya et al. 2025). The p-value decides. fn are missed."
    assert len(split_sentences(text)) == 3
