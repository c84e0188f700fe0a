"""Whether runs call pictures the target that are no frontal radiograph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from covidreport.audit.disturbance import name_test
from covidreport.compare.bounds import ALPHA
from covidreport.records import Estimate, Finding, ForeignKind, ForeignRun, ReportData
from covidreport.text import DASH, format_p, label_name, list_some, plural, whole

CODE: Final = "foreign-called"
MOST_NAMED: Final = 4
"""So many runs, and kinds of each, have their figures in the evidence."""


def audit_foreign(data: ReportData) -> tuple[Finding, ...]:
    """The runs that call foreign pictures the target more often than their false alarms explain.

    By the exact test of pairs against the same negatives as they are, or Fisher's for the pictures
    of a folder against all negatives, by Holm over all kinds and runs, at most 0.05.
    """
    found = {run.run: kinds for run in data.foreign if (kinds := run.list_called(ALPHA))}
    if not found:
        return ()
    by_name = {run.run: run for run in data.foreign}
    verb = "calls" if len(found) == 1 else "call"
    titles = Counter(kind.title.lower() for kinds in found.values() for kind in kinds)
    told = [
        title if n == len(found) else f"{title} ({plural(n, 'run')})"
        for title, n in titles.most_common()
    ]
    shown = [_show(by_name[name], kinds) for name, kinds in list(found.items())[:MOST_NAMED]]
    rest = len(found) - MOST_NAMED
    more = f"; and {plural(rest, 'more run')}" if rest > 0 else ""
    return (
        Finding(
            "warning",
            CODE,
            f"{plural(len(found), 'run')} {verb} foreign pictures {label_name(data.target)} more "
            "often than "
            f"false alarms explain: {list_some(told, 5)}",
            f"{'; '.join(shown)}{more}. {_name_tests(data.foreign)}",
            "Let something in front of the model refuse what is no frontal radiograph, or train "
            "with such pictures as negatives.",
            tuple(found),
        ),
    )


def _name_tests(runs: Sequence[ForeignRun]) -> str:
    """What the changes and the folders were compared with, how, and over how many."""
    every = [kind.comparison for run in runs for kind in run.kinds if kind.comparison is not None]
    paired = [each for each in every if each.only_first is not None]
    said = [
        f"changed pictures against themselves as they are by {name_test(each)}"
        for each in paired[:1]
    ]
    if len(paired) < len(every):
        said.append("those of a folder against all negatives by Fisher's exact test")
    told = "; ".join(said)
    return f"{told[:1].upper()}{told[1:]}; by Holm over {plural(len(every), 'comparison')}."


def _show(run: ForeignRun, kinds: tuple[ForeignKind, ...]) -> str:
    said = list_some([_quote(run, kind) for kind in kinds], MOST_NAMED)
    return f"{run.run}: {said}"


def _quote(run: ForeignRun, kind: ForeignKind) -> str:
    """Such as `upside down 30 of 40 (4 of 40 as they are, adjusted p = 0.001)`."""
    assert kind.comparison is not None
    paired = kind.comparison.only_first is not None
    beside, where = (
        (run.kinds[0].called, "as they are") if paired else (run.false_alarms, "negatives")
    )
    p = format_p(kind.comparison.adjusted_p_value)
    title = kind.title.lower()
    return f"{title} {_count(kind.called)} ({_count(beside)} {where}, adjusted {p})"


def _count(rate: Estimate) -> str:
    if rate.numerator is None or rate.denominator is None:
        return DASH
    return f"{whole(rate.numerator)} of {whole(rate.denominator)}"
