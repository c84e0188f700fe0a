"""What stands on the page is what the JSON holds.

The page and Markdown are compared cell by cell in `test_tables.py`: what holds of one holds of the
other.
"""

from __future__ import annotations

import math
import re

import pytest

from covidreport.metrics import ALL_METRICS
from tests.report.tables import read_grids, read_tables
from tests.report.tree import classes_of, words_of

SIGNS = {"yes": "·", "no": "×", "failed": "?"}


def _decimal(value: float | None) -> str:
    """Three decimals, or a dash: as every format for people writes a figure."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}".replace("-", "−")


def _seen(name: str) -> str:
    """A name without what can't be seen or is spelled otherwise on a page."""
    return re.sub(r"[^\x21-\x7e]+", "", name)


def _note(figure) -> str:
    """Fraction and interval, as they stand beneath a figure."""
    parts = []
    if figure["numerator"] is not None and figure["denominator"] is not None:
        parts.append(f"{figure['numerator']:,} of {figure['denominator']:,}")
    if figure["low"] is not None and figure["high"] is not None:
        parts.append(f"{_decimal(figure['low'])} to {_decimal(figure['high'])}")
    return "; ".join(parts) if figure["value"] is not None else ""


def _evaluations(item) -> list:
    return [one for one in (item["evaluation"], *item["others"]) if one]


@pytest.fixture(scope="session")
def runs(formats):
    """Each run of the JSON with its section on the page."""
    (part,) = (each for each in formats.page["runs"] if each.tag == "details")
    folds = [each for each in part if each.tag == "details"]
    names = {_seen(words_of(next(fold.iter("h3")))): fold for fold in folds}
    return [(item, names[_seen(item["run"]["name"])]) for item in formats.document["runs"]]


def test_every_estimate_stands_in_the_section_of_its_run(runs):
    """By split, label and metric: value, fraction and interval."""
    seen = 0
    for item, section in runs:
        tables = [one for one in read_tables(section) if "figures of each label" in one.caption]
        for evaluation, table in zip(_evaluations(item), tables, strict=True):
            assert table.caption.lower().startswith(evaluation["split"])
            cells = {row[0][0]: row[1:] for row in table.rows}
            for column, label in enumerate(evaluation["labels"]):
                for metric, figure in evaluation["estimates"][label].items():
                    seen += 1
                    shown = cells[ALL_METRICS[metric].title][column]
                    assert shown == (_decimal(figure["value"]), _note(figure))
    assert seen > 50


def test_every_count_stands_in_the_matrices_of_its_run(runs):
    """Actual in rows, predicted in columns; what failed stands in a column of its own."""
    seen = 0
    for item, section in runs:
        shown = [row for one in read_grids(section) for row in one.rows]
        counts = [
            one["counts"][label]
            for one in _evaluations(item)
            for label in one["labels"]
            if label in one["counts"]
        ]
        assert len(shown) == 2 * len(counts)
        for each, rows in zip(counts, zip(shown[::2], shown[1::2], strict=True), strict=True):
            seen += 1
            wanted = [
                (each["tn"], each["fp"], each["failed_negative"]),
                (each["fn"], each["tp"], each["failed_positive"]),
            ]
            for row, found in zip(rows, wanted, strict=True):
                texts = [text.split(" ")[0] for text, _ in row[2:]]
                assert texts == [f"{count:,}" for count in found[: len(texts)]]
                assert not any(found[len(texts) :])
    assert seen >= 8


def test_the_ranking_is_that_of_the_json(formats):
    """Order, ranks, missed cases, false alarms, and what comparisons say of each run's place."""
    for place, ranking in enumerate(formats.document["rankings"]):
        tables = read_tables(formats.page[f"ranking-{place + 1}" if place else "ranking"])
        shown = {kind: one for one in tables for kind in one.kind}
        unranked_rows = [one for one in tables if "shown and not ranked" in one.caption]
        ranked = [row for row in ranking["rows"] if row["rank"] is not None]
        head = [title for title, _ in shown["ranked"].head[0]]
        rows = [row for row in shown["ranked"].rows if len(row) == len(head)]
        made = ranking["comparisons"] or {"rank_evidence": []}
        standings = {each["run"]: each for each in made["rank_evidence"]}
        for ours, row in zip(ranked, rows, strict=True):
            cells = dict(zip(head, row, strict=True))
            assert cells["Rank"][0] == str(ours["rank"])
            assert _seen(cells["Run"][0]) == _seen(ours["run"])
            assert cells["Missed"][0] == f"{ours['missed']:,}"
            assert cells["False alarms"][0] == f"{ours['false_alarms']:,}"
            standing = standings.get(ours["run"])
            if standing:
                words = {True: "yes", False: "no", None: "counts can’t say"}
                told = words[standing["significantly_different"]]
                first = ours["rank"] == 1
                assert cells["Significantly different"][0] == ("the best" if first else told)
        unranked = [row for row in ranking["rows"] if row["rank"] is None]
        assert len(unranked) == sum(len(one.rows) for one in unranked_rows)


def _signed(value: float) -> str:
    text = _decimal(value)
    return f"+{text}" if value > 0 and text != "0.000" else text


