"""What is asked of a run: limits as options spell them, as the configuration does, and built in.

`[LABEL:]METRIC[.low|.high] >= or <= BOUND`, where BOUND is a number, or `baseline` with a margin:

    sensitivity.low>=0.70             the lower end of the interval of the target's sensitivity
    pneumonia:specificity>=0.8        another label
    missed<=baseline                  not one case more than the baseline
    false_alarms<=baseline+5%         at most a twentieth more
    sensitivity>=baseline-0.02        at most 0.02 less
    specificity[sex=F]>=0.75          a subgroup
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from covidreport.errors import UsageError
from covidreport.gate.metrics import direction_of, is_overall, read_metric
from covidreport.records import Limit, LimitSeverity, MissPolicy

DEFAULT_MARGIN: Final = 0.05
"""How much less sensitive a run may be, or the worse run of the odds is, unless stated."""
POLICIES: Final[tuple[MissPolicy, ...]] = get_args(MissPolicy)
EXAMPLES: Final = "such as sensitivity.low>=0.70 or covid-19:missed<=baseline"
_LIMIT: Final = re.compile(
    r"\s*(?:(?P<label>.+):)?\s*(?P<metric>[^\s:<>]+?)\s*(?P<sign>>=|<=)\s*(?P<bound>\S.*?)\s*"
)
_BASELINE: Final = re.compile(
    r"baseline(?:\s*(?P<sign>[+-])\s*(?P<number>[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*(?P<share>%?))?"
)
KEYS: Final = ("metric", "label", "min", "max", "max_regression", "relative", "evidence",
               "severity")  # fmt: skip


def read_limit(text: str, target: str, severity: LimitSeverity = "fail") -> Limit:
    """The limit that an option spells; without a label it is the target's.

    Raises UsageError where it can't be read, names no metric, or asks for the wrong direction.
    """
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no limit; write [LABEL:]METRIC>=BOUND or <=, {EXAMPLES}")
    metric = read_metric(match["metric"])
    label = _choose_label(match["label"], metric, target, text)
    number = _number(match["bound"])
    if number is not None:
        low, high = (number, None) if match["sign"] == ">=" else (None, number)
        return Limit(metric, label, min=low, max=high, severity=severity, origin="option")
    relation = _BASELINE.fullmatch(match["bound"])
    if relation is None:
        raise UsageError(
            f"{text!r}: the bound is {match['bound']!r}; a number is wanted, or baseline with a "
            f"margin, {EXAMPLES}"
        )
    direction = direction_of(metric)
    sign = {"higher": ">=", "lower": "<="}.get(direction)
    if sign is None:
        raise UsageError(f"{text!r}: {metric} is neither better high nor low; give two numbers")
    if match["sign"] != sign:
        raise UsageError(f"{text!r}: {metric} is better {direction}; write {metric}{sign}baseline")
    number = _number(relation["number"] or "0")
    if number is None:
        raise UsageError(f"{text!r}: {relation['number']!r} is no number")
    # what lies behind the baseline is given away, what lies beyond it is asked for
    given = (
        number if (relation["sign"] or "+") == ("+" if direction == "lower" else "-") else -number
    )
    return Limit(
        metric, label, max_regression=(given / 100 if relation["share"] else given) or 0.0,
        relative=bool(relation["share"]), severity=severity, origin="option",
    )  # fmt: skip


def _choose_label(label: str | None, metric: str, target: str, where: str) -> str:
    if not is_overall(metric):
        return label.strip() if label else target
    if label:
        raise UsageError(f"{where!r}: {metric} is one metric over all labels; leave {label} out")
    return ""


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_limit_tables(
    tables: Any, target: str, origin: str, faults: list[str]
) -> tuple[Limit, ...]:
    """The limits of a configuration, `[[limits]]`; everything that is wrong goes into `faults`."""
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        faults.append("`limits` is a list of tables, each under [[limits]]")
        return ()
    limits: list[Limit] = []
    for number, table in enumerate(tables, 1):
        wrong = _find_faults(table)
        metric, label = "", ""
        try:
            metric = read_metric(str(table.get("metric")))
            label = _choose_label(str(table.get("label") or ""), metric, target, metric)
            if "max_regression" in table and direction_of(metric) == "neither":
                wrong.append(f"{metric} is neither better high nor low: give `min` and `max`")
        except UsageError as error:
            wrong.append(str(error))
        faults += [f"limit {number}: {each}" for each in wrong]
        if not wrong:
            rest = {key: value for key, value in table.items() if key not in ("metric", "label")}
            limits.append(Limit(metric, label, origin=origin, **rest))
    return tuple(limits)


def _find_faults(table: Mapping[str, Any]) -> list[str]:
    """What is wrong with the types and the choice of keys of one table."""
    faults = [f"`{key}` is no key; {', '.join(KEYS)} are" for key in table if key not in KEYS]
    bounds = {key: table[key] for key in ("min", "max", "max_regression") if key in table}
    if not bounds:
        faults.append("needs `min`, `max` or `max_regression`")
    faults += [
        f"`{key}` is {value!r}; a number is wanted"
        for key, value in bounds.items()
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ]
    faults += [
        f"`{key}` is {table[key]!r}; true or false is wanted"
        for key in ("relative", "evidence")
        if not isinstance(table.get(key, False), bool)
    ]
    if "label" in table and not isinstance(table["label"], str):
        faults.append(f"`label` is {table['label']!r}; a text is wanted")
    if table.get("severity", "fail") not in ("fail", "warn"):
        faults.append(f'`severity` is {table["severity"]!r}; "fail" or "warn" is wanted')
    return faults


def require_evidence(target: str, margin: float, origin: str) -> Limit:
    """That the data exclude a loss of more than `margin` in the target's sensitivity."""
    return Limit("sensitivity", target, max_regression=margin, evidence=True, origin=origin)


