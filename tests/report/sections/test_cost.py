"""What models cost, beside what they miss."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Evaluation
from covidreport.report.blocks import Chart, walk_blocks
from covidreport.report.view import view_report
from tests.report.blocks import build, list_scatters, list_sentences, list_tables, read_values


def _cost(evaluation: Evaluation, parameters, seconds, machine="a laptop, 8 cores") -> Evaluation:
    """With a model of that many parameters, which needed that long for each of 100 images."""
    model = {"sha256": "0" * 64, "bytes": 4 * parameters, "parameters": parameters}
    return replace(
        evaluation,
        provenance={**evaluation.provenance, "model": model},
        timing={
            "inference_s": 100 * seconds, "images_timed": 100, "memory_bytes": 16 * parameters,
            "machine": machine,
        },
    )  # fmt: skip


def _with_costs(data, machines=("a laptop, 8 cores",)):
    """The runs in their order have 1, 2, … million parameters, and need as many milliseconds."""
    runs = tuple(
        replace(
            one,
            evaluation=_cost(
                one.evaluation, at * 1_000_000, at / 1000, machines[at % len(machines)]
            ),
        )
        for at, one in enumerate(data.runs, 1)
    )
    return replace(data, runs=runs)


def test_each_ranked_run_has_its_row(compared):
    """Size, images in a second and memory, as its evaluation recorded them."""
    data = _with_costs(compared)
    (table,) = list_tables(build(data, "cost"))
    numbers = {one.run.name: at for at, one in enumerate(data.runs, 1)}
    rows = [row for row in data.rankings[0].rows if row.rank is not None]
    for row, values in zip(rows, read_values(table), strict=True):
        at = numbers[row.run]
        assert values[0] == row.run
        assert values[3] == f"{at},000,000"
        assert values[4] == f"{4 * at * 1e6 / 2**20:#.3g} MiB"
        assert values[5] == (f"{1000 / at:,.0f}" if 1000 / at >= 99.95 else f"{1000 / at:#.3g}")
        assert values[6] == (
            f"{16 * at * 1e6 / 2**20:.0f} MiB" if at > 6 else f"{16 * at * 1e6 / 2**20:#.3g} MiB"
        )


def test_the_fastest_that_is_no_worse_is_named(compared):
    """Of those that are not significantly different from the best."""
    data = _with_costs(compared)
    ranking = data.rankings[0]
    alike = {ranking.rows[0].run} | {
        each.run
        for each in ranking.comparisons.rank_evidence
        if each.significantly_different is False
    }
    fastest = next(one.run.name for one in data.runs if one.run.name in alike)
    (said, *_) = list_sentences(build(data, "cost"))
    numbers = {one.run.name: at for at, one in enumerate(data.runs, 1)}
    if numbers[ranking.rows[0].run] > 2 * numbers[fastest]:
        assert said.startswith(f"{fastest} is the fastest run that")
    else:
        assert "none is twice as fast" in said


def test_speeds_of_two_machines_are_not_compared(compared):
    """Each is named in its row, no run is called the fastest, and the picture shows parameters."""
    data = _with_costs(compared, ("a laptop, 8 cores", "a card"))
    section = build(data, "cost")
    assert not any("fastest" in each for each in list_sentences(section))
    (table,) = list_tables(section)
    assert {values[-1] for values in read_values(table)} == {"a laptop, 8 cores", "a card"}
    (chart,) = [each for each in walk_blocks(section.blocks) if isinstance(each, Chart)]
    assert {each.across for each in list_scatters(chart)} == {"millions of parameters"}


def test_the_picture_is_a_pareto_front_of_time(compared):
    """One dot a ranked run that was timed."""
    data = _with_costs(compared)
    section = build(data, "cost")
    (chart,) = [each for each in walk_blocks(section.blocks) if isinstance(each, Chart)]
    wide, narrow = list_scatters(chart)
    assert wide.across == narrow.across == "milliseconds an image"
    assert len(wide.dots) == sum(row.rank is not None for row in data.rankings[0].rows)


def test_what_does_not_tell_the_runs_apart_is_not_drawn(compared):
    """Speeds within a factor of two are not: of equal models there is no picture at all."""
    alike = tuple(
        replace(one, evaluation=_cost(one.evaluation, 1_000_000, 0.01 * (1 + at / 100)))
        for at, one in enumerate(compared.runs)
    )
    section = build(replace(compared, runs=alike), "cost")
    assert not any(isinstance(each, Chart) for each in walk_blocks(section.blocks))


def test_where_nothing_was_recorded_there_is_no_section(compared):
    """As of evaluations that were made before."""
    assert view_report(compared).sections["cost"] == ()
