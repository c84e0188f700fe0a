"""Images whose truth nobody states: of a manifest, of folders, or files that are named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from covidreport.dataset.columns import name_suffix
from covidreport.dataset.folders import SUFFIXES, count_kinds, is_image
from covidreport.dataset.manifest import build_images
from covidreport.dataset.table import READERS, read_table
from covidreport.errors import DatasetError
from covidreport.records import Dataset
from covidreport.storage.address import Address
from covidreport.storage.files import format_path
from covidreport.storage.objects import list_objects


def find_images(paths: Sequence[Path]) -> Dataset:
    """The images of a manifest, of folders and what is below them, and files; without labels.

    An image's id is that of the manifest, else its path: below the one folder, or below the folder
    that all of them have in common. A file that is named is taken whatever its suffix; an image
    that is named twice counts once.

    Raises DatasetError where there is no such file or folder, where a folder has no image, and
    where a manifest is faulty or does not stand alone.
    """
    manifests = [path for path in paths if name_suffix(path) in READERS and path.is_file()]
    if manifests and len(paths) > 1:
        said = "a manifest names all images by itself: give it alone"
        raise DatasetError(format_path(manifests[0]), [said])
    if manifests:
        return build_images(read_table(manifests[0]), format_path(manifests[0].stem))
    if any(isinstance(path, Address) for path in paths):
        return _find_stored(paths)
    found: dict[Path, None] = {}
    others: list[Path] = []
    for path in paths:
        images, rest = ([path], []) if path.is_file() else _list_images(path)
        found |= dict.fromkeys(images)
        others += rest
    root = paths[0]
    if len(paths) > 1 or root.is_file():
        folders = [path.parent if path.is_file() else path for path in paths]
        root = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    relative = tuple(dict.fromkeys(Path(os.path.relpath(each, root)).as_posix() for each in found))
    ids = tuple(map(format_path, relative))
    passed_over = tuple(format_path(os.path.relpath(each, root)) for each in others)
    truth = np.zeros((len(relative), 0), np.int8)
    name = format_path(root.name)
    return Dataset(name, root, root, (), ids, relative, truth, passed_over=passed_over)


def _find_stored(paths: Sequence[Path]) -> Dataset:
    """The images of a folder in an object store, or the one that is named."""
    if len(paths) > 1:
        said = "of what lies in an object store give one folder, one image or a manifest alone"
        raise DatasetError(format_path(paths[0]), [said])
    root, names = paths[0], sorted(list_objects(str(paths[0])))
    if not names:
        if not root.is_file():
            raise DatasetError(format_path(root), ["no such file or folder"])
        root, names = root.parent, [root.name]
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    known = [is_image(root / name) for name in shown]
    images, others = (
        tuple(name for name, is_one in zip(shown, known, strict=True) if is_one is wanted)
        for wanted in (True, False)
    )
    _refuse_none(root, images, others)
    truth = np.zeros((len(images), 0), np.int8)
    return Dataset(root.name, root, root, (), images, images, truth, passed_over=others)


def _refuse_none(folder: Path, images: Sequence[object], others: Sequence[str]) -> None:
    """DatasetError where a folder has no image, with what it has."""
    if images:
        return
    there = f"; there are {count_kinds(tuple(others))}" if others else ""
    said = f"no images ({', '.join(sorted(SUFFIXES))}) in it{there}"
    raise DatasetError(format_path(folder), [said])


def _list_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images in a folder and below it, by path, and the files of other kinds."""
    if not folder.is_dir():
        raise DatasetError(format_path(folder), ["no such file or folder"])
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    known = [is_image(path) for path in files]
    images = [path for path, is_one in zip(files, known, strict=True) if is_one]
    others = [path for path, is_one in zip(files, known, strict=True) if not is_one]
    _refuse_none(folder, images, [format_path(path) for path in others])
    return images, others
