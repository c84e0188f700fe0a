"""The plan of a study as a report: the size that each goal needs, and what a size at hand shows."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport import __version__
from covidreport.records import (
    PlanAtHand,
    PlanGoal,
    PlannedGoal,
    PlannedOdds,
    StudyAssumptions,
    StudyPlan,
)
from covidreport.report.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Count,
    Fact,
    Group,
    Items,
    Number,
    Prose,
    Row,
    Section,
    Table,
    Text,
)
from covidreport.report.charts.lines import Axis, Lines, Series, TitledLines
from covidreport.report.html import draw_page
from covidreport.report.markdown import draw_text
from covidreport.report.view import ReportView
from covidreport.text import exact, label_name, plural, portion, whole

METHODS = {
    "half_width": "Wilson’s interval, on the effective sample where patients have several images",
    "at_least": "Clopper and Pearson’s one-sided 95 % bound, likewise",
    "difference": "the exact paired test of the ranking, two-sided",
    "non_inferiority": "the gate’s policy `evidence`: Tango’s interval excludes a loss over the "
    "margin",
}
POLICIES = {
    "strict": "strict: not one case more missed",
    "evidence": "evidence: no significant loss, and a loss over the margin excluded",
}


def describe_goal(goal: PlanGoal) -> str:
    """What the study is to show, in words."""
    value = exact(goal.value)
    return {
        "half_width": f"a sensitivity within ± {value}",
        "at_least": f"a sensitivity of at least {value}",
        "difference": f"that a run whose sensitivity is lower by {value} misses more",
        "non_inferiority": f"that an equal run is at most {value} worse",
    }[goal.kind]


def describe_assumptions(plan: StudyPlan) -> tuple[Fact, ...]:
    """What is taken for true, and where it comes from."""
    assumed = plan.assumptions
    estimated = f"estimated from {plural(plan.runs, 'run')} at hand"
    source = dict.fromkeys(plan.estimated, estimated)
    facts = [
        Fact("True sensitivity", Text(exact(assumed.sensitivity))),
        Fact("Power", Text(f"{exact(assumed.power)} of studies")),
        Fact("Images a patient", Text(_describe_images(assumed, source.get("shares", "stated")))),
    ]
    if assumed.grouped:
        within = f"{_correlation(assumed.within)}, {source.get('within', 'stated')}"
        facts.append(Fact("Latent correlation of a patient’s images", Text(within)))
    if assumed.between is not None:
        between = f"{_correlation(assumed.between)}, {source.get('between', 'stated')}"
        facts.append(Fact("Latent correlation of two runs on an image", Text(between)))
    if assumed.comparisons > 1:
        level = f"5 % divided by {plural(assumed.comparisons, 'comparison')}"
        facts.append(Fact("Level of the test", Text(level)))
    return tuple(facts)


def _describe_images(assumed: StudyAssumptions, source: str) -> str:
    if not assumed.grouped:
        return "1 positive image of each patient is taken"
    mean = assumed.images_per_patient
    return f"{mean:.2f} positive images of a patient on average, {source}"


def _correlation(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def tabulate_goals(plan: StudyPlan) -> Table:
    """A row for each goal: patients and positive images that it needs, and its power there."""
    columns = (
        Column("To show", kind="name"), Column("Patients", "with positives", "count"),
        Column("Positive images", kind="count"), Column("Power there", kind="figure"),
    )  # fmt: skip
    rows = []
    for each in plan.goals:
        needed = each.needed
        cells: tuple[Cell, ...] = (
            Text(describe_goal(each.goal), f"judged by {METHODS[each.goal.kind]}"),
            Count(None if needed is None else needed.patients),
            Count(None if needed is None else needed.positives),
            Number(None if needed is None else needed.power),
        )
        rows.append(Row(cells))
    share = exact(plan.assumptions.power)
    caption = f"The fewest patients from which on at least {share} of studies show it"
    return Table(caption, columns, tuple(rows), "pairs")


def tabulate_at_hand(plan: StudyPlan, at_hand: PlanAtHand) -> tuple[Table, ...]:
    """What the size at hand shows, and what a gate's verdict on it is worth."""
    share = exact(plan.assumptions.power)
    figures = (
        ("Sensitivity within ±", at_hand.half_width),
        ("Sensitivity claimed, at least", at_hand.at_least),
        ("Smallest loss of sensitivity that is found", at_hand.difference),
    )
    size = plural(at_hand.positives, "positive image")
    if plan.assumptions.grouped:
        size += f" of {plural(at_hand.patients, 'patient')}"
    shown = Table(
        f"What {share} of studies of {size} show",
        (Column("Figure", kind="name"), Column("Value", kind="figure")),
        tuple(Row((Text(name), Number(value))) for name, value in figures),
    )
    if not at_hand.odds:
        return (shown,)
    head = (
        Column("Policy of the gate", kind="name"), Column("Margin", kind="figure"),
        Column("An equal run fails", kind="figure"), Column("An equal run passes", kind="figure"),
        Column("One worse by the margin passes", kind="figure"),
    )  # fmt: skip
    odds = Table(
        f"What a verdict on {size} is worth", head, tuple(map(_row_of_odds, at_hand.odds)), "pairs"
    )
    return shown, odds


