"""What a check says: figures as they come, so that a check which is ended has said what it knew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any


@dataclass(slots=True)
class Told:
    """A check's figures and what did not hold, each written at once to a file of JSON lines."""

    file: Path
    wrong: list[str] = field(default_factory=list)

    def note(self, name: str, value: Any) -> None:
        """A figure."""
        self._write({"figure": name, "value": value})

    def expect(self, what: str, holds: bool) -> None:
        """What has to hold; the check goes on, since time on a card is short."""
        if not holds:
            self.wrong.append(what)
            self._write({"wrong": what})

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """The seconds of a block as a figure."""
        began = perf_counter()
        yield
        self.note(name, round(perf_counter() - began, 4))

    def _write(self, line: dict[str, Any]) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_told(file: Path) -> tuple[dict[str, Any], list[str]]:
    """The figures by name, and what did not hold."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    figures = {line["figure"]: line["value"] for line in lines if "figure" in line}
    return figures, [line["wrong"] for line in lines if "wrong" in line]
