"""A label's confusion matrix as two rows of a grid: actual in rows, predicted in columns."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Counts
from covidreport.report.blocks import GridCell, Head
from covidreport.text import portion_of, whole

Matrix = tuple[tuple[GridCell, ...], tuple[GridCell, ...]]
"""The cells of images without the label, and of those with it."""
_MEANINGS = (
    ("true negatives", "false positives", "not scored"),
    ("false negatives", "true positives", "not scored"),
)


def list_answers(counts: Sequence[Counts]) -> tuple[Head, ...]:
    """The columns of matrices: images that could not be scored have one of their own."""
    failed = any(one.failed_positive + one.failed_negative for one in counts)
    answers = tuple(Head(answer, spoken="predicted") for answer in ("no", "yes"))
    return (*answers, Head("not scored")) if failed else answers


def list_cells(counts: Counts, columns: int, *, target: bool, meant: bool = False) -> Matrix:
    """A label's matrix with so many answers.

    target: whether its false negatives are the missed ones of the ranking. meant: whether each
    cell says what it counts.
    """
    rows = (
        (counts.tn, counts.fp, counts.failed_negative),
        (counts.fn, counts.tp, counts.failed_positive),
    )
    no, yes = (
        tuple(
            _cell(n, sum(row), meaning, target=target, meant=meant)
            for n, meaning in zip(row[:columns], meanings[:columns], strict=True)
        )
        for row, meanings in zip(rows, _MEANINGS, strict=True)
    )
    return no, yes


def _cell(n: int, of: int, meaning: str, *, target: bool, meant: bool) -> GridCell:
    """With its share of the row: nobody asks for that of none that could not be scored."""
    scored = meaning != "not scored"
    parts = [meaning if meant and scored else "", portion_of(n, of) if n or scored else ""]
    return GridCell(
        whole(n),
        "right" if meaning.startswith("true") else "wrong",
        " ".join(part for part in parts if part),
        round(10 * n / of) if of else 0,
        strong=target and meaning == "false negatives",
    )
