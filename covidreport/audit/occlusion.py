"""What a run still knows when the lungs are blacked out: the sign of a shortcut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from covidreport.audit.evidence import list_evaluations
from covidreport.metrics import Interval, assume_roc_auc, roc_auc_interval
from covidreport.records import Evaluation, Finding, ReportData
from covidreport.text import decimal, label_name

OCCLUDED: Final = "occlude-"
"""How the variant of an evaluation begins of which a part of every image was blacked out."""
LUNGS: Final = f"{OCCLUDED}centre-"
"""That of which it was the centre."""
RIMS: Final = (f"{OCCLUDED}borders-", f"{OCCLUDED}corners-")
"""Those of which it was what lies around the lungs."""
HIGH: Final = 0.6
"""The lower end of the ROC AUC without the lungs from which on it is more than traces."""
REMAINING: Final = 0.5
"""Of what the run has over chance, the share that must remain to be suspected."""


class Remaining(NamedTuple):
    """One run's ROC AUC as usual and without a part, with the 95 % interval of the latter."""

    run: str
    variant: str
    usual: float
    occluded: float
    low: float
    high: float
    method: str

    @property
    def remaining(self) -> float:
        """Of what the run has over chance, the share that remains."""
        return (self.occluded - 0.5) / (self.usual - 0.5)

    @property
    def suspected(self) -> bool:
        """Whether more remains than a picture without lungs should give."""
        without_lungs = self.variant.startswith(LUNGS)
        return (
            without_lungs and self.usual > 0.5 and self.low >= HIGH and self.remaining >= REMAINING
        )

    @property
    def needs_the_rim(self) -> bool:
        """Whether it loses more without borders or corners than lungs that are whole explain."""
        rim = self.variant.startswith(RIMS)
        return rim and self.usual >= HIGH and self.high < self.usual and self.remaining < REMAINING


def audit_occlusion(data: ReportData) -> tuple[Finding, ...]:
    """Runs that still tell the label with the centre of the image, the lungs, blacked out; and
    those that hardly tell it with its borders or corners blacked out.

    The rule of the first: the lower end of the 95 % interval of the ROC AUC is at least 0.6, and at
    least half of what the run has over chance remains. Some of it may remain honestly, since
    position, tubes and age show at the borders; half of it does not come from the disease of the
    lungs. After Maguolo and Nanni, "A critic evaluation of methods for COVID-19 automatic detection
    from X-ray images", Information Fusion 76 (2021) 1-7. Of the second: less than half of what the
    run has over chance remains, and the interval ends below the ROC AUC of the whole image.
    """
    every = list_remaining(data)
    return (
        *_find(_WITHOUT_LUNGS, [each for each in every if each.suspected], data),
        *_find(_WITHOUT_RIM, [each for each in every if each.needs_the_rim], data),
    )


class _Shortcut(NamedTuple):
    """A finding on runs that lose too little, or too much, without a part of the image: what one
    run does and what several do, and what stands beside the image without that part."""

    code: str
    one: str
    many: str
    what: str
    beside: str
    rule: str
    remedy: str


_WITHOUT_LUNGS = _Shortcut(
    "shortcut-suspected",
    "still tells",
    "still tell",
    "{target} with the lungs blacked out",
    "with the centre of the image",
    f"The interval begins at {HIGH} or higher, and at least half of what was over chance remains.",
    "Look for what the borders give away (source, text, cropping, position: `covidreport "
    "audit`), take it off the images or balance it, and train again.",
)
_WITHOUT_RIM = _Shortcut(
    "borders-needed",
    "loses",
    "lose",
    "more than half of telling {target} when what lies around the lungs is blacked out",
    "of the whole image",
    "Less than half of what was over chance remains, and the interval ends below the whole "
    "image's.",
    "Look at what stands there (markers, text, source, cropping: `covidreport audit`). A black "
    "frame alone can disturb a model too: train with cut margins and look again.",
)


def _find(kind: _Shortcut, found: Sequence[Remaining], data: ReportData) -> tuple[Finding, ...]:
    if not found:
        return ()
    runs = tuple(dict.fromkeys(each.run for each in found))
    who = f"1 run {kind.one}" if len(runs) == 1 else f"{len(runs)} runs {kind.many}"
    return (
        Finding(
            "warning",
            kind.code,
            f"{who} {kind.what.format(target=label_name(data.target))}",
            f"ROC AUC on {data.split} {kind.beside} and, with its 95 % CI, without: "
            f"{_show(found)}. {kind.rule}",
            kind.remedy,
            runs,
        ),
    )


def _show(found: Sequence[Remaining]) -> str:
    return "; ".join(
        f"{each.run}: {decimal(each.usual)} with and {decimal(each.occluded)} "
        f"({decimal(each.low)} to {decimal(each.high)}, {each.method}) without, {each.variant}"
        for each in found
    )


def list_remaining(data: ReportData) -> tuple[Remaining, ...]:
    """Each run's usual evaluation beside those with a part blacked out, on the same images."""
    found = []
    for run in data.runs:
        split = data.split if run.evaluation is None else run.evaluation.split
        every = [each for each in list_evaluations(run) if each.split == split]
        usual = next((each for each in every if each.variant is None), None)
        for each in every:
            if usual is None or not (each.variant or "").startswith(OCCLUDED):
                continue
            if each.fingerprint == usual.fingerprint:
                remaining = compare_occluded(usual, each, data.target)
                found += [remaining] if remaining is not None else []
    return tuple(found)


def describe_remaining(one: Remaining, target: str) -> str:
    """One line: what remains of a run without a part of every image."""
    return (
        f"{one.run}: ROC AUC of {label_name(target)} {decimal(one.usual)} as usual, "
        f"{decimal(one.occluded)} "
        f"({decimal(one.low)} to {decimal(one.high)}) in {one.variant}"
    )


def compare_occluded(usual: Evaluation, occluded: Evaluation, target: str) -> Remaining | None:
    """What remains of the run's ROC AUC; None where either has none, or no interval can be made."""
    first = usual.estimates.get(target, {}).get("roc_auc")
    second = occluded.estimates.get(target, {}).get("roc_auc")
    if first is None or second is None or first.value is None or second.value is None:
        return None
    interval = Interval(second.low, second.high, second.method or "as stored")
    if interval.low is None or interval.high is None:
        counts = occluded.counts[target]
        interval = roc_auc_interval(
            assume_roc_auc(second.value, counts.positives, counts.negatives), 0
        )
    if interval.low is None or interval.high is None or interval.method is None:
        return None
    ends = interval.low, interval.high, interval.method
    return Remaining(usual.run, str(occluded.variant), first.value, second.value, *ends)
