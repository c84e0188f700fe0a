"""Runs whose votes together miss fewer, and the command that writes them as one."""

from __future__ import annotations

import shlex
from typing import Final

from covidreport.records import Ranking, RunCombination, RunComparisons
from covidreport.report.blocks import Block, Code, Column, Count, Prose, Row, Table, Text
from covidreport.report.index import Index
from covidreport.text import clean, listed
from covidreport.text.thresholds import format_threshold, is_tuned

RULES: Final = {"any-positive": "any yes is a yes", "majority": "two of three"}
HOW: Final = {"any-positive": "either", "majority": "majority"}
"""What `covidreport combine` calls these votes."""


def list_combinations(ranking: Ranking, comparisons: RunComparisons, index: Index) -> list[Block]:
    """Votes that would have missed fewer than the best run alone; that none would, where so."""
    least = min((row.missed for row in ranking.rows if row.rank == 1), default=0)
    combinations = [one for one in comparisons.combinations if one.missed < least]
    if not comparisons.combinations:
        return []
    if not combinations:
        none = "No two or three of these runs would by vote have missed fewer than the best alone."
        return [Prose(none, "remark")]
    head = (
        Column("Runs"), Column("Vote"),
        Column("Missed", f"of {comparisons.positives:,}", "missed"),
        Column("False alarms", f"of {comparisons.negatives:,}", "count"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Text(listed([clean(name) for name in each.runs])),
                Text(RULES[each.rule]),
                Count(each.missed, comparisons.positives, told=True),
                Count(each.false_alarms, comparisons.negatives, told=True),
            )
        )
        for each in combinations
    )
    tried = combinations[0].tried_runs
    which = "the ranked runs"
    if tried < len(comparisons.rank_evidence):
        which = f"the first {tried} runs"
    note = (
        f"The best of all pairs and trios of {which}, tried on these very images: an idea for the "
        "next study, and no result."
    )
    return [
        Table("Runs that would have missed fewest together", head, rows),
        Prose(note, "remark"),
        *_write_together(combinations[0], ranking, index),
    ]


def _write_together(first: RunCombination, ranking: Ranking, index: Index) -> list[Block]:
    """The command that writes runs as one; none where one has no model, or no threshold."""
    words = ["covidreport", "combine"]
    stated: set[tuple[str, str]] = set()
    for name in first.runs:
        reported, evaluation = index.find(name), index.evaluation(name, ranking)
        at = None if evaluation is None else evaluation.thresholds.get(index.target)
        if reported is None or reported.run.model is None or evaluation is None or at is None:
            return []
        words.append(reported.run.folder_text)
        tuned = is_tuned(evaluation, index.target)
        fixed = ("--threshold", f"{index.target}={format_threshold(at)}")
        stated.add(("--thresholds", "tuned") if tuned else fixed)
    if len(stated) > 1:
        return []
    words += ["--how", HOW[first.rule], *stated.pop()]
    said = "Where they take the same pixels, they are written as one run to be tried there: "
    return [Prose((said, Code(shlex.join(words))), "remark")]
