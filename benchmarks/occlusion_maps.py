"""What occlusion maps cost beside the model alone, and beside an evaluation of as many images.

On the CPU, a ResNet18 of 224 pixels that is loaded beforehand on all sides:

- maps: the loop on 64 rows for each of some images, a patch hidden in each;
- bare: the session on as many ready batches, on as many threads;
- evaluation: the same loop on as many images, each of which is decoded.

    python -m benchmarks.occlusion_maps
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.common import mixed_images, print_rows, ratio_row, take_turns, write_model
from covidreport.dataset.split import take_rows
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.patches import Patches
from covidreport.evaluate.request import BATCH
from covidreport.evaluate.scored import OpenedRun
from covidreport.inference.batch import prepare_batch
from covidreport.inference.session import open_session
from covidreport.records import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    jobs, patches = len(os.sched_getaffinity(0)), Patches()
    n = options.images * patches.number
    every = mixed_images(n)
    rows = [row for row in range(options.images) for _ in range(patches.number)]
    mapped = take_rows(every, rows)
    with tempfile.TemporaryDirectory() as scratch:
        model = write_model(Path(scratch), "resnet18", 224)
        session = open_session(model)
        run = OpenedRun(Run("a", Path(scratch), model), session, (0, 1, 2))
        pixels = np.random.default_rng(0).integers(0, 256, (BATCH, 224, 224, 1), dtype=np.uint8)
        batch = prepare_batch(pixels, session.spec)

        def bare() -> None:
            with ThreadPoolExecutor(jobs) as pool:
                list(pool.map(lambda _: session.run(batch), range(n // BATCH)))

        sides = {
            "maps": lambda: score_runs(mapped, [run], jobs=jobs, altered=patches),
            "blur": lambda: score_runs(mapped, [run], jobs=jobs, altered=Patches("blur")),
            "bare": bare,
            "evaluation": lambda: score_runs(every, [run], jobs=jobs),
        }
        seconds = take_turns(sides, options.repeat)
    print_rows(
        [
            ratio_row(
                "inferences/s of maps, against the session alone", "at least 0.95",
                seconds["bare"], seconds["maps"],
            ),
            ratio_row(
                "the same with blurred patches", "at least 0.9", seconds["bare"], seconds["blur"]
            ),
            ratio_row(
                "inferences/s of maps, against an evaluation of as many images", "at least 1",
                seconds["evaluation"], seconds["maps"],
            ),
        ],
        as_json=options.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
