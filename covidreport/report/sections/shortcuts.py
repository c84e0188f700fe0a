"""What each run still tells with a part of every picture blacked out, flagged or not."""

from __future__ import annotations

from covidreport.audit.occlusion import OCCLUDED, Remaining, list_remaining
from covidreport.records import Estimate, ReportData
from covidreport.report.blocks import RATES, Column, Prose, Rate, Row, Section, Table
from covidreport.report.index import Index
from covidreport.report.tables import of_label

LEAD = (
    "What is still told with a part of every picture blacked out. Without the lungs a run should "
    "lose nearly all that it has over chance, 0.5; without what lies around them hardly anything. "
    "A black part is itself a picture that the model never saw."
)
PARTS = {
    "centre": ("Middle blacked out", "{0} × {0} of the picture, most of the lungs"),
    "borders": ("Borders blacked out", "a frame of {0} on each side"),
    "corners": ("Corners blacked out", "{0} × {0} each, where markers stand"),
}
"""The head of a column by the region that is blacked out."""


def build(data: ReportData, index: Index) -> tuple[Section, ...]:
    """The section; none where no run was evaluated with a part blacked out."""
    found: dict[str, dict[str, Remaining]] = {}
    for each in list_remaining(data):
        found.setdefault(each.variant, {})[each.run] = each
    if not found:
        return ()
    variants = sorted(found, key=_order)
    runs = [each for each in index.runs if any(each.run.name in found[v] for v in variants)]
    head = [Column("Run", kind="name"), Column("Whole", "ROC AUC, 95 % CI", "figure", RATES)]
    head += [_column(variant) for variant in variants]
    rows = tuple(
        Row(
            (
                index.link(each.run.name),
                Rate(of_label(each.evaluation, index.target, "roc_auc")),
                *(_rate(found[variant].get(each.run.name)) for variant in variants),
            )
        )
        for each in runs
    )
    caption = f"ROC AUC of {index.disease} by what is blacked out"
    table = Table(caption, tuple(head), rows)
    return (Section("shortcuts", "Shortcuts", (Prose(LEAD, "lead"), table)),)


def _order(variant: str) -> tuple[int, str]:
    region = _split(variant)[0]
    return (list(PARTS).index(region) if region in PARTS else len(PARTS), variant)


def _split(variant: str) -> tuple[str, str]:
    """Region and fraction of `occlude-centre-0.8`."""
    region, _, fraction = variant.removeprefix(OCCLUDED).partition("-")
    return region, fraction


def _column(variant: str) -> Column:
    region, fraction = _split(variant)
    title, note = PARTS.get(region, (f"{region} blacked out", "{0}"))
    return Column(title, note.format(fraction), "figure", RATES)


def _rate(one: Remaining | None) -> Rate:
    if one is None:
        return Rate(None)
    return Rate(Estimate(one.occluded, one.low, one.high, method=one.method))
