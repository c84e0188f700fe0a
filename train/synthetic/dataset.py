"""Draws the whole data set: images, a manifest, and a README that says what they are."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from covidreport.errors import UsageError
from covidreport.store import write_atomic

from .chest import Chest, Frame, Grid, draw_chest, draw_leads, expose, stamp
from .cohort import LABELS, TRAIN, VALIDATION, Film, plan_cohort
from .disease import draw_lobar_opacity, draw_peripheral_opacities

SOURCE = "drawn"
"""What the manifest's column `source` says of every image."""
COMMENT = "Drawn by a program. Not a radiograph, not a patient, of no use in medicine."
COLUMNS = ("path", *LABELS, "split", "patient_id", "source", "view", "sex", "age")
_TITLE = "# Drawn radiographs: not real, not patients"
_SMALLEST = 128
"""The shortest side on which the burnt-in label can be read."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What decides every byte of the data set, together with the versions of NumPy and Pillow."""

    images: int = 480
    seed: int = 2020
    size: int = 256
    """The shorter side, in pixels."""
    validation: float = 0.4
    """The proportion of images in the validation split."""


def draw_dataset(folder: Path, drawing: Drawing | None = None, *, jobs: int | None = None) -> Path:
    """Draw synthetic radiographs into `folder`, and give the path of their manifest.csv.

    Every image is marked as drawn: in its lower left corner, in its metadata, in the README and in
    the manifest's column `source`. The same `drawing` gives the same bytes, whatever `jobs` is (the
    number of processes; by default one for each core). The manifest is written last. Raises
    UsageError where `folder` holds anything but an earlier drawing, which is replaced.
    """
    drawing = drawing or Drawing()
    _refuse_nonsense(drawing)
    films = plan_cohort(drawing.images, drawing.validation, drawing.seed)
    _clear(folder)
    write_atomic(folder / "README.md", _render_readme(drawing, films).encode())
    (folder / "images").mkdir(exist_ok=True)
    draw = partial(draw_film, folder, drawing)
    jobs = min(jobs or os.cpu_count() or 1, len(films))
    if jobs == 1:
        for film in films:
            draw(film)
    else:
        # Spawned, not forked: the caller may have threads, as torch does.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            list(pool.map(draw, films, chunksize=8))
    manifest = folder / "manifest.csv"
    write_atomic(manifest, _render_manifest(films).encode())
    return manifest


def draw_film(folder: Path, drawing: Drawing, film: Film) -> None:
    """Draw one film and save it in its format under `folder`."""
    person = np.random.default_rng([drawing.seed, film.patient])
    rng = np.random.default_rng([drawing.seed, film.patient, film.number])
    form = int(person.integers(2**32))
    frame = Frame.lay(*_measure(drawing.size, film.aspect), rng, form)
    chest = draw_chest(frame, person, rng, sex=film.sex, view=film.view)
    leads = draw_leads(frame, rng, view=film.view)
    # Disease has its own stream: else what follows would be drawn otherwise for the sick.
    sick = np.random.default_rng([drawing.seed, film.patient, film.number, 1])
    _save(stamp(expose(chest, _draw_disease(film, chest, sick), leads, rng)), folder / film.path)


def _draw_disease(film: Film, chest: Chest, rng: np.random.Generator) -> Grid:
    """What the film's labels say, from faint to dense: nothing at all where it is normal."""
    clear = np.ones(chest.lung.shape, dtype=np.float32)
    if "covid-19" in film.labels:
        clear *= 1 - draw_peripheral_opacities(chest, rng, rng.uniform(0.2, 0.9))
    if "pneumonia" in film.labels:
        clear *= 1 - draw_lobar_opacity(chest, rng, rng.uniform(0.35, 1.0))
    return 1 - clear


def _measure(size: int, aspect: float) -> tuple[int, int]:
    """Width and height of a film whose shorter side is `size`."""
    return (round(size * aspect), size) if aspect >= 1 else (size, round(size / aspect))


