"""What verdicts and limits are called in every output, so that one can be found in another."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from covidreport.gate.limit_wording import describe_limit
from covidreport.records import LimitResult, Verdict, VerdictOutcome
from covidreport.storage.files import fits_name
from covidreport.text import clean

__all__ = [
    "OUTCOME_WORDS",
    "clean",
    "identify_limit",
    "is_plain_name",
    "name_file",
    "title_limits",
    "title_run",
]

OUTCOME_WORDS: Mapping[VerdictOutcome, str] = {
    "pass": "Pass",
    "fail": "Fail",
    "inconclusive": "Inconclusive",
    "error": "Not judged",
}


def title_run(verdict: Verdict) -> str:
    """The run's name on one line, nothing invisible in it; never empty."""
    return clean(verdict.run) or "(no run)"


def title_limits(results: Sequence[LimitResult]) -> list[str]:
    """Such as `covid-19 missed ≤ 8`; of equal ones the second has ` (2)` behind it.

    They stay while the metrics of run and baseline move: by them a history is kept.
    """
    seen: Counter[str] = Counter()
    titles = []
    for result in results:
        title = f"{clean(result.limit.name)} {describe_limit(result.limit)}"
        seen[title] += 1
        titles.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return titles


def identify_limit(result: LimitResult) -> tuple[object, ...]:
    """What makes a limit the same one in the next pipeline, whatever the metrics are by then."""
    limit = result.limit
    given = None if limit.has_own_allowance else limit.max_regression
    return (
        limit.label, limit.metric, limit.min, limit.max, given, limit.relative, limit.evidence,
        limit.severity,
    )  # fmt: skip


def name_file(text: str) -> str:
    """A label or a run as part of a file's name: unequal for unequal texts."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:80]
    if safe == text:
        return safe
    return f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")


def is_plain_name(name: str) -> bool:
    """Whether a folder or file may be called so here: no separator, not hidden, no line break."""
    return fits_name(name) and ":" not in name
