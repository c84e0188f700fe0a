"""What of a report is a claim of the run folders, and which models are no longer theirs."""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.records import Finding, ReportedRun
from covidreport.storage.made_here import MadeHere
from covidreport.storage.model import match_models
from covidreport.text import list_some

MOST_NAMED = 10
"""Of many runs, so many are named in a finding; its subjects have all."""


def find_claims(reported: Sequence[ReportedRun], made: MadeHere) -> list[Finding]:
    """What of the figures is a claim of the run folders: scores, and thresholds of runs' own."""
    stored = tuple(
        one.run.name
        for one in reported
        if one.scores_from == "as stored"
        or not all(made.has_evaluation(one.run, each) for each in one.elsewhere)
    )
    tuned = tuple(one.run.name for one in reported if one.thresholds_written_here is False)
    findings = []
    if stored:
        findings.append(
            Finding(
                "note",
                "scores-as-stored",
                f"Scores as stored, not computed here: {list_some(stored, MOST_NAMED)}",
                "this machine's cache has no record of having computed them: they are what the run "
                "folders bring",
                "Evaluate these runs here, or know who did.",
                stored,
            )
        )
    if tuned:
        findings.append(
            Finding(
                "note",
                "thresholds-as-stored",
                f"Thresholds as stored, not tuned here: {list_some(tuned, MOST_NAMED)}",
                "this machine's cache has no record of having tuned them",
                "Tune these runs here (`covidreport tune`), or know who did.",
                tuned,
            )
        )
    return findings


def find_stale_models(reported: Sequence[ReportedRun]) -> list[Finding]:
    """A finding for each run whose model file is no longer the one that was evaluated."""
    findings = []
    for item in reported:
        evaluations = [each for each in (item.evaluation, *item.elsewhere) if each is not None]
        matches = [
            (evaluation, run, match)
            for evaluation in evaluations
            if evaluation.facts.model is not None
            for run, match in match_models(item.run, evaluation)
        ]
        for evaluation, run, match in matches:
            if match.same or run.model is None:
                continue
            where = f" on {evaluation.dataset}" if evaluation in item.elsewhere else ""
            findings.append(
                Finding(
                    "error",
                    "model-changed",
                    f"The model of {run.name} is not the one that was evaluated{where}",
                    match.fault or f"{run.model.name} no longer has the sha256 {match.recorded}",
                    "run `covidreport evaluate` again",
                    (item.run.name,),
                )
            )
    return findings
