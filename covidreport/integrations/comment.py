"""The verdict as Markdown: the comment on a pull request, and the summary of a job.

What is said first is what decides: the outcome, the limits that are not kept, the newly missed
cases. Where it would be longer than allowed, whole parts are omitted from the end, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from covidreport.gate.limit_wording import describe_bound, format_number
from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes, needs_explanation
from covidreport.gate.wording import (
    describe_origins,
    describe_paired,
    describe_skipped,
    list_odds,
)
from covidreport.integrations.naming import OUTCOME_WORDS, clean, title_run
from covidreport.records import Beside, Finding, LimitResult, Verdict
from covidreport.report.first_look import MOST_ROWS
from covidreport.report.markdown import COMMENT_LIMIT, escape_markdown
from covidreport.text import DASH, format_estimate, fraction, list_some, plural, whole

MARKER = "<!-- covidreport:verdict -->"
"""The first line: a comment that begins with it is one of ours, and is replaced by the next."""
SIGNS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "inconclusive": "❔", "error": "⛔"}
LONGEST_NAME = 200
"""Of a run in the title, which then fits whatever the name is."""
MOST_FOLDED = 50
"""Of rows beyond the first, which are folded; of more verdict.json has all."""
MOST_CASES = 100
_LEAST = 160
"""For the marker, and for saying that something is omitted."""
_NOTHING = Beside()
_GRAVITY = ("fail", "inconclusive", "warn", "pass")


def render_comment(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """Markdown that fits into a comment on GitHub and GitLab."""
    return cut_comment(verdicts, COMMENT_LIMIT, len, beside)


def cut_comment(
    verdicts: Sequence[Verdict], limit: int, measure: Callable[[str], int],
    beside: Beside = _NOTHING,
) -> str:  # fmt: skip
    """The same, of at most `limit` as `measure` counts: characters, or bytes."""
    title = _show(_title(verdicts))
    parts = [_notice(each) for each in beside.notices]
    parts.append(f"## {title}\n")
    skipped = describe_skipped(beside.not_judged)
    if skipped:
        parts.append(f"Not judged: {_show(skipped)}.\n")
    if len(verdicts) > 1:
        parts += _overview(verdicts)
        parts += [f"{_show(odds)}\n" for odds in list_odds(verdicts)]
    grave = sorted(verdicts, key=lambda each: [*EXIT_CODES].index(each.outcome))
    for verdict in grave:
        if len(verdicts) == 1 or needs_explanation(verdict):
            parts += _describe(verdict, headed=len(verdicts) > 1)
    room = limit - _LEAST
    shown = [MARKER]
    for part in parts:
        room -= measure(part) + 1
        if room < 0:
            break
        shown.append(part)
    left = len(parts) + 1 - len(shown)
    if left:
        shown.append(
            f"{plural(left, 'part')} left out here for its length: verdict.json has all.\n"
        )
    return "\n".join(shown)


def _title(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "covidreport: no run had to be judged"
    outcome = combine_outcomes([verdict.outcome for verdict in verdicts])
    words = f"{SIGNS[outcome]} covidreport: {OUTCOME_WORDS[outcome].lower()}"
    if len(verdicts) == 1:
        return f"{words}, {title_run(verdicts[0])[:LONGEST_NAME]}"
    said = [
        f"{whole(count)} {OUTCOME_WORDS[each].lower()}"
        for each in EXIT_CODES
        if (count := sum(verdict.outcome == each for verdict in verdicts))
    ]
    return f"{words} ({', '.join(said)} of {plural(len(verdicts), 'run')})"


def _notice(finding: Finding) -> str:
    """What is said first, set apart from the verdict."""
    return f"> {SIGNS['warn']} **{_show(finding.what)}.** {_show(finding.remedy)}\n"


def _overview(verdicts: Sequence[Verdict]) -> list[str]:
    """A row a run, the gravest first."""
    rows = []
    grave = sorted(verdicts, key=lambda each: [*EXIT_CODES].index(each.outcome))
    for verdict in grave:
        counts = verdict.counts
        passed = sum(result.outcome == "pass" for result in verdict.results)
        rows.append(
            (
                f"{SIGNS[verdict.outcome]} {OUTCOME_WORDS[verdict.outcome]}",
                title_run(verdict),
                DASH if counts is None else fraction(counts.missed, counts.positives),
                DASH if counts is None else fraction(counts.false_alarms, counts.negatives),
                DASH if counts is None else fraction(passed, len(verdict.results)),
            )
        )
    head = ("Verdict", "Run", "Missed", "False alarms", "Limits kept")
    tables = _table(head, rows, ":-- | :-- | --: | --: | --:", "run")
    origins = describe_origins(verdicts)
    return [*tables, f"{_show(origins)}\n"] if origins else tables


def _describe(verdict: Verdict, *, headed: bool) -> Iterator[str]:
    if headed:
        words = f"{OUTCOME_WORDS[verdict.outcome]}: {title_run(verdict)}"
        yield f"### {SIGNS[verdict.outcome]} {_show(words)}\n"
    yield f"{_show(verdict.sentence)}\n"
    if verdict.results:
        yield from _limits(verdict)
    yield from _cases("Newly missed", "found by the baseline", verdict.newly_missed, verdict)
    paired = describe_paired(verdict)
    if paired:
        yield f"{_show(paired)}\n"
    if not headed:
        yield from (f"{_show(said)}\n" for said in list_odds([verdict]))
    yield from _cases("Newly found", "missed by the baseline", verdict.newly_found, verdict)
    grave = [
        f"- {SIGNS['warn']} {_show(each.what)}: {_show(each.evidence)}\n"
        for each in verdict.findings
        if each.severity != "note"
    ]
    if grave:
        yield "".join(grave[:MOST_ROWS])
    if len(grave) > MOST_ROWS:
        more = grave[MOST_ROWS:]
        yield _fold(f"{plural(len(more), 'warning')} more", "".join(more[:MOST_FOLDED]))
    if verdict.counts is not None:
        yield _grounds(verdict)


def _limits(verdict: Verdict) -> list[str]:
    """A row a limit, those that are not kept first."""
    results = sorted(verdict.results, key=lambda each: _GRAVITY.index(each.outcome))
    rows = [_limit_row(result) for result in results]
    head = ("Verdict", "Limit", "This run", "Baseline", "Allowed")
    return _table(head, rows, ":-- | :-- | --: | --: | --:", "limit")


def _limit_row(result: LimitResult) -> tuple[str, ...]:
    limit = result.limit
    bound = result.allowed_min if result.allowed_min is not None else result.allowed_max
    return (
        f"{SIGNS[result.outcome]} {result.outcome}",
        clean(limit.name),
        format_number(limit, result.value, bound),
        format_number(limit, result.baseline),
        describe_bound(result),
    )


def _cases(title: str, meaning: str, cases: Sequence[str], verdict: Verdict) -> Iterator[str]:
    if not cases:
        return
    named = "by id" if verdict.ids_shown else "by digest"
    said = list_some([_show(case) for case in cases], MOST_CASES)
    yield f"**{title}** ({plural(len(cases), 'image')} {meaning}, {named}): {said}\n"


def _grounds(verdict: Verdict) -> str:
    """On what the verdict rests, in one line."""
    facts = [f"Data: {verdict.dataset}, {verdict.split}"]
    if verdict.evaluation is not None:
        facts.append(plural(verdict.evaluation.n_images, "image"))
    if verdict.fingerprint:
        facts.append(f"fingerprint {verdict.fingerprint[:12]}")
    for name in ("sensitivity", "specificity"):
        if name in verdict.estimates:
            facts.append(f"{name} {format_estimate(verdict.estimates[name]).text}")
    if verdict.baseline is not None:
        facts.append(f"baseline {verdict.baseline.run}")
    facts.append("research software, no medical device")
    return f"{_show('; '.join(facts))}.\n"


def _show(text: str) -> str:
    """`text` as Markdown that shows it as it is, without what can't be seen."""
    return escape_markdown(clean(text))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], rule: str, noun: str) -> list[str]:
    """The first rows, and folded beneath them the others."""
    parts = [_lines(head, rows[:MOST_ROWS], rule)]
    rest = rows[MOST_ROWS:]
    if rest:
        folded = _lines(head, rest[:MOST_FOLDED], rule)
        more = len(rest) - MOST_FOLDED
        if more > 0:
            folded += f"\nAnd {plural(more, noun)} more: verdict.json has all.\n"
        parts.append(_fold(f"{plural(len(rest), noun)} more", folded))
    return parts


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]], rule: str) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {rule} |"]
    lines += [f"| {' | '.join(_show(cell) for cell in row)} |" for row in rows]
    return "\n".join([*lines, ""])


def _fold(title: str, inside: str) -> str:
    """What GitHub and GitLab show once it is asked for; Markdown is read between blank lines."""
    return f"<details>\n<summary>{title}</summary>\n\n{inside}\n</details>\n"
