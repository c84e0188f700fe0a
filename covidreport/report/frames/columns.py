"""The columns of every frame, in their order, with the pandas type of each.

Texts, whole numbers and yes/no that may be unknown have pandas' nullable types; a figure that is
undefined is NaN. `docs/notebook.md` says what each column holds, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from covidreport.metrics import COUNTS

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, str]
TEXT, WHOLE, FIGURE, YES_NO, LIST = "string", "Int64", "float64", "boolean", "object"
_RATE = dict.fromkeys(("value", "low", "high"), FIGURE)
_EVALUATION = dict.fromkeys(("run", "dataset", "split", "variant"), TEXT)
_LABEL = _EVALUATION | {"label": TEXT}


def _with_ends(*metrics: str) -> Columns:
    return {f"{metric}{end}": FIGURE for metric in metrics for end in ("", "_low", "_high")}


RUNS: Columns = {
    "run": TEXT, "experiment": TEXT, "block": TEXT, "description": TEXT, "folder": TEXT,
    "model": TEXT, "rank": WHOLE, "why_unranked": TEXT, "failure": TEXT,
}  # fmt: skip
RANKING: Columns = {
    "ranking": WHOLE, "rank": WHOLE, "run": TEXT, "block": TEXT, "missed": WHOLE, "found": WHOLE,
    "false_alarms": WHOLE, "positives": WHOLE, "negatives": WHOLE,
    "significantly_different": YES_NO, "p": FIGURE, "adjusted_p": FIGURE, "p_high": FIGURE,
    "adjusted_p_high": FIGURE, "rank_low": WHOLE, "rank_high": WHOLE, "best_probability": FIGURE,
    **_with_ends("sensitivity", "specificity", "f1", "micro_f1", "label_accuracy", "exact_match"),
    "average_precision": FIGURE, "why_unranked": TEXT, "patient_rule": TEXT,
    "patients_positive": WHOLE, "patients_missed": WHOLE, "patients_negative": WHOLE,
    "patients_false_alarms": WHOLE, **_with_ends("patient_sensitivity", "patient_specificity"),
}  # fmt: skip
COUNTED: Columns = {
    **_LABEL, "is_target": YES_NO, "threshold": FIGURE, "thresholds_from": TEXT,
    "fingerprint": TEXT, "n_images": WHOLE, "n_groups": WHOLE, **dict.fromkeys(COUNTS, WHOLE),
}  # fmt: skip
ESTIMATES: Columns = {
    **_LABEL, "metric": TEXT, **_RATE, "numerator": WHOLE, "denominator": WHOLE, "method": TEXT,
}  # fmt: skip
COMPARISONS: Columns = {
    "ranking": WHOLE, "metric": TEXT, "first": TEXT, "second": TEXT, "difference": FIGURE,
    "low": FIGURE, "high": FIGURE, "interval": TEXT, "p_value": FIGURE,
    "adjusted_p_value": FIGURE, "test": TEXT, "correction": TEXT, "only_first": WHOLE,
    "only_second": WHOLE, "planned": YES_NO,
}  # fmt: skip
SAME_SPECIFICITY: Columns = {
    "ranking": WHOLE, "specificity_of": TEXT, "at": FIGURE, "most_false_alarms": WHOLE, "run": TEXT,
    "missed": WHOLE, "false_alarms": WHOLE, "specificity": FIGURE, **_with_ends("sensitivity"),
    "compared_with": TEXT, "difference": FIGURE, "low": FIGURE, "high": FIGURE, "p_value": FIGURE,
    "adjusted_p_value": FIGURE, "correction": TEXT,
}  # fmt: skip
NON_INFERIORITY: Columns = {
    "ranking": WHOLE, "run": TEXT, "reference": TEXT, "margin": FIGURE, "answer": TEXT,
    "difference": FIGURE, "low": FIGURE, "high": FIGURE, "interval": TEXT, "confidence": FIGURE,
}  # fmt: skip
COMBINATIONS: Columns = {
    "ranking": WHOLE, "runs": LIST, "rule": TEXT, "missed": WHOLE, "false_alarms": WHOLE,
    "tried_runs": WHOLE,
}  # fmt: skip
FINDINGS: Columns = {
    **dict.fromkeys(("severity", "code", "what", "evidence", "remedy"), TEXT), "subjects": LIST,
}  # fmt: skip
FAILURES: Columns = {**_EVALUATION, "subject": TEXT, "stage": TEXT, "reason": TEXT}
SUBGROUPS: Columns = {
    **_LABEL, "attribute": TEXT, "value": TEXT, "n_images": WHOLE, **dict.fromkeys(COUNTS, WHOLE),
    **_with_ends("sensitivity", "specificity"), "sensitivity_compared": YES_NO,
    "specificity_compared": YES_NO,
}  # fmt: skip
OPERATING_POINTS: Columns = {**_LABEL, "metric": TEXT, "given": TEXT, "at": FIGURE, **_RATE}
CALIBRATION: Columns = {
    **_LABEL, "bin_low": FIGURE, "bin_high": FIGURE, "n_images": WHOLE, "predicted": FIGURE,
    "observed": FIGURE, "observed_low": FIGURE, "observed_high": FIGURE,
}  # fmt: skip
NET_BENEFIT: Columns = {
    **_LABEL, "threshold": FIGURE, **_with_ends("net_benefit"), "treat_all": FIGURE,
}  # fmt: skip
CASES: Columns = {
    "kind": TEXT, "case": TEXT, "group": TEXT, "attributes": LIST, "run": TEXT, "answer": TEXT,
    "score": FIGURE, "threshold": FIGURE,
}  # fmt: skip
CONFIGURATIONS: Columns = {
    "ranking": WHOLE, "configuration": WHOLE, "runs": LIST, "seeds": LIST, "metric": TEXT,
    "n_runs": WHOLE, "undefined": WHOLE, "mean": FIGURE, "sd": FIGURE, "low": FIGURE,
    "high": FIGURE,
}  # fmt: skip
CONFIGURATION_COMPARISONS: Columns = {
    "ranking": WHOLE, "first": WHOLE, "second": WHOLE, "metric": TEXT, "difference": FIGURE,
    "low": FIGURE, "high": FIGURE, "p_value": FIGURE, "adjusted_p_value": FIGURE, "method": TEXT,
    "smallest_p": FIGURE,
}  # fmt: skip


def build_frame(columns: Columns, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A frame of exactly these columns and types, whether or not there are rows.

    A KeyError where a row lacks a column: what is unknown is said, with None.
    """
    import pandas as pd

    values: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, column in values.items():
            column.append(row[name])
    return pd.DataFrame(
        {name: pd.Series(values[name], dtype=kind) for name, kind in columns.items()}
    )
