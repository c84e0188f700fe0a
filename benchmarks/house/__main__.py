"""The command: prints the measures of this tree, and of another commit beside it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.house import __doc__ as described
from benchmarks.house.measures import Measure, measure_tree

ROOT = Path(__file__).resolve().parent.parent.parent


def measure_page(root: Path, runs: Path) -> list[Measure]:
    """The size of the demo's page as the code of a tree writes it; none where it can't."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        words = ["render", str(runs.resolve()), "--format", "html", "--output", str(page)]
        code = f"import sys; sys.argv[1:] = {words!r}; from covidreport.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=folder, check=False, capture_output=True,
            text=True, env=os.environ | {"PYTHONPATH": str(root), "COVIDREPORT_CACHE": folder},
        )  # fmt: skip
        if done.returncode:
            print(f"the demo's page was not written: {done.stderr.strip()}", file=sys.stderr)
            return []
        return [Measure("the demo's page, KB", round(page.stat().st_size / 1000))]


def extract_commit(commit: str, folder: Path) -> None:
    """The tracked files of a commit, in an empty folder; SystemExit where there is none."""
    words = ["git", "archive", "--format=tar", commit]
    done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr.decode().strip())
    # by the tool: tarfile's filters came with 3.11.4
    unpack = ["tar", "--extract", "--directory", str(folder)]
    subprocess.run(unpack, input=done.stdout, check=True)


def print_table(columns: dict[str, list[Measure]]) -> None:
    """Print a row for each measure, a column for each tree; a dash where it was not measured."""
    values = {
        name: {each.what: each.value for each in measures} for name, measures in columns.items()
    }
    print("| measure |", " | ".join(columns), "|")
    print("| --- |", " | ".join("---" for _ in columns), "|")
    for what in dict.fromkeys(each.what for measures in columns.values() for each in measures):
        print(f"| {what} |", " | ".join(_write(of.get(what)) for of in values.values()), "|")


def _write(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure this tree, and another commit beside it; 0."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.house", description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit, too")
    parser.add_argument(
        "--demo", type=Path, metavar="RUNS", help="runs of `make demo`: the size of their page"
    )
    parser.add_argument("--names", action="store_true", help="say what was counted in this tree")
    options = parser.parse_args(arguments)
    columns = {}
    if options.against:
        with tempfile.TemporaryDirectory() as folder:
            extract_commit(options.against, Path(folder))
            columns[options.against] = _measure(Path(folder), options.demo)
    columns["this tree"] = _measure(ROOT, options.demo)
    print_table(columns)
    for each in columns["this tree"] if options.names else ():
        if each.which:
            print(f"\n{each.what}:", *each.which, sep="\n  ")
    return 0


def _measure(root: Path, runs: Path | None) -> list[Measure]:
    return measure_tree(root) + (measure_page(root, runs) if runs else [])


if __name__ == "__main__":
    sys.exit(main())
