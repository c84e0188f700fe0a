"""Table 1: a column for each class, a row for each of what the data state of patients or images."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from covidreport.records import AgeSummary, Cohort, CohortColumn
from covidreport.report.blocks import Cell, Column, Count, Row, Table, Text
from covidreport.text import (
    DASH,
    NOT_STATED,
    clean,
    exact,
    humanise,
    label_name,
    listed,
    percent_of,
    plural,
    titled,
    whole,
)

FIRST = ("sex", "view", "source")
"""Attributes that papers begin with; the others follow in the order of the data."""
SEVERAL = "several"
CAPPED = 90


def tabulate_cohort(cohort: Cohort) -> Table:
    """Counts with their percentage of the column; ages as median and quartiles."""
    columns = cohort.columns
    head = (
        Column("Characteristic"), Column("Value", kind="name"),
        *(Column(_name_column(each), kind="count") for each in columns),
    )  # fmt: skip
    of = f"{clean(cohort.dataset)}, {clean(cohort.split)} split"
    caption = f"{of}: {_noun(cohort)}s by class, age as median and quartiles"
    return Table(caption, head, tuple(_list_rows(cohort)), "dense")


def explain(cohort: Cohort) -> str:
    """What the columns have in common, and what is missing."""
    noun = _noun(cohort)
    sentences = []
    if noun == "patient":
        sentences.append(
            "A patient stands in the column of each label that any of the images has. It has "
            "the lowest age that they state, and as “several” where they state several values."
        )
    stand = "stands" if cohort.shared == 1 else "stand"
    sentences.append(
        f"{titled(plural(cohort.shared, noun))} {stand} in the columns of several labels."
    )
    if cohort.unknown:
        missing = [
            f"{label_name(name)} of {plural(n, 'image')}" for name, n in cohort.unknown.items()
        ]
        sentences.append(f"Nobody states {listed(missing)}.")
    if any(column.age for column in cohort.columns):
        sentences.append(f"Ages are completed years; those of {CAPPED} and over count as {CAPPED}.")
    return " ".join(sentences)


def _noun(cohort: Cohort) -> str:
    return "image" if cohort.columns[0].patients is None else "patient"


def _name_column(column: CohortColumn) -> str:
    if column.label is None:
        return "No label"
    return label_name(column.label) if column.label else "All"


def _list_rows(cohort: Cohort) -> Iterator[Row]:
    columns = cohort.columns
    if columns[0].patients is not None:
        yield _row("Patients", "n", [Count(each.patients) for each in columns])
    yield _row("Images", "n", [Count(each.images) for each in columns])
    ages = [each.age for each in columns if each.age is not None]
    if ages:
        yield _row("Age", "years", [_age(age) for age in ages])
        if any(age.unknown for age in ages):
            shares = [_share(age.unknown, age.known + age.unknown) for age in ages]
            yield _row("", NOT_STATED, shares)
    for name in _order(columns[0].values):
        yield from _list_values(name, columns)


def _list_values(name: str, columns: Sequence[CohortColumn]) -> Iterator[Row]:
    """A row for each value, then for several values and for none where there are any."""
    totals = [sum(each.values[name].values()) + each.several[name] for each in columns]
    stated = [value for value in columns[0].values[name] if value]
    title = titled(humanise(name))
    counts = [
        (clean(value), [each.values[name].get(value, 0) for each in columns]) for value in stated
    ]
    counts.append((SEVERAL, [each.several[name] for each in columns]))
    counts.append((NOT_STATED, [each.values[name].get("", 0) for each in columns]))
    for value, found in counts:
        if value in (SEVERAL, NOT_STATED) and not any(found):
            continue
        yield _row(title, value, [_share(n, of) for n, of in zip(found, totals, strict=True)])
        title = ""


def _row(title: str, value: str, cells: Sequence[Cell]) -> Row:
    return Row((Text(title), Text(value), *cells))


def _share(count: int, total: int) -> Text:
    return Text(whole(count), percent_of(count, total), count) if total else Text(DASH)


def _age(age: AgeSummary) -> Text:
    if age.median is None:
        return Text(DASH)
    return Text(exact(age.median), f"{exact(age.lower)} to {exact(age.upper)}", age.median)


def _order(names: Collection[str]) -> list[str]:
    first = [name for known in FIRST for name in names if name.strip().lower() == known]
    return [*first, *(name for name in names if name not in first)]
