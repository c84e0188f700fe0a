"""Where a data set is read from: a manifest, a folder that holds one, or class folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from covidreport.dataset.arrange import arrange_table
from covidreport.dataset.columns import name_suffix
from covidreport.dataset.folders import build_from_folders, list_classes
from covidreport.dataset.layout import ManifestSettings, check_words
from covidreport.dataset.manifest import PATH, Needed, build_dataset, guess_columns
from covidreport.dataset.published import guess_classes
from covidreport.dataset.table import READERS, read_table
from covidreport.dataset.truth import COMMON_MARKS, name_values, normalise_cell
from covidreport.errors import DatasetError, UsageError
from covidreport.records import Dataset
from covidreport.storage.address import Address
from covidreport.storage.files import format_path

MANIFESTS = tuple(f"manifest{suffix}" for suffix in READERS)
_NAME_LENGTH = 80


def read_dataset(
    source: Path,
    labels: Sequence[str] | None = None,
    *,
    group: str | None = None,
    name: str | None = None,
    uncertain: Sequence[str] = (),
    needed: Needed | None = None,
    manifest: ManifestSettings | None = None,
) -> Dataset:
    """Read and check a data set; image files are looked up but not opened.

    source: a manifest (a key of `READERS`), a folder with one of them called `manifest`, or class
    folders. labels: matched by name; None takes `guess_labels`. group: the column that
    names patients, by default `patient_id` where there is one; an image whose cell is blank is a
    patient of its own. name: by default the folder's; evaluations are filed under it, so it is
    spelt with lower-case letters, digits, `.`, `_` and `-`. uncertain: what a label column of a
    manifest may say besides 0, 1 and blank, such as `?` or `-1`; the truth is then unknown, which
    leaves the image out of that label's metrics, and it is counted. UsageError for a mark that
    means yes or no already. needed: of a manifest's splits those whose files have to be there; None
    is all. manifest: how a table that others wrote is read as one.

    Raises DatasetError with every fault that was found and the line of each, UsageError where
    `manifest` contradicts itself or the other arguments.
    """
    if manifest is not None:
        check_words(manifest, group, uncertain)
        name_values(uncertain)
        if isinstance(source, Address) and manifest.find is not None:
            raise UsageError(
                f"{source}: `find` of [manifest] looks for files on this machine alone"
            )
        named = manifest.file is not None or manifest.find is not None
        place = source if named else _find_manifest(source) or source
        table, found = arrange_table(place, manifest, labels, uncertain)
        asked = found or None if labels is None else tuple(labels)
        return build_dataset(table, asked, group, name_source(source, name), (), needed)
    table_file = _find_manifest(source)
    name = name_source(source, name)
    if table_file is not None:
        return build_dataset(read_table(table_file), labels, group, name, uncertain, needed)
    if group is not None:
        raise DatasetError(
            str(source), [f"class folders have no column {group!r} to group by: write a manifest"]
        )
    if isinstance(source, Address):
        raise DatasetError(
            str(source),
            [f"holds no manifest ({MANIFESTS[0]}); class folders are read on this machine"],
        )
    return build_from_folders(source, labels, name)


def guess_labels(source: Path, uncertain: Sequence[str] = ()) -> tuple[str, ...]:
    """The labels of a data set when nobody names them.

    Of a manifest: the columns that hold nothing but 0, 1, blanks and uncertain marks and at least
    one 1, in their order, `path`, `id`, `split` and `patient_id` excluded. Of class folders: their
    names. Empty where a manifest has none. Raises DatasetError when the source can't be read.
    """
    manifest = _find_manifest(source)
    if manifest is None:
        return list_classes(source)
    return guess_columns(read_table(manifest), uncertain=uncertain)


class PlainManifest(Struct, frozen=True):
    """What a manifest says by itself. marks: what its labels say besides 0, 1 and blank; classes:
    a column of words, where no column is a label.
    """

    labels: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    classes: str | None = None


def guess_plain(source: Path) -> PlainManifest | None:
    """The labels of a manifest, uncertain ones too, for who asks and then checks; None for class
    folders and for what is no table with a column of paths. DatasetError as `guess_labels`.
    """
    manifest = _find_manifest(source)
    if manifest is None or name_suffix(manifest) not in READERS:
        return None
    table = read_table(manifest)
    if PATH not in table.columns:
        return None
    labels = guess_columns(table, uncertain=tuple(COMMON_MARKS))
    used = {normalise_cell(cell) for label in labels for cell in set(table.columns[label])}
    return PlainManifest(labels, tuple(sorted(used & COMMON_MARKS)), guess_classes(table))


def name_source(source: Path | None, name: str | None = None) -> str:
    """What evaluations on a data set are filed under: its name, by default its folder's."""
    if name is None and source is not None:
        folder = _find_folder(source)
        name = folder.absolute().resolve().name
    return make_name(name or "")


