"""Cases as blocks: their pictures with what each run said, and the same as a list."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from msgspec import Struct

from covidreport.records import Case, CaseAnswer, CaseTable
from covidreport.report.blocks import (
    Answer,
    Block,
    Cell,
    Column,
    Count,
    Fact,
    Group,
    Link,
    Number,
    Picture,
    Row,
    Table,
    Text,
    Tone,
)
from covidreport.report.index import Index
from covidreport.report.map_blocks import list_layers, measure_picture
from covidreport.text import DASH, clean, exact, humanise, plural, titled, whole

MOST_DRAWN = 40
"""Runs whose scores are drawn beneath a picture."""


class CaseKind(Struct, frozen=True):
    """What a kind of case is called, and what each answer to it is."""

    anchor: str
    gist: str
    answers: dict[CaseAnswer, tuple[Tone, str]]
    meaning: str = "with"
    """Whether such an image has the disease."""


POSITIVE = CaseKind(
    "case", "missed by",
    {"no": ("wrong", "missed"), "yes": ("right", "found"), "failed": ("unscored", "not scored")},
)  # fmt: skip
ALARM = CaseKind(
    "alarm", "false alarm of",
    {"yes": ("wrong", "false alarm"), "no": ("right", "cleared"),
     "failed": ("unscored", "not scored")},
    "without",
)  # fmt: skip
# of unknown truth no answer is wrong
UNSETTLED = CaseKind(
    "unsettled", "not scored by",
    {"yes": ("right", "called positive"), "no": ("right", "called negative"),
     "failed": ("unscored", "not scored")},
    "of unknown truth for",
)  # fmt: skip


def list_pictures(
    cases: Sequence[Case], kind: CaseKind, table: CaseTable, index: Index, place: str = ""
) -> tuple[Picture, ...]:
    """Images of one kind, numbered; place: what their ids begin with."""
    return tuple(
        make_picture(f"{place}{kind.anchor}-{number}", case, kind, table, index)
        for number, case in enumerate(cases, start=1)
    )


def make_picture(
    anchor: str, case: Case, kind: CaseKind, table: CaseTable, index: Index
) -> Picture:
    """An image with what each run said of it, and where it looked; `anchor` is its id."""
    image = table.pictures.get(case.name)
    answers = tuple(
        Answer(score, *kind.answers[said])
        for score, said in zip(case.scores, case.answers, strict=True)
    )
    name = clean(case.name)
    size = measure_picture(image) if image and table.maps else None
    return Picture(
        id=anchor,
        name=name,
        gist=f"{kind.gist} {whole(_count_wrong(answers))} of {plural(len(answers), 'run')}",
        facts=_facts(case),
        answers=answers,
        image=f"data:image/jpeg;base64,{base64.b64encode(image).decode()}" if image else "",
        alt=f"Small picture of image {name}, {kind.meaning} {index.disease}" if image else "",
        size=size or (0, 0),
        layers=() if size is None else list_layers(case, size, table, index),
    )


def _count_wrong(answers: Sequence[Answer]) -> int:
    """An image that could not be scored was not told right."""
    return sum(answer.tone != "right" for answer in answers)


def _facts(case: Case) -> tuple[Fact, ...]:
    facts = [] if case.group is None else [Fact("Patient", Text(case.group))]
    facts += [
        Fact(titled(humanise(key)), Text(exact(value))) for key, value in case.attributes.items()
    ]
    return tuple(facts)


def list_cases(
    caption: str, wrong: str, cases: Sequence[Case], pictures: Sequence[Picture],
    table: CaseTable, *more: Block,
) -> Group:  # fmt: skip
    """A row for each case: what is stated of it, how many were wrong, and the range of scores."""
    names = list(dict.fromkeys(fact.name for one in pictures for fact in one.facts))
    head = (
        Column("No.", kind="rank"),
        Column("Case", kind="name"),
        *(Column(name) for name in names),
        Column(wrong, f"of {whole(len(table.runs))}", "count"),
        Column("Lowest score", kind="figure"),
        Column("Highest score", kind="figure"),
    )
    rows = []
    for number, (case, one) in enumerate(zip(cases, pictures, strict=True), start=1):
        facts = {fact.name: fact.value for fact in one.facts}
        scores = [score for score in case.scores if score is not None]
        cells: tuple[Cell, ...] = (
            Text(str(number)),
            Link(one.name, one.id),
            *(facts.get(name, Text(DASH)) for name in names),
            Count(_count_wrong(one.answers)),
            Number(min(scores, default=None)),
            Number(max(scores, default=None)),
        )
        rows.append(Row(cells, id=one.id))
    listed = Table(caption, head, tuple(rows), "listed")
    return Group((listed, *more), f"{caption}, as a list", state="folded")


def note_pictures(table: CaseTable, pictures: Sequence[Picture]) -> str:
    """What pictures are for, and how many images have none."""
    if not table.pictures:
        return (
            "No pictures are shown, since none were asked for: `covidreport evaluate --thumbnails` "
            "keeps small ones of missed cases and false alarms beside the scores."
        )
    bare = sum(not one.image for one in pictures)
    note = (
        "The pictures were made small by `covidreport evaluate --thumbnails` and stand in this "
        "file: whoever gets it gets them. They are for telling what kind of image was missed, and "
        "no diagnosis can be made on them. Beneath each are the runs’ scores from 0 to 1: filled "
        "where the run was wrong."
    )
    if len(table.runs) > MOST_DRAWN:
        note += f" Drawn are the first {MOST_DRAWN} runs; an opened case lists all."
    return f"{note} {plural(bare, 'case')} shown here without one." if bare else note
