"""Metrics of a paper as run folders: a table of counts in, runs without a model or scores out."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import DatasetError, StoreError, UsageError
from covidreport.metrics import check_thresholds, estimate_counts
from covidreport.records import Counts, Evaluation
from covidreport.storage.files import fits_name
from covidreport.store import EVALUATION_FILE, read_evaluation, write_evaluation, write_run

CELLS = ("tn", "fp", "fn", "tp")


class CountedRow(Struct, frozen=True):
    """One row of a table of counts, and the line of the file on which it ends."""

    line: int
    run: str
    experiment: str | None
    dataset: str
    split: str
    label: str
    counts: Counts


def import_counts(
    file: Path,
    output: Path,
    *,
    dataset: str,
    target: str | None = None,
    threshold: float | None = None,
) -> tuple[Path, ...]:
    """Make one run folder under `output` for each run of a CSV of counts, and give their paths.

    A row is one run, split and label: columns `run` (or `experiment`, a number of which becomes the
    run `exp<number>`; with both, `experiment` is only noted), `split`, `label`, `tn`, `fp`, `fn`,
    `tp`, and where the rows are of several data sets `dataset` (elsewhere and where blank it is the
    one given). Other columns are left alone. `threshold` is the probability above which the paper
    calls an image positive, where it says so; `target` must be one of the labels.

    Raises DatasetError with every fault of the table, UsageError for a wrong option or where a
    folder in the way holds something else: nothing is written then. A folder that already holds
    exactly what would be written is left as it is.
    """
    if threshold is not None:
        check_thresholds([threshold])
    if not _is_folder_name(dataset):
        raise UsageError(f"the data set's name {dataset!r} can't be a folder's name")
    rows = read_counts(file, dataset=dataset)
    labels = tuple(dict.fromkeys(row.label for row in rows))
    if target is not None and target not in labels:
        raise UsageError(f"{file}: no label {target!r}; its labels are {', '.join(labels)}")
    of_run: defaultdict[str, list[CountedRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: labels.index(row.label)):  # one order for all runs
        of_run[row.run].append(row)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=output) as temporary:
        made = [_write_run(Path(temporary), run, threshold, file.name) for run in of_run.values()]
        return _move_all(made, output)


def read_counts(file: Path, *, dataset: str) -> tuple[CountedRow, ...]:
    """The rows of a CSV of counts, checked: see `import_counts` for the columns.

    Raises DatasetError with every fault and its line: columns or cells that are missing, what is no
    whole number or below 0, names that can't name a folder, a row given twice, a label without a
    row, and sums that can't be of the same images (the total of a run and split differs between
    labels, or the positives of a label between runs).
    """
    faults: list[str] = []
    rows = _read_rows(file, dataset, faults)
    if rows:
        faults += [*_find_repeated(rows), *_find_missing_labels(rows)]
        faults += [*_find_unequal_totals(rows), *_find_unequal_supports(rows)]
    elif not faults:
        faults.append("line 1: the table has no rows")
    if faults:
        raise DatasetError(str(file), sorted(faults, key=_read_line_number))
    return tuple(rows)


def _read_line_number(fault: str) -> int:
    return int(fault.removeprefix("line ").partition(":")[0])


def _read_rows(file: Path, dataset: str, faults: list[str]) -> list[CountedRow]:
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the first column's name.
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            faults += _find_wrong_columns(columns)
            if faults:
                return []
            rows = (_read_row(reader.line_num, row, dataset, faults) for row in reader)
            return [row for row in rows if row is not None]
    except OSError as error:
        raise UsageError(f"{file}: can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: is not a CSV file in UTF-8 ({error})") from error


def _find_wrong_columns(columns: Sequence[str]) -> list[str]:
    faults = [
        f"line 1: the column {name} stands there {count} times"
        for name, count in Counter(columns).items()
        if count > 1
    ]
    missing = [name for name in ("split", "label", *CELLS) if name not in columns]
    if "run" not in columns and "experiment" not in columns:
        missing.insert(0, "run (or experiment)")
    if missing:
        found = ", ".join(columns) or "none"
        faults.append(f"line 1: no column {', '.join(missing)}; the columns are {found}")
    return faults


def _read_row(
    line: int, row: Mapping[str | None, str | None], dataset: str, faults: list[str]
) -> CountedRow | None:
    """One row, or None where it has faults of its own, which are added to `faults`."""
    wrong: list[str] = []
    if None in row:
        wrong.append("more cells than there are columns")
    experiment = (row.get("experiment") or "").strip()
    names = {
        "run": (row.get("run") or "").strip() or _name_experiment(experiment),
        "dataset": (row.get("dataset") or "").strip() or dataset,
        "split": (row.get("split") or "").strip(),
        "label": (row.get("label") or "").strip(),
    }
    for column, name in names.items():
        if not name:
            wrong.append(f"no {column}")
        elif column != "label" and not _is_folder_name(name):
            wrong.append(f"the {column} {name!r} can't be a folder's name")
    if not wrong and not fits_name(f"{names['dataset']}-{names['split']}"):
        wrong.append("dataset and split together are too long for a folder's name")
    cells = {cell: _read_count(cell, row.get(cell), wrong) for cell in CELLS}
    if not wrong and not any(cells.values()):
        wrong.append("all four counts are 0")
    if wrong:
        faults.extend(f"line {line}: {fault}" for fault in wrong)
        return None
    return CountedRow(line, experiment=experiment or None, counts=Counts(**cells), **names)


def _name_experiment(experiment: str) -> str:
    return f"exp{experiment}" if experiment.isdecimal() else experiment


def _read_count(name: str, cell: str | None, wrong: list[str]) -> int:
    text = (cell or "").strip()
    if text.isascii() and text.isdecimal():
        return int(text)
    if not text:
        wrong.append(f"no {name}")
    elif text.startswith("-") and text[1:].isdecimal():
        wrong.append(f"{name} is {text}: a count is not negative")
    else:
        wrong.append(f"{name} is {text!r}: not a whole number")
    return 0


def _is_folder_name(name: str) -> bool:
    """Whether a name can be a folder's or a part of one, on any system."""
    return fits_name(name) and not set(name) & set(':*?"<>|')


