"""Changes the code in one place at a time and counts the changes that a test notices.

    python -m benchmarks.mutants --sample 400 --seed 0 --jobs 2

A change that no test notices is a figure that nobody would miss. Drawn are changes of `metrics`,
`compare`, `gate` and `evaluate`; each is tried in a copy of the tree, against the tests that reach
its line, nearest and quickest first. What reaches what is measured once (slowly: all tests run
under coverage.py) and stands beside the results; a run that was stopped goes on.

Neither mutmut nor cosmic-ray serves: mutmut passes over functions with decorators and draws no
sample by seed; cosmic-ray runs one command for all changes, and changes the files in place.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from benchmarks.mutants.mutate import Mutant, list_mutants
from benchmarks.mutants.reach import Reach, load_reach, measure_reach, save_reach
from benchmarks.mutants.run import Result, copied_tree, try_mutant

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("metrics", "compare", "gate", "evaluate")
NOT_TESTS = ("tests/report/browser", "tests/train", "tests/test_drawn_reports.py")
"""What takes minutes and reaches these rooms through what other tests reach too."""
_WIDTH = 100
"""So much of a long expression is shown."""


def main() -> int:
    options = _parse()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    mutants = sample_mutants(ROOT, ROOMS, options.sample, options.seed)
    with ExitStack() as stack:
        trees = [stack.enter_context(copied_tree(ROOT)) for _ in range(options.jobs)]
        name = name_tests(trees[0], options.tests)
        results = folder / f"results-{name}-{options.budget_s:g}s.jsonl"
        done = read_results(results)
        left = [mutant for mutant in mutants if mutant.name not in done]
        print(
            f"{len(mutants)} changes, {len(mutants) - len(left)} of them tried before", flush=True
        )
        reach = _know_reach(trees[0], options.tests, folder / f"reach-{name}.json", options.jobs)
        for mutant, result in try_all(trees, left, reach, options.budget_s):
            done[mutant.name] = result
            _append(results, mutant, result)
            print(f"{result.outcome:11} {spell(mutant)}", flush=True)
    report(mutants, done)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sample", type=int, default=400, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--jobs", type=int, default=1, help="copies of the tree that work at once")
    parser.add_argument(
        "--budget-s", type=float, default=60.0, metavar="SECONDS",
        help="a change is tried against its nearest tests up to so many seconds of them "
        "[default: 60]",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "mutants",
        help="for results and what tests reach [default: build/mutants]",
    )  # fmt: skip
    parser.add_argument("tests", nargs="*", help="folders and files of tests [default: nearly all]")
    options = parser.parse_args()
    options.tests = options.tests or ["tests", *(f"--ignore={each}" for each in NOT_TESTS)]
    return options


def sample_mutants(root: Path, rooms: Sequence[str], n: int, seed: int) -> list[Mutant]:
    """`n` changes, drawn from all of these rooms; the same for the same code and seed."""
    every: list[Mutant] = []
    for room in rooms:
        for file in sorted((root / "covidreport" / room).rglob("*.py")):
            every += list_mutants(root, file.relative_to(root).as_posix())
    order = random.Random(seed).sample(range(len(every)), len(every))  # noqa: S311
    able = (i for i in order if every[i].compiles(root))
    return [every[i] for i in sorted(islice(able, n))]


def name_tests(tree: Path, tests: Sequence[str]) -> str:
    """A digest of the tests that were asked for, their code and the code that they test: another
    result may come of others."""
    digest = hashlib.sha256(json.dumps(tests).encode())
    for part in ("covidreport", "tests", "templates"):
        for file in sorted(each for each in (tree / part).rglob("*") if each.is_file()):
            digest.update(f"{file.relative_to(tree)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _know_reach(tree: Path, tests: Sequence[str], file: Path, jobs: int) -> Reach:
    """From the file, or measured."""
    if not file.exists():
        print("measuring which tests reach which line", flush=True)
        save_reach(measure_reach(tree, tests, file.with_suffix(""), jobs), file)
    return load_reach(file)


def try_all(
    trees: Sequence[Path], mutants: Sequence[Mutant], reach: Reach, budget_s: float
) -> Iterable[tuple[Mutant, Result]]:
    """Each with its result, as they come: as many at once as there are copies of the tree."""
    results: SimpleQueue[tuple[Mutant, Result] | BaseException] = SimpleQueue()
    waiting = list(reversed(mutants))
    taking = threading.Lock()

    def work(tree: Path) -> None:
        while True:
            with taking:
                if not waiting:
                    return
                mutant = waiting.pop()
            try:
                tests, reaching = reach.choose(mutant.file, mutant.line, budget_s)
                seconds = sum(reach.tests[name] for name in tests)
                results.put((mutant, try_mutant(tree, mutant, tests, seconds, reaching)))
            except BaseException as error:  # noqa: BLE001 - it is raised where results are read
                results.put(error)

    with ThreadPoolExecutor(len(trees)) as pool:
        for tree in trees:
            pool.submit(work, tree)
        try:
            for _ in mutants:
                found = results.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            waiting.clear()


def _append(file: Path, mutant: Mutant, result: Result) -> None:
    with file.open("a") as opened:
        opened.write(json.dumps({"name": mutant.name, **asdict(mutant), **asdict(result)}) + "\n")


def read_results(file: Path) -> dict[str, Result]:
    """By a mutant's name what became of it; the last line of a run that was killed may be half."""
    found = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        fields = ("outcome", "tests", "reaching", "killed_by")
        found[value["name"]] = Result(*(value[name] for name in fields))
    return found


def report(mutants: Sequence[Mutant], results: dict[str, Result]) -> None:
    """The score, by room too, and each change that no test noticed."""
    for room in ("", *ROOMS):
        of = [each for each in mutants if each.file.startswith(f"covidreport/{room}")]
        noticed = sum(results[each.name].noticed for each in of)
        if of:
            print(f"{room or 'all':10} {noticed:4} of {len(of):4} noticed: {noticed / len(of):.1%}")
    for mutant in mutants:
        result = results[mutant.name]
        if not result.noticed:
            print(spell(mutant))
            print(f"    {result.outcome}: {result.tests} of {result.reaching} tests that reach it")


def spell(mutant: Mutant) -> str:
    """File, line and change on one line."""
    texts = (" ".join(text.split()) for text in (mutant.before, mutant.after))
    before, after = (text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..." for text in texts)
    return f"{mutant.file}:{mutant.line}: {before}  ->  {after}"


if __name__ == "__main__":
    sys.exit(main())
