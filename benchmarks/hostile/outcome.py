"""What became of a trial, and the table that counts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal[
    "refused", "same", "other", "ended", "hung", "traceback", "stopped", "outside", "silent"
]

COLUMNS: dict[Mark, str] = {
    "refused": "refused by name",
    "same": "same answer",
    "other": "other finite answer",
    "ended": "ended a process",
    "hung": "hung",
    "traceback": "traceback",
    "stopped": "stopped others",
    "outside": "read outside",
    "silent": "silently another answer",
}
BROKEN: tuple[Mark, ...] = ("ended", "hung", "traceback", "stopped", "outside", "silent")
"""What must not happen."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried: what became of it, and enough to find it again."""

    case: str
    """The seed or the name of the case."""
    marks: frozenset[Mark]
    said: str = ""
    """What the command said, or what differs: one line."""

    @property
    def broken(self) -> bool:
        """Whether anything happened that must not."""
        return any(mark in self.marks for mark in BROKEN)


def trial(case: str, *marks: Mark, said: str = "") -> Trial:
    """A trial; what it said is cut to one short line."""
    return Trial(case, frozenset(marks), " ".join(said.split())[:300])


@dataclass(frozen=True, slots=True)
class Row:
    """All trials of one kind."""

    kind: str
    trials: tuple[Trial, ...]
    seconds: float = 0.0
    note: str = ""
    """Such as what was not tried on this machine, and why."""

    def count(self, mark: Mark) -> int:
        """How many trials have a mark."""
        return sum(mark in each.marks for each in self.trials)

    @property
    def broken(self) -> list[Trial]:
        """The trials in which something happened that must not."""
        return [each for each in self.trials if each.broken]


def spell_head() -> str:
    """The first two lines of the table."""
    names = ["what", "tried", *COLUMNS.values()]
    return f"| {' | '.join(names)} |\n| {' | '.join(['---'] * len(names))} |"


def spell_row(row: Row) -> str:
    """One line of the table; what must not happen and did is in bold."""
    cells = [row.kind, f"{len(row.trials):,}"]
    for mark in COLUMNS:
        n = row.count(mark)
        cells.append(f"**{n:,}**" if n and mark in BROKEN else f"{n:,}")
    return f"| {' | '.join(cells)} |"


def sum_rows(rows: Iterable[Row]) -> Row:
    """All kinds together."""
    listed: Sequence[Row] = list(rows)
    trials = tuple(each for row in listed for each in row.trials)
    return Row("all", trials, sum(row.seconds for row in listed))
