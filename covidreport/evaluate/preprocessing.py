"""Is a model fed as it was trained? What its neighbours showed, each with one thing said otherwise.

A finding is raised where another way to feed a model tells the target from the others better by at
least `BETTER` of ROC AUC and by more than chance: DeLong's paired test (Obuchowski's over
patients), by Holm over what was tried of this run. It is never applied by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.errors import StoreError
from covidreport.inference.neighbours import Neighbour
from covidreport.metrics import code_groups, estimate_roc_aucs
from covidreport.metrics.comparisons import compare_curves
from covidreport.metrics.delong import NO_SPREAD
from covidreport.records import Comparison, Dataset, Finding
from covidreport.storage.codec import decode
from covidreport.text import decimal, format_p, label_name, listed

BETTER: Final = 0.03
"""Of ROC AUC: what is less is not worth to be looked up."""
ALPHA: Final = 0.05
CODE: Final = "preprocessing-suspected"
RECORDED: Final = "preprocessing"
"""The entry of an evaluation's provenance that says what was tried."""
_STATED: Final = "as described"


class Tried(Struct, frozen=True):
    """A neighbour's ROC AUC, and how far that lies above the one of the description.

    words: what run.json would say under `input`. The p-value is Holm's, None where the data show
    no spread.
    """

    name: str
    words: Mapping[str, Any]
    roc_auc: float
    difference: float
    low: float | None
    high: float | None
    adjusted_p_value: float | None
    test: str | None
    spread: bool = True
    """Whether some image could have spoken against the difference."""
    instead: tuple[str, ...] = ()
    """Words of the description that `words` take the place of."""

    @property
    def better(self) -> bool:
        """Whether the model looks as if it was trained so."""
        sure = not self.spread
        if self.adjusted_p_value is not None:
            sure = self.adjusted_p_value <= ALPHA
        return self.difference >= BETTER and sure


class SampledImages(Struct, frozen=True):
    """The images that ways to feed a model are tried on, with the truth of the target alone."""

    dataset: Dataset
    split: str
    target: str
    digests: Sequence[str]
    fingerprint: str


