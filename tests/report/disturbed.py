"""Runs that lose by changed pictures, and that call foreign ones the target, made by hand."""

from __future__ import annotations

from covidreport.records import (
    AS_IS,
    DISTURBANCES,
    FOREIGN_CHANGES,
    SINGLES,
    Comparison,
    Disturbance,
    DisturbedRun,
    DisturbedTruth,
    Estimate,
    ForeignKind,
    ForeignRun,
    SinglePicture,
)

IMAGES = 40


def make_disturbed(run: str, weak: int) -> DisturbedRun:
    """Of 40 positives and 40 negatives 4 are wrong as they are; by brightness `weak` more a
    severity, and by everything else none."""
    return DisturbedRun(run, _make_truth("sensitivity", weak), _make_truth("specificity", 0))


def _make_truth(metric: str, weak: int) -> DisturbedTruth:
    changes = []
    for kind, graded in DISTURBANCES.items():
        for severity in range(1, len(graded.strengths) + 1):
            newly = weak * severity if kind == "brightness" else 0
            changes.append(
                Comparison(
                    Disturbance(kind, severity).name, "as-is", metric, -newly / IMAGES,
                    -newly / IMAGES - 0.1, 0.1 - newly / IMAGES, "made up", 2.0**-newly,
                    2.0**-newly, "mcnemar-exact", "holm over 56", newly, 0,
                )
            )  # fmt: skip
    return DisturbedTruth(IMAGES, 4, tuple(changes))


def make_foreign(run: str, newly: int) -> ForeignRun:
    """Of 40 negatives 4 are called as they are, `newly` more upside down, 4 under all else; of 12
    pictures of a folder none, and one could not be read."""
    usual = ForeignKind(AS_IS.name, IMAGES, _share(4, IMAGES), (0.05, 0.1, 0.3))
    changed = [_make_kind(name, newly if name == "turned-180" else 0) for name in FOREIGN_CHANGES]
    lateral = ForeignKind(
        "lateral", 12, _share(0, 11), (0.0, 0.01, 0.02),
        Comparison("lateral", "negatives", "specificity", 0.1, -0.2, 0.2, "mover", 0.5, 1.0,
                   "fisher-exact", "holm over 15"),
    )  # fmt: skip
    singles = tuple(SinglePicture(name, 0.5 + i / 8, i > 0) for i, name in enumerate(SINGLES))
    return ForeignRun(run, (usual, *changed, lateral), singles, _share(16, 160))


def _make_kind(name: str, newly: int) -> ForeignKind:
    found = Comparison(
        name, AS_IS.name, "specificity", -newly / IMAGES, -newly / IMAGES - 0.1,
        0.1 - newly / IMAGES, "made up", 2.0**-newly, min(1.0, 15 * 2.0**-newly), "mcnemar-exact",
        "holm over 15", newly, 0,
    )  # fmt: skip
    return ForeignKind(name, IMAGES, _share(4 + newly, IMAGES), (0.1, 0.2, 0.6), found)


def _share(n: int, of: int) -> Estimate:
    return Estimate(n / of, max(0.0, n / of - 0.1), min(1.0, n / of + 0.1), n, of, "made up")
