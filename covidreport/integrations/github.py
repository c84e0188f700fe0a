"""A GitHub job: its summary, annotations and outputs, where the environment says that it is one."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from covidreport.gate.outcomes import EXIT_CODES, combine_outcomes
from covidreport.integrations.comment import cut_comment
from covidreport.integrations.naming import clean, title_run
from covidreport.records import Beside, Verdict

SUMMARY_LIMIT_BYTES = 1024 * 1024
"""Of all that one step writes into its summary; GitHub shows none of it where it is more."""
LEAST_BYTES = 400
MOST_ANNOTATIONS = 10
"""GitHub shows so many errors, and so many warnings, of a step."""
LONGEST_ANNOTATION = 4000
_NOTHING = Beside()


def post_github(
    verdicts: Sequence[Verdict], environment: Mapping[str, str], beside: Beside = _NOTHING
) -> None:
    """Write summary and outputs, and print annotations; nothing outside a GitHub job.

    Annotations go to stderr, which GitHub reads as it reads stdout: what `--json` prints stays
    whole. Raises OSError where a file can't be written.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        append_summary(Path(summary), verdicts, beside)
    outputs = environment.get("GITHUB_OUTPUT")
    if outputs:
        with Path(outputs).open("a", encoding="utf-8") as file:
            file.write(format_outputs(list_outputs(verdicts)))
    for line in list_annotations(verdicts, beside):
        sys.stderr.write(f"{line}\n")


def append_summary(path: Path, verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> None:
    """Add the verdict to a job's summary; what does not fit beside what is there is omitted.

    Where not even a few words fit, nothing is added: GitHub would then show nothing at all.
    """
    taken = path.stat().st_size if path.is_file() else 0
    if SUMMARY_LIMIT_BYTES - taken < LEAST_BYTES:
        return
    room = SUMMARY_LIMIT_BYTES - taken - 1
    text = cut_comment(verdicts, room, lambda part: len(part.encode()), beside)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def list_outputs(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """What later steps can read; metrics are those of the only run, and empty where there are more.

    `outcome`, `exit-code`, `sentence` (a line a run), `runs`, `missed`, `false-alarms`,
    `newly-missed` (a number).
    """
    outcome = combine_outcomes([verdict.outcome for verdict in verdicts])
    only = verdicts[0] if len(verdicts) == 1 else None
    counts = None if only is None else only.counts
    compared = only is not None and bool(only.comparisons)
    return {
        "outcome": outcome,
        "exit-code": str(EXIT_CODES[outcome]),
        "sentence": "\n".join(clean(verdict.sentence) for verdict in verdicts),
        "runs": "\n".join(title_run(verdict) for verdict in verdicts),
        "missed": "" if counts is None else str(counts.missed),
        "false-alarms": "" if counts is None else str(counts.false_alarms),
        "newly-missed": str(len(only.newly_missed)) if only and compared else "",
    }


def format_outputs(outputs: Mapping[str, str]) -> str:
    """As lines of `GITHUB_OUTPUT`: each value between delimiters that nobody can foresee."""
    lines = []
    for name, value in outputs.items():
        delimiter = f"covidreport_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(lines)


def list_annotations(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> list[str]:
    """Workflow commands: at most as many errors and warnings as are shown, the last a count."""
    lines = []
    for level in ("error", "warning"):
        found: list[tuple[str, str, str]] = [
            (each.severity, "covidreport", f"{each.what}. {each.evidence}")
            for each in beside.notices
            if each.severity == level
        ]
        found += [each for verdict in verdicts for each in _annotate(verdict) if each[0] == level]
        shown = found if len(found) <= MOST_ANNOTATIONS else found[: MOST_ANNOTATIONS - 1]
        lines += [_format(level, title, text) for _, title, text in shown]
        if len(found) > len(shown):
            more = f"{len(found) - len(shown):,} more: the summary and verdict.json have them."
            lines.append(_format(level, "covidreport", more))
    return lines


def _annotate(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    """Level, title and text."""
    name = title_run(verdict)
    if verdict.error is not None:
        yield "error", f"{name} could not be judged", verdict.sentence
    for result in verdict.results:
        limit = clean(result.limit.name)
        if result.outcome == "fail":
            yield "error", f"{name}: {limit}", result.sentence
        elif result.outcome == "inconclusive":
            yield "error", f"{name}: {limit} is inconclusive", result.sentence
        elif result.outcome == "warn":
            yield "warning", f"{name}: {limit}", result.sentence
    for finding in verdict.findings:
        if finding.severity != "note":
            yield "warning", f"{name}: {finding.code}", f"{finding.what}. {finding.evidence}"


def _format(level: str, title: str, text: str) -> str:
    shown = clean(text)[:LONGEST_ANNOTATION]
    return f"::{level} title={_escape_property(clean(title))}::{_escape(shown)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
