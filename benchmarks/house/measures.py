"""The measures of a tree's source."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.house.circles import find_circles
from benchmarks.house.source import PACKAGE, Function, Module, read_modules

LONG_MODULE, LONG_FUNCTION, MANY_PARAMETERS = 300, 60, 5
RANKING = ("report/sections/ranking.py", "report/view/ranking.py")
"""Where the section of the ranking stands, in this version and in earlier ones."""
_TEXTS = {".j2", ".css", ".js"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table: its value, and what was counted where that can be named."""

    what: str
    value: float
    which: tuple[str, ...] = ()


def measure_tree(root: Path) -> list[Measure]:
    """Every measure of a tree's source, in the order of the table."""
    modules = read_modules(root)
    lines = sum(module.lines for module in modules)
    circles = find_circles(modules)
    overlooked = _list_overlooked(root)
    return [
        Measure("lines, covidreport", lines),
        Measure("lines, templates", _count_lines(root / "templates", _TEXTS)),
        Measure("lines, train", _count_lines(root / "train", {".py"})),
        Measure("lines, tests", _count_lines(root / "tests", {".py"})),
        Measure("modules", len(modules)),
        _count(
            f"modules over {LONG_MODULE} lines",
            [f"{m.name}: {m.lines}" for m in modules if m.lines > LONG_MODULE],
        ),
        *_measure_functions(modules),
        _count("rooms in circles", [each for one in circles if _is_room(one[0]) for each in one]),
        _count(
            "files of one room in circles",
            [each for one in circles if not _is_room(one[0]) for each in one],
        ),
        _count("imports that the contracts overlook", overlooked),
        Measure("comment lines, % of all", 100 * sum(m.comments for m in modules) / lines),
        _count("files that the ranking's figures pass", list_ranking_files(modules)),
        _count("class names defined more than once", _list_repeated_classes(modules)),
    ]


def _count(what: str, which: Sequence[str]) -> Measure:
    return Measure(what, len(which), tuple(which))


def _is_room(name: str) -> bool:
    return name.count(".") == 1


def _measure_functions(modules: Sequence[Module]) -> list[Measure]:
    long, many, inner = list[str](), list[str](), set[str]()
    for module in modules:
        for each in module.functions():
            name = f"{module.name}.{each.name}"
            length = (each.end_lineno or each.lineno) - each.lineno + 1
            if length > LONG_FUNCTION:
                long.append(f"{name}: {length}")
            parameters = _count_parameters(each)
            if parameters > MANY_PARAMETERS:
                many.append(f"{name}: {parameters}")
            inner |= {
                f"{module.name}:{one.lineno}"
                for one in ast.walk(each)
                if isinstance(one, ast.Import | ast.ImportFrom)
            }
    options = [name for name in many if name.startswith(f"{PACKAGE}.cli.")]
    return [
        _count(f"functions over {LONG_FUNCTION} lines", long),
        _count(f"functions with more than {MANY_PARAMETERS} parameters", many),
        _count("of them in cli, where each is an option", options),
        Measure("imports inside functions", len(inner)),
    ]


def _list_repeated_classes(modules: Sequence[Module]) -> list[str]:
    places: dict[str, list[str]] = {}
    for module in modules:
        for each in ast.walk(module.tree):
            if isinstance(each, ast.ClassDef):
                places.setdefault(each.name, []).append(module.name)
    return [f"{name}: {', '.join(where)}" for name, where in places.items() if len(where) > 1]


def _list_overlooked(root: Path) -> list[str]:
    with (root / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return [one for each in contracts for one in each.get("ignore_imports", ())]


def list_ranking_files(modules: Sequence[Module]) -> list[str]:
    """The files of `report` that the section of the ranking imports, with its own."""
    by_name = {module.name: module for module in modules}
    starts = [module.name for module in modules if module.path.as_posix().endswith(RANKING)]
    known = frozenset(name for name in by_name if name.startswith(f"{PACKAGE}.report."))
    seen, left = set[str](), starts[:1]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += by_name[name].imports(known)
    return sorted(seen)


def _count_parameters(function: Function) -> int:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return sum(each is not None and each.arg not in ("self", "cls") for each in every)


def _count_lines(folder: Path, suffixes: set[str]) -> int:
    files = [file for file in folder.rglob("*") if file.suffix in suffixes]
    return sum(file.read_text(encoding="utf-8").count("\n") for file in files)
