"""What a report caches is made anew when anything that decides it changes: each part alone."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from covidreport.compare.ranking import rank_runs
from covidreport.records import ReportedRun
from covidreport.report import cases, curves, repeats
from covidreport.report.cases import collect_cases
from covidreport.report.charts import vega
from covidreport.report.charts.lines import Axis, Lines, Series
from covidreport.report.charts.vega import draw_svg
from covidreport.report.curves import collect_curves
from covidreport.storage.cache_folder import list_entries
from covidreport.storage.runs import read_evaluations
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores, write_scores
from tests.report.scored_runs import write_runs

pytestmark = pytest.mark.made_anew


@pytest.fixture
def reported(tmp_path):
    """Two runs with scores of the same 80 images."""
    runs = write_runs(tmp_path, runs=2, images=80)
    return [ReportedRun(run, read_evaluations(run)[0][0]) for run in runs]


def _count(kind):
    return sum(entry.kind == kind for entry in list_entries())


def _other_scores(reported):
    """Other bytes of the first run's scores, and nothing else."""
    run, evaluation = reported[0].run, reported[0].evaluation
    file = evaluation_folder(run.folder, evaluation.key) / SCORES_FILE
    scores = read_scores(file)
    write_scores(file, replace(scores, scores=scores.scores * 1.0001))


def _collect_cases(reported, **options):
    (ranking,) = rank_runs([each.evaluation for each in reported], "covid-19")
    return collect_cases(ranking, reported, **options)


@pytest.mark.parametrize(
    "change", ["scores", "threshold", "method", "limit", "salt", "ids", "order"]
)
def test_whatever_decides_the_cases_is_in_their_key(reported, monkeypatch, change):
    """Scores, thresholds, how many are shown, under which names, and the order of the runs."""
    _collect_cases(reported)
    _collect_cases(reported)
    assert _count("cases") == 1
    options = {}
    if change == "scores":
        _other_scores(reported)
    elif change == "threshold":
        evaluations = [
            replace(
                each.evaluation,
                thresholds={**each.evaluation.thresholds, "covid-19": 0.5000001},
            )
            for each in reported
        ]
        reported = [replace(e, evaluation=o) for e, o in zip(reported, evaluations, strict=True)]
    elif change == "method":
        monkeypatch.setattr(cases, "METHOD", cases.METHOD + 1)
    elif change == "limit":
        monkeypatch.setattr(cases, "FALSE_ALARMS", cases.FALSE_ALARMS + 1)
    elif change == "salt":
        monkeypatch.setenv("COVIDREPORT_SALT", "nobody knows")
    elif change == "ids":
        options = {"show_ids": True}
    else:
        names = [each.run.name for each in reported][::-1]
        reported = [
            replace(
                each,
                run=replace(each.run, name=name),
                evaluation=replace(each.evaluation, run=name),
            )
            for each, name in zip(reported, names, strict=True)
        ]
    _collect_cases(reported, **options)
    assert _count("cases") == 2


@pytest.mark.parametrize("change", ["scores", "threshold", "method"])
def test_whatever_decides_the_curves_is_in_their_key(reported, monkeypatch, change):
    """The scores' bytes, at which thresholds, and how they are counted."""
    one = reported[:1]
    collect_curves(one)
    collect_curves(one)
    assert _count("curves") == 1
    if change == "scores":
        one = reported[1:]  # of as many images, with the same labels and thresholds
    elif change == "threshold":
        evaluation = one[0].evaluation
        tuned = replace(evaluation, thresholds={**evaluation.thresholds, "covid-19": 0.0374})
        one = [replace(one[0], evaluation=tuned)]
    else:
        monkeypatch.setattr(curves, "METHOD", curves.METHOD + 1)
    collect_curves(one)
    assert _count("curves") == 2


@pytest.mark.parametrize("change", ["missed", "method"])
def test_whatever_decides_a_comparison_over_seeds_is_in_its_key(monkeypatch, change):
    """What each seed missed."""
    missed = [[1.0, 2.0], [3.0, 4.0]]
    repeats._compare(missed)
    repeats._compare(missed)
    assert _count("repeats") == 1
    if change == "missed":
        missed = [[1.0, 2.0], [3.0, 5.0]]
    else:
        monkeypatch.setattr(repeats, "METHOD", repeats.METHOD + 1)
    repeats._compare(missed)
    assert _count("repeats") == 2


@pytest.mark.parametrize("change", ["axis", "places", "shown", "library"])
def test_whatever_decides_a_drawing_is_in_its_key(monkeypatch, change):
    """The chart, its values, which runs are shown, and what draws it."""
    drawn = []

    def draw(spec, chart):
        drawn.append((spec, chart))
        return "<svg>"

    monkeypatch.setattr(vega, "_draw", draw)
    series = (Series("1", ((0.0, 1.0),)), Series("2", ((0.5, 1.0),)))
    chart = Lines(Axis("x"), Axis("y"), ("1",), series)
    assert draw_svg(chart) == draw_svg(replace(chart)) == "<svg>"
    assert len(drawn) == 1
    if change == "axis":
        chart = replace(chart, y=Axis("z"))
    elif change == "places":
        chart = replace(chart, lines=series[:1])
    elif change == "shown":
        chart = replace(chart, shown=("3",))
    else:
        monkeypatch.setattr(vega, "_VERSIONS", [vega.VEGA_LITE, "another"])
    draw_svg(chart)
    assert len(drawn) == 2
