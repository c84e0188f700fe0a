"""Decoding and resizing beside Pillow alone, one thread, with identical pixels.

JPEG and PNG as the archives hold them: all images of the validation split, the full-size originals,
and the same pixels once more as PNG (the archive has few). The pixels are compared as well.

    python -m benchmarks.decoding
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common import Row, find_images, mixed_images, print_rows, ratio_row, take_turns
from covidreport.images import decode_image, fit_pixels
from covidreport.records import PixelSpec

SIDE = 224


def pillow_alone(path: Path, channels: int) -> np.ndarray:
    """What everyone writes: open, convert, antialiased bilinear resize."""
    with Image.open(path) as picture:
        image = picture.convert("L" if channels == 1 else "RGB")
        small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small).reshape(SIDE, SIDE, channels)


def ours(path: Path, spec: PixelSpec) -> np.ndarray:
    """The same through covidreport."""
    return fit_pixels(decode_image(path.read_bytes()), spec)


def each(decode: Callable[[Path, Any], object], files: Sequence[Path], how: object) -> None:
    """Decode every file."""
    for file in files:
        decode(file, how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=304)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    dataset = mixed_images(options.images)
    files = [dataset.root / path for path in dataset.paths]
    originals = find_images() / "originals"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        jpegs = [f for f in files if f.suffix.lower() in (".jpg", ".jpeg")]
        pngs = [f for f in files if f.suffix.lower() == ".png"]
        for i, file in enumerate(jpegs[:: max(1, len(jpegs) // 100)]):
            place = Path(scratch) / f"{i:03}.png"
            with Image.open(file) as picture:
                picture.save(place)
            pngs.append(place)
        sets = {
            "JPEG, all": jpegs,
            "JPEG, full-size originals": [f for f in jpegs if originals in f.parents],
            "PNG, all": pngs,
            "PNG, full-size originals": [f for f in pngs if originals in f.parents],
        }
        for channels in (1, 3):
            spec = PixelSpec(SIDE, SIDE, resample="bilinear", channels=channels)
            for name, chosen in sets.items():
                if not chosen:
                    continue
                same = sum(np.array_equal(ours(f, spec), pillow_alone(f, channels)) for f in chosen)
                seconds = take_turns(
                    {
                        "pillow": partial(each, pillow_alone, chosen, channels),
                        "ours": partial(each, ours, chosen, spec),
                    },
                    options.repeat,
                )
                goal = "at least 1.0" if name.startswith("JPEG") else "at least 1.3"
                what = (
                    f"decode and resize, {name} ({len(chosen)} files, {channels} ch., "
                    f"{same} pixel for pixel): rate against Pillow"
                )
                rows.append(ratio_row(what, goal, seconds["pillow"], seconds["ours"]))
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()