def test_pairs_of_runs_are_those_of_the_json(formats):
    """Differences with their intervals, and how many cases only one of the two missed."""
    ranking = formats.document["rankings"][0]
    if not ranking["comparisons"] or ranking["comparisons"]["basis"] == "counts":
        assert "against" not in formats.page
        return
    made = ranking["comparisons"]
    table = next(one for one in read_tables(formats.page["against"]) if "pairs" in one.kind)
    titles = [title for title, _ in table.head[0]]
    pairs = {(each["first"], each["second"]): {} for each in made["sensitivity"]}
    for metric in ("sensitivity", "specificity", "roc_auc"):
        for each in made[metric]:
            pairs[each["first"], each["second"]][metric] = each
    best = {row["run"] for row in ranking["rows"] if row["rank"] == 1}
    wanted = (
        pairs
        if len(made["rank_evidence"]) <= 6
        else {p: f for p, f in pairs.items() if best & {*p}}
    )
    for pair, row in zip(wanted.values(), table.rows, strict=True):
        counts = [text for text, _ in row[titles.index("Sensitivity") - 2 :][:2]]
        sensitivity = pair["sensitivity"]
        assert counts == [str(sensitivity["only_first"]), str(sensitivity["only_second"])]
        for metric, title in (("sensitivity", "Sensitivity"), ("specificity", "Specificity"),
                              ("roc_auc", "ROC AUC")):  # fmt: skip
            each = pair.get(metric)
            if each and each["low"] is not None:
                interval = f"{_signed(each['low'])} to {_signed(each['high'])}"
                assert row[titles.index(title)] == (_signed(each["difference"]), interval)


def test_cases_are_those_of_the_json(formats):
    """Every answer of every run to every case that any run missed, and the range of its scores."""
    cases = formats.document["cases"]
    if cases is None:
        assert not [t for t in read_tables(formats.page["cases"]) if "signs" in t.kind]
        return
    grid, positives, alarms, *others = read_tables(formats.page["cases"])
    missed = [case for case in cases["positives"] if set(case["answers"]) != {"yes"}]
    for place, row in enumerate(grid.rows[:-1]):
        signs = [text for text, _ in row[2:]]
        assert signs == [SIGNS[case["answers"][place]] for case in missed]
    split = [each["case"] for each in cases["split"]]
    lists = [(positives, missed), (alarms, cases["false_alarms"])]
    lists += [(others[-1], split)] if split else []
    for table, listed in lists:
        names = [title for title, _ in table.head[0]]
        for case, row in zip(listed, table.rows, strict=True):
            scores = [score for score in case["scores"] if score is not None]
            assert row[names.index("Case")][0] == case["name"]
            assert row[-2][0] == _decimal(min(scores))
            assert row[-1][0] == _decimal(max(scores))


def test_findings_are_those_of_the_json(formats):
    """What was found, in the order of its gravity; each once."""
    section = formats.page.get("findings")
    shown = [] if section is None else [
        words_of(each) for each in section.iter() if "what" in classes_of(each)
    ]  # fmt: skip
    told = [
        finding["what"]
        for item in (formats.document, *map(_finding_evaluation, formats.document["runs"]))
        for finding in item["findings"]
    ]

    assert {_seen(one) for one in shown} == {_seen(one.replace("`", "")) for one in told}


def _finding_evaluation(item):
    findings = [one for each in _evaluations(item) for one in each["findings"]]
    return {"findings": findings}


BEYOND = {
    "Brier score": lambda one: one["calibration"]["brier"],
    "Calibration intercept": lambda one: one["calibration"]["intercept"],
    "Calibration slope": lambda one: one["calibration"]["slope"],
    "Negative likelihood ratio": lambda one: one["negative_likelihood_ratio"],
}


def test_figures_beyond_the_threshold_are_those_of_the_json(runs):
    """Calibration, likelihood ratios, operating points and bins of each run with details."""
    for item, section in runs:
        evaluation = item["evaluation"]
        details = evaluation and evaluation["score_metrics"]
        tables = {one.caption.split(",")[0].split(":")[0]: one for one in read_tables(section)}
        if not details:
            continue
        cells = {row[0][0]: row[1:] for row in tables["Beyond the threshold"].rows}
        for column, label in enumerate(evaluation["labels"]):
            one = details["labels"][label]
            for name, pick in BEYOND.items():
                figure = pick(one)
                assert cells[name][column] == (_decimal(figure["value"]), _note(figure))
            for point in one["sensitivity_at"]:
                shown = cells[f"Sensitivity at specificity {point['at']:g}"][column]
                assert shown == (_decimal(point["estimate"]["value"]), _note(point["estimate"]))
        bins = details["labels"]["covid-19"]["calibration"]["bins"]
        for each, row in zip(bins, tables["Calibration for COVID-19"].rows, strict=True):
            assert [row[1][0], row[2][0]] == [f"{each['count']:,}", _decimal(each["predicted"])]
            assert row[3] == (_decimal(each["observed"]["value"]), _note(each["observed"]))


def test_subgroups_are_those_of_the_json(runs):
    """Counts and both rates of every part of the images, and which rate is in no comparison."""
    for item, section in runs:
        details = item["evaluation"] and item["evaluation"]["score_metrics"]
        tables = [one for one in read_tables(section) if one.caption.startswith("Parts of")]
        if not details:
            assert tables == []
            continue
        (table,) = tables
        groups = [
            group
            for found in (by_label["covid-19"] for by_label in details["subgroups"].values())
            for group in (*found["groups"], found["not_stated"])
            if group
        ]
        for group, row in zip(groups, table.rows, strict=True):
            counts = group["counts"]
            assert row[1][0] == (group["value"] or "not stated")
            assert row[3][0] == f"{counts['fn'] + counts['failed_positive']:,}"
            assert row[5][0] == f"{counts['fp'] + counts['failed_negative']:,}"
            for column, name in ((4, "sensitivity"), (6, "specificity")):
                text, note = row[column]
                assert text == _decimal(group[name]["value"])
                figures = _note(group[name])
                assert note.startswith(figures)
                assert (note == figures) is (name in group["compared"])
