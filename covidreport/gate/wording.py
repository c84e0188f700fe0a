"""A verdict's sentences: plain text for every output, metrics as fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from covidreport.compare.bounds import ALPHA
from covidreport.compare.finding import SMALLEST, excludes_zero
from covidreport.gate.limit_wording import format_value
from covidreport.gate.outcomes import WORSE_SPECIFICITY
from covidreport.records import (
    Comparison,
    GateOdds,
    GroupNoise,
    LimitResult,
    NotJudged,
    ScoresFrom,
    Verdict,
)
from covidreport.text import format_p, label_name, list_some, plural, whole

SHOWN_CASES = 20
_RARE = 0.01
_SELDOM = (10, 12, 15, 20, 25, 30, 40, 50, 70, 100)
"""One in so many, where that is fewer than one in ten."""
_ORIGINS: Mapping[ScoresFrom, str] = {
    "computed here": "computed here",
    "as stored": "as stored, not computed here",
}


def summarise(verdict: Verdict) -> str:
    """A verdict in a line: the images that were missed, the limits, and whose word it rests on."""
    counts, baseline, results = verdict.counts, verdict.baseline, verdict.results
    assert counts is not None  # it was judged
    images = plural(counts.positives, f"{label_name(verdict.target)} image")
    text = f"{verdict.run} misses {counts.missed:,} of {images}"
    if verdict.patients is not None and verdict.patients.counts.total < counts.total:
        of = verdict.patients.counts
        text += f" ({of.missed:,} of {plural(of.positives, 'patient')})"
    if baseline is not None:
        text += f", the baseline {baseline.run} {baseline.counts.missed:,}"
    text += f"; {_summarise_limits(results)}"
    warned = sum(result.outcome == "warn" for result in results)
    if warned:
        text += f", {plural(warned, 'warning')}"
    if any(finding.code == WORSE_SPECIFICITY for finding in verdict.findings):
        text += "; its specificity is significantly worse than the baseline's"
    theirs = None if baseline is None or baseline.kind == "file" else baseline.scores_from
    assert verdict.scores_from is not None
    origin = describe_origin(verdict.scores_from, theirs, verdict.thresholds_written_here)
    return f"{text}; {origin}."


def _summarise_limits(results: Sequence[LimitResult]) -> str:
    limits = plural(len(results), "limit")
    for outcome, words in (("fail", "not kept"), ("inconclusive", "inconclusive")):
        such = [result.limit.name for result in results if result.outcome == outcome]
        if such:
            return f"{len(such)} of {limits} {words}: {', '.join(dict.fromkeys(such))}"
    kept = sum(result.outcome != "warn" for result in results)
    return f"{limits} kept" if kept == len(results) else f"{kept} of {limits} kept"


def describe_skipped(skipped: Sequence[NotJudged]) -> str:
    """Which runs needed no verdict, and why, such as `exp15 is the baseline`; may be empty."""
    by_reason: dict[str, list[str]] = {}
    for each in skipped:
        by_reason.setdefault(each.why, []).append(each.run)
    return "; ".join(
        f"{'each of ' if len(runs) > 1 else ''}{list_some(runs, SHOWN_CASES)} {why}"
        for why, runs in by_reason.items()
    )


def describe_origin(
    scores: ScoresFrom, baseline: ScoresFrom | None = None, thresholds_here: bool | None = None
) -> str:
    """Whether scores were computed here, or are what run folders claim; tuned thresholds too."""
    parts = ["scores " + _ORIGINS[scores]]
    if baseline is not None and baseline != scores:
        parts.append("the baseline's scores " + _ORIGINS[baseline])
    if thresholds_here is False:
        parts.append("thresholds as stored, not tuned here")
    return "; ".join(parts)


def describe_origins(verdicts: Sequence[Verdict]) -> str:
    """Whose scores the verdicts rest on, of all runs in a line."""
    stored = [each.run for each in verdicts if each.scores_from == "as stored"]
    judged = sum(each.scores_from is not None for each in verdicts)
    if not judged:
        return ""
    if not stored:
        return f"Scores {_ORIGINS['computed here']}."
    rest = " those of the others computed here." if len(stored) < judged else ""
    named = list_some(stored, SHOWN_CASES)
    return f"Scores {_ORIGINS['as stored']}, of {named};{rest}".rstrip(";") + ("" if rest else ".")


def describe_paired(verdict: Verdict) -> str:
    """What the paired test says of the run and the baseline; empty where nothing was compared."""
    if verdict.baseline is None:
        return ""
    if not verdict.comparisons:
        reason = verdict.not_compared or "there are no images to compare them on"
        return f"Not compared image by image: {reason}."
    detectable = verdict.detectable_difference
    by_metric = {each.metric: each for each in verdict.comparisons}
    sentences = []
    if detectable is not None and "sensitivity" in by_metric:
        sentences.append(
            f"On the same {plural(detectable.positives, 'positive')} as {verdict.baseline.run}: "
            f"{plural(len(verdict.newly_missed), 'image')} newly missed, "
            f"{len(verdict.newly_found):,} newly found; {describe_test(by_metric['sensitivity'])}."
        )
        sentences.append(_describe_detectable(verdict))
    if "specificity" in by_metric:
        sentences.append(f"Of the negatives: {describe_test(by_metric['specificity'])}.")
    return " ".join(each for each in sentences if each)


def list_odds(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """The odds of verdicts, each once: those of one call are nearly always the same."""
    stated = (
        said
        for each in verdicts
        for said in (
            "" if each.odds is None else describe_odds(each.odds),
            "" if each.groups is None else describe_noise(each.groups),
        )
    )
    return tuple(dict.fromkeys(filter(None, stated)))


def describe_odds(odds: GateOdds) -> str:
    """What chance alone does to the limit on missed cases, in a line."""
    among = plural(odds.positives, "positive")
    if odds.patients is not None:
        among += f" of {plural(odds.patients, 'patient')}"
    text = f"By chance alone, with {among}, a run as sensitive as the baseline fails "
    text += say_odds(odds.equal_fails)
    if odds.worse_passes is not None:
        text += f", and one {odds.margin:g} less sensitive passes {say_odds(odds.worse_passes)}"
    text += f" ({_describe_reference(odds)})."
    if odds.picked is not None:
        text += (
            f" The baseline was picked as the best of {plural(odds.picked.runs, 'run')} on these "
            f"images: one that is picked so misses about {whole(round(odds.picked.missed))} of "
            f"{whole(odds.positives)} on others, so equal runs fail more often than that."
        )
    if odds.policy == "tolerant":
        cases = plural(odds.allowance or 0, "image")
        text = f"So that few equal runs fail, {cases} more than the baseline may be missed. {text}"
    if odds.tries > 1 and odds.tries_pass is not None:
        text += (
            f" {odds.tries:,} models were judged on these images: if each were {odds.margin:g} "
            f"less sensitive, at least one would pass {_say_at_most(odds.tries_pass)}, so that a "
            "pass says less with each try."
        )
    return text


def describe_noise(noise: GroupNoise) -> str:
    """What chance alone does to the limits on groups, and which groups are too small for one."""
    bands = noise.bands
    some = f"one of {plural(len(bands), 'group')}" if len(bands) > 1 else "the one group"
    text = (
        f"By chance alone, a run as sensitive as the baseline in each group fails by {some} at "
        f"most {say_odds(noise.equal_fails)}"
    )
    caught = [each.worse_fails for each in bands if each.worse_fails is not None]
    if caught:
        text += f". One that is {noise.margin:g} less sensitive in one group fails by it "
        text += _say_range([say_odds(min(caught)), say_odds(max(caught))])
    losses = [each.caught for each in bands if each.caught is not None]
    if losses:
        ends = [format_value(min(losses)), format_value(max(losses))]
        text += f". It takes a loss of {_say_range(ends)} there to fail in 4 of 5 times"
    text += f" ({_describe_reference(noise)})."
    if noise.not_judged:
        few = [f"{name} ({count:,})" for name, count in noise.not_judged.items()]
        text += f" Not judged, with fewer than 10 positives: {list_some(few, SHOWN_CASES)}."
    return text


def _say_range(ends: Sequence[str]) -> str:
    return " to ".join(dict.fromkeys(ends))


def _describe_reference(odds: GateOdds | GroupNoise) -> str:
    if odds.reference_runs:
        return f"reference: how far {plural(odds.reference_runs, 'known run')} and it differ"
    return f"reference: a correlation of runs of {odds.between:g}, which is assumed"


def say_odds(chance: float) -> str:
    """Such as `about 4 in 10 times`: what is known of odds from one baseline has no more digits."""
    if chance < _RARE:
        return "less than 1 in 100 times"
    if chance > 1 - _RARE:
        return "more than 99 in 100 times"
    if chance >= 0.95:
        return "more than 9 in 10 times"
    if chance >= 0.095:
        return f"about {round(10 * chance)} in 10 times"
    return f"about 1 in {min(_SELDOM, key=lambda n: abs(math.log(n * chance)))} times"


def _say_at_most(chance: float) -> str:
    tenths = math.ceil(10 * chance)
    return f"in up to {tenths} in 10 such series" if tenths < 10 else "in almost every such series"


def describe_test(comparison: Comparison) -> str:
    """Such as `difference in specificity −0.060 (95 % interval …), p < 0.001 by …`."""
    test = "the exact McNemar test"
    if comparison.test != "mcnemar-exact":
        test = "the sign-flip test over patients"
    text = f"difference in {comparison.metric} {format_value(comparison.difference)}"
    if comparison.low is not None and comparison.high is not None:
        low, high = format_value(comparison.low), format_value(comparison.high)
        text += f" (95 % interval {low} to {high})"
    text += f", {format_p(comparison.p_value)} by {test}"
    if excludes_zero(comparison) and (comparison.p_value or 0.0) > ALPHA:
        text += "; the interval, Tango's, excludes 0 since it does not come from that exact test"
    return text


def _describe_detectable(verdict: Verdict) -> str:
    detectable = verdict.detectable_difference
    if detectable is None:
        return ""
    text = f"The {SMALLEST} is {plural(detectable.cases, 'image')}"
    if detectable.positives_needed is not None and detectable.gap is not None:
        text += (
            f"; for the observed one of {detectable.gap} it would take about "
            f"{detectable.positives_needed:,} positives"
        )
    return f"{text}."


def describe_cases(verdict: Verdict) -> list[str]:
    """The newly missed and the newly found cases, a line each; none where there are none."""
    lines = []
    for title, cases in (
        ("Newly missed", verdict.newly_missed), ("Newly found", verdict.newly_found),
    ):  # fmt: skip
        if cases:
            lines.append(f"{title}: {list_some(cases, SHOWN_CASES)}")
    return lines
