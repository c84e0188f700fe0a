"""Each run by itself: what it is, what was found about it, its figures, epochs and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from covidreport.records import Finding, ReportData, ReportedRun
from covidreport.report.blocks import Block, Group, Items, Link, Prose, Section, Text
from covidreport.report.evaluation import describe_evaluation
from covidreport.report.facts import list_settings
from covidreport.report.history import list_epochs
from covidreport.report.index import Index
from covidreport.report.sections.findings import Noted, list_findings
from covidreport.text import DASH, clean, plural, whole

MOST_WHOLE = 25
"""Runs up to which each is shown whole."""
FEW = 3
"""What was found about so many runs is said of each of them, however few there are."""
WHOLE_OF_MANY = 20
"""Of more, how many are: those that stand first on the page."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A group for each run; of very many runs those far down the ranking are shown in short."""
    found = list_findings(data, index)
    whole_ones = len(index.runs) if len(index.runs) <= MOST_WHOLE else WHOLE_OF_MANY
    groups = tuple(
        _group(each, _describe(each, data, found, index), index)
        if at < whole_ones
        else _group(each, _shorten(each, data, found, index, len(index.runs) - whole_ones), index)
        for at, each in enumerate(index.runs)
    )
    gist = f"{plural(len(groups), 'run')}, each by itself"
    return (Section("runs", "Runs", groups, "appendix", gist),) if groups else ()


def _group(reported: ReportedRun, blocks: Sequence[Block], index: Index) -> Group:
    name = reported.run.name
    state: Literal["open", "folded"] = "open" if _is_opened(reported, index) else "folded"
    return Group(
        tuple(blocks), clean(name), _summarise(reported, index), index.anchors[name], state
    )


def _is_opened(reported: ReportedRun, index: Index) -> bool:
    """The runs of rank 1 are; in the first ranking, since two winners would be one too many."""
    return index.badge(reported.run.name) == "1" or len(index.runs) == 1


def _describe(
    reported: ReportedRun, data: ReportData, found: Sequence[Noted], index: Index
) -> list[Block]:
    run = reported.run
    evaluations = [one for one in (reported.evaluation, *reported.others) if one is not None]
    opened = _is_opened(reported, index)
    blocks = _introduce(reported, found, index)
    blocks += [describe_evaluation(one, data, index, opened=opened) for one in evaluations]
    blocks += _fold("Training: figures of each epoch", list_epochs(run))
    if settings := list_settings(run):
        anchor = f"{index.anchors[run.name]}-settings"
        blocks.append(Group((Group(settings, layout="columns"),), "Settings", id=anchor))
    return blocks


def _shorten(
    reported: ReportedRun, data: ReportData, found: Sequence[Noted], index: Index, among: int
) -> list[Block]:
    """The figures on the ranked split alone; a sentence says so."""
    words = (
        f"Shown in short, as {whole(among)} of the runs here are: its counts stand among the "
        "confusion matrices. A report of fewer runs shows it whole, and the reports as JSON and "
        "CSV hold all of its figures."
    )
    evaluations = [one for one in (reported.evaluation, *reported.others) if one is not None]
    return [
        *_introduce(reported, found, index),
        Prose(words, "remark"),
        *(describe_evaluation(one, data, index, short=True) for one in evaluations[:1]),
    ]


def _introduce(reported: ReportedRun, found: Sequence[Noted], index: Index) -> list[Block]:
    """What the run is, why it has no figures or no rank, and what was found about it."""
    blocks: list[Block] = []
    if reported.run.description:
        blocks.append(Prose((Text(reported.run.description),)))
    if trouble := _explain_trouble(reported, index):
        blocks.append(Prose(trouble, "trouble"))
    about = [
        note
        for finding, note in found
        if reported.run.name in finding.subjects and not _is_of_most(finding, index)
    ]
    if about:
        links = tuple((Link(note.what, note.id),) for note in about)
        blocks.append(Items(links, tuple(note.severity for note in about)))
    return blocks


def _is_of_most(finding: Finding, index: Index) -> bool:
    """Whether it is about so many runs that it tells nothing of one: it is said once, above."""
    about = len(finding.subjects)
    return about > FEW and 2 * about > len(index.runs)


def _fold(title: str, blocks: Sequence[Block]) -> list[Group]:
    return [Group(tuple(blocks), title, state="folded")] if blocks else []


def _summarise(reported: ReportedRun, index: Index) -> str:
    """`rank 1 · experiment 15 · block 4b · 8 of 28 missed · 195 false alarms`."""
    run, rank = reported.run, index.rank(reported.run.name)
    parts = ["no rank" if rank == DASH else f"rank {rank}"]
    if run.experiment is not None:
        parts.append(f"experiment {clean(run.experiment)}")
    if run.block is not None:
        parts.append(f"block {clean(run.block)}")
    counts = index.counts(reported.evaluation)
    if counts is None:
        parts.append("no figures")
    else:
        parts.append(f"{whole(counts.missed)} of {whole(counts.positives)} missed")
        parts.append(plural(counts.false_alarms, "false alarm"))
    return " · ".join(parts)


def _explain_trouble(reported: ReportedRun, index: Index) -> str:
    sentences = []
    sentences += [f"Of its folder: {clean(note)}." for note in reported.run.notes]
    if reported.failure is not None:
        stage, reason = clean(reported.failure.stage), clean(reported.failure.explanation)
        sentences.append(f"Failed at {stage}: {reason}")
    elif reported.evaluation is None:
        sentences.append("Was not evaluated on these images.")
    row = index.ranked.get(reported.run.name)
    if row is not None and row.rank is None:
        sentences.append(f"Not ranked: {clean(row.why_unranked or 'no reason is recorded')}.")
    return " ".join(sentences)