def _row_of_odds(odds: PlannedOdds) -> Row:
    chances = (odds.equal_fails, odds.equal_passes, odds.worse_passes)
    return Row(
        (
            Text(POLICIES[odds.policy]),
            Text(exact(odds.margin)),
            *(Text(portion(each)) for each in chances),
        )
    )


def _draw_power(planned: PlannedGoal, target: float) -> Chart:
    words = describe_goal(planned.goal)
    curve = [point for point in planned.curve if point.positives > 0]
    places = tuple((float(point.positives), point.power) for point in curve)
    needed = planned.needed
    dots = () if needed is None else (Series("1", ((float(needed.positives), needed.power),)),)
    last = places[-1][0]
    lines = Lines(
        Axis("positive images", 0.0, last, "quantity"), Axis("power"), ("1",),
        (Series("1", places),), dots, level=target,
    )  # fmt: skip
    said = "is reached with no size that was tried"
    if needed is not None:
        said = f"stays over {exact(target)} from {plural(needed.positives, 'positive image')} on"
    summary = f"The power to show {words} {said}."
    key = f"Line: {exact(target)} of studies. Dot: the fewest positives from which on it is kept."
    return Chart(
        f"power-{planned.goal.kind}", words[0].upper() + words[1:], summary, key,
        (TitledLines("", summary, lines),),
    )  # fmt: skip


def _caveats(plan: StudyPlan) -> Items:
    assumed = plan.assumptions
    said = [
        "A plan is as good as its assumptions: if the true sensitivity or the agreement of runs is "
        "another, so is the size. Plan with the worst that is plausible, too.",
        "The study must be of the patients that the tool is for; no size makes up for others.",
    ]
    if not assumed.grouped:
        said.append(
            "One positive image of each patient is taken: where patients have several, more images "
            "are needed. `--images-per-patient` or runs at hand say so."
        )
    if any(each.simulated for each in plan.goals):
        said.append(
            "Where patients have several images power comes from simulated studies: it is known to "
            "half a point or so, the size to about 2 %."
        )
    return Items(tuple(said))


def view_plan(plan: StudyPlan, target: str) -> ReportView:
    """The plan as a report of three sections."""
    goals: list[Section] = []
    if plan.goals:
        charts = tuple(
            _draw_power(each, plan.assumptions.power) for each in plan.goals if len(each.curve) > 1
        )
        said = [conclude_goal(each, plan.assumptions, target) for each in plan.goals]
        blocks: tuple[Block, ...] = (
            Prose(said[0], "sentence") if len(said) == 1 else Items(tuple(said)),
            tabulate_goals(plan),
            Group(charts, layout="charts"),
        )
        goals.append(Section("needed", "How many it takes", blocks, part="answer"))
    if plan.at_hand is not None:
        tables = tabulate_at_hand(plan, plan.at_hand)
        goals.append(Section("size", "What this many show", tables))
    limits = Section("limits", "What this plan rests on", (_caveats(plan),))
    return ReportView(
        title=f"A study of {label_name(target)}: how many cases it takes",
        kicker="Plan of a study",
        facts=describe_assumptions(plan),
        generator=f"covidreport {__version__}",
        notes=(),
        sections={"goals": tuple(goals), "limits": (limits,)},
    )


def conclude_goal(planned: PlannedGoal, assumed: StudyAssumptions, target: str) -> str:
    """The size that one goal needs, as a sentence."""
    words, needed = describe_goal(planned.goal), planned.needed
    if needed is None:
        return f"To show {words} takes more patients than any study has."
    images = f"{whole(needed.positives)} positive images of {label_name(target)}"
    if assumed.grouped:
        images += f", of {plural(needed.patients, 'patient')}"
    return f"To show {words} takes {images}."


def render_plan(plan: StudyPlan, target: str, suffix: str) -> str:
    """The plan as a page (`.html`) or as Markdown (`.md`); ValueError for another suffix."""
    view = view_plan(plan, target)
    if suffix == ".html":
        return draw_page(view, {})
    if suffix == ".md":
        return draw_text(view)
    raise ValueError(f"{suffix}: a plan is written as .html or .md")


def list_assumed(plan: StudyPlan) -> Sequence[str]:
    """What is taken for true, in one line each."""
    return [
        f"{fact.name}: {fact.value.text}"
        for fact in describe_assumptions(plan)
        if isinstance(fact.value, Text)
    ]
