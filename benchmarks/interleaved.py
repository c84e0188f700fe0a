"""Sessions used in turn, batch by batch, beside the same sessions one after the other.

Sessions that spin while they wait take the cores from each other (measured elsewhere: a fall to a
third). Ours have one thread each and are run by a pool; this shows that taking turns costs nothing.

    python -m benchmarks.interleaved
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Row, print_rows, ratio_row, take_turns, write_model
from covidreport.inference.batch import prepare_batch
from covidreport.inference.session import Session, open_session

SESSIONS = 4


def run(pool: ThreadPoolExecutor, work: Sequence[tuple[Session, NDArray[Any]]]) -> None:
    """Let the pool work through (session, batch) in this order."""
    list(pool.map(lambda item: item[0].run(item[1]), work))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    jobs = len(os.sched_getaffinity(0))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        model = write_model(Path(scratch), "resnet18", 224)
        sessions = [open_session(model) for _ in range(SESSIONS)]
        shape = (options.images, 224, 224, 1)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        images = prepare_batch(pixels, sessions[0].spec)
        for batch in (1, 8, 32):
            pieces = [images[i : i + batch] for i in range(0, len(images), batch)]
            in_turn = [(session, piece) for piece in pieces for session in sessions]
            in_sequence = [(session, piece) for session in sessions for piece in pieces]
            with ThreadPoolExecutor(jobs) as pool:
                sides = {
                    "sequence": partial(run, pool, in_sequence),
                    "turn": partial(run, pool, in_turn),
                }
                seconds = take_turns(sides, options.repeat)
            what = f"{SESSIONS} sessions in turn, rate against one after the other, batch {batch}"
            rows.append(ratio_row(what, "at least 0.95", seconds["sequence"], seconds["turn"]))
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()
