"""What runs miss at the same specificity, as a reader sees it."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.compare.pairs import Plan
from covidreport.compare.same_specificity import count_missed
from covidreport.records import Estimate, RunAtSpecificity
from covidreport.report.blocks import Group, walk_blocks
from covidreport.report.view import view_report
from tests.report.blocks import build, list_sentences, list_tables, read_values
from tests.report.compared import compared_study


def _made(data):
    made = data.rankings[0].comparisons
    assert made is not None
    return made


def test_the_best_run_s_own_specificity_stands_open_and_the_stated_ones_folded(compared):
    """Each with a row for every ranked run, in the order of the ranking."""
    section = build(compared, "specificity")
    first, *others = list_tables(section)
    levels = _made(compared).same_specificity
    assert [each.run for each in levels] == [compared.rankings[0].rows[0].run, None, None]
    alarms = compared.rankings[0].rows[0].false_alarms
    assert first.caption == (
        f"With at most {alarms} false alarms each: as many as {levels[0].run}, the best run, has "
        "as ranked; difference in sensitivity, the best minus this run"
    )
    folded = [each for each in walk_blocks(section.blocks) if isinstance(each, Group)]
    assert [each.title for each in folded] == [
        "At a specificity of 0.9",
        "At a specificity of 0.95",
    ]
    assert {each.state for each in folded} == {"folded"}
    titles = [column.title for column in first.columns]
    for at, table in zip(levels, [first, *others], strict=True):
        shown = [dict(zip(titles, values, strict=True)) for values in read_values(table)]
        assert [each["Run"] for each in shown] == [row.run for row in compared.rankings[0].rows]
        assert [each["Missed"] for each in shown] == [
            str(count_missed(at, row.run)) for row in compared.rankings[0].rows
        ]
        assert (shown[0]["Difference"], shown[0]["Adjusted p"]) == ("–", "–")
    ranked = [values[titles.index("As ranked")] for values in read_values(first)]
    assert ranked == [f"{row.missed}; {row.false_alarms}" for row in compared.rankings[0].rows]


def test_no_threshold_is_printed_with_it(compared):
    """A threshold that was fitted to these images is none to use."""
    section = build(compared, "specificity")
    heads = {column.title for table in list_tables(section) for column in table.columns}
    assert not any("hreshold" in head for head in heads)
    assert "no thresholds to use; they change no rank" in list_sentences(section)[0]


def test_with_a_baseline_its_specificity_stands_there_too():
    """And the captions say what is taken from what."""
    data = compared_study(4, Plan("exp3"))
    section = build(data, "specificity")
    tables = list_tables(section)
    assert "as many as exp3, the baseline, has as ranked" in tables[1].caption
    assert tables[0].caption.endswith("the best minus this run")
    assert all(each.caption.endswith("this run minus the baseline") for each in tables[1:])


def test_a_specificity_out_of_reach_is_a_row_of_dashes(compared):
    """And so is a ranked run whose scores were not read."""
    made = _made(compared)
    own = made.same_specificity[0]
    second, third = own.runs[1:3]
    lost = RunAtSpecificity(second.run, Estimate(None), Estimate(None))
    rest = tuple(each for each in own.runs if each not in (second, third))
    made = replace(made, same_specificity=(replace(own, runs=(rest[0], lost, *rest[1:])),))
    ranking = replace(compared.rankings[0], comparisons=made)
    section = build(replace(compared, rankings=(ranking,)), "specificity")
    rows = read_values(list_tables(section)[0])
    assert rows[1][2:] == rows[2][2:] == ["–"] * 6


def test_from_counts_alone_there_is_no_such_section(study):
    assert view_report(study).sections["specificity"] == ()
