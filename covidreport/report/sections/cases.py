"""The images that runs missed: a grid of runs by cases, pictures, and the cases as a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from covidreport.records import Case, CaseTable, ReportData, ReportedDataset
from covidreport.report.blocks import (
    Block,
    Column,
    Count,
    Grid,
    GridCell,
    GridRow,
    Group,
    Head,
    Link,
    Picture,
    Pictures,
    Prose,
    Row,
    Section,
    Table,
)
from covidreport.report.case_blocks import (
    ALARM,
    POSITIVE,
    list_cases,
    list_pictures,
    note_pictures,
)
from covidreport.report.cells import SIGNS
from covidreport.report.datasets import number_beside, see_from
from covidreport.report.index import Index
from covidreport.report.label_errors import group_label_errors
from covidreport.report.map_blocks import group_maps
from covidreport.report.split_cases import group_split_cases
from covidreport.text import clean, plural, titled, whole

COUNTS_ONLY = (
    "These runs hold counts and no scores: how many cases each run missed is known, and which ones "
    "is not. So there is no grid of who missed whom, and no picture. Evaluate the models with "
    "`covidreport evaluate`, or import their scores with `covidreport import-scores`, and this "
    "section shows every case."
)
GRID_NOTE = (
    f"A row is a run, and each sign in it a case: {SIGNS['wrong']} missed, {SIGNS['right']} found, "
    f"{SIGNS['unscored']} could not be scored, which counts as missed. Cases that most runs missed "
    "come first, those of the same runs side by side."
)


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; where there are counts alone it says why there is nothing to show."""
    table = data.cases
    if table is None:
        none = COUNTS_ONLY
        if any(each.evaluation and each.evaluation.has_scores for each in data.runs):
            none = "No ranked run has stored scores that could be read, so no case can be shown."
        return (_section(Prose(none, "lead")),)
    blocks = describe_cases(table, data, index)
    blocks += group_label_errors(table, index)
    blocks += group_split_cases(table, index)
    if table.excluded:
        blocks.append(_left_out(table, index))
    beside = (
        _build_beside(there, number, data, index) for number, there in number_beside(data).items()
    )
    return (_section(*blocks), *(section for section in beside if section is not None))


def _build_beside(
    there: ReportedDataset, number: int, data: ReportData, index: Index
) -> Section | None:
    """The cases of another data set, folded; None where it has none."""
    table, name = there.cases, clean(there.dataset)
    if table is None:
        return None
    anchor = f"cases-{number}"
    blocks = describe_cases(table, see_from(data, there), index.see_from(there), f"{anchor}-")
    if table.excluded:
        blocks.append(_left_out(table, index))
    n = sum(set(case.answers) != {"yes"} for case in table.positives)
    lead = f"{name}, {clean(there.split)}: other images than those of the cases above."
    gist = f"{plural(n, 'case')} that some run missed"
    group = Group(tuple(blocks), "The cases", gist, state="folded")
    return Section(anchor, f"Missed cases on {name}", (Prose(lead, "lead"), group))


def describe_cases(
    table: CaseTable, data: ReportData, index: Index, place: str = ""
) -> list[Block]:
    """Who missed whom, in words, as a grid, in pictures and as lists; place: as `list_pictures`."""
    missed = [case for case in table.positives if set(case.answers) != {"yes"}]
    positives = list_pictures(missed, POSITIVE, table, index, place)
    alarms = list_pictures(table.false_alarms, ALARM, table, index, place)
    runs = plural(len(table.runs), "run")
    blocks: list[Block] = [Prose(" ".join(_sentences(table, data, index)), "lead")]
    if positives:
        blocks.append(_grid(table, missed, positives, index))
    keys = tuple(index.key(run) for run in table.runs)
    links = tuple(index.link(run) for run in table.runs)
    said = note_pictures(table, (*positives, *alarms))
    if table.pictures and not table.maps:
        said += " `covidreport evaluate --maps` shows which parts the best run’s scores hang on."
    blocks += [
        Pictures("Missed cases in pictures", "Case", "missed cases", links, keys, positives),
        *group_maps(table, index, place),
        Pictures(
            "False alarms that runs were surest of", "Image", "false alarms", links, keys, alarms,
            said, folded=True,
        ),
    ]  # fmt: skip
    if positives:
        blocks.append(list_cases(f"The cases, of {runs}", "Missed by", missed, positives, table))
    if alarms:
        note = Prose(_note_alarms(table), "remark")
        listed = list_cases("The false alarms", "Alarmed", table.false_alarms, alarms, table, note)
        blocks.append(listed)
    return blocks


