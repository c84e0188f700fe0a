"""JUnit XML, which Jenkins, GitLab, GitHub actions and others show: a test case for each limit.

A limit that is not kept is a `<failure>`. What could not be judged is an `<error>`: the whole run
(its type says at which stage), or a limit that asks for more evidence than there is (its type is
`inconclusive`). A limit that only warns passes. Names of tests say what is asked, and stay;
figures stand in the message, or in `<system-out>` where a test passes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from covidreport.gate.wording import describe_skipped
from covidreport.integrations.naming import clean, title_limits, title_run
from covidreport.records import Beside, LimitResult, Verdict

_NOTHING = Beside()
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(verdicts: Sequence[Verdict], beside: Beside = _NOTHING) -> str:
    """A `<testsuite>` for each run. The same verdicts give the same bytes: there are no times.

    What must be known beside is told by a suite of its own, which has no tests.
    """
    suites = [_make_suite(verdict) for verdict in verdicts]
    if beside.notices or beside.not_judged:
        suites.append(_make_notice(beside))
    root = ET.Element("testsuites", name="covidreport")
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _make_notice(beside: Beside) -> ET.Element:
    suite = ET.Element("testsuite", name="covidreport", tests="0", failures="0", errors="0")
    ET.SubElement(suite, "properties")
    said = [f"{each.severity}: {each.what}. {each.evidence}." for each in beside.notices]
    skipped = describe_skipped(beside.not_judged)
    said += [f"Not judged: {skipped}."] if skipped else []
    ET.SubElement(suite, "system-out").text = _text(" ".join(said))
    return suite


def _make_suite(verdict: Verdict) -> ET.Element:
    name = _text(title_run(verdict))
    suite = ET.Element("testsuite", name=name)
    properties = ET.SubElement(suite, "properties")
    for key, value in _list_properties(verdict):
        ET.SubElement(properties, "property", name=key, value=_text(value))
    cases = [
        _make_case(name, title, result)
        for title, result in zip(title_limits(verdict.results), verdict.results, strict=True)
    ]
    if verdict.error is not None:
        case = ET.Element("testcase", name="can be judged", classname=f"covidreport.{name}")
        _say(case, "error", verdict.error.reason, verdict.error.stage)
        cases.append(case)
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    ET.SubElement(suite, "system-out").text = _text(verdict.sentence)
    return suite


def _make_case(run: str, title: str, result: LimitResult) -> ET.Element:
    case = ET.Element("testcase", name=_text(title), classname=f"covidreport.{run}")
    if result.outcome == "fail":
        _say(case, "failure", result.sentence, "limit")
    elif result.outcome == "inconclusive":
        _say(case, "error", result.sentence, "inconclusive")
    elif result.outcome == "warn":
        ET.SubElement(case, "system-out").text = _text(f"Warning: {result.sentence}")
    else:
        ET.SubElement(case, "system-out").text = _text(result.sentence)
    return case


def _say(case: ET.Element, tag: str, sentence: str, kind: str) -> None:
    ET.SubElement(case, tag, message=_text(sentence), type=kind).text = _text(sentence)


def _list_properties(verdict: Verdict) -> list[tuple[str, str]]:
    """The metrics, for a program that reads nothing but this file."""
    found = [("outcome", verdict.outcome), ("target", verdict.target)]
    if verdict.scores_from is not None:
        found.append(("scores_from", verdict.scores_from))
    if verdict.thresholds_written_here is not None:
        found.append(("thresholds_written_here", str(verdict.thresholds_written_here).lower()))
    counts = verdict.counts
    if counts is not None:
        found += [
            (name, str(getattr(counts, name)))
            for name in ("missed", "false_alarms", "positives", "negatives")
        ]
        found += [
            (name, repr(estimate.value))
            for name, estimate in verdict.estimates.items()
            if estimate.value is not None
        ]
    return found


def _text(text: str) -> str:
    """`text` on one line, without what XML can't hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", clean(text))
