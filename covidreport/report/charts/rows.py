"""From the figures in the payload to the rows of each chart; `script/rows.js` says the same.

`charts` is the payload's part of that name. `chosen` are the places of runs among `report.runs`,
each at the place of its look; None leaves a look free. `step` is the place of a threshold among
those of the label, or None for each run at the threshold that it was evaluated at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

Part = dict[str, Any]
Rows = dict[str, list[dict[str, Any]]]

BELOW = 0.25
"""How far below 0 a decision curve is shown, as a share of its height above."""
SPLITS = ("training", "last batch", "validation")
"""Where a figure of an epoch was measured; validation is drawn last, above the others."""
LOWEST = 0.01
"""The least height above 0 of the chart of net benefit."""


def operating_rows(
    charts: Part, chosen: Sequence[int | None], label: str, step: int | None
) -> dict[str, Rows]:
    """The rows of the three linked charts, by chart and data set."""
    runs = [(slot, one) for slot, one in _list(charts, chosen) if label in one["labels"]]
    thresholds = charts["thresholds"][label]
    roc: Rows = {"lines": [], "points": [], "guide": [_at(0, 0, 0), _at(1, 1, 1)]}
    recall: Rows = {"lines": [], "points": [], "guide": []}
    benefit: Rows = {"lines": [], "points": [], "guide": [], "chosen": []}
    for slot, run in runs:
        one = run["labels"][label]
        p, n = one["positives"], one["negatives"]
        curve = one.get("curve")
        if curve and p and n:
            for order, (found, alarms) in enumerate(_pairs(curve["outline"])):
                roc["lines"].append({"slot": slot, **_at(alarms / n, found / p, order)})
                if found + alarms:
                    precision = found / (found + alarms)
                    recall["lines"].append({"slot": slot, **_at(found / p, precision, order)})
            steps = zip(thresholds, _sums(curve["found"]), _sums(curve["alarms"]), strict=True)
            for order, (t, found, alarms) in enumerate(steps):
                y = (found - alarms * t / (1 - t)) / (p + n)
                benefit["lines"].append({"slot": slot, **_at(t, y, order)})
        at, found, alarms = point_of(one, thresholds, step)
        if p and n:
            roc["points"].append({"slot": slot, "x": alarms / n, "y": found / p})
            if found + alarms:
                y = found / (found + alarms)
                recall["points"].append({"slot": slot, "x": found / p, "y": y})
            y = (found - alarms * at / (1 - at)) / (p + n)
            benefit["points"].append({"slot": slot, "x": at, "y": y})
    _add_guides(recall, benefit, [run["labels"][label] for _, run in runs], thresholds)
    if step is not None:
        benefit["chosen"].append({"x": thresholds[step]})
    return {"roc": roc, "precision-recall": recall, "net-benefit": _cut(benefit)}


def point_of(one: Part, thresholds: Sequence[float], step: int | None) -> tuple[float, int, int]:
    """Threshold, found and false alarms of one run; a run without a curve stays where it is."""
    curve = one.get("curve")
    if step is None or not curve:
        return one["at"], one["found"], one["alarms"]
    found, alarms = list(_sums(curve["found"])), list(_sums(curve["alarms"]))
    return thresholds[step], found[step], alarms[step]


def epoch_rows(charts: Part, chosen: Sequence[int | None], measure: str) -> Rows:
    """Loss or accuracy by epoch on both splits; a point at the last epoch of validation."""
    lines, points = [], []
    for slot, run in _list(charts, chosen):
        epochs = run.get("epochs")
        for split in SPLITS:
            values = (epochs or {}).get(f"{split}_{measure}")
            if epochs is None or values is None:
                continue
            for x, y in zip(epochs["at"], values, strict=True):
                lines.append({"slot": slot, "split": split, "x": x, "y": y})
            known = [(x, y) for x, y in zip(epochs["at"], values, strict=True) if y is not None]
            if known and (split == "validation" or f"validation_{measure}" not in epochs):
                points.append({"slot": slot, "x": known[-1][0], "y": known[-1][1]})
    return {"lines": lines, "points": points}


def reliability_rows(charts: Part, chosen: Sequence[int | None], label: str) -> Rows:
    """Mean score, observed share with its interval and number of images of each filled bin."""
    points = []
    for slot, run in _list(charts, chosen):
        for order, each in enumerate((run.get("bins") or {}).get(label, ())):
            predicted, observed, low, high, count = each
            row = {"slot": slot, **_at(predicted, observed, order)}
            points.append({**row, "low": low, "high": high, "count": count})
    return {"lines": points, "points": points, "guide": [_at(0, 0, 0), _at(1, 1, 1)]}


def _list(charts: Part, chosen: Sequence[int | None]) -> Iterator[tuple[int, Part]]:
    for slot, place in enumerate(chosen):
        if place is not None:
            yield slot, charts["runs"][place]


def _at(x: float, y: float, order: int) -> dict[str, Any]:
    return {"x": x, "y": y, "order": order}


def _sums(steps: Sequence[int]) -> Iterator[int]:
    """Numbers that are stored as the difference from the one before."""
    return accumulate(steps)


def _pairs(steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(_sums(steps[::2]), _sums(steps[1::2]), strict=True)


def _add_guides(
    recall: Rows, benefit: Rows, ones: Sequence[Part], thresholds: Sequence[float]
) -> None:
    """Prevalence, and treating everybody, of the first run that is shown."""
    if not ones:
        return
    p, n = ones[0]["positives"], ones[0]["negatives"]
    if p + n == 0:
        return
    share = p / (p + n)
    recall["guide"] += [_at(0, share, 0), _at(1, share, 1)]
    for order, t in enumerate(thresholds):
        benefit["guide"].append(_at(t, share - (1 - share) * t / (1 - t), order))


def _cut(benefit: Rows) -> Rows:
    """Further down everything is worse than treating nobody; how much worse tells nothing."""
    named = [benefit[name] for name in ("lines", "guide", "points")]
    floor = -BELOW * max([LOWEST, *(row["y"] for rows in named for row in rows)])
    kept = {
        name: [row for row in benefit[name] if row["y"] >= floor]
        for name in ("lines", "guide", "points")
    }
    return {**benefit, **kept}