def name_sources(sources: Sequence[Path], known: Mapping[Path, str]) -> dict[Path, str]:
    """What evaluations on several data sets are filed under, by source.

    The name that is known of it, else its folder's; where two are alike, each of these with its
    parent folder's in front, such as `one-data` and `two-data`. UsageError where that does not part
    them.
    """
    known = {source.resolve(): name for source, name in known.items()}
    names = {source: name_source(source, known.get(source.resolve())) for source in sources}
    alike = [source for source in sources if list(names.values()).count(names[source]) > 1]
    for source in alike:
        if source.resolve() not in known:
            names[source] = list_names(source)[1]
    if len(set(names.values())) < len(names):
        raise UsageError(
            f"two of the data sets would go by one name ({', '.join(names.values())}): evaluate "
            "them one by one, with another `name` in covidreport.toml for one of them"
        )
    return names


def list_names(source: Path, wanted: str | None = None) -> tuple[str, ...]:
    """What evaluations on a data set may be filed under, where another set goes by its name.

    The wanted name, by default its folder's; then that with ever more of the folders above in
    front: `data`, `two-data`, `clinic-two-data`. At least two.
    """
    folder = _find_folder(source.absolute().resolve())
    parts = [part for part in folder.parts if part != folder.anchor] or [""]
    tails = [make_name("-".join(parts[-n:])) for n in range(1, len(parts) + 1)]
    if wanted is None or wanted in tails:
        names = [wanted or tails[0], *tails]
    else:
        names = [wanted, *(make_name(f"{front}-{wanted}") for front in tails)]
    return tuple(dict.fromkeys([*names, make_name(f"other-{names[0]}")]))


def _find_folder(source: Path) -> Path:
    """The folder of a manifest; of an address by its name, as settings that name one are read by
    commands that ask no store."""
    if isinstance(source, Address):
        return source.parent if name_suffix(source) in READERS else source
    return source.parent if source.is_file() else source


def make_name(text: str) -> str:
    """A text as a folder's name: lower-case letters, digits, `.`, `_`, `-`; `data` if empty."""
    name = re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:_NAME_LENGTH].strip(".-")
    return name or "data"


def _find_manifest(source: Path) -> Path | None:
    """The manifest that a source is or holds; None where it is a folder without one."""
    if source.is_file():
        return source
    if not source.is_dir():
        raise DatasetError(str(source), ["no such file or folder"])
    found = [source / name for name in MANIFESTS if (source / name).is_file()]
    if len(found) > 1:
        raise DatasetError(
            str(source),
            [f"holds {' and '.join(each.name for each in found)}: name the one that is meant"],
        )
    return found[0] if found else None


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Where images lay, and how many there were besides, for the record (`RecordedData`)."""
    return {
        "source": format_path(dataset.source.as_posix()),
        "left_out": dict(dataset.left_out),
        "in_splits": dict(dataset.in_splits),
    }
