"""The CSV holds the figures of the JSON, to the last digit."""

from __future__ import annotations

import re

ENDS = (("", "value"), ("_low", "low"), ("_high", "high"))


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _guarded(name: str) -> str:
    """A name as a spreadsheet gets it: no formula, and on one line."""
    guarded = f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else name
    return re.sub(r"[\r\n]+", " ", guarded)


def _evaluations(formats):
    """The evaluations of the JSON by run, split and variant."""
    return {
        (_guarded(item["run"]["name"]), one["split"], one["variant"] or ""): one
        for item in formats.document["runs"]
        for one in (item["evaluation"], *item["others"], *item["elsewhere"])
        if one
    }


def test_every_run_split_and_label_has_its_row(formats):
    """And one of the figures over all labels; a run without figures says why."""
    evaluations = _evaluations(formats)
    rows = [row for row in formats.rows if not row["attribute"]]
    failed = [item for item in formats.document["runs"] if not item["evaluation"]]

    assert [row["run"] for row in rows if row["failure"]] == [
        _guarded(item["run"]["name"]) for item in failed
    ]
    assert len(rows) - len(failed) == sum(len(one["labels"]) + 1 for one in evaluations.values())


def test_estimates_and_counts_are_equal(formats):
    """Of each run, split and label."""
    evaluations = _evaluations(formats)
    for row in formats.rows:
        if row["failure"] or row["attribute"]:
            continue
        evaluation = evaluations[row["run"], row["split"], row["variant"]]
        for metric, figure in evaluation["estimates"][row["label"]].items():
            for end, name in ENDS:
                assert _number(row[f"{metric}{end}"]) == figure[name]
        for name, number in evaluation["counts"].get(row["label"], {}).items():
            assert int(row[name]) == number


def test_what_comparisons_say_of_a_run_is_equal(formats):
    """In the row of the target of the split that is ranked."""
    standings = {
        _guarded(each["run"]): each
        for ranking in formats.document["rankings"]
        for each in (ranking["comparisons"] or {"rank_evidence": []})["rank_evidence"]
    }
    rows = [row for row in formats.rows if row["is_target"] == "1" and not row["attribute"]]
    ranked = [
        row for row in rows if row["split"] == formats.document["split"] and not row["variant"]
    ]
    for row in ranked:
        each = standings.get(row["run"])
        assert _number(row["p"]) == (each and each["p_value"])
        assert _number(row["adjusted_p"]) == (each and each["adjusted_p_value"])
        assert _number(row["p_high"]) == (each and each["p_value_high"])
        assert _number(row["adjusted_p_high"]) == (each and each["adjusted_p_value_high"])
        assert _number(row["rank_low"]) == (each and each["rank_low"])
        assert _number(row["best_probability"]) == (each and each["best_probability"])
    assert ranked


def test_ranks_are_equal(formats):
    """Of every run in the first ranking that holds it."""
    ranks: dict[str, int | None] = {}
    for ranking in formats.document["rankings"]:
        for each in ranking["rows"]:
            ranks.setdefault(_guarded(each["run"]), each["rank"])
    for row in formats.rows:
        is_ranked = row["is_target"] == "1" and row["split"] == formats.document["split"]
        if is_ranked and not row["attribute"] and not row["variant"]:
            assert _number(row["rank"]) == ranks[row["run"]]


def test_figures_beyond_the_threshold_are_equal(formats):
    """Operating points, calibration with its bins, and decision curves."""
    evaluations = _evaluations(formats)
    for row in formats.rows:
        evaluation = evaluations.get((row["run"], row["split"], row["variant"]))
        details = evaluation and evaluation["score_metrics"]
        if not details or not row["label"] or row["attribute"]:
            continue
        one = details["labels"][row["label"]]
        calibration = one["calibration"]
        figures = {
            "brier": calibration["brier"],
            "ece": calibration["ece"],
            "calibration_slope": calibration["slope"],
            "positive_likelihood_ratio": one["positive_likelihood_ratio"],
            "ppv_at_prevalence": one["ppv"],
            **{
                f"sensitivity_at_specificity_{point['at']:g}": point["estimate"]
                for point in one["sensitivity_at"]
            },
            **{f"bin_{each['low']:g}_observed": each["observed"] for each in calibration["bins"]},
        }
        for name, figure in figures.items():
            for end, key in ENDS:
                assert _number(row[f"{name}{end}"]) == figure[key]
        for point in one["net_benefit"]:
            assert _number(row[f"net_benefit_{point['threshold']:g}"]) == point["run"]


def test_parts_of_the_images_are_equal(formats):
    """Counts and both rates of each value of each attribute."""
    rows = [row for row in formats.rows if row["attribute"]]
    wanted = [
        (run, split, variant, label, attribute, group)
        for (run, split, variant), evaluation in _evaluations(formats).items()
        for label in evaluation["labels"]
        for attribute, by_label in (
            (evaluation["score_metrics"] or {}).get("subgroups") or {}
        ).items()
        for group in (*by_label[label]["groups"], by_label[label]["not_stated"])
        if group
    ]
    found = {
        (
            row["run"],
            row["split"],
            row["variant"],
            row["label"],
            row["attribute"],
            row["value"],
        ): row
        for row in rows
    }
    assert len(rows) == len(found) == len(wanted)
    for run, split, variant, label, attribute, group in wanted:
        row = found[run, split, variant, label, attribute, _guarded(group["value"])]
        for name, number in group["counts"].items():
            assert int(row[name]) == number
        for metric in ("sensitivity", "specificity"):
            for end, key in ENDS:
                assert _number(row[f"{metric}{end}"]) == group[metric][key]
