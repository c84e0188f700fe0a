"""Pictures with changed bytes or made by hand, in one manifest with some that are well."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.hostile import places
from benchmarks.hostile.bad_images import BAD_IMAGES
from benchmarks.hostile.command import Bench, Ended
from benchmarks.hostile.dicom import write_dicom
from benchmarks.hostile.graphs import LABELS, make_demo
from benchmarks.hostile.mutate import mutate
from benchmarks.hostile.outcome import Row, Trial, trial

SEED = 41
MUTATED = 4000
BATCH = 250
"""Pictures in one manifest."""
GOOD = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to be tried, which `write` makes at a path."""

    name: str
    write: Callable[[Path], object]
    original: str | None = None
    """The unchanged picture that it was made of, to be compared with."""


def make_originals() -> dict[str, bytes]:
    """A small picture in each format that is read."""
    (pixels,), _ = places.draw_pixels(1, seed=9)
    wide = np.kron(pixels, np.ones((4, 4), np.uint8))
    files: dict[str, bytes] = {}
    for name, image, how in (
        ("grey.png", Image.fromarray(wide), {}),
        ("deep.png", Image.fromarray(wide.astype(np.uint16) * 257), {}),
        ("colour.png", Image.fromarray(wide).convert("RGB"), {}),
        ("palette.png", Image.fromarray(wide).convert("P"), {}),
        ("grey.jpg", Image.fromarray(wide), {"quality": 90}),
        ("colour.jpg", Image.fromarray(wide).convert("RGB"), {"quality": 90}),
        ("progressive.jpg", Image.fromarray(wide), {"quality": 90, "progressive": True}),
        ("grey.tif", Image.fromarray(wide), {"compression": "tiff_lzw"}),
        ("deep.tiff", Image.fromarray(wide.astype(np.uint16) * 257), {}),
        ("grey.bmp", Image.fromarray(wide), {}),
        ("grey.webp", Image.fromarray(wide), {"lossless": True}),
        ("grey.gif", Image.fromarray(wide), {}),
    ):
        sink = io.BytesIO()
        image.save(sink, Image.registered_extensions()[Path(name).suffix], **how)
        files[name] = sink.getvalue()
    dicom = write_dicom(wide)
    if dicom is not None:
        files["plain.dcm"] = dicom
    return files


def try_mutated_images(bench: Bench, done: Callable[[Row], None]) -> None:
    """One row."""
    originals = make_originals()
    names = sorted(originals)

    def mutant(i: int) -> Picture:
        name = names[i % len(names)]
        data = mutate(originals[name], np.random.default_rng([SEED, i]))
        return Picture(f"i{i:04}{Path(name).suffix}", lambda file: file.write_bytes(data), name)

    pictures = [mutant(i) for i in range(bench.scale(MUTATED))]
    done(Row("images, bytes changed", tuple(_try_all(bench, pictures, originals))))


def try_crafted_images(bench: Bench, done: Callable[[Row], None]) -> None:
    """One row."""
    step = max(1, round(1 / bench.share)) if bench.share < 1 else 1
    pictures = [Picture(name, write) for name, write in list(BAD_IMAGES.items())[::step]]
    done(Row("images, made by hand", tuple(_try_all(bench, pictures, {}))))


def _try_all(
    bench: Bench, pictures: Sequence[Picture], originals: dict[str, bytes]
) -> Iterator[Trial]:
    batches = [pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH)]

    def run(numbered: tuple[int, Sequence[Picture]]) -> list[Trial]:
        folder = bench.work / "images" / str(numbered[0])
        try:
            return _try(bench, folder, numbered[1], originals)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(bench.workers) as pool:
        for part in pool.map(run, enumerate(batches)):
            yield from part


def _write(folder: Path, pictures: Sequence[Picture], originals: dict[str, bytes]) -> None:
    """The originals, some good pictures and those to be tried, with a manifest of all."""
    places.fresh(folder)
    make_demo().write(folder / "runs" / "good")
    data = folder / "data"
    data.mkdir()
    pixels, _ = places.draw_pixels(GOOD)
    names = [f"good{i}.png" for i in range(GOOD)]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(data / name)
    for name, content in originals.items():
        (data / name).write_bytes(content)
    for each in pictures:
        each.write(data / each.name)
    listed = [*names, *originals, *(each.name for each in pictures)]
    rows = [(name, LABELS[i % len(LABELS)], "validation") for i, name in enumerate(listed)]
    places.write_manifest(data / "manifest.csv", rows)


def _try(
    bench: Bench, folder: Path, pictures: Sequence[Picture], originals: dict[str, bytes]
) -> list[Trial]:
    """Evaluate a run on all of them; where that went wrong, halves, until it is known on which."""
    _write(folder, pictures, originals)
    ended = places.evaluate(bench, folder, timeout=30.0 + 0.2 * len(pictures))
    run = folder / "runs" / "good"
    rows = _read_rows(run)
    marks = ended.marks
    if any(rows.get(f"good{i}.png", {}).get("failure", "gone") for i in range(GOOD)):
        marks.add("stopped")
    if ended.code == 2 and len(pictures) == 1 and pictures[0].name in ended.err:
        return [trial(pictures[0].name, "refused", said=ended.last)]  # the manifest is refused
    if marks and len(pictures) > 1:
        half = len(pictures) // 2
        return [
            *_try(bench, folder, pictures[:half], originals),
            *_try(bench, folder, pictures[half:], originals),
        ]
    if marks:
        return [trial(pictures[0].name, *marks, said=ended.last)]
    again = _again(bench, folder)
    return [_judge(each, rows, again, ended) for each in pictures]


def _again(bench: Bench, folder: Path) -> dict[str, dict[str, Any]]:
    """The answers without a cache, in other company: one image at a time."""
    run = folder / "runs" / "good"
    shutil.rmtree(run / "evaluations")
    places.evaluate(bench, folder, "--no-cache", "--batch-size", "1", timeout=120.0)
    return _read_rows(run)


def _read_rows(run: Path) -> dict[str, dict[str, Any]]:
    """By file, the row of scores.parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(run / "evaluations" / places.KEY / "scores.parquet") as file:
            rows = file.read().to_pylist()
    except (OSError, pa.ArrowException):
        return {}
    return {str(row["sample_id"]): row for row in rows}


def _judge(
    picture: Picture, rows: dict[str, dict[str, Any]], again: dict[str, dict[str, Any]],
    ended: Ended,
) -> Trial:  # fmt: skip
    row = rows.get(picture.name)
    if row is None:
        return trial(picture.name, "silent", said=f"not among the rows: {ended.last}")
    if row["failure"]:
        if not (again.get(picture.name) or {"failure": ""})["failure"]:
            return trial(picture.name, "silent", said="read only the second time")
        return trial(picture.name, "refused", said=str(row["failure"]))
    scores = [row[f"score.{label}"] for label in LABELS]
    other = again.get(picture.name, {})
    repeated = [other.get(f"score.{label}") for label in LABELS]
    unlike = None in scores or None in repeated
    if unlike or not np.allclose(np.array(scores), np.array(repeated), 1e-4, 1e-4):
        said = f"scored {json.dumps(scores)}, then {json.dumps(repeated)}"
        return trial(picture.name, "silent", said=said)
    if picture.original is not None:
        original = [rows[picture.original][f"score.{label}"] for label in LABELS]
        return trial(picture.name, "same" if scores == original else "other")
    return trial(picture.name, "other")
