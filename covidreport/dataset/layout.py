"""How a table that others wrote says what a manifest says: the words of `[manifest]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from covidreport.errors import UsageError
from covidreport.storage.address import explain_address

Mark = Literal["ignore", "positive", "negative"]
Text = Annotated[str, Meta(min_length=1)]
Texts = tuple[Text, ...]


class Extract(Struct, frozen=True, forbid_unknown_fields=True):
    """A column more: what a regular expression's one group finds in another; blank without it."""

    column: Text
    pattern: Text


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """A second table, whose columns are set beside the rows that agree with it in `on`.

    on: a column that both have, or columns of the first by those of the second. only: the columns
    that are taken; None is all. reader: the column that names who read, where rows are readings:
    each of the other columns becomes one a reader, `reader:NAME:LABEL`.
    """

    file: Text
    on: Text | dict[Text, Text]
    only: Texts | None = None
    separator: Text | None = None
    columns: Texts | None = None
    extract: dict[Text, Extract] = {}
    reader: Text | None = None


class SplitBy(Struct, frozen=True, forbid_unknown_fields=True):
    """Splits that no column states: lists of names or paths, or folders on the way to the image."""

    lists: dict[Text, Text] = {}
    folders: Texts = ()


class ManifestSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[manifest]`: where a table that others wrote has what is asked of a manifest.

    Names of columns are compared as they stand, names of labels and values without regard to case.
    """

    file: Annotated[
        Text | dict[Text, Text] | None,
        Meta(description='a table below `data`, or one a split: {train = "train.csv"}'),
    ] = None
    find: Annotated[
        Text | None, Meta(description='which files below `data` are the images: "*/images/*.png"')
    ] = None
    columns: Annotated[
        Texts | None, Meta(description="the names of the columns of a table without a header")
    ] = None
    separator: Annotated[
        Text | None, Meta(description='what stands between cells: ",", ";", "\\t" or " "')
    ] = None
    extract: Annotated[
        dict[Text, Extract],
        Meta(description='columns made of others: {p = {column = "Path", pattern = "(p[0-9]+)"}}'),
    ] = {}  # fmt: skip
    join: Annotated[
        tuple[Join, ...], Meta(description='second tables: [{file = "b.csv", on = "image"}]')
    ] = ()
    path: Annotated[
        Text | None,
        Meta(description='the column of the path, or a pattern: "images/{patient}/{view}.png"'),
    ] = None
    root: Annotated[
        Text | None, Meta(description="the folder that paths begin in, relative to `data`")
    ] = None
    id: Annotated[Text | None, Meta(description="the column that names the image")] = None
    patient: Annotated[Text | None, Meta(description="the column that names the patient")] = None
    view: Annotated[Text | None, Meta(description="the column of the view")] = None
    modality: Annotated[Text | None, Meta(description="the column of the modality")] = None
    sex: Annotated[Text | None, Meta(description="the column of the sex")] = None
    age: Annotated[Text | None, Meta(description="the column of the age")] = None
    fold: Annotated[Text | None, Meta(description="the column of the fold")] = None
    weight: Annotated[
        Text | None, Meta(description="the column of the sampling weight, where images have one")
    ] = None
    split: Annotated[
        Text | SplitBy | None,
        Meta(
            description='a column, {lists = {test = "test.txt"}} or {folders = ["train", "test"]}'
        ),
    ] = None
    classes: Annotated[
        Text | None, Meta(description="the column of words that name what the image shows")
    ] = None
    between: Annotated[
        Text | None, Meta(description='what stands between several classes in a cell, such as "|"')
    ] = None
    rename: Annotated[
        dict[Text, Text], Meta(description='labels by columns or classes: {Target = "pneumonia"}')
    ] = {}
    implies: Annotated[
        dict[Text, Texts],
        Meta(description='labels that a label says too: {"covid-19" = ["pneumonia"]}'),
    ] = {}
    uncertain: Annotated[
        dict[Text, Mark],
        Meta(description='marks, and what becomes of them: {"-1" = "ignore"}, positive, negative'),
    ] = {}
    blank: Annotated[
        Literal["unknown", "negative"], Meta(description="what a blank means: unknown or negative")
    ] = "unknown"
    rows: Annotated[
        Literal["any", "majority"] | None,
        Meta(description="how several rows of an image are one: any or majority"),
    ] = None
    reader: Annotated[
        Text | None,
        Meta(description="the column that names who read, where `rows` are of readers"),
    ] = None
    exclude: Annotated[
        dict[Text, Texts],
        Meta(description='values whose rows are left out: {view = ["L"], folders = ["masks"]}'),
    ] = {}
    accept: Annotated[
        Texts, Meta(description='views and modalities that are read all the same: ["lateral"]')
    ] = ()
    attributes: Annotated[
        Texts | None, Meta(description="the other columns that are kept; all without it")
    ] = None
    missing: Annotated[
        Literal["refuse", "fail"],
        Meta(description="what a file that is not there means: refuse the data, or fail the image"),
    ] = "refuse"

    @property
    def roles(self) -> dict[str, str]:
        """The attributes that have a meaning of their own, by what they are called here."""
        named = {name: getattr(self, name) for name in ("view", "modality", "sex", "age")}
        return {name: column for name, column in named.items() if column is not None}

    def list_files(self) -> list[str]:
        """The tables and lists that are named, besides the one that `data` may be."""
        tables = [self.file] if isinstance(self.file, str) else list((self.file or {}).values())
        lists = list(self.split.lists.values()) if isinstance(self.split, SplitBy) else []
        return [*tables, *(join.file for join in self.join), *lists]


def find_contradictions(words: ManifestSettings) -> list[str]:
    """What can't be meant, each in a sentence."""
    places = [*words.list_files(), words.root or ""]
    faults = [why for why in map(explain_address, places) if why is not None]
    if words.file is not None and words.find is not None:
        faults.append("`file` and `find` both say where the images are named: keep one")
    if isinstance(words.file, dict) and words.split is not None:
        faults.append("`file` names a table a split, and `split` says it again: keep one")
    if words.between is not None and words.classes is None:
        faults.append("`between` parts the classes in a cell, and no column of `classes` is named")
    if words.reader is not None and words.rows is None:
        faults.append("`reader` names who read a row, and `rows` does not say how rows are one")
    if isinstance(words.split, SplitBy) and bool(words.split.lists) == bool(words.split.folders):
        faults.append("`split` takes either lists or folders")
    extracts: list[tuple[str, Mapping[str, Extract]]] = [("extract", words.extract)]
    extracts += [(f"join of {join.file}", join.extract) for join in words.join]
    for where, columns in extracts:
        for name, each in columns.items():
            try:
                groups = re.compile(each.pattern).groups
            except re.error as error:
                faults.append(f"`{where}`: the pattern of {name} is no regular expression: {error}")
            else:
                if groups != 1:
                    faults.append(f"`{where}`: the pattern of {name} needs one group in brackets")
    return faults


def refuse_twice(group: str | None, uncertain: object, words: ManifestSettings) -> list[str]:
    """What is said outside of `[manifest]` and in it."""
    faults = []
    if group is not None and words.patient is not None:
        faults.append("`group` and `patient` of [manifest] both name the patient: keep one")
    if uncertain and words.uncertain:
        faults.append("`uncertain` stands there and in [manifest]: keep one")
    return faults


def check_words(words: ManifestSettings, group: str | None, uncertain: object) -> None:
    """Raise UsageError where the words can't be meant, or say what was said already."""
    faults = [*find_contradictions(words), *refuse_twice(group, uncertain, words)]
    if faults:
        raise UsageError("[manifest]: " + "; ".join(faults))
