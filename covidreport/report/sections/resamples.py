"""How often resamples repeat each run's place: what the order owes to these very images."""

from __future__ import annotations

from covidreport.records import RankEvidence, Ranking, ReportData
from covidreport.report.blocks import Column, Prose, Row, Section, Table, Text
from covidreport.report.index import Index
from covidreport.text import DASH, portion, whole


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """A section for each ranking whose runs were resampled; from counts alone none can be."""
    sections = (_build(ranking, place, index) for place, ranking in enumerate(data.rankings))
    return tuple(section for section in sections if section is not None)


def _build(ranking: Ranking, place: int, index: Index) -> Section | None:
    comparisons = ranking.comparisons
    if comparisons is None or not comparisons.resamples:
        return None
    drawn = "images" if comparisons.n_groups is None else "patients"
    suffix, number = ("", "") if place == 0 else (f"-{place + 1}", f", ranking {place + 1}")
    lead = (
        f"How often a run comes first, and which ranks it takes, when these {drawn} are drawn "
        f"again: {whole(comparisons.resamples)} resamples. This is not the probability of being "
        "the best. A run that is first here by luck comes first in most resamples of the same "
        f"{drawn} too. Whether two runs differ is what the adjusted p-value says."
    )
    ranks = {row.run: row.rank for row in ranking.rows}
    head = (
        Column("Rank", kind="rank"), Column("Run", kind="name"),
        Column("First", "of resamples", "count", falls=True),
        Column("Ranks", "in at least 95 % of resamples", "count"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                Text(whole(ranks[each.run]), sort=ranks[each.run]),
                index.link(each.run),
                Text(f"in {portion(each.best_probability)}", sort=each.best_probability),
                _list_ranks(each),
            )
        )
        for each in comparisons.rank_evidence
    )
    caption = f"Ranks by missed cases, then false alarms, when these {drawn} are drawn again"
    return Section(
        f"resamples{suffix}", f"Ranks in resamples{number}",
        (Prose(lead, "lead"), Table(caption, head, rows)),
        part="appendix", gist=f"How often ranks repeat when these {drawn} are drawn again",
    )  # fmt: skip


def _list_ranks(evidence: RankEvidence) -> Text:
    low, high = evidence.rank_low, evidence.rank_high
    if low is None or high is None:
        return Text(DASH)
    return Text(str(low) if low == high else f"{low} to {high}", sort=high + low / 1e6)
