"""What runs call the target of pictures that are no frontal radiograph, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from covidreport.compare.bounds import ALPHA
from covidreport.records import (
    AS_IS,
    FOREIGN_CHANGES,
    SINGLES,
    Comparison,
    ForeignKind,
    ForeignRun,
    ReportData,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Column,
    Count,
    Difference,
    Group,
    Number,
    Prose,
    PValue,
    Rate,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.text import DASH, decimal, listed, plural, whole

MOST_ROWS: Final = 600
"""Of the table of all kinds: more runs than fit into it stand in the JSON alone."""
MOST_RUNS: Final = 8
"""Of the tables that are not folded; all stand below."""
MORE: Final = "more"
"""What stands beside a share that false alarms don't explain."""
ALWAYS_SHOWN: Final = 4
"""Folders beyond these are columns that a page shows once it is asked."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run was evaluated on such pictures."""
    runs = data.foreign
    if not runs:
        return ()
    blocks = (
        Prose(_lead(runs, index), "lead"),
        _tabulate_changes(runs[:MOST_RUNS], index),
        *_tabulate_folders(runs[:MOST_RUNS], index),
        *_say_rest(runs),
        *(Prose(each) for each in _say_unscored(runs)),
        *_tabulate_kinds(runs, index),
        *_tabulate_singles(runs, index),
    )
    title = "What is no frontal radiograph"
    return (Section("foreign", title, blocks, part="appendix", gist=_sum_up(runs, index)),)


def _sum_up(runs: Sequence[ForeignRun], index: Index) -> str:
    """How many runs call such pictures the target more often than false alarms explain."""
    called = sum(any(kind.is_called_more(ALPHA) for kind in run.kinds) for run in runs)
    of = f"{whole(called)} of {plural(len(runs), 'run')}"
    return f"More often called {index.disease} than false alarms explain, by {of}"


def _lead(runs: Sequence[ForeignRun], index: Index) -> str:
    tests = sum(kind.comparison is not None for run in runs for kind in run.kinds)
    return (
        f"{plural(runs[0].kinds[0].images, 'image')} without {index.disease} were turned, mirrored "
        f"and blacked out, and shown to each run again. How many does it call {index.disease}? "
        f"“{MORE.capitalize()}” stands where that is more than its false alarms explain, after "
        f"{plural(tests, 'comparison')}. These figures rank nobody."
    )


def _tabulate_changes(runs: Sequence[ForeignRun], index: Index) -> Table:
    """Each run's calls of the negatives as they are, and changed."""
    names = [name for name in (AS_IS.name, *FOREIGN_CHANGES) if _find_kind(runs, name)]
    head = (Column("Run", kind="name"), *(_head(runs, name) for name in names))
    rows = tuple(
        Row((index.link(run.run), *(_rate(run.find(name)) for name in names))) for run in runs
    )
    caption = f"The share that is called {index.disease} of the same negatives, with 95 % CI"
    return Table(caption, head, rows)


def _tabulate_folders(runs: Sequence[ForeignRun], index: Index) -> Iterator[Table]:
    """Each run's calls of the pictures of each folder."""
    names = _list_folders(runs)
    if not names:
        return
    heads = [_head(runs, name, place) for place, name in enumerate(names)]
    rows = tuple(
        Row((
            index.link(run.run), Rate(run.false_alarms, evidence=True),
            *(_rate(run.find(name)) for name in names),
        ))
        for run in runs
    )  # fmt: skip
    head = (Column("Run", kind="name"), Column("All negatives", kind="figure"), *heads)
    caption = f"The share that is called {index.disease} of other pictures, with 95 % CI"
    yield Table(caption, head, rows)


def _say_rest(runs: Sequence[ForeignRun]) -> Iterator[Prose]:
    if len(runs) > MOST_RUNS:
        yield Prose(f"{plural(len(runs) - MOST_RUNS, 'more run')} stand below.", "remark")


def _list_folders(runs: Sequence[ForeignRun]) -> list[str]:
    """The kinds that are no change of the negatives, of all runs."""
    every = dict.fromkeys(kind.name for run in runs for kind in run.kinds)
    return [name for name in every if name not in (AS_IS.name, *FOREIGN_CHANGES)]


