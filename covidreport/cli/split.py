"""`covidreport split`: folds or splits of a data set, by patient, as a column of its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from covidreport.cli.options import AsJson, read_options
from covidreport.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from covidreport.records import Dataset

SCHEMA = "covidreport.split/1"
NAMES: Mapping[int, tuple[str, ...]] = {
    2: ("train", "validation"),
    3: ("train", "validation", "test"),
}
"""What parts are called unless they are named, by how many there are."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(
        short_help="Write folds or splits by patient into a manifest.",
        help=(
            "Write folds (--folds 5), or splits (--parts 0.7,0.15,0.15), into a manifest: a column "
            "`fold` or `split`. Of class folders, and of tables that `[manifest]` reads, a new "
            "manifest is made. All images of a patient are in one part, and labels are as alike "
            "in all parts as can be. The same data and seed give the same parts, whatever the "
            "order of rows. Opens no image."
        ),
        epilog="Example: covidreport split data/manifest.csv --folds 5",
    )(split)


def split(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A manifest (.csv, .parquet) or a folder of class folders.  "
            "[default: the data of the configuration]"
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="So many folds, called 1, 2, ….", metavar="K")
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="Shares of the images, such as 0.7,0.15,0.15.", metavar="SHARES"),
    ] = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--list",
            help="Folds by files that list their images, one a line; repeatable.",
            metavar="FILE",
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="What the parts are called.  [default: train,validation or train,validation,test]",
            metavar="NAMES",
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help="Folds of this split alone; the other images are in none."),
    ] = None,
    seed: Annotated[int, typer.Option(help="What decides between parts that fit as well.")] = 0,
    group: Annotated[
        str | None, typer.Option(help="The column that names the patient.  [default: patient_id]")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A column of truth; repeatable.  [default: those of 0 and 1]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The manifest to write.  [default: the one that is read]"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a column, or a file, that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Split a data set."""
    from covidreport.cli.terminal import print_json
    from covidreport.dataset.manifest import FOLD, SPLIT
    from covidreport.dataset.parting import part_patients, read_lists
    from covidreport.dataset.split import select_split, take_rows
    from covidreport.evaluate.resolve import choose_data, read_query
    from covidreport.store import write_atomic

    if sum(each is not None for each in (folds, parts, lists or None)) != 1:
        raise UsageError("say one of --folds, --parts and --list")
    column = SPLIT if parts is not None else FOLD
    shares, called = _read_parts(folds, parts, names, lists or [])
    _, options = read_options(context)
    query = choose_data(replace(options, labels=tuple(label) if label else options.labels), ())
    dataset = read_query(query, lambda _: ())
    plain = query.manifest is None and dataset.source.is_file()
    if within is not None and column == SPLIT:
        raise UsageError("--within is for folds: splits are of all images")
    rows = list(range(len(dataset)))
    if within is not None:
        select_split(dataset, within)  # raises where there is none
        rows = [i for i, each in enumerate(dataset.splits or ()) if each == within.strip().lower()]
    chosen = take_rows(dataset, rows)
    if lists:
        found = read_lists(
            chosen, [(str(each), each.read_text("utf-8").split("\n")) for each in lists]
        )
    else:
        found = part_patients(chosen, shares, seed)
    cells = [""] * len(dataset)
    for row, part in zip(rows, found.tolist(), strict=True):
        cells[row] = called[part]
    target = _write_to(dataset, output, column, plain=plain, force=force)
    if query.manifest is not None:
        _spare_tables(query.source, query.manifest.list_files(), target)
    write_atomic(target, _draw_manifest(dataset, column, cells, plain=plain))
    counted = _count(chosen, found, called)
    if as_json:
        print_json({"schema": SCHEMA, "file": str(target), "column": column, "parts": counted})
    else:
        _show(counted, target)
    _warn(chosen, counted)


def _read_parts(
    folds: int | None, parts: str | None, names: str | None, lists: Sequence[Path]
) -> tuple[list[float], list[str]]:
    """The share of each part and what it is called."""
    if parts is None:
        if names is not None:
            raise UsageError("--names is for --parts: folds are called 1, 2, …")
        n = folds if folds is not None else len(lists)
        if n < 2:
            raise UsageError("a data set has at least two folds: name another --list")
        return [1.0] * n, [str(at) for at in range(1, n + 1)]
    try:
        shares = [float(each) for each in parts.split(",")]
    except ValueError as error:
        raise UsageError(f"--parts is {parts!r}: shares are numbers, such as 0.7,0.3") from error
    if len(shares) < 2 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UsageError(f"--parts is {parts!r}: at least two shares over 0 that add up to 1")
    called = [each.strip().lower() for each in names.split(",")] if names else []
    called = called or list(NAMES.get(len(shares), ()))
    if len(called) != len(shares) or len(set(called)) < len(called) or not all(called):
        raise UsageError(f"name {len(shares)} different parts with --names")
    return shares, called


def _write_to(
    dataset: Dataset, output: Path | None, column: str, *, plain: bool, force: bool
) -> Path:
    """The manifest to be written; UsageError where something would be lost, or paths break."""
    root = dataset.root.resolve()
    target = output or (dataset.source if plain else root / "manifest.csv")
    if target.resolve().parent != root:
        raise UsageError(
            f"{target}: paths are relative to the manifest's folder: write it to {root}"
        )
    suffix = dataset.source.suffix.lower() if plain else ".csv"
    if target.suffix.lower() != suffix:
        raise UsageError(f"{target}: this manifest is written as {suffix}")
    own = target.exists() and target.samefile(dataset.source)
    there = {"fold": dataset.folds, "split": dataset.splits}[column] is not None
    replaces = there if own else target.exists()
    if (replaces or (there and not plain)) and not force:
        what = f"{dataset.source} has a column {column!r}" if there else f"{target} is there"
        raise UsageError(f"{what} already; --force replaces it")
    return target


def _spare_tables(source: Path, files: Sequence[str], target: Path) -> None:
    """UsageError where a table that others wrote would be replaced."""
    base = source if source.is_dir() else source.parent
    if target.resolve() in {each.resolve() for each in (source, *map(base.joinpath, files))}:
        raise UsageError(f"{target} is a table that [manifest] reads: name another --output")


def _draw_manifest(dataset: Dataset, column: str, cells: Sequence[str], *, plain: bool) -> bytes:
    """The manifest with one column more, or one of what was read otherwise."""
    from covidreport.dataset.manifest import FOLD, ID, PATIENT, SPLIT, is_unstated
    from covidreport.dataset.table import add_column, write_csv
    from covidreport.records import UNKNOWN

    if plain:
        return add_column(dataset.source, column, cells)
    columns: dict[str, Sequence[str]] = {"path": dataset.paths}
    if dataset.ids != dataset.paths:
        columns[ID] = dataset.ids
    for at, label in enumerate(dataset.labels):
        truth = dataset.truth[:, at].tolist()
        columns[label] = ["" if each == UNKNOWN else str(each) for each in truth]
    if dataset.groups is not None:
        pairs = zip(dataset.groups, dataset.ids, strict=True)
        columns[PATIENT] = ["" if is_unstated(*pair) else pair[0] for pair in pairs]
    for name, those in ((SPLIT, dataset.splits), (FOLD, dataset.folds)):
        if those is not None:
            columns[name] = those
    return write_csv({**columns, **dataset.attributes, column: cells})


def _count(
    dataset: Dataset, part: NDArray[np.intp], called: Sequence[str]
) -> list[dict[str, object]]:
    import numpy as np

    patients = np.array(dataset.groups if dataset.groups is not None else dataset.ids)
    counted: list[dict[str, object]] = []
    for at, name in enumerate(called):
        rows = part == at
        counted.append(
            {
                "name": name,
                "images": int(rows.sum()),
                "patients": len(set(patients[rows].tolist())) if dataset.groups else None,
                "labels": {
                    label: int((dataset.truth[rows, k] == 1).sum())
                    for k, label in enumerate(dataset.labels)
                },
            }
        )
    return counted


def _show(counted: Sequence[Mapping[str, object]], target: Path) -> None:
    from msgspec import convert

    from covidreport.cli.seen import SplitCounts, print_splits
    from covidreport.cli.tables import print_line
    from covidreport.cli.terminal import out

    parts = [
        convert({**each, "positives": each["labels"], "unknown": {}}, SplitCounts)
        for each in counted
    ]
    print_splits(out, parts)
    print_line(out, f"written to {target}")


def _warn(dataset: Dataset, counted: Sequence[Mapping[str, object]]) -> None:
    """What of the parts is to be known before anything is trained on them."""
    from covidreport.cli.terminal import say_note

    if dataset.groups is None:
        say_note(
            "no column names the patients: images of one patient may be in several parts; --group "
            "names it"
        )
    for label in dataset.labels:
        without = [
            str(each["name"])
            for each in counted
            if isinstance(each["labels"], dict) and not each["labels"][label]
        ]
        if without:
            say_note(f"no image with {label} in {', '.join(without)}: too few patients have it")
