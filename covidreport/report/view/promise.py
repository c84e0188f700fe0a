"""What a tuned threshold was tuned for, what was promised of new images, and what came of it."""

from __future__ import annotations

from covidreport.records import Evaluation
from covidreport.report.view.tables import of_label
from covidreport.text import clean, decimal, exact, plural
from covidreport.thresholds import PROMISE, TUNING, is_exploratory, is_tuned

ROUNDING = 1e-9
"""As in tuning: 0.55 of 100 is 55.000000000000007 in floating point."""


def describe_promise(evaluation: Evaluation, label: str) -> str:
    """The target of a label's threshold, the images that it was tuned on, the promise of `tune`,
    and whether either was met on these images.

    Empty where the threshold was not tuned, and where it was tuned on these very images: there is
    nothing to be met.
    """
    tuning = evaluation.provenance.get(TUNING) or {}
    target = (tuning.get("targets") or {}).get(label) or {}
    metric, wanted = target.get("metric"), target.get("value")
    if not is_tuned(evaluation, label) or is_exploratory(evaluation, label) or wanted is None:
        return ""
    promised = evaluation.provenance.get(PROMISE) or {}
    figure = of_label(evaluation, label, str(metric))
    found = None if figure is None else figure.value
    bound = (promised.get("bounds") or {}).get(label)
    parts = [
        f"tuned on {_name_images(tuning, promised)} for a {metric} of at least {exact(wanted)}"
        + _tell(found, wanted, "met", "missed")
    ]
    if bound is not None:
        confidence = exact(round(100 * float(target.get("confidence", 0.95)), 6))
        parts.append(
            f"promised for new images with {confidence} % confidence was at least {decimal(bound)}"
            + _tell(found, bound, "kept", "not kept")
        )
    elif promised.get("unbounded"):
        parts.append(f"nothing was promised for new images, since {clean(promised['unbounded'])}")
    here = "" if found is None else f" Here the {metric} is {decimal(found)}."
    return f"The threshold was {'; '.join(parts)}.{here}"


def _name_images(tuning: dict[str, object], promised: dict[str, object]) -> str:
    """Such as `cxr, validation (192 images of 120 patients)`."""
    place = f"{clean(tuning.get('dataset'))}, {clean(tuning.get('split'))}"
    images, patients = promised.get("images"), promised.get("patients")
    if not isinstance(images, int):
        return place
    of = f" of {plural(patients, 'patient')}" if isinstance(patients, int) else ""
    return f"{place} ({plural(images, 'image')}{of})"


def _tell(found: float | None, wanted: float, met: str, missed: str) -> str:
    if found is None:
        return ""
    return f" ({met})" if found >= wanted - ROUNDING else f" ({missed})"
