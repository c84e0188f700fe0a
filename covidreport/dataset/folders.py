"""Class folders -> `Dataset`: `<class>/<image>`, or `<split>/<class>/<image>`.

The folder's name is the truth: an image carries the label that its class folder is named after, or
all of them where several are joined with `+`, and is negative for every other label.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np
from msgspec import Struct

from covidreport.errors import DatasetError
from covidreport.records import Dataset, Finding, Texts
from covidreport.storage.files import format_path

SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".dcm", ".dicom", ".tif", ".tiff", ".bmp",
        ".webp", ".gif",
    }
)  # fmt: skip
"""Files with another suffix are passed over and named; hidden files and folders are not."""
JOINT = "+"
IMAGES = "images"
_MOST_NAMED = 5
_DEEPEST = 4
"""How far down images are looked for: two levels further than they may lie, to be told of them."""


class _Folder(Struct, frozen=True):
    """A folder below the root: the names that lead to it, the images in it and other files."""

    parts: tuple[str, ...]
    images: tuple[str, ...]
    others: tuple[str, ...] = ()
    inner: str = ""
    """The one folder in it that holds its images, beside masks of them."""

    @property
    def path(self) -> str:
        return "/".join(filter(None, (*self.parts, self.inner))) or "."

    @property
    def shown(self) -> str:
        """The path as text."""
        return format_path(self.path)


def list_classes(root: Path) -> tuple[str, ...]:
    """The labels that class folders with images are named after, in lower case and order.

    Raises DatasetError when the folder isn't laid out in class folders.
    """
    faults: list[str] = []
    folders, _, _ = _find_class_folders(root, faults)
    if faults:
        raise DatasetError(format_path(root), faults)
    return _name_classes(folders)


def build_from_folders(root: Path, labels: Sequence[str] | None, name: str) -> Dataset:
    """The data set that class folders state; an image's id is its path below root, as text.

    Split and class names are compared with the labels without regard to case. Raises DatasetError
    with all faults: images outside of class folders or deeper, a class folder that is no label, a
    label without a folder (an empty one says that no image shows it), links that lead nowhere.
    """
    faults: list[str] = []
    folders, empty, masks = _find_class_folders(root, faults)
    classes = _name_classes(folders) if labels is None else tuple(labels)
    rows = _match_labels(folders, empty, classes, faults)
    paths = [f"{folder.path}/{image}" for folder in folders for image in folder.images]
    ids = paths if "".join(paths).isascii() else [*map(format_path, paths)]
    faults += _find_spelt_alike(paths, ids)
    if faults:
        raise DatasetError(format_path(root), faults)
    sizes = [len(folder.images) for folder in folders]
    splits = [format_path(folder.parts[0]).lower() for folder in folders if len(folder.parts) == 2]
    return Dataset(
        name=name,
        root=root,
        source=root,
        labels=classes,
        ids=Texts.of(ids),
        paths=Texts.of(paths),
        truth=np.repeat(np.array(rows, np.int8), sizes, axis=0),
        splits=tuple(np.repeat(np.array(splits, object), sizes)) if splits else None,
        passed_over=tuple(
            f"{folder.shown}/{other}" for folder in (*folders, *empty) for other in folder.others
        ),
        left_out=masks,
    )


def is_image(path: Path) -> bool:
    """Whether a file counts as an image: by its suffix, and without one by how it begins.

    What stands behind the last dot of a DICOM file's UID is no suffix, but a number.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix and not suffix[1:].isdecimal():
        return False
    from covidreport.images import looks_like_image  # which decodes: most folders don't need it

    return looks_like_image(path)


def count_kinds(files: Sequence[str]) -> str:
    """How many files there are of each suffix, such as `3 .webp, 1 without a suffix`."""
    kinds = Counter(PurePath(file).suffix.lower() or "without a suffix" for file in files)
    return ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())


def explain_passed_over(files: Sequence[str]) -> tuple[Finding, ...]:
    """A finding that names the files of class folders that are not read; none where there are none.

    They count for nothing: who forgets that some positives are WebP reports on the others alone.
    """
    if not files:
        return ()
    named = ", ".join(files[:_MOST_NAMED])
    more = f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
    return (
        Finding(
            "warning",
            "files-passed-over",
            f"{len(files)} files of the class folders are of kinds that are not read, and count "
            "for nothing",
            f"{count_kinds(files)}: {named}{more}",
            "Save images as PNG, JPEG, TIFF or DICOM, with the usual suffix; move what is no image "
            "out of the class folders. A manifest may name an image by any path.",
        ),
    )


def explain_left_out(left_out: Mapping[str, int]) -> tuple[Finding, ...]:
    """A finding that counts what was left out of a data set on purpose; none where nothing was."""
    if not left_out:
        return ()
    n = sum(left_out.values())
    what = "1 row or picture is" if n == 1 else f"{n:,} rows or pictures are"
    return (
        Finding(
            "note",
            "images-left-out",
            f"{what} left out of the data set, in all its splits",
            ", ".join(f"{reason}: {count:,}" for reason, count in left_out.items()),
            "See that what `exclude` in [manifest] says is meant.",
        ),
    )


