"""The modules of the package in a tree, read as text: nothing of them is imported."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "covidreport"
_ORDERS = re.compile(r"#\s*(fmt|noqa|type|pragma|ruff)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """A file of the package by its name in Python, with what its text says."""

    name: str
    path: Path
    tree: ast.Module
    lines: int
    comments: int

    @property
    def package(self) -> str:
        """What its relative names would start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def functions(self) -> Iterator[Function]:
        """Every function and method at any depth."""
        return (each for each in ast.walk(self.tree) if isinstance(each, Function))

    def imports(self, known: frozenset[str]) -> frozenset[str]:
        """The modules of the package that it imports, wherever the import stands."""
        found = set[str]()
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Import):
                found.update(alias.name for alias in each.names)
            elif isinstance(each, ast.ImportFrom) and each.module and not each.level:
                inner = {f"{each.module}.{alias.name}" for alias in each.names}
                found |= (inner & known) or {each.module}
        return frozenset(found & known - {self.name})


def read_modules(root: Path) -> tuple[Module, ...]:
    """All modules of the package in a tree, by their names."""
    files = sorted((root / PACKAGE).rglob("*.py"))
    return tuple(_read_module(root, file) for file in files)


def _read_module(root: Path, file: Path) -> Module:
    text = file.read_text(encoding="utf-8")
    parts = file.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, file, ast.parse(text), text.count("\n"), _count_comments(text))


def _count_comments(text: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(
        each.type == tokenize.COMMENT
        and each.line.lstrip().startswith("#")
        and not _ORDERS.match(each.string)
        for each in tokens
    )