def _find_kind(runs: Sequence[ForeignRun], name: str) -> ForeignKind | None:
    return next((kind for run in runs if (kind := run.find(name)) is not None), None)


def _head(runs: Sequence[ForeignRun], name: str, place: int = 0) -> Column:
    kind = _find_kind(runs, name)
    title = name if kind is None else kind.title
    return Column(title, kind="figure", room="always" if place < ALWAYS_SHOWN else "asked")


def _rate(kind: ForeignKind | None) -> Rate:
    if kind is None:
        return Rate(None)
    return Rate(kind.called, note=MORE if kind.is_called_more(ALPHA) else "", evidence=True)


def _say_unscored(runs: Sequence[ForeignRun]) -> Iterator[str]:
    """How many pictures of folders could not be scored, which are in no share."""
    failed = {name: max(kind.failed for run in runs for kind in run.kinds if kind.name == name)
              for name in _list_folders(runs)}  # fmt: skip
    said = [f"{whole(n)} of {name}" for name, n in failed.items() if n]
    if said:
        named = listed(said)
        yield f"Pictures without a score, such as broken files, are in no share: {named}."


def _tabulate_kinds(runs: Sequence[ForeignRun], index: Index) -> Iterator[Block]:
    """How surely, and each comparison: a row for each run and kind."""
    shown = runs[: max(1, MOST_ROWS // len(runs[0].kinds))]
    head = (
        Column("Run", kind="name"), Column("Pictures"),
        Column("Score", "median, quartiles", "figure"),
        Column("Called", kind="count"),
        Column("Newly called", kind="count"), Column("Newly cleared", kind="count"),
        Column("False alarms", "difference, 95 % CI", "figure"),
        Column("Adjusted p", kind="figure"),
    )  # fmt: skip
    rows = tuple(_row(run, kind, index) for run in shown for kind in run.kinds)
    caption = f"Scores for {index.disease}, and each kind beside the negatives as they are"
    blocks: list[Block] = [Table(caption, head, rows)]
    if len(runs) > len(shown):
        left = f"{plural(len(runs) - len(shown), 'more run')} stand in `report.json` alone."
        blocks.append(Prose(left, "remark"))
    gist = "The scores of each kind, and each comparison"
    yield Group(tuple(blocks), "How surely", gist, state="folded")


def _row(run: ForeignRun, kind: ForeignKind, index: Index) -> Row:
    found = kind.comparison
    score: Cell = Text(DASH)
    if kind.quartiles is not None:
        low, middle, high = kind.quartiles
        score = Number(middle, note=f"{decimal(low)} to {decimal(high)}")
    compared: tuple[Cell, ...] = (Text(""),) * 4
    if found is not None:
        compared = (
            Count(found.only_first), Count(found.only_second), _turn_sign(found),
            PValue(found.adjusted_p_value, significant=found.is_significant(ALPHA)),
        )  # fmt: skip
    called = Count(kind.called.numerator, kind.called.denominator, kind.failed)
    return Row((index.link(run.run), Text(kind.title), score, called, *compared))


def _turn_sign(found: Comparison) -> Difference:
    """Of a difference in specificity that in false alarms."""
    value, low, high = found.difference, found.high, found.low
    return Difference(
        None if value is None else -value, None if low is None else -low,
        None if high is None else -high,
    )  # fmt: skip


def _tabulate_singles(runs: Sequence[ForeignRun], index: Index) -> Iterator[Group]:
    """What each run says of pictures that show nothing."""
    names = [name for name in SINGLES if any(name == each.name for each in runs[0].singles)]
    if not names:
        return
    head = [Column("Run", kind="name")]
    head += [Column(SINGLES[name].title, kind="figure") for name in names]
    rows = []
    for run in runs:
        said = {each.name: each for each in run.singles}
        cells = (
            Number(one.score, note="called" if one.called else "")
            if (one := said.get(name)) is not None
            else Number(None)
            for name in names
        )
        rows.append(Row((index.link(run.run), *cells)))
    table = Table(f"Scores for {index.disease} of single pictures", tuple(head), tuple(rows))
    gist = "Scores of a black, a white and a noisy picture, and of a gradient"
    yield Group((table,), "Pictures that show nothing", gist, state="folded")
