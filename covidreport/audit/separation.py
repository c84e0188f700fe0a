"""Attributes whose values part the ranked images by the target: nothing else need be recognised.

`shortcuts` looks at a data set; this at what evaluations store of it, so every report has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from covidreport.audit.evidence import iterate_reported
from covidreport.audit.shortcuts import CODE, FEWEST
from covidreport.audit.support import count_units
from covidreport.records import Evaluation, Finding, ReportData, Subgroups
from covidreport.text import decimal, listed

PARTED: Final = 0.95
"""The balanced accuracy of the values alone from which on they part the images."""
FEWEST_OF_A_VALUE: Final = 5
"""Images below which a value decides nothing: its images count as not told."""
_MOST_NAMED: Final = 3


class Separation(NamedTuple):
    """How an attribute parts the images: its values by what is commoner there, and how often.

    matching_positives: images with the target that have one of `positive_values`, of `positives`;
    wrong_negatives: those without it that have one too, of `negatives`. The others likewise.
    """

    attribute: str
    positive_values: tuple[str, ...]
    negative_values: tuple[str, ...]
    matching_positives: int
    wrong_positives: int
    positives: int
    matching_negatives: int
    wrong_negatives: int
    negatives: int

    @property
    def balanced_accuracy(self) -> float:
        """Of the rule that says yes to the values in which the target is commoner."""
        return (
            self.matching_positives / self.positives + self.matching_negatives / self.negatives
        ) / 2


def audit_separation(data: ReportData) -> tuple[Finding, ...]:
    """Attributes by whose values alone the target is known on the ranked images, in one finding.

    The rule: their balanced accuracy is at least 0.95, a value with fewer than 5 images decides
    nothing, and 10 patients (or images) with the target and 10 without it are told.
    """
    evaluation = _choose_evaluation(data)
    if evaluation is None or evaluation.score_metrics is None:
        return ()
    every = [
        find_separation(attribute, by_label[data.target])
        for attribute, by_label in evaluation.score_metrics.subgroups.items()
        if data.target in by_label
    ]
    found = [each for each in every if each is not None and _is_parted(each, evaluation)]
    found.sort(key=lambda each: -each.balanced_accuracy)
    return (_describe(found, data),) if found else ()


def _choose_evaluation(data: ReportData) -> Evaluation | None:
    """The first of the first ranking that has subgroups: a ranking is of the same images."""
    ranked = {row.run for row in data.rankings[0].rows} if data.rankings else set()
    return next(
        (
            evaluation
            for run, evaluation in iterate_reported(data)
            if run.run.name in ranked
            and evaluation.score_metrics
            and evaluation.score_metrics.subgroups
        ),
        None,
    )


def find_separation(attribute: str, subgroups: Subgroups) -> Separation | None:
    """How the values part the images, unknown truths excluded; None without both kinds.

    What is not stated is a value of its own: a blank can tell the target too.
    """
    every = [*subgroups.groups, *([subgroups.not_stated] if subgroups.not_stated else [])]
    positives = sum(each.counts.positives for each in every)
    negatives = sum(each.counts.negatives for each in every)
    if not positives or not negatives:
        return None
    sides: dict[bool, list[tuple[str, int, int]]] = {True: [], False: []}
    for each in every:
        yes, no = each.counts.positives, each.counts.negatives
        if yes + no >= FEWEST_OF_A_VALUE:
            sides[yes * negatives > no * positives].append((each.value or "not stated", yes, no))
    return Separation(
        attribute,
        positive_values=tuple(value for value, _, _ in sides[True]),
        negative_values=tuple(value for value, _, _ in sides[False]),
        matching_positives=sum(yes for _, yes, _ in sides[True]),
        wrong_positives=sum(yes for _, yes, _ in sides[False]),
        positives=positives,
        matching_negatives=sum(no for _, _, no in sides[False]),
        wrong_negatives=sum(no for _, _, no in sides[True]),
        negatives=negatives,
    )


def _is_parted(found: Separation, evaluation: Evaluation) -> bool:
    matching = min(found.matching_positives, found.matching_negatives)
    return found.balanced_accuracy >= PARTED and count_units(evaluation, matching) >= FEWEST


def _describe(found: Sequence[Separation], data: ReportData) -> Finding:
    first, *others = (each.attribute for each in found)
    too = f", and {' and '.join(others)} {'tells' if len(others) == 1 else 'tell'} it too"
    names = " or ".join(("the " + first, *others))
    shown = "; ".join(_show_counts(each, data.target) for each in found)
    return Finding(
        "warning",
        CODE,
        f"{_say(found[0], data.target)}{too if others else ''}: these metrics can't distinguish "
        f"finding {data.target} from recognising {names}",
        f"On {data.split}, {shown}.",
        f"Test on images of which each {first} has some with {data.target} and some without, and "
        "look with `covidreport evaluate --occlude centre` for what is still known without "
        "the lungs.",
    )


def _say(found: Separation, target: str) -> str:
    """In one sentence, by the values that are fewer."""
    by_positive = len(found.positive_values) <= len(found.negative_values)
    values = found.positive_values if by_positive else found.negative_values
    named = f"{found.attribute} {_name_values(values)}"
    if found.matching_positives == found.positives and found.matching_negatives == found.negatives:
        if by_positive:
            return f"Every {target} image is of {named} and no other image is"
        return f"No {target} image is of {named} and every other image is"
    if by_positive:
        return (
            f"Nearly all {target} images are of {named} ({found.matching_positives:,} of "
            f"{found.positives:,}) and hardly any other is ({found.wrong_negatives:,} of "
            f"{found.negatives:,})"
        )
    return (
        f"Hardly any {target} image is of {named} ({found.wrong_positives:,} of "
        f"{found.positives:,}) and nearly all others are ({found.matching_negatives:,} of "
        f"{found.negatives:,})"
    )


def _show_counts(found: Separation, target: str) -> str:
    return (
        f"by {found.attribute}: {found.matching_positives:,} of {found.positives:,} images with "
        f"{target} and {found.wrong_negatives:,} of {found.negatives:,} without it are of "
        f"{_name_values(found.positive_values)}, {found.wrong_positives:,} and "
        f"{found.matching_negatives:,} of {_name_values(found.negative_values)} (balanced accuracy "
        f"of the {found.attribute} alone: {decimal(found.balanced_accuracy)})"
    )


def _name_values(values: Sequence[str]) -> str:
    """Such as "a", "a or b", "a, b, c or 4 more"."""
    return listed(values, _MOST_NAMED, "or")
