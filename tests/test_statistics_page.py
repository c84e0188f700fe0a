"""docs/statistics.md: an entry for every metric, and sources that are there and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from covidreport.metrics import ALL_METRICS

PAGE = (Path(__file__).parent.parent / "docs" / "statistics.md").read_text()
ENTRIES, SOURCES = PAGE.split("\n## Sources\n")


@pytest.mark.parametrize("key", ALL_METRICS)
def test_every_metric_has_an_entry(key):
    """A new metric needs a line that says what it answers and when it misleads."""
    assert f"**{ALL_METRICS[key].title}**" in ENTRIES


def test_every_row_says_what_it_answers_and_when_it_misleads():
    """Three cells, none of them empty."""
    rows = [line for line in ENTRIES.splitlines() if line.startswith("| ")]
    assert rows
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 3, row
        assert all(cells), row


def test_every_source_is_named_once_and_used():
    """The numbers in brackets run from 1 to the last source."""
    listed = [int(number) for number in re.findall(r"^(\d+)\. ", SOURCES, flags=re.MULTILINE)]
    assert listed == list(range(1, len(listed) + 1))
    used: set[int] = set()
    for group in re.findall(r"\[([\d, –]+)\]", ENTRIES):
        for part in group.split(","):
            first, _, last = part.strip().partition("–")
            used |= set(range(int(first), int(last or first) + 1))
    assert used == set(listed)
