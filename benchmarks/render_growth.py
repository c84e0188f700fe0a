"""How a first report grows with runs and with images: processor time and memory.

Stored evaluations with drawn scores, no model and no image; each report is the command in a process
of its own, with an empty cache. Runs grow while images stay, then images while runs stay. Exponents
are slopes of the logarithms.

    python -m benchmarks.render_growth
    python -m benchmarks.render_growth --plot benchmarks/render_growth.svg
    python -m benchmarks.render_growth --only 200 100000 --format html
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from benchmarks.shards import Cost, call
from tests.report.scored_runs import write_runs

SERIES = {"runs": "more runs", "images": "more images"}


class Point(Struct, frozen=True):
    """What one report took."""

    runs: int
    images: int
    cost: Cost


def measure(scratch: Path, runs: int, images: int, name: str) -> Point:
    """Write the runs, and a report of them into an empty cache."""
    folder = scratch / f"{runs}-{images}"
    write_runs(folder / "runs", runs, images)
    words = ["render", str(folder / "runs"), "--format", name, "--output", str(folder / "report")]
    cost = call(*words, cache=folder / "cache")
    shutil.rmtree(folder)
    return Point(runs, images, cost)


def fit_growth(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of values against sizes, both as logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def describe(kind: str, points: Sequence[Point]) -> list[str]:
    """Rows of a table: the points of one series, then its exponents."""
    rows = [
        f"| {each.runs} runs x {each.images:,} images | {each.cost.seconds:.2f} "
        f"| {each.cost.megabytes:.0f} |"
        for each in points
    ]
    if len(points) > 1:
        sizes = [getattr(each, kind) for each in points]
        seconds, megabytes = (
            fit_growth(sizes, [getattr(each.cost, name) for each in points])
            for name in Cost._fields
        )
        rows.append(f"| exponent, {SERIES[kind]} | {seconds:.2f} | {megabytes:.2f} |")
    return rows


def plot(series: dict[str, list[Point]], file: Path) -> None:
    """Both series side by side, seconds over size, as SVG."""
    import vl_convert

    def draw(kind: str) -> dict[str, Any]:
        values = [{kind: getattr(e, kind), "seconds": e.cost.seconds} for e in series[kind]]
        other = "images" if kind == "runs" else "runs"
        title = f"{SERIES[kind]}, {getattr(series[kind][0], other):,} {other}"
        return {
            "title": title, "width": 260, "height": 180, "data": {"values": values},
            "mark": {"type": "line", "point": True},
            "encoding": {
                "x": {"field": kind, "type": "quantitative",
                      "scale": {"type": "log", "nice": False},
                      "axis": {"values": [each[kind] for each in values], "grid": False}},
                "y": {"field": "seconds", "type": "quantitative", "scale": {"type": "log"},
                      "title": "processor time, s"},
            },
        }  # fmt: skip

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "background": "white",
        "hconcat": [draw(kind) for kind in SERIES],
    }  # fmt: skip
    file.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")


def main() -> None:
    """Measure both series, or one size alone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[12, 25, 50, 100])
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 4_000, 16_000])
    parser.add_argument("--only", type=int, nargs=2, metavar=("RUNS", "IMAGES"))
    parser.add_argument("--format", default="json")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    options = parser.parse_args()
    series: dict[str, list[Point]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if options.only:
            series["runs"] = [measure(scratch, options.only[0], options.only[1], options.format)]
        else:
            few, first = min(options.images), min(options.runs)
            sizes = {
                "runs": [(each, few) for each in options.runs],
                "images": [(first, each) for each in options.images],
            }
            for kind, every in sizes.items():
                series[kind] = [
                    measure(scratch, runs, images, options.format) for runs, images in every
                ]
    print(f"| {options.format} | CPU s | MB |\n| --- | --- | --- |")
    for kind, points in series.items():
        print("\n".join(describe(kind, points)))
    if options.plot is not None and len(series) > 1:
        plot(series, options.plot)


if __name__ == "__main__":
    main()
