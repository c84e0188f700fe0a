"""The details of an evaluation as columns: every figure under a name of its own."""

from __future__ import annotations

from collections.abc import Iterator

from covidreport.records import Details, Estimate, LabelDetails, Subgroup


def flatten_label(details: Details, label: str) -> dict[str, float | int | None]:
    """One label's figures beyond the threshold; those over all labels where `label` is empty.

    Calibration bins are `bin_<from>_…`, points of the decision curve `net_benefit_<threshold>`.
    """
    if not label:
        found = details.consistency
        return _spell("no_label", found.nothing) | _spell("contradiction", found.contradiction)
    one = details.labels.get(label)
    return {} if one is None else _flatten(one)


def _flatten(one: LabelDetails) -> dict[str, float | int | None]:
    cells: dict[str, float | int | None] = {}
    for point in one.sensitivity_at:
        cells |= _spell(f"sensitivity_at_specificity_{point.at:g}", point.estimate)
    for point in one.specificity_at:
        cells |= _spell(f"specificity_at_sensitivity_{point.at:g}", point.estimate)
    cells |= _spell("positive_likelihood_ratio", one.positive_likelihood_ratio)
    cells |= _spell("negative_likelihood_ratio", one.negative_likelihood_ratio)
    cells["stated_prevalence"] = one.prevalence
    cells |= _spell("ppv_at_prevalence", one.ppv) | _spell("npv_at_prevalence", one.npv)
    calibration = one.calibration
    cells["calibration_images"] = calibration.images
    for name in ("brier", "intercept", "slope", "ece"):
        title = name if name in ("brier", "ece") else f"calibration_{name}"
        cells |= _spell(title, getattr(calibration, name))
    for each in calibration.bins:
        start = f"bin_{each.low:g}"
        cells |= {f"{start}_images": each.count, f"{start}_predicted": each.predicted}
        cells |= _spell(f"{start}_observed", each.observed)
    for benefit in one.net_benefit:
        cells[f"net_benefit_{benefit.threshold:g}"] = benefit.run
        cells[f"treat_all_{benefit.threshold:g}"] = benefit.treat_all
    return cells


def _spell(name: str, estimate: Estimate) -> dict[str, float | int | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def list_subgroups(details: Details, label: str) -> Iterator[tuple[str, Subgroup]]:
    """Each part of the images with its attribute; those that state no value come last."""
    for attribute, by_label in details.subgroups.items():
        found = by_label.get(label)
        if found is not None:
            yield from ((attribute, group) for group in found.groups)
            if found.not_stated is not None:
                yield attribute, found.not_stated
