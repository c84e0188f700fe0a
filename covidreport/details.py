"""The details of an evaluation as evaluation.json holds them, schema `covidreport.details/1`.

They have a schema of their own: a file without them, or with those of another version, is a whole
evaluation all the same, whose details show as dashes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from covidreport.metrics.subgroups import name_worst
from covidreport.records import (
    Calibration,
    Consistency,
    Counts,
    Details,
    Estimate,
    FigurePlan,
    LabelDetails,
    NetBenefit,
    OperatingPoint,
    ReliabilityBin,
    Subgroup,
    Subgroups,
)

DETAILS_SCHEMA = "covidreport.details/1"


def spell_details(details: Details) -> dict[str, Any]:
    """The details in the types that JSON has."""
    plain = dataclasses.asdict(details)
    for by_label in plain["subgroups"].values():
        for subgroups in by_label.values():
            for group in (*subgroups["groups"], subgroups["not_stated"]):
                if group is not None:
                    group["compared"] = sorted(group["compared"])
    return {"schema": DETAILS_SCHEMA, **plain}


def read_details(value: Mapping[str, Any] | None) -> Details | None:
    """The details that `spell_details` gave; None where there are none of this version.

    Raises KeyError or TypeError where they are not whole.
    """
    if value is None or value.get("schema") != DETAILS_SCHEMA:
        return None
    plan = dict(value["plan"])
    for name in ("specificities", "sensitivities"):
        plan[name] = tuple(plan[name])
    return Details(
        plan=FigurePlan(**plan),
        labels={label: _read_label(each) for label, each in value["labels"].items()},
        consistency=Consistency(
            nothing=Estimate(**value["consistency"]["nothing"]),
            contradiction=Estimate(**value["consistency"]["contradiction"]),
            failed=value["consistency"]["failed"],
        ),
        subgroups={
            name: {label: _read_subgroups(each) for label, each in by_label.items()}
            for name, by_label in value["subgroups"].items()
        },
        units=value["units"],
    )


def _read_label(value: Mapping[str, Any]) -> LabelDetails:
    return LabelDetails(
        sensitivity_at=_read_points(value["sensitivity_at"]),
        specificity_at=_read_points(value["specificity_at"]),
        positive_likelihood_ratio=Estimate(**value["positive_likelihood_ratio"]),
        negative_likelihood_ratio=Estimate(**value["negative_likelihood_ratio"]),
        prevalence=value["prevalence"],
        ppv=Estimate(**value["ppv"]),
        npv=Estimate(**value["npv"]),
        calibration=_read_calibration(value["calibration"]),
        net_benefit=tuple(NetBenefit(**each) for each in value["net_benefit"]),
        near=None if value.get("near") is None else Counts(**value["near"]),
    )


def _read_points(values: Sequence[Mapping[str, Any]]) -> tuple[OperatingPoint, ...]:
    return tuple(OperatingPoint(each["at"], Estimate(**each["estimate"])) for each in values)


def _read_calibration(value: Mapping[str, Any]) -> Calibration:
    figures = {name: Estimate(**value[name]) for name in ("brier", "intercept", "slope", "ece")}
    bins = tuple(
        ReliabilityBin(**{**each, "observed": Estimate(**each["observed"])})
        for each in value["bins"]
    )
    return Calibration(images=value["images"], bins=bins, **figures)


def _read_subgroups(value: Mapping[str, Any]) -> Subgroups:
    stated = value["not_stated"]
    groups = tuple(_read_subgroup(each) for each in value["groups"])
    return Subgroups(
        groups=groups,
        not_stated=None if stated is None else _read_subgroup(stated),
        # Of the groups as they stand: earlier versions named one of groups that are all equal.
        worst_sensitivity=name_worst(groups, "sensitivity"),
        worst_specificity=name_worst(groups, "specificity"),
    )


def _read_subgroup(value: Mapping[str, Any]) -> Subgroup:
    return Subgroup(
        value=value["value"],
        counts=Counts(**value["counts"]),
        sensitivity=Estimate(**value["sensitivity"]),
        specificity=Estimate(**value["specificity"]),
        compared=frozenset(value["compared"]),
    )
