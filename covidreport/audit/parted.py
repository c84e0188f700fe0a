"""How the values of an attribute part images by the target, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from covidreport.audit.columns import PERSONAL
from covidreport.records import Severity
from covidreport.text import label_name, listed

CODE: Final = "shortcut-attributes"
"""Of a report's finding and an audit's, of which the report's gives way."""
PARTED: Final = 0.95
"""The balanced accuracy of the values alone from which on they part the images."""
FEWEST: Final = 10
"""Positives and negatives below which nothing is said."""
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


def part_images(attribute: str, values: Iterable[tuple[str, int, int]]) -> Separation | None:
    """How the values part the images; None without both kinds.

    values: each with how many images with the target and without it have it.
    """
    every = list(values)
    positives = sum(yes for _, yes, _ in every)
    negatives = sum(no for _, _, no in every)
    if not positives or not negatives:
        return None
    sides: dict[bool, list[tuple[str, int, int]]] = {True: [], False: []}
    for value, yes, no in every:
        if yes + no >= FEWEST_OF_A_VALUE:
            sides[yes * negatives > no * positives].append((value, yes, no))
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


def describe_parted(found: Sequence[Separation], target: str) -> str:
    """The sentence of a report and of an audit alike; the attribute that parts best first."""
    first, *others = (each.attribute for each in found)
    too = f", and {' and '.join(others)} {'tells' if len(others) == 1 else 'tell'} it too"
    names = " or ".join(("the " + first, *others))
    return (
        f"{_say(found[0], target)}{too if others else ''}: these metrics can't distinguish "
        f"finding {label_name(target)} from recognising {names}"
    )


def judge_parted(found: Sequence[Separation]) -> Severity:
    """An error where the picture's origin parts the images; a disease may depend on its patient."""
    personal = all(each.attribute.strip().lower() in PERSONAL for each in found)
    return "warning" if personal else "error"


def _say(found: Separation, target: str) -> str:
    """In one sentence, by the values that are fewer."""
    by_positive = len(found.positive_values) <= len(found.negative_values)
    values = found.positive_values if by_positive else found.negative_values
    named = f"{found.attribute} {name_values(values)}"
    if found.matching_positives == found.positives and found.matching_negatives == found.negatives:
        if by_positive:
            return f"Every {label_name(target)} image is of {named} and no other image is"
        return f"No {label_name(target)} image is of {named} and every other image is"
    if by_positive:
        return (
            f"Nearly all {label_name(target)} images are of {named} ({found.matching_positives:,} "
            "of "
            f"{found.positives:,}) and hardly any other is ({found.wrong_negatives:,} of "
            f"{found.negatives:,})"
        )
    return (
        f"Hardly any {label_name(target)} image is of {named} ({found.wrong_positives:,} of "
        f"{found.positives:,}) and nearly all others are ({found.matching_negatives:,} of "
        f"{found.negatives:,})"
    )


def name_values(values: Sequence[str]) -> str:
    """Such as "a", "a or b", "a, b, c or 4 more"."""
    return listed(values, _MOST_NAMED, "or")
