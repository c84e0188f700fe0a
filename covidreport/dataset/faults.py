"""What is wrong with a manifest, gathered by row and told at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

from covidreport.dataset.columns import ManifestTable
from covidreport.errors import DatasetError


class Faults:
    """What is wrong, by row from 0; None is the header."""

    def __init__(self, table: ManifestTable) -> None:
        self.table = table
        self.found: list[tuple[int | None, str]] = []

    @cached_property
    def numbers(self) -> Sequence[int]:
        """The number of each row, as the table counts them."""
        return self.table.numbers()

    @cached_property
    def places(self) -> Sequence[str] | None:
        """Where each row stands, in words; None where its number says it."""
        stated = self.table.reading.places
        return None if stated is None else stated()

    def add(self, row: int | None, what: str) -> None:
        """Note what is wrong with a row."""
        self.found.append((row, what))

    def add_repeated(self, cells: Sequence[str], what: str, leave_out: Collection[int]) -> None:
        """Note each cell that stood before, outside of `leave_out`; what: its column, in words."""
        if len(set(cells)) == len(cells):
            return
        first: dict[str, int] = {}
        for row, cell in enumerate(cells):
            if row not in leave_out and first.setdefault(cell, row) != row:
                self.add(row, f"{what} {cell!r} stands on {self.locate(first[cell])} already")

    def locate(self, row: int) -> str:
        """Where a row stands, such as `line 7`."""
        return self.places[row] if self.places else f"{self.table.unit} {self.numbers[row]}"

    def raise_any(self) -> None:
        """Raise DatasetError with every fault in the order of the file, if there is one."""
        if not self.found and not self.table.faults:
            return
        head = [f"{self.table.head}: {what}" for row, what in self.found if row is None]
        unit = self.table.unit
        below = [
            (self.numbers[row], f"{self.locate(row)}: {what}")
            for row, what in self.found
            if row is not None
        ]
        below += [(number, f"{unit} {number}: {what}") for number, what in self.table.faults]
        below.sort(key=lambda fault: fault[0])
        raise DatasetError(str(self.table.source), [*head, *(what for _, what in below)])
