"""Where each run stands in a report: its anchor, its rank, its place in the order of sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from covidreport.records import (
    Counts,
    Evaluation,
    RankedRun,
    Ranking,
    ReportData,
    ReportedDataset,
    ReportedRun,
)
from covidreport.report.blocks import Cell, Link, Text
from covidreport.text import DASH, label_name


class Index(Struct, frozen=True):
    """Look-ups that several sections share."""

    target: str
    """The target label as the data writes it."""
    runs: tuple[ReportedRun, ...]
    """In the order of their sections: by ranking, then those that have no evaluation."""
    anchors: Mapping[str, str]
    ranked: Mapping[str, RankedRun]
    """Each run's row in the first ranking that holds it."""
    places: Mapping[str, int]
    """Which ranking that is, from 0."""

    @property
    def disease(self) -> str:
        """The target label as it is written in a sentence."""
        return label_name(self.target)

    def find(self, name: str) -> ReportedRun | None:
        """The run of that name."""
        return next((reported for reported in self.runs if reported.run.name == name), None)

    def key(self, name: str) -> str:
        """A run's place among the sections, from 1: what parts of a page know it by."""
        names = [reported.run.name for reported in self.runs]
        return str(names.index(name) + 1)

    def link(self, name: str, note: str = "") -> Cell:
        """A name, which leads to its section where it is a run."""
        target = self.anchors.get(name)
        return Text(name, note) if target is None else Link(name, target, note)

    def rank(self, name: str) -> str:
        """A run's rank, and in which ranking where that is not the first; or a dash."""
        row = self.ranked.get(name)
        if row is None or row.rank is None:
            return DASH
        place = self.places[name]
        return str(row.rank) if place == 0 else f"{row.rank} of ranking {place + 1}"

    def badge(self, name: str) -> str:
        """A run's rank in the first ranking, or a dash: two badges `1` would both seem to win."""
        return DASH if self.places.get(name, 0) > 0 else self.rank(name)

    def evaluation(self, name: str, ranking: Ranking) -> Evaluation | None:
        """The evaluation that gave a run its row in a ranking."""
        reported = self.find(name)
        if reported is None:
            return None
        candidates = [reported.evaluation, *reported.others, *reported.elsewhere]
        for one in candidates:
            if one is None or not one.is_of(ranking.fingerprint):
                continue
            of_counts = one.fingerprint is None
            if not of_counts or (one.dataset, one.split) == (ranking.dataset, ranking.split):
                return one
        return reported.evaluation

    def evaluations(self, ranking: Ranking) -> dict[str, Evaluation]:
        """The evaluations of a ranking by run."""
        found = ((row.run, self.evaluation(row.run, ranking)) for row in ranking.rows)
        return {run: evaluation for run, evaluation in found if evaluation is not None}

    def see_from(self, there: ReportedDataset) -> Index:
        """The same runs under the same anchors, with what they did on another data set."""
        rows = {row.run: row for ranking in reversed(there.rankings) for row in ranking.rows}
        return replace(self, runs=see_runs(self.runs, there), ranked=rows)

    def counts(self, evaluation: Evaluation | None) -> Counts | None:
        """The target's counts; None where there is no evaluation or it lacks the label."""
        return None if evaluation is None else evaluation.counts.get(self.target)


def see_runs(reported: Sequence[ReportedRun], there: ReportedDataset) -> tuple[ReportedRun, ...]:
    """Runs with what they did on another data set in the place of what the report ranks."""
    return tuple(
        replace(one, evaluation=there.find(one), others=(), elsewhere=(), failure=None)
        for one in reported
    )


def index_runs(data: ReportData, *, linked: bool = True) -> Index:
    """The index of a report. Anchors are numbers: a name may hold anything.

    linked: whether runs have sections that their names lead to.
    """
    ranked: dict[str, RankedRun] = {}
    rankings: dict[str, int] = {}
    for place, ranking in enumerate(data.rankings):
        for row in ranking.rows:
            ranked.setdefault(row.run, row)
            rankings.setdefault(row.run, place)
    places = {name: place for place, name in enumerate(ranked)}
    given = {reported.run.name: place for place, reported in enumerate(data.runs)}
    runs = sorted(
        data.runs,
        key=lambda reported: (
            places.get(reported.run.name, len(places)), given[reported.run.name]
        ),
    )  # fmt: skip
    anchors = {
        reported.run.name: f"run-{i}" if linked else "" for i, reported in enumerate(runs, start=1)
    }
    return Index(data.target, tuple(runs), anchors, ranked, rankings)