class PreprocessingCheck(Struct, frozen=True):
    """What came of one run.

    roc_auc: as described. same: ways that gave the same answers, bit for bit, which these images
    can't tell apart. failed: ways in which the model could not answer. closed: what its file
    decides (`Neighbours.closed`).
    """

    run: str
    target: str
    split: str
    images: int
    positives: int
    fingerprint: str
    roc_auc: float
    tried: tuple[Tried, ...]
    same: tuple[str, ...]
    failed: tuple[str, ...]
    closed: tuple[str, ...]

    @property
    def best(self) -> Tried | None:
        """The best of those that look as if the model was trained so; None where none does."""
        found = [each for each in self.tried if each.better]
        return max(found, key=lambda each: each.roc_auc, default=None)

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it, in the types of JSON: what was tried by name."""
        facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        del facts["run"]
        return {**facts, "tried": {each.pop("name"): each for each in facts["tried"]}}

    @classmethod
    def read(cls, run: str, facts: Mapping[str, Any]) -> PreprocessingCheck | None:
        """What `facts` gave of a run; None where they are none such."""
        tried = facts.get("tried")
        if not isinstance(tried, dict):
            return None
        rows = [{"name": name, **each} for name, each in tried.items() if isinstance(each, dict)]
        try:
            return decode({**facts, "run": run, "tried": rows}, cls)
        except StoreError:
            return None


def judge_neighbours(
    run: str, images: SampledImages, closed: Sequence[str], stated: NDArray[np.floating],
    answers: Sequence[tuple[Neighbour, NDArray[np.floating] | None]], failed: NDArray[np.bool_],
) -> PreprocessingCheck:  # fmt: skip
    """Compare the target's scores `(N,)` of each way to feed a run with those as it is described.

    None where a model failed. failed bool `(N,)`: images that could not be decoded.
    """
    truth = images.dataset.truth[:, 0]
    same = [n for n, scores in answers if scores is not None and _equal(scores, stated)]
    others = [(n, s) for n, s in answers if s is not None and n not in same]
    rows = np.stack([*(scores for _, scores in others), stated])
    aucs = estimate_roc_aucs(
        truth, rows, np.broadcast_to(failed, rows.shape), code_groups(images.dataset.groups)
    )
    assert aucs is not None  # both classes are among the images
    names = [neighbour.name for neighbour, _ in others]
    compared = compare_curves([*names, _STATED], aucs, _STATED)
    tried = [
        _record(neighbour, float(value), each)
        for (neighbour, _), value, each in zip(others, aucs.values, compared, strict=False)
    ]
    return PreprocessingCheck(
        run, images.target, images.split, len(truth), int((truth == 1).sum()), images.fingerprint,
        float(aucs.values[-1]), tuple(tried), tuple(each.name for each in same),
        tuple(each.name for each, scores in answers if scores is None), tuple(closed),
    )  # fmt: skip


def _equal(first: NDArray[np.floating], second: NDArray[np.floating]) -> bool:
    return np.array_equal(first, second, equal_nan=True)


def _record(neighbour: Neighbour, value: float, compared: Comparison) -> Tried:
    return Tried(
        neighbour.name, neighbour.words, value, compared.difference or 0.0, compared.low,
        compared.high, compared.adjusted_p_value, compared.test,
        spread=compared.interval != NO_SPREAD, instead=neighbour.instead,
    )  # fmt: skip


def describe_check(check: PreprocessingCheck) -> str:
    """What was tried of a run and what came of it, in a sentence or two."""
    positives = f"{check.positives} with {label_name(check.target)}"
    images = f"{check.images} images of {check.split} ({positives})"
    if not check.tried:
        said = f"{check.run}: no other way to feed it was compared on {images}"
    else:
        stated = f"ROC AUC of {label_name(check.target)} as described {decimal(check.roc_auc)}"
        ways = ", ".join(f"{each.name} {decimal(each.roc_auc)}" for each in check.tried)
        none = "" if check.best else "; none is better by more than chance"
        said = f"{check.run}: {stated} on {images}; fed otherwise: {ways}{none}"
    if check.same:
        said += f"; {listed(check.same)}: the same answers, these images can't tell"
    if check.failed:
        said += f"; {listed(check.failed)}: the model gives no scores"
    if check.closed:
        said += f"; not tried, since the model decides it: {listed(check.closed)}"
    return said


def findings_of(check: PreprocessingCheck) -> tuple[Finding, ...]:
    """A finding where the run tells the target better when it is fed otherwise."""
    best = check.best
    if best is None:
        return ()
    pasted = json.dumps(dict(best.words), ensure_ascii=False)[1:-1]
    interval = "" if best.low is None else f", 95 % CI {decimal(best.low)} to {decimal(best.high)}"
    chance = "on every image alike"
    if best.spread:
        chance = f"{format_p(best.adjusted_p_value)} by {best.test}, Holm over {len(check.tried)}"
    instead = f" in place of {listed([f'`{w}`' for w in best.instead])}" if best.instead else ""
    also = [each.name for each in check.tried if each.better and each is not best]
    higher = [
        f"{each.name} {decimal(each.roc_auc)}"
        for each in check.tried
        if each.roc_auc > best.roc_auc
    ]
    return (
        Finding(
            "warning",
            CODE,
            f"{check.run} tells {label_name(check.target)} better when it is fed otherwise than "
            "described: "
            f"{best.name}",
            f"ROC AUC on {check.images} images of {check.split}: {decimal(check.roc_auc)} as "
            f"described, {decimal(best.roc_auc)} with {best.name} (difference "
            f"{decimal(best.difference)}{interval}; {chance})"
            + (f"; better too: {listed(also)}" if also else "")
            + (f"; higher still, by what may be chance: {listed(higher)}" if higher else ""),
            f"Look up how it was trained. If it was so, say {pasted}{instead} under `input` in its "
            "run.json and evaluate again; nothing was changed.",
            (check.run,),
        ),
    )
