"""What `covidreport init` sees of a data set, what it asks, and the table of what it found."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import typer
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from covidreport.cli.tables import Row, print_table
from covidreport.dataset import ManifestSettings, guess_labels
from covidreport.dataset.arrange import arrange_table
from covidreport.dataset.formats import FORMATS, recognise
from covidreport.dataset.source import guess_plain
from covidreport.errors import UsageError
from covidreport.evaluate.options import DEFAULT_TARGET
from covidreport.records import UNKNOWN, Dataset
from covidreport.text import whole
from covidreport.text.columns import Column


class SeenData(Struct, frozen=True):
    """What was seen of a data set: how its table is read, and what is in doubt."""

    data: Path
    labels: tuple[str, ...] | None = None
    words: ManifestSettings | None = None
    marks: tuple[str, ...] = ()
    title: str = ""
    note: str = ""
    target: str = DEFAULT_TARGET
    covid_implies: str = ""
    blank_in_doubt: bool = False


def look_at(data: Path, like: str | None) -> SeenData:
    """A published format, where one is named or recognised; else a manifest or class folders."""
    if like is not None and like not in FORMATS:
        raise UsageError(f"--like {like}: one of {', '.join(FORMATS)}")
    plain = None if like is not None else guess_plain(data)
    if plain is not None and plain.labels:
        return SeenData(data, plain.labels, None, plain.marks)
    known = recognise(data, like)
    if known is not None:
        published = known.published
        lacks = f"without {', '.join(known.missing)}, which is not there" if known.missing else ""
        there = arrange_table(known.data, known.words)[1]
        labels = tuple(each for each in published.labels if each in there) or there
        return SeenData(
            known.data, labels, known.words, (), published.title,
            "; ".join(filter(None, (published.note, lacks))), published.target,
            published.covid_implies, published.blank_in_doubt,
        )  # fmt: skip
    if like is not None:
        said = FORMATS[like]
        looked = [*said.folders, *_list_tables(said.tables)]
        raise UsageError(
            f"{data}: is not laid out as {said.title}: {' or '.join(looked)} is looked for, with "
            f"{', '.join(sorted(said.columns)) or 'images'}"
        )
    if plain is not None and plain.classes is not None:
        return SeenData(data, None, ManifestSettings(classes=plain.classes))
    if plain is not None:
        raise UsageError(
            f"{data}: no column holds only 0 and 1; a manifest has one such column for each label, "
            "or a column of words, which `classes` of [manifest] names"
        )
    return SeenData(data, guess_labels(data))


def _list_tables(tables: object) -> list[str]:
    if isinstance(tables, Mapping):
        return [name for names in tables.values() for name in names]
    return list(tables) if isinstance(tables, tuple) else []


def decide(found: SeenData, covid: bool | None, blank: str | None) -> ManifestSettings | None:
    """The words with what is in doubt decided: by options, else asked. No terminal is an error."""
    words, implied = found.words, found.covid_implies
    doubted = bool(implied) and {DEFAULT_TARGET, implied} <= set(found.labels or ())
    if blank not in (None, "unknown", "negative"):
        raise UsageError(f"--blank {blank}: unknown or negative")
    if covid is not None and not doubted:
        raise UsageError("--covid-is-pneumonia: nothing is in doubt here, the data say it")
    if words is None:
        if blank is not None:
            raise UsageError("--blank is for tables that [manifest] reads; a blank is unknown")
        return None
    unasked = []
    if doubted and covid is None:
        unasked.append(
            f"--covid-is-pneumonia or --covid-is-not-pneumonia (has a COVID-19 image the label "
            f"{implied} too?)"
        )
    if found.blank_in_doubt and blank is None:
        unasked.append(
            "--blank unknown or --blank negative (a blank says that the report did not mention it)"
        )
    if unasked and not sys.stdin.isatty():
        raise UsageError(f"{found.title}: decide what is in doubt: {'; '.join(unasked)}")
    if doubted and covid is None:
        covid = typer.confirm(f"Has a COVID-19 image the label {implied} too?", err=True)
    if found.blank_in_doubt and blank is None:
        negative = typer.confirm("Does a blank label mean that it is not there?", err=True)
        blank = "negative" if negative else "unknown"
    if doubted and covid:
        words = replace(words, implies={DEFAULT_TARGET: (implied,)})
    if blank is not None:
        words = replace(words, blank="negative" if blank == "negative" else "unknown")
    return words


class SplitCounts(Struct, frozen=True):
    """What one split holds: images, patients where they are known, and what each label says."""

    name: str
    images: int
    patients: int | None
    positives: Mapping[str, int]
    unknown: Mapping[str, int]


def count_splits(dataset: Dataset) -> tuple[SplitCounts, ...]:
    """Each split, by name; `all` where there is none."""
    splits = np.array(dataset.splits or ("all",) * len(dataset), object)
    groups = None if dataset.groups is None else np.array(dataset.groups, object)
    counted = []
    for name in sorted(set(splits)):
        rows = splits == name
        truth = dict(zip(dataset.labels, dataset.truth[rows].T, strict=True))
        counted.append(
            SplitCounts(
                name,
                int(rows.sum()),
                None if groups is None else len(set(groups[rows])),
                {label: int((of == 1).sum()) for label, of in truth.items()},
                {label: int((of == UNKNOWN).sum()) for label, of in truth.items()},
            )
        )
    return tuple(counted)


def print_splits(console: Console, counted: Sequence[SplitCounts]) -> None:
    """Images, patients and positives of each label, by split; unknown truth where there is any."""
    columns = [Column("", "name")]
    columns += [
        # of many splits the last are left out first, and the first one never
        Column(each.name or "(no split)", "figure", place)
        for place, each in enumerate(counted)
    ]
    rows = [("images", *(whole(each.images) for each in counted))]
    if any(each.patients is not None for each in counted):
        rows.append(("patients", *(whole(each.patients) for each in counted)))
    for label in counted[0].positives:
        cells = []
        for each in counted:
            n, unknown = each.positives[label], each.unknown.get(label, 0)
            cells.append(f"{whole(n)}{f' ({whole(unknown)} unknown)' if unknown else ''}")
        rows.append((label, *cells))
    print_table(console, columns, [Row(cells) for cells in rows])
