"""Images on which several readers differ: their pictures, who said what, and what each run says."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from covidreport.records import CaseTable, SplitCase
from covidreport.report.blocks import Fact, Group, Picture, Pictures, Prose, Text
from covidreport.report.case_blocks import (
    ALARM,
    POSITIVE,
    UNSETTLED,
    list_cases,
    make_picture,
    note_pictures,
)
from covidreport.report.index import Index
from covidreport.text import listed, plural, whole

_KINDS = {True: POSITIVE, False: ALARM, None: UNSETTLED}
_TRUTHS = {True: "positive", False: "negative", None: "unknown"}
MOST_NAMES = 6
TITLE = "Images on which the readers differ"


def group_split_cases(table: CaseTable | None, index: Index) -> tuple[Group, ...]:
    """The images, folded; none where readers agree on all, or no scores could be read."""
    if table is None or not table.split:
        return ()
    pictures = tuple(
        _draw(number, each, table, index) for number, each in enumerate(table.split, start=1)
    )
    cases = [each.case for each in table.split]
    links = tuple(index.link(run) for run in table.runs)
    keys = tuple(index.key(run) for run in table.runs)
    listing = list_cases("The images", "Called wrongly", cases, pictures, table)
    blocks = (
        Prose(_lead(table)),
        Pictures(
            "", "Image", "images on which readers differ", links, keys, pictures,
            note_pictures(table, pictures),
        ),
        replace(listing, state="open"),
    )  # fmt: skip
    gist = plural(len(table.split) + table.split_omitted, "image")
    return (Group(blocks, TITLE, gist, "split", "folded"),)


def _draw(number: int, each: SplitCase, table: CaseTable, index: Index) -> Picture:
    picture = make_picture(f"split-{number}", each.case, _KINDS[each.truth], table, index)
    facts = (
        Fact("Positive by", Text(_name(each.positive))),
        Fact("Negative by", Text(_name(each.negative))),
        Fact("Data set", Text(_TRUTHS[each.truth])),
    )
    alt = picture.alt and f"Small picture of image {picture.name}, on which readers differ"
    of = len(each.positive) + len(each.negative)
    gist = f"{whole(len(each.positive))} of {plural(of, 'reader')} for; {picture.gist}"
    return replace(picture, facts=(*facts, *picture.facts), alt=alt, gist=gist)


def _name(readers: Sequence[str]) -> str:
    return listed(list(readers), MOST_NAMES)


def _lead(table: CaseTable) -> str:
    shown = len(table.split)
    words = (
        "First those on which the readers are nearest to as many for as against. A run is right or "
        "wrong here by the data set’s truth; where that is unknown, nothing is."
    )
    if table.split_omitted:
        words += f" Shown are {whole(shown)} of {whole(shown + table.split_omitted)}."
    return words
