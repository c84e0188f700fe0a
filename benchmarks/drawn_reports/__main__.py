"""The command: draws reports, or says what differs between two folders of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.drawn_reports import __doc__ as described
from benchmarks.drawn_reports.compare import compare_reports
from benchmarks.drawn_reports.leave_out import leave_out
from benchmarks.drawn_reports.read import SUFFIXES, read_report
from benchmarks.drawn_reports.records import Difference
from benchmarks.drawn_reports.wording import describe_difference
from covidreport.errors import CovidReportError


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where all reports read the same, 1 where anything differs.

    2 where it was asked wrongly, 3 where a report could not be drawn.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drawn_reports", description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folders", type=Path, nargs="*", metavar="BEFORE AFTER")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="draw the reports into it")
    parser.add_argument(
        "--runs", type=Path, metavar="FOLDER",
        help="with --draw: the runs of an earlier drawing  [default: FOLDER/runs]",
    )  # fmt: skip
    parser.add_argument(
        "--demo", type=Path, metavar="FOLDER",
        help="with --draw: the demo's runs, such as demo/runs  [default: they are made]",
    )  # fmt: skip
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="TITLE",
        help="a section, table or chart that is not compared; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--most", type=int, default=100, metavar="N",
        help="so many differences of a report are shown  [default: 100]",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.draw is not None:
        if options.folders:
            parser.error("--draw takes one folder; compare two folders in a call of its own")
        return _draw(options.draw, options.runs or options.draw / "runs", options.demo)
    if len(options.folders) != 2:
        parser.error("give two folders of drawn reports, or --draw FOLDER")
    before, after = options.folders
    for folder in (before, after):
        if not _list_reports(folder):
            parser.error(f"{folder}: there is no report in HTML or Markdown; draw some with --draw")
    return _compare(before, after, options.leave_out, options.most)


def _draw(folder: Path, runs: Path, demo: Path | None) -> int:
    from benchmarks.drawn_reports.draw import draw_reports

    try:
        for line in draw_reports(folder, runs.resolve(), demo):
            print(line, flush=True)
    except CovidReportError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


def _list_reports(folder: Path) -> dict[str, Path]:
    """The reports in a folder by their names; a report itself is one."""
    if folder.is_file():
        return {folder.suffix: folder} if folder.suffix in SUFFIXES else {}
    files = sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES)
    return {path.name: path for path in files}


def _compare(before: Path, after: Path, left_out: Sequence[str], most: int) -> int:
    ours, theirs = _list_reports(before), _list_reports(after)
    total = 0
    for name in sorted(ours | theirs):
        if name not in ours or name not in theirs:
            total += 1
            print(f"{name}: only in {before if name in ours else after}")
            continue
        sides = (leave_out(read_report(each[name]), left_out) for each in (ours, theirs))
        found = compare_reports(*sides)
        total += len(found)
        _print_differences(ours[name].name, found, most)
    print(f"{_count(len(ours | theirs), 'report')}, {_count(total, 'difference')}")
    return 1 if total else 0


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _print_differences(name: str, found: Sequence[Difference], most: int) -> None:
    if found:
        print(f"{name}: {_count(len(found), 'difference')}")
    for place, some in groupby(found[:most], key=lambda each: each.place):
        print(f"  {' › '.join(place) or 'the whole report'}")
        for each in some:
            for line in describe_difference(each):
                print(f"    {line}")
    if len(found) > most:
        print(f"  and {len(found) - most} more; --most {len(found)} shows all")


if __name__ == "__main__":
    sys.exit(main())
