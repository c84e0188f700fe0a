"""Verdicts made by hand: good and bad days, names that want to be markup, and very many limits."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import (
    Comparison,
    Counts,
    Estimate,
    Failure,
    Finding,
    GateBaseline,
    GateDifference,
    Limit,
    LimitOutcome,
    LimitResult,
    LimitSeverity,
    Verdict,
)

HOSTILE = "a|b \"c\" 'd' `e`\r\n<script>f</script> ]]> % : , \x1b[31m\u202eg\x00 @everyone #1"
"""A run's name with all that some format gives a meaning to."""
SENSITIVITY = Estimate(20 / 28, 0.529, 0.847, 20, 28, "wilson")
SPECIFICITY = Estimate(0.75, 0.7, 0.8, 90, 120, "wilson")


def limit_result(
    outcome: LimitOutcome = "pass", metric: str = "missed", value: float | None = 8.0,
    most: float = 8.0, label: str = "covid-19",
) -> LimitResult:  # fmt: skip
    """A limit `metric <= most`, and what became of it."""
    severity: LimitSeverity = "warn" if outcome == "warn" else "fail"
    return LimitResult(
        limit=Limit(metric, label, max=most, severity=severity),
        outcome=outcome,
        value=value,
        baseline=None,
        allowed_min=None,
        allowed_max=most,
        sentence=f"{label} {metric} is {value}; at most {most:g} is allowed",
    )


def verdict(name: str = "exp15", **changes: object) -> Verdict:
    """A run that missed 8 of 28 and passes; `changes` replace fields of it."""
    made = Verdict(
        outcome="pass",
        run=name,
        target="covid-19",
        sentence=f"{name} misses 8 of 28 COVID-19 images; 1 limit kept.",
        folder="runs/exp15",
        model_sha256="0" * 64,
        dataset="cxr",
        split="validation",
        fingerprint="f" * 64,
        thresholds={"covid-19": 0.5},
        thresholds_from="default",
        results=(limit_result(),),
        counts=Counts(tn=90, fp=30, fn=8, tp=20),
        estimates={
            "sensitivity": SENSITIVITY,
            "specificity": SPECIFICITY,
            "roc_auc": Estimate(None),
        },
    )
    return replace(made, **changes)


def failed(name: str = "worse") -> Verdict:
    """3 more missed than by the baseline, of which it names them, with a warning beside."""
    return verdict(
        name,
        outcome="fail",
        sentence=f"{name} misses 8 of 28 COVID-19 images, the baseline 5; 1 of 2 limits not kept.",
        baseline=GateBaseline(
            "good", "file", "baseline.json", None, "0.1.0", Counts(90, 30, 5, 23), {}
        ),
        results=(
            limit_result("fail", most=5.0),
            limit_result("warn", "false_alarms", 30.0, 20.0),
            limit_result("pass", "missed", 8.0, 10.0),
        ),
        comparisons=(
            Comparison(
                name, "good", "sensitivity", -3 / 28, -0.25, 0.01, p_value=0.25,
                test="mcnemar-exact",
            ),
        ),
        detectable_difference=GateDifference(1, 6, 28, 0.05, name, "good", 3, 104),
        newly_missed=("3f9c02d1a7be", "0a1b2c3d4e5f", "5f4e3d2c1b0a"),
        findings=(Finding("warning", "few-cases", "There are few cases", "28 of 148", "Add some"),),
    )  # fmt: skip


def broken(name: str = "broken") -> Verdict:
    """A run whose model can't be loaded."""
    return Verdict(
        outcome="error",
        run=name,
        target="covid-19",
        sentence=f"{name} could not be judged (load): the file is half written",
        folder="runs/broken",
        error=Failure(name, "load", "the file is half written"),
    )


def inconclusive(name: str = "unclear") -> Verdict:
    """One limit asks for evidence that there is not."""
    result = replace(limit_result("inconclusive", "sensitivity", 20 / 28), positives_needed=104)
    return verdict(name, outcome="inconclusive", results=(result, limit_result()))


def many_limits(count: int = 500) -> Verdict:
    """Every fifth is not kept, every seventh of the rest warns; all have the same name."""
    outcomes: list[LimitOutcome] = [
        "fail" if i % 5 == 0 else "warn" if i % 7 == 0 else "pass" for i in range(count)
    ]
    return verdict(outcome="fail", results=tuple(limit_result(each) for each in outcomes))


def days() -> dict[str, tuple[Verdict, ...]]:
    """By name, what a gate may hand over."""
    return {
        "nothing": (),
        "pass": (verdict(),),
        "fail": (failed(),),
        "error": (broken(),),
        "inconclusive": (inconclusive(),),
        "hostile": (failed(HOSTILE),),
        "hostile and broken": (broken(HOSTILE),),
        "all at once": (verdict(), failed(), broken(), inconclusive()),
        "500 limits": (many_limits(),),
        "500 runs": tuple(failed(f"run-{i}") if i % 2 else verdict(f"run-{i}") for i in range(500)),
    }
