"""Runs by site: planted hospitals, of which one is another; by an attribute or a data set each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import ReportData, Scores, SiteRule, Sites
from covidreport.report.blocks import Table
from covidreport.report.choices import ReportChoices
from covidreport.report.collect import collect_report
from covidreport.report.formats import render_markdown
from covidreport.settings import read_settings
from covidreport.storage.runs import discover_runs
from covidreport.store import write_run
from tests.cli.command import run_command
from tests.report.blocks import build, build_all, list_blocks
from tests.report.scored_runs import LABELS, evaluate, write_scored

HOSPITALS = ("Ahus", "Bern", "Cork", "Delft", "Essen", "Faro")
POSITIVES, NEGATIVES = 40, 20
MISSED: dict[str, tuple[int, ...]] = {"even": (6, 6, 6, 6, 6, 6), "brittle": (2, 2, 2, 2, 2, 24)}
ALARMS = 3


def _answer(missed: tuple[int, ...], hospitals: tuple[str, ...] = HOSPITALS) -> Scores:
    """So many of 40 missed at each hospital, three of its 20 negatives called; a patient each."""
    each = POSITIVES + NEGATIVES
    n = each * len(missed)
    place = np.arange(n) % each
    truth = np.zeros((n, 3), np.int8)
    truth[:, 0] = place < POSITIVES
    truth[:, 1] = place >= POSITIVES
    values = np.full((n, 3), -1.0, np.float32)
    lost = np.repeat(missed, each)
    values[(place < POSITIVES) & (place >= lost), 0] = 1
    values[(place >= POSITIVES) & (place < POSITIVES + ALARMS), 0] = 1
    stated = tuple(np.repeat(hospitals[: len(missed)], each).tolist())
    ids = tuple(f"{i}.png" for i in range(n))
    return Scores(ids, LABELS, truth, values, "logit", (None,) * n, None, {"hospital": stated})


def _write(folder: Path, runs: dict[str, tuple[int, ...]]) -> Path:
    for name, missed in runs.items():
        write_run(folder / name, {"name": name})
        scores = _answer(missed)
        evaluation = replace(evaluate(name, scores), dataset="planted", fingerprint="a" * 64)
        write_scored(folder / name, evaluation, scores)
    return folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("sites"), MISSED)


def _collect(folder: Path, rule: SiteRule | None) -> ReportData:
    return collect_report(discover_runs([folder]), ReportChoices("covid-19", 0.5, sites=rule))


def _sites(folder: Path, rule: SiteRule) -> Sites:
    found = _collect(folder, rule).sites
    assert found is not None
    return found


def test_each_site_has_its_counts_and_rates(planted):
    """Counted by hand: 24 of 40 missed at Faro; Wilson's interval of 16 of 40 by statsmodels
    0.15, proportion_confint(16, 40, method="wilson")."""
    sites = _sites(planted, SiteRule("hospital"))
    brittle = next(row for row in sites.runs if row.run == "brittle")
    faro = brittle.figures[5]

    assert sites.names == HOSPITALS
    assert faro is not None
    assert (faro.counts.missed, faro.counts.positives, faro.counts.false_alarms) == (24, 40, 3)
    assert (faro.sensitivity.low, faro.sensitivity.high) == pytest.approx(
        (0.2634832568, 0.5540410634), abs=1e-9
    )
    # of 40 x 20 pairs: 16 found over 17 cleared, and half of those with equal scores
    area = (16 * 17 + 0.5 * (16 * 3 + 24 * 17)) / 800
    assert faro.roc_auc.value == pytest.approx(area)


def test_the_pooled_and_the_worst_site_order_runs_as_asked(planted):
    """Both miss nearly as many; the one that is lost at Faro has the higher rate in the middle."""
    pooled = _sites(planted, SiteRule("hospital", "pooled"))
    worst = _sites(planted, SiteRule("hospital", "worst"))

    assert [row.run for row in pooled.runs] == ["brittle", "even"]
    assert [(row.run, row.rank) for row in worst.runs] == [("even", 1), ("brittle", 2)]
    assert worst.runs[1].worst == 5


def test_the_site_that_differs_is_named(planted):
    """Faro, of the run that comes first by its mean; no other, and none by specificity."""
    first = _sites(planted, SiteRule("hospital")).runs[0]

    assert [(each.place, each.side) for each in first.unusual["sensitivity"]] == [(5, "lower")]
    assert first.unusual["specificity"] == ()
    assert "sensitivity at Faro is lower" in render_markdown(
        _collect(planted, SiteRule("hospital"))
    )


def test_the_winner_without_each_site(planted):
    """brittle misses 34 of 240 and even 36; without any of the first five it is 32 to 30."""
    sites = _sites(planted, SiteRule("hospital"))

    assert [each.runs for each in sites.without] == [("even",)] * 5 + [("brittle",)]
    assert [each.missed for each in sites.without] == [30] * 5 + [10]
    assert {each.positives for each in sites.without} == {200}


def test_a_new_site_may_see_less_where_sites_differ(planted):
    """The range of a run that is alike everywhere is the narrower one."""
    rows = {row.run: row for row in _sites(planted, SiteRule("hospital")).runs}
    even, brittle = rows["even"].sensitivity, rows["brittle"].sensitivity

    assert even is not None
    assert brittle is not None
    assert even.mean == pytest.approx(0.85, abs=0.01)
    assert even.new_low is not None
    assert brittle.new_low is not None
    assert brittle.new_low < 0.5 < even.new_low


def test_few_sites_say_what_they_cannot_say(tmp_path):
    """Four hospitals: no range at a new one and no site that differs."""
    folder = _write(tmp_path, {"one": (6, 6, 6, 24), "two": (5, 5, 5, 5)})
    data = _collect(folder, SiteRule("hospital"))
    section = build(data, "sites")
    text = render_markdown(data)

    assert "With 4 sites neither the range to expect at a new site" in text
    assert "Mean, with the range at a new site" not in text
    assert data.sites is not None
    assert all(row.sensitivity and row.sensitivity.new_low is None for row in data.sites.runs)
    assert len([one for one in list_blocks(section) if isinstance(one, Table)]) == 4


def test_a_data_set_each_is_a_site_at_the_same_threshold(tmp_path):
    """Another threshold on one of them is no site of this run."""
    for name, missed in (("one", (6, 9, 12)), ("two", (4, 4, 4))):
        write_run(tmp_path / name, {"name": name})
        for place, count in enumerate(missed):
            scores = replace(_answer((count,), ("",)), attributes={})
            evaluation = replace(
                evaluate(name, scores), dataset=f"set-{place}", fingerprint=str(place) * 64
            )
            if (name, place) == ("two", 2):
                evaluation = replace(
                    evaluation, thresholds=dict.fromkeys(evaluation.thresholds, 0.6)
                )
            write_scored(tmp_path / name, evaluation, scores)
    sites = _sites(tmp_path, SiteRule("dataset"))

    assert sites.names == ("set-0", "set-1", "set-2")
    counts = {row.run: [one and one.counts.missed for one in row.figures] for row in sites.runs}
    assert counts["one"] == [6, 9, 12]
    assert counts["two"].count(None) == 1 or counts["two"].count(None) == 2
    assert next(row.rank for row in sites.runs if row.run == "two") is None


def test_what_parts_nothing_is_a_finding(planted):
    """The attributes that there are stand in it; without a rule nothing is said."""
    data = _collect(planted, SiteRule("ward"))
    (finding,) = [one for one in data.findings if one.code == "no-sites"]

    assert data.sites is None
    assert finding.evidence == "the attributes of these images are: hospital"
    assert build_all(_collect(planted, None), "sites") == ()


def test_the_command_and_the_settings_ask_for_sites(planted, tmp_path):
    """An option goes before the settings."""
    file = tmp_path / "covidreport.toml"
    file.write_text('site = "ward"\nrank_sites = "worst"\n')
    done = run_command(tmp_path, "render", planted, "--site", "hospital", "--format", "markdown")

    assert done.returncode == 0, done.stderr
    text = (tmp_path / "report.md").read_text()
    assert "Runs are ordered by the sensitivity at their worst site." in text
    assert read_settings(file).choose_report().sites == SiteRule("ward", "worst")


def test_an_order_that_is_none_is_refused(tmp_path):
    """By the settings with what is wanted."""
    file = tmp_path / "covidreport.toml"
    file.write_text('rank_sites = "best"\n')
    with pytest.raises(UsageError, match="'pooled' or 'worst' is wanted"):
        read_settings(file)