def read_policy(text: str) -> MissPolicy:
    """What `--policy` names; UsageError where it is none."""
    policy = next((each for each in POLICIES if each == text), None)
    if policy is None:
        raise UsageError(f"--policy {text!r}: {', '.join(POLICIES)} are the policies")
    return policy


def limit_misses(policy: MissPolicy, target: str, margin: float) -> Limit:
    """What a policy asks of missed cases. The allowance of a tolerant one follows from the data."""
    if policy == "evidence":
        return Limit("sensitivity", target, max_regression=margin, evidence=True, policy=policy)
    return Limit("missed", target, max_regression=0.0, policy=policy)


def choose_limits(
    stated: Sequence[Limit], target: str, specificity_floor: float, *, has_baseline: bool,
    policy: MissPolicy | None = None, margin: float = DEFAULT_MARGIN,
) -> tuple[Limit, ...]:  # fmt: skip
    """The built-in limits that nobody stated otherwise, then the stated ones.

    Built in: what `policy` asks of missed cases, unless stated that none is missed more than by the
    baseline, and a specificity at or above the floor. A stated limit that fails a run by the same
    metric stands for the built-in one.

    margin: of the policy `evidence`. Raises UsageError where a limit needs a baseline and there is
    none, where nothing but the floor would be judged, where both a policy and a limit decide on
    missed cases, and for evidence that can't be had.
    """
    taken = {(each.label, each.metric): each for each in stated
             if each.severity == "fail" and not each.evidence}  # fmt: skip
    built_in = [Limit("specificity", target, min=specificity_floor)]
    stands = taken.get((target, "missed"))
    if policy is not None and stands is not None:
        raise UsageError(
            f"the policy {policy} and the limit on {stands.name} ({stands.origin}) both decide on "
            "missed cases: leave one out"
        )
    if has_baseline and stands is None:
        built_in.insert(0, limit_misses(policy or "strict", target, margin))
    for limit in stated:
        if limit.evidence:
            _check_evidence(limit, target)
        if limit.max_regression is not None and not has_baseline:
            raise UsageError(
                f"the limit on {limit.name} ({limit.origin}) looks at a baseline: give --baseline"
            )
    if not stated and not has_baseline:
        raise UsageError(
            "there is nothing to judge by: give --baseline (a run folder, a folder of runs, or "
            f"what `covidreport baseline set` wrote), or a --limit, {EXAMPLES}"
        )
    remaining = [each for each in built_in if (each.label, each.metric) not in taken]
    return (*remaining, *stated)


def _check_evidence(limit: Limit, target: str) -> None:
    possible = (
        limit.label == target
        and limit.metric in ("sensitivity", "specificity")
        and limit.max_regression is not None
        and 0 < limit.max_regression < 1
        and not limit.relative
        and limit.min is None
        and limit.max is None
    )
    if not possible:
        raise UsageError(
            f"the limit on {limit.name} ({limit.origin}) asks for evidence: that takes the "
            f"sensitivity or specificity of {target} and a `max_regression` between 0 and 1, such "
            "as 0.05"
        )
