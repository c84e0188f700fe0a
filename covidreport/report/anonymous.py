"""Findings and failures without the ids of images: whoever gets a report gets no patient's name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from covidreport.records import Evaluation, Finding, ReportData, ReportedRun
from covidreport.text import choose_salt, digest_case


def hide_ids(data: ReportData) -> ReportData:
    """The report's data with a digest wherever a finding or a failure names an image.

    What a finding is about is an image unless a run has that name; ids stand in its texts as well.
    """
    runs = {run.name for reported in data.runs for run in (reported.run, *reported.run.members)}
    salt = choose_salt(next((ranking.fingerprint for ranking in data.rankings), None))
    return replace(
        data,
        findings=tuple(_hide_in_finding(one, runs, salt) for one in data.findings),
        runs=tuple(_hide_in_run(one, runs, salt) for one in data.runs),
    )


def _hide_in_run(reported: ReportedRun, runs: set[str], salt: str) -> ReportedRun:
    evaluation = reported.evaluation
    return replace(
        reported,
        evaluation=None if evaluation is None else _hide_in_evaluation(evaluation, runs, salt),
        others=tuple(_hide_in_evaluation(one, runs, salt) for one in reported.others),
        elsewhere=tuple(_hide_in_evaluation(one, runs, salt) for one in reported.elsewhere),
    )


def _hide_in_evaluation(evaluation: Evaluation, runs: set[str], salt: str) -> Evaluation:
    """The same salt for every split, so that an image has one name in the whole report."""
    return replace(
        evaluation,
        findings=tuple(_hide_in_finding(one, runs, salt) for one in evaluation.findings),
        failures=tuple(
            one if one.subject in runs else replace(one, subject=digest_case(one.subject, salt))
            for one in evaluation.failures
        ),
    )


def _hide_in_finding(finding: Finding, runs: set[str], salt: str) -> Finding:
    names = {one: digest_case(one, salt) for one in finding.subjects if one not in runs}
    if not names:
        return finding
    return replace(
        finding,
        what=_write_names(finding.what, names),
        evidence=_write_names(finding.evidence, names),
        remedy=_write_names(finding.remedy, names),
        subjects=tuple(names.get(one, one) for one in finding.subjects),
    )


def _write_names(text: str, names: Mapping[str, str]) -> str:
    """The text with every whole id in it replaced, longer ids first: one may begin another."""
    ids = sorted(names, key=len, reverse=True)
    pattern = "|".join(map(re.escape, ids))
    return re.sub(rf"(?<![\w.-])(?:{pattern})(?![\w-])", lambda found: names[found.group()], text)
