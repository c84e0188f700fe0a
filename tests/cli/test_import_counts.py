"""`covidreport import-counts`: from a paper's table to a report."""

from __future__ import annotations

import json

HEADER = "run,split,label,tn,fp,fn,tp"
TABLE = f"""{HEADER}
a,validation,covid-19,90,5,2,3
a,validation,normal,40,10,5,45
b,validation,covid-19,80,15,1,4
b,validation,normal,45,5,10,40
"""


def test_a_table_of_counts_becomes_a_ranked_report(covidreport, tmp_path):
    """b misses one of five and a two: b is first, with Wilson's interval for 4 of 5."""
    (tmp_path / "paper.csv").write_text(TABLE)
    done = covidreport("import-counts", "paper.csv", "--output", "paper", "--name", "paper-2020")
    assert done.code == 0, done.err
    assert done.out.split() == ["paper/a", "paper/b"]
    report = json.loads(covidreport("render", "paper", "--format", "json", "--output", "-").out)
    rows = report["rankings"][0]["rows"]
    assert [(row["run"], row["missed"]) for row in rows] == [("b", 1), ("a", 2)]
    first = next(run for run in report["runs"] if run["run"]["name"] == "b")
    sensitivity = first["evaluation"]["estimates"]["covid-19"]["sensitivity"]
    assert (round(sensitivity["low"], 3), round(sensitivity["high"], 3)) == (0.376, 0.964)
    assert (
        first["evaluation"]["estimates"]["covid-19"].get("roc_auc", {"value": None})["value"]
        is None
    )


def test_a_wrong_table_is_refused_with_its_lines(covidreport, tmp_path):
    """A negative count and a missing label are listed, and nothing is written."""
    (tmp_path / "paper.csv").write_text(
        TABLE.replace("90,5", "-90,5").replace("b,validation,normal,45,5,10,40\n", "")
    )
    done = covidreport("import-counts", "paper.csv", "--output", "paper")
    assert done.code == 2
    assert "line 2" in done.err
    assert not (tmp_path / "paper").exists()
