"""Reads the sentences of a report, and counts their words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from covidreport.records import ReportData
from covidreport.report.blocks import (
    Block,
    Chart,
    Facts,
    Grid,
    Group,
    Inlines,
    Items,
    Note,
    Pictures,
    Prose,
    Table,
    walk_blocks,
)
from covidreport.report.cells import write_line
from covidreport.report.view import ReportView, view_report

MOST_WORDS = 25
NAME = "⸢name⸣"
_END = re.compile(r"(?<=[.!?…])(?<!et al\.)(?<!e\.g\.)(?<!i\.e\.)\s+")
_CODE = re.compile(r"`[^`]*`")
_LIST = re.compile(rf"{NAME}(?:(?:, |,? and |; )(?:{NAME}|\d+ (?:more|others?)))*")
_EVIDENCE = re.compile(r"\([^()]*\d[^()]*\)")
"""A bracket with figures: the evidence of what goes before it, read as one."""


def list_long(data: ReportData) -> list[str]:
    """The sentences of a report that have more words; what people wrote may be as long as it is."""
    people = {reported.run.description or "" for reported in data.runs}
    names = [reported.run.name for reported in data.runs]
    return [
        sentence
        for sentence in _list_sentences(view_report(data))
        if count_words(sentence, names) > MOST_WORDS
        and not any(sentence in each for each in people)
    ]


def _list_sentences(view: ReportView) -> Iterator[str]:
    for sections in view.sections.values():
        for section in sections:
            for block in walk_blocks(section.blocks):
                for words in _say(block):
                    yield from split_sentences(write_line(words))


def split_sentences(text: str) -> list[str]:
    """A text at its full stops."""
    return [one for one in _END.split(text) if one.strip()]


def count_words(sentence: str, names: Iterable[str] = ()) -> int:
    """A list of run names is a word, and so are a command and a bracket of figures. Of a list that
    says something of run after run it is the longest part."""
    said = _CODE.sub(" code ", sentence)
    for name in sorted(names, key=len, reverse=True):
        said = said.replace(name, NAME)
    parts = said.split("; ")
    listed = parts if all(NAME in part for part in parts) else [said]
    return max(_count(_EVIDENCE.sub(" evidence ", _LIST.sub(" name ", one))) for one in listed)


def _count(said: str) -> int:
    return sum(any(sign.isalnum() for sign in word) for word in said.split())


def _say(block: Block) -> Iterator[Inlines]:
    match block:
        case Prose(words):
            yield words
        case Items(items):
            yield from items
        case Note(what=what, evidence=evidence, remedy=remedy):
            yield from (what, evidence, remedy)
        case Group(gist=gist):
            yield gist
        case Chart(summary=summary, key=key):
            yield from (summary, key)
        case Pictures(note=note) | Grid(note=note):
            yield note
        case Table(caption=caption, rows=rows):
            yield caption
            yield from (cell for row in rows for cell in row.cells if isinstance(cell, str))
        case Facts(facts):
            yield from (fact.value for fact in facts if isinstance(fact.value, str))
