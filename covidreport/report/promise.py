"""What a tuned threshold was tuned for, what was promised of new images, and what came of it."""

from __future__ import annotations

from covidreport.records import Evaluation, Promise, Tuning
from covidreport.report.tables import of_label
from covidreport.text import clean, decimal, exact, plural
from covidreport.text.thresholds import is_exploratory, is_tuned

ROUNDING = 1e-9
"""As in tuning: 0.55 of 100 is 55.000000000000007 in floating point."""


def describe_promise(evaluation: Evaluation, label: str) -> str:
    """The target of a label's threshold, the images that it was tuned on, the promise of `tune`,
    and whether either was met on these images.

    Empty where the threshold was not tuned, and where it was tuned on these very images: there is
    nothing to be met.
    """
    tuning, promised = evaluation.facts.tuning or Tuning(), evaluation.facts.promised or Promise()
    target = (tuning.targets or {}).get(label)
    if not is_tuned(evaluation, label) or is_exploratory(evaluation, label):
        return ""
    if target is None or target.value is None:
        return ""
    metric, wanted = target.metric, target.value
    figure = of_label(evaluation, label, str(metric))
    found = None if figure is None else figure.value
    bound = promised.bounds.get(label)
    parts = [
        f"tuned on {_name_images(tuning, promised)} for a {metric} of at least {exact(wanted)}"
        + _tell(found, wanted, "met", "missed")
    ]
    if bound is not None:
        confidence = exact(round(100 * target.confidence, 6))
        parts.append(
            f"promised for new images with {confidence} % confidence was at least {decimal(bound)}"
            + _tell(found, bound, "kept", "not kept")
        )
    elif promised.unbounded:
        parts.append(f"nothing was promised for new images, since {clean(promised.unbounded)}")
    here = "" if found is None else f" Here the {metric} is {decimal(found)}."
    return f"The threshold was {'; '.join(parts)}.{here}"


def _name_images(tuning: Tuning, promised: Promise) -> str:
    """Such as `cxr, validation (192 images of 120 patients)`."""
    place = f"{clean(tuning.dataset)}, {clean(tuning.split)}"
    if promised.images is None:
        return place
    of = "" if promised.patients is None else f" of {plural(promised.patients, 'patient')}"
    return f"{place} ({plural(promised.images, 'image')}{of})"


def _tell(found: float | None, wanted: float, met: str, missed: str) -> str:
    if found is None:
        return ""
    return f" ({met})" if found >= wanted - ROUNDING else f" ({missed})"