def _section(*blocks: Block) -> Section:
    return Section("cases", "Missed cases", blocks)


def _sentences(table: CaseTable, data: ReportData, index: Index) -> tuple[str, ...]:
    """How many cases nobody missed and everybody did, and what is not shown."""
    n, runs = len(table.positives), len(table.runs)
    by_all = sum("yes" not in case.answers for case in table.positives)
    by_none = sum(set(case.answers) == {"yes"} for case in table.positives)
    whose = "both ranked runs" if runs == 2 else f"all {whole(runs)} ranked runs"
    parts = [f"{plural(by_all, 'was', 'were')} missed by {whose}"]
    parts.append(f"{plural(by_none, 'was', 'were')} found by {whose}")
    parts = [re.sub("^0 were", "none was", part) for part in parts]
    if runs == 1:
        parts = [f"the only ranked run missed {by_all or 'none'}", f"found {by_none or 'none'}"]
    sentences = [
        f"Of {plural(n + table.positives_omitted, f'{index.disease} image')}, {parts[0]}"
        + (f" and {parts[1]}." if not table.positives_omitted else ".")
    ]
    if by_none and not table.positives_omitted:
        sentences.append("A case here is an image; cases that every run found have no column.")
    if table.positives_omitted:
        sentences.append(
            f"Shown are the {whole(n)} cases that most runs missed; "
            f"{plural(table.positives_omitted, 'case', 'cases')} that no more runs missed than "
            "the last of these are left out."
        )
    if len(data.rankings) > 1:
        sentences.append(
            "These are the images of the first ranking. Runs of other rankings were evaluated "
            "on other images or under other conditions, and their cases are not shown."
        )
    sentences.append(
        "Cases are named by their ids."
        if table.ids_shown
        else "Cases are named by digests of their ids; `covidreport render --show-ids` gives these."
    )
    return tuple(sentences)


def _grid(
    table: CaseTable, missed: Sequence[Case], pictures: Sequence[Picture], index: Index
) -> Grid:
    rows = []
    for place, run in enumerate(table.runs):
        row = index.ranked.get(run)
        tones = [one.answers[place].tone for one in pictures]
        heads = (Head(index.link(run)), Head(Count(None if row is None else row.missed)))
        cells = tuple(GridCell(SIGNS[tone], tone) for tone in tones)
        rows.append(GridRow(heads, cells, index.key(run)))
    by_case = (sum(answer != "yes" for answer in case.answers) for case in missed)
    totals = GridRow(
        (Head("Runs that missed it"), Head("")), tuple(GridCell(whole(n)) for n in by_case)
    )
    columns = tuple(
        Head(Link(str(number), one.id), title=f"{one.name}: {one.gist}", spoken="Case")
        for number, one in enumerate(pictures, start=1)
    )
    return Grid(
        f"Missed cases by run: {plural(len(rows), 'run')}, {plural(len(columns), 'case')}",
        (Column("Run", kind="name"), Column("Missed", kind="count")),
        (columns,),
        tuple(rows),
        "signs",
        totals,
        GRID_NOTE,
        "Cases",
    )


def _note_alarms(table: CaseTable) -> str:
    n = len(table.false_alarms)
    note = (
        "Images without the disease that some run called positive, by the highest score that such "
        "a run gave."
    )
    if table.false_alarms_omitted:
        note += f" Shown are the first {whole(n)} of {whole(n + table.false_alarms_omitted)}."
    return note


def _left_out(table: CaseTable, index: Index) -> Table:
    rows = tuple(Row((index.link(each.run), titled(clean(each.reason)))) for each in table.excluded)
    head = (Column("Run", kind="name"), Column("Why it is not in the grid"))
    return Table(f"{plural(len(rows), 'ranked run')} without cases", head, rows)
