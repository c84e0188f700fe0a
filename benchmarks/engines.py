"""An evaluation by this process and by workers of Ray, in turns: what the cluster costs.

Drawn pictures, nearly free runs, no cache of pixels: what costs is decoding, what is sent between
processes and what is computed once. Each evaluation is a command of its own, with the start of its
cluster. Scores are compared byte for byte.

    python -m benchmarks.engines --images 10000 --runs 10
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.common import Row, link_runs, print_rows, take_turns, write_model
from benchmarks.shards import draw_images

MOST_MORE = 5.0
"""Seconds that a cluster may take beside 1.05 of the time of this process."""


def evaluate(folder: Path, manifest: Path, engine: str) -> None:
    """Run the command to its end on the runs of one engine."""
    words = ["evaluate", str(folder / engine), "--data", str(manifest), "--provider", "cpu"]
    words += ["--split", "validation", "--no-cache", "--force", "--quiet", "--engine", engine]
    done = subprocess.run(
        [sys.executable, "-m", "covidreport", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "COVIDREPORT_CACHE": str(folder / "cache")},
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def main() -> None:
    """Print what each engine took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    stated = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = draw_images(folder / "data", stated.images, stated.side)
        model = write_model(folder / "model", "nearly-free", stated.side)
        for engine in ("local", "ray"):
            link_runs(model, folder / engine, stated.runs)
        sides = {each: partial(evaluate, folder, manifest, each) for each in ("local", "ray")}
        taken = take_turns(sides, stated.repeat, warm_up=False)
        found = {
            engine: [
                (folder / engine / f"run{i:02}" / "evaluations/data-validation/scores.parquet")
                .read_bytes() for i in range(stated.runs)
            ]
            for engine in sides
        }  # fmt: skip
        assert found["local"] == found["ray"], "not the same scores"
        print_rows(_list_rows(taken, stated), as_json=stated.json)


def _list_rows(taken: dict[str, list[float]], stated: argparse.Namespace) -> list[Row]:
    what = f"{stated.runs} runs, {stated.images:,} images of {stated.side} px"
    most = 1.05 * statistics.median(taken["local"]) + MOST_MORE
    goals = {"local": "", "ray": f"at most {most:.2f}"}
    return [
        Row(
            f"{what}: {engine}, s", goals[engine], statistics.median(seconds),
            f"{min(seconds):.2f} to {max(seconds):.2f}",
        )
        for engine, seconds in taken.items()
    ]  # fmt: skip


if __name__ == "__main__":
    main()
