"""What changed pictures cost beside as many plain ones, and what the changes look like.

On the CPU, a ResNet18 of 224 pixels that is loaded beforehand on both sides:

- changed: the loop on some images, each as it is and under 11 kinds of change at 3 severities;
- plain: the same loop on as many images, each of which is decoded, none of which is cached.

    python -m benchmarks.disturb
    python -m benchmarks.disturb --sheet drawn/images/one.png docs/disturbed.webp
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.common import mixed_images, print_rows, ratio_row, take_turns, write_model
from covidreport.dataset.split import take_rows
from covidreport.evaluate.disturbances import Disturbances, DisturbOptions
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.scored import OpenedRun
from covidreport.images import read_image
from covidreport.images.disturb import disturb_picture
from covidreport.inference.session import open_session
from covidreport.records import DISTURBANCES, Disturbance, Run

KINDS = tuple(kind for kind, graded in DISTURBANCES.items() if len(graded.strengths) > 1)
SEVERITIES = (1, 3, 5)
SIDE, MARGIN, LINE = 112, 6, 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sheet", nargs=2, type=Path, metavar=("PICTURE", "FILE"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.sheet:
        draw_sheet(*options.sheet)
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


def draw_sheet(picture: Path, file: Path) -> None:
    """One picture as it is and under each kind of change at severities 1, 3 and 5."""
    source, digest = read_image(picture).picture, hashlib.sha256(picture.read_bytes()).hexdigest()
    font = ImageFont.load_default(11)
    kinds = list(DISTURBANCES)
    wide, tall = SIDE + MARGIN, SIDE + LINE
    beside = 2 * len(SEVERITIES)
    rows = -(-len(kinds) // 2)
    sheet = Image.new("L", (beside * wide + MARGIN, rows * tall + MARGIN), 255)
    draw = ImageDraw.Draw(sheet)
    for place, kind in enumerate(kinds):
        row, half = divmod(place, 2)
        for column, severity in enumerate(SEVERITIES):
            if severity > len(DISTURBANCES[kind].strengths):
                continue
            change = Disturbance(kind, severity)
            small = disturb_picture(source, change, digest).convert("L").resize((SIDE, SIDE))
            left = MARGIN + (half * len(SEVERITIES) + column) * wide
            top = MARGIN + row * tall
            draw.text((left, top), change.name, fill=40, font=font)
            sheet.paste(small, (left, top + LINE - 3))
    sheet.save(file, quality=60)


if __name__ == "__main__":
    main()
