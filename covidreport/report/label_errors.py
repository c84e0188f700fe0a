"""Images whose label the runs contradict with certainty: a list to look at again."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import CaseTable
from covidreport.report.blocks import Group, Pictures, Prose
from covidreport.report.case_blocks import (
    ALARM,
    POSITIVE,
    list_cases,
    make_picture,
    note_pictures,
)
from covidreport.report.index import Index
from covidreport.text import plural, whole

TITLE = "Labels to look at again"


def group_label_errors(table: CaseTable, index: Index) -> tuple[Group, ...]:
    """The images, folded; none where no label is in doubt, or nobody can tell."""
    doubtful = table.label_errors
    if not doubtful:
        return ()
    cases = [each.case for each in doubtful]
    pictures = tuple(
        make_picture(
            f"label-{number}", each.case, POSITIVE if each.positive else ALARM, table, index
        )
        for number, each in enumerate(doubtful, start=1)
    )  # fmt: skip
    links = tuple(index.link(run) for run in table.runs)
    keys = tuple(index.key(run) for run in table.runs)
    note = note_pictures(table, pictures)
    blocks = (
        Prose(_lead(table, index)),
        Pictures("", "Image", "images in doubt", links, keys, pictures, note),
        replace(
            list_cases("The images in doubt", "Contradicted by", cases, pictures, table),
            state="open",
        ),
    )
    n = len(doubtful) + table.label_errors_omitted
    gist = f"{plural(n, 'image')} that the runs put into the other class"
    return (Group(blocks, TITLE, gist, "labels", "folded"),)


def _lead(table: CaseTable, index: Index) -> str:
    shown = table.label_errors or ()
    n = len(shown) + table.label_errors_omitted
    positive = sum(each.positive for each in shown)
    first = "" if not table.label_errors_omitted else f" Shown are the first {whole(len(shown))}."
    return (
        f"{plural(n, 'image lies', 'images lie')} far in the other class by every ranked run that "
        f"tells {index.disease} apart well (ROC AUC of 0.80 or more). "
        f"Of these {whole(positive)} are labelled {index.disease} and "
        f"{whole(len(shown) - positive)} otherwise; the most doubtful go first. Either the "
        "label is wrong or all runs share a mistake, and scores can’t tell which. Look at the "
        "image, and at its report. Up to about 3 in 10 of such a list are right by chance. "
        f"Nothing was removed: all figures take the labels as they stand.{first}"
    )
