"""The evaluation's loop on a card that is played by waits, beside the slower of its two halves.

Decoding and inference are replaced by waits: 25,000 images a second by 16 decoders, and some
milliseconds a batch of 256 for each run. What is left is the loop itself: its threads, its queues,
the joining of batches. 1.00 is a loop that hides the faster half wholly behind the slower one. A
half is as long as its waits really were. Proves nothing about a card but that the loop is not what
it waits for.

    python -m benchmarks.device_loop
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.common import LABELS, Row, print_rows
from covidreport.evaluate import units
from covidreport.evaluate.decode import Chunk
from covidreport.evaluate.loop import score_runs
from covidreport.evaluate.scored import OpenedRun
from covidreport.inference.execution import Execution, Provider
from covidreport.inference.session import Session, open_session
from covidreport.records import Dataset, PixelSpec, Run
from tests.onnx_models import write_brightness_model

JOBS = 16
BATCH = 256
DECODED_PER_S = 25_000
SIDE = 32
CASES = ((4096, 18, 1), (4096, 18, 4), (4096, 9, 4), (4096, 1, 1), (1000, 18, 4), (16384, 18, 4))
"""Images, runs, milliseconds a batch of one run."""
CARD = Execution(Provider("waits", "CPUExecutionProvider", "", accelerator=True))


class Waits:
    """Sleeps, and how long they were in all."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._adding = threading.Lock()

    def wait(self, seconds: float) -> None:
        """Sleep, and count it."""
        began = time.perf_counter()
        time.sleep(seconds)
        with self._adding:
            self.seconds += time.perf_counter() - began


class Inner:
    """A session of the runtime that waits where it would run."""

    def __init__(self, inner: Any, waits: Waits, seconds: float) -> None:
        self._inner = inner
        self._waits = waits
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def run_with_iobinding(self, *_: Any) -> None:
        """Wait; the scores are what lies in the memory that is bound, which is zeros."""
        self._waits.wait(self._seconds)


def make_data(images: int) -> Dataset:
    """Images that nobody opens."""
    ids = tuple(f"{i:06}" for i in range(images))
    truth = np.zeros((images, len(LABELS)), np.int8)
    return Dataset("waits", Path(), Path("waits.csv"), LABELS, ids, ids, truth)


def measure(model: Path, images: int, runs: int, milliseconds: float) -> float:
    """The loop's seconds over those of its slower half."""
    decoding, running = Waits(), Waits()
    black = np.zeros((BATCH, SIDE, SIDE, 1), np.uint8)

    def decode(paths: Sequence[Path], start: int, specs: Sequence[PixelSpec], **_: Any) -> Chunk:
        n = len(paths)
        decoding.wait(n * JOBS / DECODED_PER_S)
        pixels = dict.fromkeys(specs, black[:n])
        return Chunk(start, start + n, pixels, (None,) * n, (None,) * n, (None,) * n, 0.0)

    opened = []
    for i in range(runs):
        session: Session = open_session(model, CARD, static_batch=BATCH)
        session.inner = Inner(session.inner, running, milliseconds / 1000)
        opened.append(OpenedRun(Run(f"run{i}", model.parent, model), session, (0, 1, 2)))
    data = make_data(images)
    with patch.object(units, "decode_chunk", decode):
        began = time.perf_counter()
        score_runs(data, opened, batch=BATCH, jobs=JOBS)
        whole = time.perf_counter() - began
    return whole / max(decoding.seconds / JOBS, running.seconds)


def main() -> None:
    """Measure every case a few times and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        model = write_brightness_model(Path(scratch) / "model.onnx", pixels=PixelSpec(SIDE, SIDE))
        for images, runs, milliseconds in CASES:
            ratios = [measure(model, images, runs, milliseconds) for _ in range(options.repeat)]
            what = (
                f"{images:,} images, {runs} runs of {milliseconds} ms a batch: whole / slower half"
            )
            goal = "at most 1.30" if images == 1000 else "at most 1.10"
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            rows.append(Row(what, goal, statistics.median(ratios), spread))
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()
