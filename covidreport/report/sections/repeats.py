"""Runs that differ in nothing but their seed, and configurations compared over their seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covidreport.records import (
    ConfigurationComparison,
    RepeatedConfiguration,
    Repeats,
    ReportData,
    SeedSpread,
)
from covidreport.report.blocks import (
    Block,
    Column,
    Difference,
    Prose,
    PValue,
    Row,
    Section,
    Spread,
    Table,
    Text,
)
from covidreport.report.index import Index
from covidreport.text import (
    DASH,
    clean,
    decimal,
    exact,
    humanise,
    listed,
    plural,
)

_LEVEL = 0.05


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """One part for each ranking in which a configuration was run with several seeds."""
    parts = [_describe(repeats, data, index) for repeats in data.repeats]
    blocks = tuple(block for part in parts for block in part)
    gist = "How far runs spread that differ in nothing but their seed"
    return (Section("repeats", "Repeats", blocks, "appendix", gist),) if blocks else ()


def _describe(repeats: Repeats, data: ReportData, index: Index) -> list[Block]:
    runs = sum(len(one.runs) for one in repeats.configurations)
    lead = (
        f"{plural(len(repeats.configurations), 'configuration')} of {plural(runs, 'run')}: the "
        "runs of one differ in nothing but their seed. How far they spread is the luck of "
        "training, on these very images; it says nothing of other patients."
    )
    if len(data.rankings) > 1:
        lead = f"In ranking {repeats.ranking + 1}: {lead[0].lower()}{lead[1:]}"
    return [
        Prose(lead, "lead"),
        _configurations_table(repeats, index),
        *([_comparisons_table(repeats)] if repeats.comparisons else []),
        *(Prose(words, "remark") for words in _remarks(repeats)),
    ]


def _configurations_table(repeats: Repeats, index: Index) -> Table:
    head = (
        Column("Configuration", kind="name"), Column("What sets it apart"), Column("Runs"),
        Column("Missed", "mean ± SD", "figure"), Column("Sensitivity", "mean ± SD", "figure"),
        Column("Specificity", "mean ± SD", "figure"), Column("ROC AUC", "mean ± SD", "figure"),
    )  # fmt: skip
    rows = []
    for index_of, one in enumerate(repeats.configurations):
        figures = one.metrics
        rows.append(
            Row(
                (
                    Text(name_configuration(index_of)),
                    Text(_describe_settings(one.settings)),
                    Text(_describe_runs(one)),
                    _spread(figures["missed"], whole=True),
                    *(_spread(figures[name]) for name in ("sensitivity", "specificity", "roc_auc")),
                )
            )
        )
    return Table(
        f"{index.disease} over seeds: mean, standard deviation of single runs, smallest to largest",
        head, tuple(rows),
    )  # fmt: skip


def name_configuration(position: int) -> str:
    """Configurations go by letters, A, B … Z, AA: runs have names and experiments numbers."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _describe_settings(settings: Mapping[str, Any]) -> str:
    return "; ".join(f"{humanise(key)} {exact(value)}" for key, value in settings.items()) or DASH


def _describe_runs(configuration: RepeatedConfiguration) -> str:
    runs = [
        f"{clean(run)} (seed {exact(seed)})"
        for run, seed in zip(configuration.runs, configuration.seeds, strict=True)
    ]
    if configuration.copies:
        runs.append(f"excluded as copies: {', '.join(map(clean, configuration.copies))}")
    return "; ".join(runs)


def _spread(found: SeedSpread, *, whole: bool = False) -> Spread:
    return Spread(found.mean, found.sd, found.low, found.high, found.undefined, whole)


def _comparisons_table(repeats: Repeats) -> Table:
    head = (
        Column("Configurations", kind="name"),
        Column("Missed, mean difference", "95 % CI", "figure"), Column("p", kind="figure"),
        Column("Adjusted p", kind="figure"), Column("Least p of so many seeds", kind="figure"),
    )  # fmt: skip
    return Table(
        "Pairwise comparisons of configurations by their mean of missed cases",
        head, tuple(_comparison_row(each) for each in repeats.comparisons),
    )  # fmt: skip


def _comparison_row(each: ConfigurationComparison) -> Row:
    found = each.comparison
    return Row(
        (
            Text(f"{name_configuration(each.first)} − {name_configuration(each.second)}"),
            Difference(found.difference, found.low, found.high, places=1, signed=False),
            PValue(found.p_value, found.method),
            PValue(each.adjusted_p_value),
            PValue(found.smallest_p),
        )
    )


def _remarks(repeats: Repeats) -> tuple[str, ...]:
    """What so few seeds can't tell."""
    mute = [
        each.comparison
        for each in repeats.comparisons
        if each.comparison.smallest_p is not None and each.comparison.smallest_p > _LEVEL
    ]
    remarks = []
    if mute:
        cases = sorted({(one.seeds, one.smallest_p) for one in mute}, key=str)
        said = [
            f"{n} seeds against {m} can’t give a p below {decimal(least)}"
            for (n, m), least in cases
        ]
        remarks.append(
            f"However far apart configurations lie, {listed(said)}: these seeds can’t show a "
            "difference. It takes four against four."
        )
    few = [one for one in repeats.configurations if len(one.runs) <= 3]
    if few:
        remarks.append(
            "A standard deviation of two or three runs is itself little more than a guess."
        )
    return tuple(remarks)