def _find_repeated(rows: Sequence[CountedRow]) -> Iterable[str]:
    first: dict[tuple[str, str, str, str], int] = {}
    for row in rows:
        line = first.setdefault((row.run, row.dataset, row.split, row.label), row.line)
        if line != row.line:
            yield (
                f"line {row.line}: {row.label} of {row.run}, {row.split} stands on line {line} too"
            )


def _find_missing_labels(rows: Sequence[CountedRow]) -> Iterable[str]:
    labels = tuple(dict.fromkeys(row.label for row in rows))
    for group in _group(rows).values():
        present = {row.label for row in group}
        missing = [label for label in labels if label not in present]
        if missing:
            last = group[-1]
            yield (
                f"line {last.line}: {last.run}, {last.split} has no row for {', '.join(missing)}"
            )


def _find_unequal_totals(rows: Sequence[CountedRow]) -> Iterable[str]:
    for group in _group(rows).values():
        usual, count = Counter(row.counts.total for row in group).most_common(1)[0]
        for row in group:
            if row.counts.total != usual:
                others = "another label has" if count == 1 else "the other labels have"
                yield (
                    f"line {row.line}: {row.label} of {row.run}, {row.split} adds up to "
                    f"{row.counts.total} images where {others} {usual}"
                )


def _find_unequal_supports(rows: Sequence[CountedRow]) -> Iterable[str]:
    groups: defaultdict[tuple[str, str, str], list[CountedRow]] = defaultdict(list)
    for row in rows:
        groups[row.dataset, row.split, row.label].append(row)
    for group in groups.values():
        usual = Counter((row.counts.positives, row.counts.negatives) for row in group)
        positives, negatives = usual.most_common(1)[0][0]
        for row in group:
            counts = row.counts
            if (counts.positives, counts.negatives) != (positives, negatives):
                yield (
                    f"line {row.line}: {row.label} of {row.run}, {row.split} has "
                    f"{counts.positives} positives and {counts.negatives} negatives where other "
                    f"runs have {positives} and {negatives}; other images are another data set "
                    "(column dataset)"
                )


def _group(rows: Sequence[CountedRow]) -> Mapping[tuple[str, str, str], list[CountedRow]]:
    """The rows of one evaluation each: by run, data set and split."""
    groups: defaultdict[tuple[str, str, str], list[CountedRow]] = defaultdict(list)
    for row in rows:
        groups[row.run, row.dataset, row.split].append(row)
    return groups


def _write_run(
    parent: Path, rows: Sequence[CountedRow], threshold: float | None, source: str
) -> Path:
    first = rows[0]
    folder = parent / first.run
    labels = tuple(dict.fromkeys(row.label for row in rows))
    settings: dict[str, object] = {"name": first.run}
    if first.experiment is not None:
        settings["experiment"] = first.experiment
    settings |= {
        "description": f"counts copied from {source}",
        "data": {"labels": labels},
        "status": "published",
    }
    write_run(folder, settings)
    for group in _group(rows).values():
        counts = {row.label: row.counts for row in group}
        evaluation = Evaluation(
            run=first.run,
            dataset=group[0].dataset,
            split=group[0].split,
            variant=None,
            fingerprint=None,
            labels=tuple(counts),
            n_images=group[0].counts.total,
            n_groups=None,
            thresholds={} if threshold is None else dict.fromkeys(counts, threshold),
            thresholds_from="published",
            counts=counts,
            estimates=estimate_counts(counts),
            provenance={"counts_from": source},
            has_scores=False,
        )
        write_evaluation(folder, evaluation)
    return folder


def _move_all(made: Sequence[Path], output: Path) -> tuple[Path, ...]:
    """Move the folders into `output`; UsageError, and nothing moved, where other content stands."""
    folders = tuple(output / folder.name for folder in made)
    in_the_way = [
        there.name
        for folder, there in zip(made, folders, strict=True)
        if there.exists() and _read_tree(there) != _read_tree(folder)
    ]
    if in_the_way:
        raise UsageError(
            f"{output}: {', '.join(in_the_way)} already there with other content; nothing was "
            "written: choose another output folder, or move these away"
        )
    for folder, there in zip(made, folders, strict=True):
        if not there.exists():
            folder.rename(there)
    return folders


def _read_tree(folder: Path) -> Mapping[str, bytes | Evaluation]:
    """What every file below a folder says, by its path there."""
    return {
        file.relative_to(folder).as_posix(): _read_content(file)
        for file in folder.rglob("*")
        if file.is_file()
    }


def _read_content(file: Path) -> bytes | Evaluation:
    """The bytes of a file; of an evaluation what decides its estimates, of which another version
    may make more from the same counts."""
    if file.name == EVALUATION_FILE:
        with suppress(StoreError):
            return replace(read_evaluation(file), estimates={})
    return file.read_bytes()
