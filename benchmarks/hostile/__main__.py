"""`python -m benchmarks.hostile`: try every kind and print the table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.hostile.command import Bench, open_bench
from benchmarks.hostile.crafted_models import try_crafted_models
from benchmarks.hostile.damaged import try_damaged
from benchmarks.hostile.disks import try_disks
from benchmarks.hostile.forged import try_forged
from benchmarks.hostile.images import try_crafted_images, try_mutated_images
from benchmarks.hostile.kills import try_kills
from benchmarks.hostile.mutated_models import try_mutated_models
from benchmarks.hostile.names import try_names
from benchmarks.hostile.outcome import Row, spell_head, spell_row, sum_rows
from benchmarks.hostile.wrong_words import try_wrong_words

KINDS: dict[str, Callable[[Bench, Callable[[Row], None]], None]] = {
    "mutated-models": try_mutated_models,
    "crafted-models": try_crafted_models,
    "forged": try_forged,
    "mutated-images": try_mutated_images,
    "crafted-images": try_crafted_images,
    "kills": try_kills,
    "disks": try_disks,
    "damaged": try_damaged,
    "names": try_names,
    "wrong-words": try_wrong_words,
}
HERE = Path(__file__).parents[2]


def main() -> None:
    """Try what is asked for; exit code 1 where anything happened that must not."""
    asked = _parse()
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-", dir=asked.work))
        code = asked.code.resolve()
        bench = stack.enter_context(open_bench(code, Path(folder), asked.share, asked.workers))
        print(spell_head(), flush=True)
        for name in asked.kinds:
            _try(bench, name, rows, asked.json)
    if len(rows) > 1:
        print(spell_row(sum_rows(rows)))
    for note in dict.fromkeys(row.note for row in rows if row.note):
        print(f"\n{note}")
    sys.exit(1 if any(row.broken for row in rows) else 0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="all without any")
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout to try")
    parser.add_argument("--share", type=float, default=1.0, help="of every count, such as 0.05")
    parser.add_argument("--workers", type=int, default=2, help="commands at the same time")
    parser.add_argument("--work", type=Path, help="where temporary folders are made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every trial that broke a rule")
    asked = parser.parse_args()
    asked.kinds = asked.kinds or list(KINDS)
    return asked


def _try(bench: Bench, name: str, rows: list[Row], file: Path | None) -> None:
    began = time.monotonic()

    def done(row: Row) -> None:
        nonlocal began
        seconds = time.monotonic() - began
        began = time.monotonic()
        rows.append(Row(row.kind, row.trials, seconds, row.note))
        print(spell_row(rows[-1]), flush=True)
        print(f"{row.kind}: {seconds:.0f} s", file=sys.stderr, flush=True)
        if file is not None:
            file.write_text(json.dumps([_spell(each) for each in rows], indent=1) + "\n")

    KINDS[name](bench, done)


def _spell(row: Row) -> dict[str, object]:
    """A row for the file: its counts, and every trial that shows a fault."""
    marks = {mark for each in row.trials for mark in each.marks}
    return {
        "kind": row.kind,
        "tried": len(row.trials),
        "seconds": round(row.seconds, 1),
        "counts": {mark: row.count(mark) for mark in sorted(marks)},
        "broken": [
            {"case": each.case, "marks": sorted(each.marks), "said": each.said}
            for each in row.broken
        ],
    }


if __name__ == "__main__":
    main()