def _save(image: Image.Image, path: Path) -> None:
    if path.suffix == ".png":
        notes = PngInfo()
        notes.add_text("Source", SOURCE)
        notes.add_text("Comment", COMMENT)
        image.save(path, pnginfo=notes, compress_level=2)
    else:
        image.save(path, quality=92, comment=COMMENT.encode())


def _refuse_nonsense(drawing: Drawing) -> None:
    if drawing.images < 1:
        raise UsageError(f"{drawing.images} images can't be drawn: ask for at least 1")
    if drawing.size < _SMALLEST:
        raise UsageError(
            f"{drawing.size} px is too small for the label in the corner: "
            f"ask for {_SMALLEST} or more"
        )
    if not 0 <= drawing.validation <= 1:
        raise UsageError(f"the validation share is {drawing.validation}: give one from 0 to 1")
    if drawing.seed < 0:
        raise UsageError(f"the seed is {drawing.seed}: give a whole number from 0")


def _clear(folder: Path) -> None:
    """Make room for a drawing: remove an earlier one, and refuse to touch anything else."""
    if folder.is_dir() and any(folder.iterdir()):
        readme = folder / "README.md"
        if not (readme.is_file() and readme.read_text(encoding="utf-8").startswith(_TITLE)):
            raise UsageError(
                f"{folder} holds other files than an earlier drawing: give a new or an empty folder"
            )
        (folder / "manifest.csv").unlink(missing_ok=True)
        for image in (folder / "images").glob("drawn-*"):
            image.unlink()
    elif folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder")


def _render_manifest(films: Sequence[Film]) -> str:
    """One row an image; labels as 0 and 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for film in films:
        truth = [int(label in film.labels) for label in LABELS]
        facts = (film.split, film.patient_id, SOURCE, film.view, film.sex, film.age)
        writer.writerow([film.path, *truth, *facts])
    return text.getvalue()


def _render_readme(drawing: Drawing, films: Sequence[Film]) -> str:
    """What the folder is, what it is not, and what is in it."""
    rows = "\n".join(
        f"| {label} | "
        f"{' | '.join(_count_films(films, label, split) for split in (TRAIN, VALIDATION))} |"
        for label in LABELS
    )
    both = sum(len(film.labels) > 1 for film in films)
    return _README.format(
        title=_TITLE,
        images=len(films),
        patients=len({film.patient for film in films}),
        rows=rows,
        both=both,
        drawing=drawing,
    )


def _count_films(films: Sequence[Film], label: str, split: str) -> str:
    """Images and patients of one label in one split."""
    chosen = [film for film in films if film.split == split and label in film.labels]
    return f"{len(chosen)} / {len({film.patient for film in chosen})}"


_README = """{title}

{images} pictures of {patients} people who do not exist. A program drew every one of them from
simple shapes and chance; no radiograph was used. They show that the software works, from images
to report. **No metric that is reached on them says anything about medicine, or about what a model
is worth on real radiographs.**

Each picture says so itself: "DRAWN, NOT A PATIENT" in its lower left corner, a comment in its
metadata, and `drawn` in the manifest's column `source`.

| label (images / patients) | train | validation |
| --- | --- | --- |
{rows}

{both} images carry both `covid-19` and `pneumonia`.

- `normal`: lungs, ribs, collar bones, heart, diaphragm; no opacity.
- `covid-19`: patches in both lungs, along the chest wall, mostly low.
- `pneumonia`: one lobe, or a part of it, made dense.
- Opacities range from faint to dense: some can hardly be seen. View, sex, file format, proportions
  and noise are dealt out alike in all classes; leads lie on sick and well.
- `manifest.csv`: path, a 0/1 column for each label, split (by patient), patient_id, source, view,
  sex, age in years.

Drawn with seed {drawing.seed}, {drawing.size} px on the shorter side.
"""