def _find_spelt_alike(paths: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Files whose names, spelt as text, are one: a byte, and the letters that it is spelt with."""
    if ids is paths:
        return []
    return [
        f"{text}: {n} files are spelt so; rename those whose names are not UTF-8"
        for text, n in Counter(ids).items()
        if n > 1
    ]


def _lift_images(found: list[_Folder]) -> tuple[list[_Folder], dict[str, int]]:
    """Class folders whose pictures lie in `images`, beside masks of them in `masks`.

    Such a folder holds the images itself then; with how many pictures each name of masks has.
    """
    names = {folder.parts[-1].lower() for folder in found if folder.images and folder.parts}
    aside = {name for name in names if name.endswith(("mask", "masks"))}
    if names - aside != {IMAGES}:
        return found, {}
    lifted = {
        folder.parts[:-1]: folder
        for folder in found
        if folder.images and folder.parts[-1].lower() == IMAGES
    }
    masks: Counter[str] = Counter()
    kept = []
    for folder in found:
        name = folder.parts[-1] if folder.parts else ""
        if folder.images and name.lower() in aside:
            masks[f"folder {format_path(name)}"] += len(folder.images)
        elif folder.parts in lifted:
            inner = lifted[folder.parts]
            others = tuple(f"{inner.parts[-1]}/{other}" for other in inner.others)
            kept.append(
                _Folder(folder.parts, inner.images, folder.others + others, inner.parts[-1])
            )
        elif folder not in lifted.values():
            kept.append(folder)
    return kept, dict(masks)


def _find_class_folders(
    root: Path, faults: list[str]
) -> tuple[list[_Folder], list[_Folder], dict[str, int]]:
    """Folders that hold images, all as deep as each other; the ones on that level without; and
    how many pictures are masks.
    """
    found, masks = _lift_images(list(_walk(root, (), faults)))
    holding = [folder for folder in found if folder.images]
    if not holding:
        others = [other for folder in found for other in folder.others]
        there = f"; of kinds that are not read: {count_kinds(others)}" if others else ""
        faults.append(
            f"no images: neither a manifest.csv or manifest.parquet nor class folders{there}"
        )
    for folder in holding:
        if len(folder.parts) not in (1, 2):
            faults.append(
                f"{folder.shown}: {len(folder.images)} images; "
                "they belong into <class>/ or <split>/<class>/"
            )
    depths = {len(folder.parts) for folder in holding} & {1, 2}
    if len(depths) == 2:
        faults.append("some images lie in <class>/ and others in <split>/<class>/: use one of them")
    empty = [folder for folder in found if not folder.images and len(folder.parts) in depths]
    return [folder for folder in holding if len(folder.parts) in depths], empty, masks


def _walk(root: Path, parts: tuple[str, ...], faults: list[str]) -> Iterable[_Folder]:
    images, others, below = [], [], []
    try:
        with os.scandir(root.joinpath(*parts)) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    below.append(entry.name)
                elif is_image(Path(entry)):
                    images.append(entry.name)
                    if not entry.is_file():
                        faults.append(
                            f"{format_path('/'.join([*parts, entry.name]))}: no such file"
                        )
                else:
                    others.append(format_path(entry.name))
    except OSError as error:
        faults.append(
            f"{format_path('/'.join(parts)) or '.'}: cannot be read: {error.strerror or error}"
        )
    yield _Folder(parts, tuple(sorted(images)), tuple(sorted(others)))
    if len(parts) < _DEEPEST:
        for name in sorted(below):
            yield from _walk(root, (*parts, name), faults)


def _split_class(folder: _Folder, known: Iterable[str] = ()) -> list[str]:
    """Class names of a folder, in lower case. A label may itself be spelt with a `+`."""
    name = format_path(folder.parts[-1]).strip().lower()
    return [name] if name in known else [part.strip() for part in name.split(JOINT)]


def _name_classes(folders: Sequence[_Folder]) -> tuple[str, ...]:
    return tuple(sorted({name for folder in folders for name in _split_class(folder)}))


def _match_labels(
    folders: Sequence[_Folder],
    empty: Sequence[_Folder],
    labels: Sequence[str],
    faults: list[str],
) -> list[list[int]]:
    """The truth of each folder's images: a row of 0 and 1 for the labels."""
    columns = {label.strip().lower(): index for index, label in enumerate(labels)}
    if len(columns) < len(labels):
        faults.append(f"labels that differ in nothing but case: {', '.join(labels)}")
    rows, stated = [], set()
    for folder in folders:
        classes = _split_class(folder, columns)
        stated.update(classes)
        unknown = [name for name in classes if name not in columns]
        if unknown:
            faults.append(
                f"{folder.shown}: {unknown[0]!r} is no label, for {len(folder.images)} images; "
                f"labels are: {', '.join(labels)}"
            )
        present = {columns[name] for name in classes if name in columns}
        rows.append([int(index in present) for index in range(len(labels))])
    stated.update(name for folder in empty for name in _split_class(folder, columns))
    for label in labels:
        if folders and label.strip().lower() not in stated:
            there = ", ".join(_name_classes(folders))
            faults.append(
                f"no class folder for the label {label!r}; there are: {there}; make an empty "
                "folder of its name if no image shows it"
            )
    return rows
