"""What changed pictures cost beside as many plain ones, and what the changes look like.

On the CPU, a ResNet18 of 224 pixels that is loaded beforehand on both sides:

- changed: the loop on some images, each as it is and under 11 kinds of change at 3 severities;
- plain: the same loop on as many images, each of which is decoded, none of which is cached.

    python -m benchmarks.disturb
    python -m benchmarks.disturb --sheet drawn/images/one.png docs/disturbed.webp
    python -m benchmarks.disturb --foreign-sheet drawn/images/one.png docs/foreign.webp
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.common import mixed_images, print_rows, ratio_row, take_turns, write_model
from covidreport.dataset.split import take_rows
from covidreport.evaluate.disturbances import Disturbances, DisturbOptions
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.occlusion import occlude_pixels
from covidreport.evaluate.scored import OpenedRun
from covidreport.images import read_image
from covidreport.images.disturb import disturb_picture
from covidreport.inference.session import open_session
from covidreport.records import AS_IS, DISTURBANCES, FOREIGN_CHANGES, SINGLES, Disturbance, Run

KINDS = tuple(kind for kind, graded in DISTURBANCES.items() if len(graded.strengths) > 1)
SEVERITIES = (1, 3, 5)
SIDE, MARGIN, LINE = 112, 6, 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sheet", nargs=2, type=Path, metavar=("PICTURE", "FILE"))
    parser.add_argument("--foreign-sheet", nargs=2, type=Path, metavar=("PICTURE", "FILE"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.sheet:
        draw_sheet(options.sheet, list_graded(), 2 * len(SEVERITIES))
        return
    if options.foreign_sheet:
        kinds = [Disturbance(kind, 1) for kind in (*FOREIGN_CHANGES, *SINGLES)]
        draw_sheet(options.foreign_sheet, [AS_IS, *kinds], 5)
        return
    jobs = len(os.sched_getaffinity(0))
    changes = DisturbOptions(True, KINDS, SEVERITIES).list_changes()
    few = mixed_images(options.images)
    rows = [row for row in range(options.images) for _ in changes]
    changed, plain = take_rows(few, rows), mixed_images(len(rows))
    altered = Disturbances(changes * options.images)
    with tempfile.TemporaryDirectory() as scratch:
        model = write_model(Path(scratch), "resnet18", 224)
        run = OpenedRun(Run("a", Path(scratch), model), open_session(model), (0, 1, 2))
        sides = {
            "changed": lambda: score_runs(changed, [run], jobs=jobs, altered=altered),
            "plain": lambda: score_runs(plain, [run], jobs=jobs),
        }
        seconds = take_turns(sides, options.repeat)
    row = ratio_row(
        f"seconds of {len(rows)} changed pictures, against as many plain ones", "at most 1.1",
        seconds["changed"], seconds["plain"],
    )  # fmt: skip
    print_rows([row], as_json=options.json)


def list_graded() -> list[Disturbance]:
    """Each kind of change at severities 1, 3 and 5, of those that it has."""
    return [
        Disturbance(kind, severity)
        for kind, graded in DISTURBANCES.items()
        for severity in SEVERITIES
        if severity <= len(graded.strengths)
    ]


def draw_sheet(paths: Sequence[Path], changes: Sequence[Disturbance], beside: int) -> None:
    """A picture under each of these changes, so many beside each other. paths: its, and that of the
    sheet."""
    picture, file = paths
    source, digest = read_image(picture).picture, hashlib.sha256(picture.read_bytes()).hexdigest()
    font = ImageFont.load_default(11)
    wide, tall = SIDE + MARGIN, SIDE + LINE
    rows = -(-len(changes) // beside)
    sheet = Image.new("L", (beside * wide + MARGIN, rows * tall + MARGIN), 255)
    draw = ImageDraw.Draw(sheet)
    for place, change in enumerate(changes):
        row, column = divmod(place, beside)
        small = disturb_picture(source, change, digest).convert("L").resize((SIDE, SIDE))
        fitted = np.asarray(small)[np.newaxis, :, :, np.newaxis]
        shown = occlude_pixels(fitted, Disturbances((change,)))[0, :, :, 0]
        left, top = MARGIN + column * wide, MARGIN + row * tall
        draw.text((left, top), change.name, fill=40, font=font)
        top += LINE - 3
        draw.rectangle((left - 1, top - 1, left + SIDE, top + SIDE), outline=180)
        sheet.paste(Image.fromarray(shown), (left, top))
    sheet.save(file, quality=60)


if __name__ == "__main__":
    main()
