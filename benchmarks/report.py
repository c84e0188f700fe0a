"""A report's size, how fast it is made and seen, beside what Evidently writes of the same scores.

    python -m benchmarks.report --evidently /path/to/an/environment/bin/python
    python -m benchmarks.report --large

`--evidently` takes the Python of an environment in which evidently is installed (0.7.23 was used);
without it that part is left out and the table says so. `--large` measures 200 runs x 100,000
images instead, which takes minutes to write.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import Row, print_rows
from covidreport.metrics import to_probabilities
from covidreport.store import read_scores
from tests.report.scored_runs import write_runs

MEGABYTE = 1e6
ROOT = Path(__file__).parents[1]
RENDER = "from covidreport.cli import main; main()"
EVIDENTLY = """
import json, sys, time
from pathlib import Path
import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.presets import ClassificationPreset

seconds, sizes = [], []
for file in sorted(Path(sys.argv[1]).glob("*.csv")):
    table = pd.read_csv(file)
    began = time.perf_counter()
    definition = DataDefinition(classification=[BinaryClassification(
        target="target", prediction_labels="prediction", prediction_probas="score",
        pos_label=1)])
    data = Dataset.from_pandas(table, data_definition=definition)
    page = file.with_suffix(".html")
    Report([ClassificationPreset(probas_threshold=0.5)]).run(data, None).save_html(str(page))
    seconds.append(time.perf_counter() - began)
    sizes.append(page.stat().st_size)
print(json.dumps({"seconds": seconds, "sizes": sizes}))
"""


def render(runs: Path, page: Path, cache: Path) -> float:
    """Seconds that the command takes, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", RENDER, "render", str(runs), "--output", str(page)],
        check=True, stdout=subprocess.DEVNULL, cwd=runs,
        env=os.environ | {"COVIDREPORT_CACHE": str(cache), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return time.perf_counter() - began


# Milliseconds from the start of the page to the frame in which its script had set it up, and from
# an act of the reader to the next frame.
_READY = "performance.getEntriesByName('first-contentful-paint').length > 0"
_FRAME = "await new Promise(done => requestAnimationFrame(() => setTimeout(done)));"
_SORT = f"""async () => {{
  const taken = [];
  for (const button of document.querySelectorAll("#ranking thead button.sort")) {{
    const began = performance.now();
    button.click();
    {_FRAME}
    taken.push(performance.now() - began);
  }}
  return taken;
}}"""
_SLIDE = f"""async () => {{
  const slider = document.getElementById("threshold");
  const taken = [];
  for (let i = 1; i <= 20; i++) {{
    const began = performance.now();
    slider.value = Number(slider.value) + 1;
    slider.dispatchEvent(new Event("input"));
    {_FRAME}
    taken.push(performance.now() - began);
  }}
  return taken;
}}"""


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium that has seen nothing yet; None where there is none."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        yield None
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()


def measure_opening(page: Path, repeat: int) -> tuple[list[float], list[float]]:
    """Seconds to the first contentful paint, and until all scripts have run, in new browsers."""
    paints, loads = [], []
    for _ in range(repeat):
        with open_browser() as browser:
            if browser is None:
                break
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.as_uri())
            tab.wait_for_function(_READY)
            paints.append(
                tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
            loads.append(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    return [ms / 1000 for ms in paints], [ms / 1000 for ms in loads]


def measure_acts(page: Path) -> list[Row]:
    """Seconds from a sort of the ranking, and from a step of the slider, to the next frame."""
    with open_browser() as browser:
        if browser is None:
            return []
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(page.as_uri())
        sorts = tab.evaluate(_SORT)
        tab.locator("#operating").scroll_into_view_if_needed()
        slides = tab.evaluate(_SLIDE)
    return [
        _row("a sort of the ranking, s", "none", [ms / 1000 for ms in sorts]),
        _row("a step of the slider, s", "at most 0.1", [ms / 1000 for ms in slides]),
    ]


def measure_report(runs: Path, folder: Path, repeat: int, *, large: bool) -> list[Row]:
    """Our report: written with an empty cache, then again, and looked at."""
    page, cache = folder / "report.html", folder / "cache"
    first = render(runs, page, cache)
    again = [render(runs, page, cache) for _ in range(repeat)]
    rows = [
        Row("report, MB", f"at most {8.0 if large else 2.5}", page.stat().st_size / MEGABYTE),
        Row("rendered the first time, s", "none: the cache is empty", first),
        _row("rendered again, s", "none" if large else "at most 3.0", again),
    ]
    paints, loads = measure_opening(page, repeat)
    if not paints:
        return [*rows, Row("first paint, s", "at most 1.0", "no browser")]
    return [
        *rows,
        _row("first paint, s", "at most 1.0", paints),
        _row("all scripts have run, s", "none", loads),
        *measure_acts(page),
    ]


def _row(what: str, goal: str, seconds: Sequence[float]) -> Row:
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    return Row(what, goal, statistics.median(seconds), spread)


def write_predictions(runs: Path, folder: Path) -> None:
    """The target's truth, answers and scores of each run as CSV; failed images left out."""
    folder.mkdir(parents=True)
    for file in sorted(runs.glob("*/evaluations/*/scores.parquet")):
        scores = read_scores(file)
        values = to_probabilities(scores.scores[:, 0], scores.activation)
        with (folder / f"{file.parents[2].name}.csv").open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["target", "prediction", "score"])
            kept = zip(scores.truth[:, 0], values, scores.reasons, strict=True)
            writer.writerows(
                [int(t), int(v > 0.5), float(v)] for t, v, reason in kept if reason is None
            )


def measure_evidently(python: Path | None, runs: Path, folder: Path) -> list[Row]:
    """Evidently's classification preset: a file for each run, since it compares two at most."""
    if python is None:
        missing = "not measured: give --evidently the Python of its environment"
        return [Row("Evidently, MB", "for comparison", missing)]
    write_predictions(runs, folder / "predictions")
    began = time.perf_counter()
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", EVIDENTLY, str(folder / "predictions")],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"evidently could not be measured: {python} ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    count = len(found["sizes"])
    pages = sorted((folder / "predictions").glob("*.html"))
    return [
        Row(f"Evidently, {count} files, MB", "for comparison", sum(found["sizes"]) / MEGABYTE),
        Row(
            "Evidently, one file, MB",
            "for comparison",
            statistics.median(found["sizes"]) / MEGABYTE,
        ),
        Row("Evidently, all files, s", "for comparison", time.perf_counter() - began),
        _row("Evidently, one file, s", "for comparison", found["seconds"]),
        *(
            [_row("Evidently, first paint of one file, s", "for comparison", paints)]
            if (paints := measure_opening(pages[0], 3)[0])
            else []
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--evidently", type=Path, metavar="PYTHON")
    parser.add_argument("--large", action="store_true", help="200 runs x 100,000 images")
    parser.add_argument("--runs", type=Path, help="run folders that are there already")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = options.runs or folder / "runs"
        if options.runs is None:
            write_runs(runs, *((200, 100_000) if options.large else (18, 628)))
        rows = measure_report(runs.resolve(), folder, options.repeat, large=options.large)
        if not options.large:
            rows += measure_evidently(options.evidently, runs, folder)
    print_rows(rows, as_json=options.json)


if __name__ == "__main__":
    main()
