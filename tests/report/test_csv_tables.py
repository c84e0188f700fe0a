"""The narrow CSV files: the rankings in their order, and every metric in a row of its own."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from covidreport.metrics import iter_metrics
from covidreport.report.formats import FORMATS
from tests.report.study import BEST

NUMBERS = ("value", "low", "high")


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_rankings_stand_as_on_the_page(everything):
    """Row by row; what is not known is empty."""
    rows = _rows(FORMATS["ranking-csv"].render(everything))
    order = [
        (str(number), row.run, "" if row.rank is None else str(row.rank))
        for number, ranking in enumerate(everything.rankings, 1)
        for row in ranking.rows
    ]
    assert [(row["ranking"], row["run"], row["rank"]) for row in rows[: len(order)]] == order
    (failed,) = rows[len(order) :]
    assert failed["run"] == "exp9-not-evaluated"
    assert failed["why_unranked"].startswith("score: was not evaluated on drawn, validation")
    first = everything.rankings[0].rows[0]
    assert (rows[0]["missed"], rows[0]["false_alarms"]) == (
        str(first.missed), str(first.false_alarms),
    )  # fmt: skip
    found = float(rows[0]["sensitivity"])
    assert found == pytest.approx(1 - first.missed / int(rows[0]["positives"]))
    assert float(rows[0]["sensitivity_low"]) < found < float(rows[0]["sensitivity_high"])


def test_counts_alone_have_a_ranking_and_say_why_a_run_has_no_rank(study):
    """The published best run: 8 of 28, at the price of 195 false alarms."""
    rows = _rows(FORMATS["ranking-csv"].render(study))
    assert rows[0]["run"] == BEST
    assert [rows[0][key] for key in ("missed", "positives", "false_alarms", "negatives")] == [
        "8", "28", "195", "600",
    ]  # fmt: skip
    assert rows[0]["roc_auc"] == ""
    unranked = [row for row in rows if not row["rank"]]
    assert unranked
    assert all(row["why_unranked"] for row in unranked)


def test_every_metric_of_every_evaluation_has_one_row(everything):
    """With its number: the denominator of a rate, else the images of known truth."""
    rows = _rows(FORMATS["metrics-csv"].render(everything))
    keys = ("run", "dataset", "split", "variant", "label", "metric")
    by_key = {tuple(row[key] for key in keys): row for row in rows}
    assert len(by_key) == len(rows)
    (failed,) = (row for row in rows if row["failure"])
    assert failed["run"] == "exp9-not-evaluated"
    counted = 0
    for reported in everything.runs:
        for one in filter(None, (reported.evaluation, *reported.others, *reported.elsewhere)):
            for each in iter_metrics(one):
                row = by_key[
                    one.run, one.dataset, one.split, one.variant or "", each.label, each.key
                ]
                estimate = each.estimate
                stated = (estimate.value, estimate.low, estimate.high)
                assert [row[name] for name in NUMBERS] == [
                    "" if value is None else repr(value) for value in stated
                ]
                if estimate.denominator is not None:
                    assert row["n"] == str(estimate.denominator)
                counted += 1
    assert counted == len(rows) - 1


def test_a_name_is_no_formula(everything):
    """A spreadsheet takes `=1+1` for one, so it gets an apostrophe in front."""
    first = everything.rankings[0]
    rows = tuple(replace(row, run=f"={row.run}") for row in first.rows)
    data = replace(everything, rankings=(replace(first, rows=rows),))
    named = [row["run"] for row in _rows(FORMATS["ranking-csv"].render(data)) if row["ranking"]]
    assert named
    assert all(name.startswith("'=") for name in named)
