"""The cases as a grid of runs by cases, as pictures and as a list."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from covidreport.records import Case, CaseAnswer, CaseTable, ReportData
from covidreport.report.blocks import Fact, Text
from covidreport.report.cells import write_cell
from covidreport.report.index import Index
from covidreport.report.view.names import name_cell, name_span
from covidreport.report.view.records import Cell, Column, Row, Table
from covidreport.report.view.section_records import (
    CaseGrid,
    CaseHead,
    CaseKind,
    CaseRow,
    CaseScore,
    CasesView,
    CaseView,
)
from covidreport.text import (
    DASH,
    clean,
    decimal,
    exact,
    humanise,
    plural,
    titled,
    whole,
)

MISSED, FOUND, FAILED = "×", "·", "?"
_SIGNS: dict[CaseKind, dict[CaseAnswer, tuple[str, str]]] = {
    "positive": {
        "no": (MISSED, "missed"), "yes": (FOUND, "found"), "failed": (FAILED, "not scored"),
    },
    "alarm": {
        "yes": (MISSED, "false alarm"), "no": (FOUND, "cleared"), "failed": (FAILED, "not scored"),
    },
}  # fmt: skip
"""By what an image is and what was said of it: the sign and its meaning. `×` is always wrong."""
MOST_NAMED = 20
"""Runs whose scores stand beside a picture on the page; the opened case has all."""
MOST_DRAWN = 40
"""Runs whose scores are drawn there."""
COUNTS_ONLY = (
    "These runs hold counts and no scores: how many cases each run missed is known, and which ones "
    "is not. So there is no grid of who missed whom, and no picture. Evaluate the models with "
    "`covidreport evaluate`, or import their scores with `covidreport import-scores`, and this "
    "section shows every case."
)
GRID_NOTE = (
    f"A column is a case, a row a run. {MISSED} missed, {FOUND} found, {FAILED} could not be "
    "scored, which counts as missed. Cases that most runs missed stand on the left; among those, "
    "cases missed by the same runs stand side by side. The last row says how many runs missed each."
)

PLAIN_NOTE = (
    f"A row is a run, and each sign in it a case, in the order of the list of cases: {MISSED} "
    f"missed, {FOUND} found, {FAILED} could not be scored, which counts as missed. Cases that most "
    "runs missed come first; among those, cases missed by the same runs stand side by side."
)


def view_cases(data: ReportData, index: Index) -> CasesView:
    """The section; where there are counts alone it says why there is nothing to show."""
    table = data.cases
    if table is None:
        none = COUNTS_ONLY
        if any(each.evaluation and each.evaluation.has_scores for each in data.runs):
            none = "No ranked run has stored scores that could be read, so no case can be shown."
        return CasesView((), none=none)
    shown = [case for case in table.positives if set(case.answers) != {"yes"}]
    runs = plural(len(table.runs), "run")
    positives = tuple(
        _view_case("positive", place, case, table, index) for place, case in enumerate(shown, 1)
    )
    alarms = tuple(
        _view_case("alarm", place, case, table, index)
        for place, case in enumerate(table.false_alarms, 1)
    )
    return CasesView(
        sentences=_sentences(table, data, index),
        keys=tuple(index.key(run) for run in table.runs),
        grid=_grid(table, shown, positives, index) if shown else None,
        grid_note=GRID_NOTE,
        positives=positives,
        alarms=alarms,
        lists=tuple(
            one
            for one in (
                _list(f"The cases, of {runs}", table, shown, positives),
                _list("The false alarms", table, table.false_alarms, alarms),
            )
            if one.rows
        ),
        most_named=MOST_NAMED,
        most_drawn=MOST_DRAWN,
        pictures_note=_pictures_note(table, positives, alarms),
        alarms_note=_alarms_note(table),
        left_out=_left_out(table, index),
    )


def _sentences(table: CaseTable, data: ReportData, index: Index) -> tuple[str, ...]:
    """How many cases nobody missed and everybody did, and what is not shown."""
    n, runs = len(table.positives), len(table.runs)
    by_all = sum("yes" not in case.answers for case in table.positives)
    by_none = sum(set(case.answers) == {"yes"} for case in table.positives)
    whose = {1: "the only ranked run", 2: "both ranked runs"}.get(
        runs, f"all {whole(runs)} ranked runs"
    )
    parts = [f"{plural(by_all, 'was', 'were')} missed by {whose}"]
    parts.append(f"{plural(by_none, 'was', 'were')} found by {whose}")
    parts = [re.sub("^0 were", "none was", part) for part in parts]
    sentences = [
        f"Of {plural(n + table.positives_left_out, f'{index.disease} case')}, {parts[0]}"
        + (f" and {parts[1]}." if not table.positives_left_out else ".")
    ]
    if by_none and not table.positives_left_out:
        sentences.append("Cases that every run found have no column.")
    if table.positives_left_out:
        sentences.append(
            f"Shown are the {whole(n)} cases that most runs missed; "
            f"{plural(table.positives_left_out, 'case', 'cases')} that no more runs missed than "
            "the last of these are left out."
        )
    if len(data.rankings) > 1:
        sentences.append(
            "These are the images of the first ranking; runs of other rankings were evaluated "
            "on other images or under other conditions, and their cases are not shown."
        )
    sentences.append(
        "Cases are named by their ids."
        if table.ids_shown
        else "Cases are named by a digest of their id, the same in every report on these images, "
        "across splits only with `COVIDREPORT_SALT`; "
        "`covidreport render --show-ids` names them by their ids."
    )
    return tuple(sentences)


def _view_case(kind: CaseKind, number: int, case: Case, table: CaseTable, index: Index) -> CaseView:
    wrong = sum(_SIGNS[kind][answer][0] != FOUND for answer in case.answers)
    of = f"{whole(wrong)} of {plural(len(case.answers), 'run')}"
    name = clean(case.name)
    picture = table.pictures.get(case.name)
    meaning = f"with {index.disease}" if kind == "positive" else f"without {index.disease}"
    return CaseView(
        kind=kind,
        number=str(number),
        anchor=f"{'case' if kind == 'positive' else 'alarm'}-{number}",
        name=name,
        gist=f"missed by {of}" if kind == "positive" else f"false alarm of {of}",
        facts=_facts(case),
        scores=tuple(_score(kind, case, place, run, index) for place, run in enumerate(table.runs)),
        picture="" if picture is None else f"data:image/jpeg;base64,{_encode(picture)}",
        alt=f"Small picture of image {name}, {meaning}" if picture else "",
    )


def _encode(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def _facts(case: Case) -> tuple[Fact, ...]:
    facts = [] if case.group is None else [Fact("Patient", Text(case.group))]
    facts += [
        Fact(titled(humanise(key)), Text(exact(value))) for key, value in case.attributes.items()
    ]
    return tuple(facts)


def _score(kind: CaseKind, case: Case, place: int, run: str, index: Index) -> CaseScore:
    score = case.scores[place]
    sign, meaning = _SIGNS[kind][case.answers[place]]
    at = 0.0 if score is None else round(100 * score, 1)
    return CaseScore(name_span(index, run), decimal(score), sign, meaning, at)


def _grid(
    table: CaseTable, shown: Sequence[Case], cases: Sequence[CaseView], index: Index
) -> CaseGrid:
    signs = [[one.scores[place].sign for one in cases] for place in range(len(table.runs))]
    rows = []
    for run, row in zip(table.runs, signs, strict=True):
        counts = index.ranked.get(run)
        missed = DASH if counts is None else whole(counts.missed)
        rows.append(CaseRow(name_cell(index, run), missed, "".join(row)))
    totals = tuple(whole(sum(answer != "yes" for answer in case.answers)) for case in shown)
    heads = tuple(CaseHead(one.number, one.anchor, f"{one.name}: {one.gist}") for one in cases)
    caption = f"Who missed whom: {plural(len(rows), 'run')}, {plural(len(heads), 'case')}"
    head = (Column("Run", kind="name"), Column("Missed", kind="count"), Column("Cases"))
    plain = tuple(Row((row.name, Cell(row.missed, kind="count"), Cell(row.signs))) for row in rows)
    return CaseGrid(caption, heads, tuple(rows), totals, Table(caption, head, plain), PLAIN_NOTE)


def _list(
    caption: str, table: CaseTable, cases: Sequence[Case], views: Sequence[CaseView]
) -> Table:
    """A row for each case: what is stated of it, how many were wrong, and the range of scores."""
    names = list(dict.fromkeys(fact.name for one in views for fact in one.facts))
    positive = bool(views) and views[0].kind == "positive"
    head = [Column("No.", kind="rank"), Column("Case", kind="name")]
    head += [Column(name) for name in names]
    head += [
        Column("Missed by" if positive else "Alarmed", f"of {whole(len(table.runs))}", "count"),
        Column("Lowest score", kind="figure"), Column("Highest score", kind="figure"),
    ]  # fmt: skip
    rows = []
    for case, one in zip(cases, views, strict=True):
        facts = {fact.name: write_cell(fact.value).line for fact in one.facts}
        scores = [score for score in case.scores if score is not None]
        rows.append(
            Row(
                (
                    Cell(one.number, kind="rank"), Cell(one.name, kind="name"),
                    *(Cell(facts.get(name, DASH)) for name in names),
                    Cell(whole(sum(s.sign != FOUND for s in one.scores)), kind="count"),
                    Cell(decimal(min(scores, default=None)), kind="figure"),
                    Cell(decimal(max(scores, default=None)), kind="figure"),
                )
            )
        )  # fmt: skip
    return Table(caption, tuple(head), tuple(rows))


def _pictures_note(
    table: CaseTable, positives: Sequence[CaseView], alarms: Sequence[CaseView]
) -> str:
    if not table.pictures:
        return (
            "No pictures are shown, since none were asked for: `covidreport evaluate --thumbnails` "
            "keeps small ones of missed cases and false alarms beside the scores."
        )
    bare = sum(not one.picture for one in (*positives, *alarms))
    note = (
        "The pictures were made small by `covidreport evaluate --thumbnails` and stand in this "
        "file: whoever gets it gets them. They are for telling what kind of image was missed, and "
        "no diagnosis can be made on them. Beneath each are the runs’ scores from 0 to 1: filled "
        "where the run was wrong."
    )
    if len(table.runs) > MOST_DRAWN:
        note += f" Drawn are the first {MOST_DRAWN} runs; an opened case lists all."
    return f"{note} {plural(bare, 'case')} shown here without one." if bare else note


def _alarms_note(table: CaseTable) -> str:
    n = len(table.false_alarms)
    note = (
        "Images without the disease that some run called positive, by the highest score that such "
        "a run gave."
    )
    if table.false_alarms_left_out:
        note += f" Shown are the first {whole(n)} of {whole(n + table.false_alarms_left_out)}."
    return note


def _left_out(table: CaseTable, index: Index) -> Table | None:
    if not table.left_out:
        return None
    rows = tuple(
        Row((name_cell(index, each.run), Cell(titled(clean(each.reason)), kind="words")))
        for each in table.left_out
    )
    head = (Column("Run", kind="name"), Column("Why it is not in the grid"))
    return Table(f"{plural(len(rows), 'ranked run')} without cases", head, rows)
