"""Every run with parts of the picture blacked out, as a reader sees it."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Estimate
from tests.audit.cases import make_counts
from tests.metrics.study import make_evaluation, make_report, make_run
from tests.report.blocks import build, build_all, find_table, read_lines


def _run(name, whole, **without):
    def evaluate(area, variant=None):
        evaluation = make_evaluation(name, make_counts(5, 30, 100), variant=variant)
        estimate = Estimate(area, area - 0.05, area + 0.03, method="delong")
        return replace(evaluation, estimates={"covid-19": {"roc_auc": estimate}})

    variants = {"centre": "occlude-centre-0.8", "borders": "occlude-borders-0.1"}
    return make_run(
        evaluate(whole), *(evaluate(area, variants[part]) for part, area in without.items())
    )


def test_every_run_that_was_occluded_is_shown_flagged_or_not():
    """A column for each part, the lungs first; a dash where a run has none."""
    data = make_report([
        _run("a", 0.95, borders=0.94, centre=0.55), _run("b", 0.9, centre=0.85), _run("c", 0.8),
    ])  # fmt: skip
    table = find_table(build(data, "shortcuts"), "ROC AUC of COVID-19")
    assert [column.title for column in table.columns] == [
        "Run", "Whole", "Middle blacked out", "Borders blacked out",
    ]  # fmt: skip
    assert table.columns[2].note == "0.8 × 0.8 of the picture, most of the lungs"
    ci = "95 % CI"
    assert read_lines(table) == [
        [
            "a", f"0.950 ({ci} 0.900 to 0.980)", f"0.550 ({ci} 0.500 to 0.580)",
            f"0.940 ({ci} 0.890 to 0.970)",
        ],
        ["b", f"0.900 ({ci} 0.850 to 0.930)", f"0.850 ({ci} 0.800 to 0.880)", "–"],
    ]  # fmt: skip


def test_without_an_occlusion_there_is_no_section():
    """Nothing to show."""
    assert build_all(make_report([_run("a", 0.95)]), "shortcuts") == ()
