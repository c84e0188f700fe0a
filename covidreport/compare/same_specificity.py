"""What the ranked runs find at the same specificity, and whether the order hangs on thresholds.

A rank is an order at thresholds that somebody set: of two runs with the same ROC curve, the one
that calls more images positive misses fewer. Figures here stand beside the ranking and decide none.
"""

from __future__ import annotations

from collections.abc import Sequence

from covidreport.compare.answers import AlignedAnswers
from covidreport.metrics import (
    AtLevel,
    FoundDifference,
    Level,
    affordable_resamples,
    all_pairs,
    compare_found,
    estimate_found,
    holm,
    planned_pairs,
    resample_at_specificity,
)
from covidreport.metrics.rates import estimate_ratio
from covidreport.records import (
    Comparison,
    Estimate,
    Finding,
    RankedRun,
    Ranking,
    RunAtSpecificity,
    SameSpecificity,
)
from covidreport.text import format_p, listed, p_value, plural

CODE = "lead-depends-on-threshold"
METRIC = "sensitivity_at_specificity"
RESAMPLES = 2000
WORK = 400_000_000
"""How many image weights may be added up; with very many images and runs there are fewer
resamples."""
_MOST_NAMED = 4


def compare_at_same_specificity(
    answers: AlignedAnswers, baseline: str | None, stated: Sequence[float], seed: int = 0
) -> tuple[SameSpecificity, ...]:
    """The runs at the specificity of the best one, of the baseline, and at those that are stated.

    answers: in the order of the ranking. baseline: one of the runs that was named beforehand, or
    None. Empty where a class is absent.
    """
    truth, best = answers.truth, answers.names[0]
    negative = truth == 0
    if not negative.any() or not (truth == 1).any():
        return ()
    whose = list(dict.fromkeys(name for name in (best, baseline) if name is not None))
    wrong = answers.answers | answers.failed
    levels: list[Level] = [negative & wrong[answers.names.index(name)] for name in whose]
    found = resample_at_specificity(
        truth, answers.scores, answers.failed, [*levels, *map(float, stated)], answers.groups,
        resamples=affordable_resamples(truth, len(answers.names), WORK), seed=seed,
    )  # fmt: skip
    cleared = [1 - level.allowed / level.negatives for level in found]
    asked = [*cleared[: len(whose)], *stated]
    return tuple(
        _record(level, answers.names, name, at, best if name == best else baseline or best,
                planned=(baseline is not None and name != best) or baseline == best)
        for level, name, at in zip(found, [*whose, *(None for _ in stated)], asked, strict=True)
    )  # fmt: skip


def _record(
    level: AtLevel, names: Sequence[str], whose: str | None, specificity: float, reference: str,
    *, planned: bool,
) -> SameSpecificity:  # fmt: skip
    """planned: whether the reference was named beforehand, so that its pairs alone count."""
    at = names.index(reference)
    pairs = planned_pairs(len(names), at) if planned else all_pairs(len(names))
    compared = compare_found(level, pairs)
    known = [each.p_value for each in compared if each.p_value is not None]
    adjusted = iter(holm(known))
    records = []
    for pair, each in zip(pairs, compared, strict=True):
        p = None if each.p_value is None else next(adjusted)
        if at in pair:
            records.append(_pair(names[pair[0]], names[pair[1]], each, p, len(known)))
    return SameSpecificity(
        run=whose,
        specificity=specificity,
        false_alarms=level.allowed,
        reference=reference,
        runs=tuple(_describe(level, run, name) for run, name in enumerate(names)),
        comparisons=tuple(records),
        resamples=len(level.resampled),
    )


def _describe(level: AtLevel, run: int, name: str) -> RunAtSpecificity:
    if level.found[run] < 0:
        return RunAtSpecificity(name, Estimate(None), Estimate(None))
    cleared = level.negatives - int(level.false_alarms[run])
    return RunAtSpecificity(
        name, estimate_found(level, run), estimate_ratio(cleared, level.negatives)
    )


def _pair(
    first: str, second: str, each: FoundDifference, adjusted: float | None, pairs: int
) -> Comparison:
    tested = each.p_value is not None
    return Comparison(
        first=first,
        second=second,
        metric=METRIC,
        difference=each.difference,
        low=each.interval.low,
        high=each.interval.high,
        interval=each.interval.method,
        p_value=each.p_value,
        adjusted_p_value=adjusted,
        test="difference over its bootstrap standard deviation" if tested else None,
        correction=f"holm over {pairs}" if tested else None,
    )


def find_dependent_lead(ranking: Ranking) -> Finding | None:
    """That the best run is not ahead at its own number of false alarms, where it is not.

    Another ranked run misses fewer there, or as many although it ranks behind for missing more. A
    warning where one misses significantly fewer, or is level though the ranking has it
    significantly behind, else a note. None where the best run is ahead, and where runs could not be
    compared at one specificity.
    """
    at, rivals = _list_rivals(ranking)
    if at is None or ranking.comparisons is None or not rivals:
        return None
    best, own = ranking.rows[0], count_missed(at, ranking.rows[0].run)
    fewer = [row for row in rivals if count_missed(at, row.run) != own]
    alpha = ranking.comparisons.alpha
    # what the ranking calls significantly different is so by its threshold alone
    apart = {e.run for e in ranking.comparisons.rank_evidence if e.significantly_different}
    significant = any(_adjusted(at, row) <= alpha for row in fewer) or any(
        row.run in apart for row in rivals
    )
    shown, left = rivals[:_MOST_NAMED], len(rivals) - _MOST_NAMED
    ranked = ", ".join(
        f"{row.run} {row.missed:,} with {plural(row.false_alarms, 'false alarm')}" for row in shown
    )
    there = "; ".join(f"{row.run} {_tell(at, row.run)}" for row in shown)
    return Finding(
        severity="warning" if significant else "note",
        code=CODE,
        what=describe_lead(ranking),
        evidence=(
            f"As ranked {best.run} misses {best.missed:,} with "
            f"{plural(best.false_alarms, 'false alarm')}, {ranked}. With at most "
            f"{at.false_alarms:,} each, {best.run} misses {own:,}; {there}"
            f"{f'; and {left} more' if left > 0 else ''}. The thresholds that give these figures "
            f"are fitted to these very images, and anew in each of {at.resamples:,} resamples."
        ),
        remedy=(
            "A run that calls more images positive misses fewer, whichever is the better model. "
            "Tune all runs for one target on another split (`covidreport tune`), evaluate them at "
            "these thresholds, and rank again."
        ),
        subjects=(best.run, *(row.run for row in rivals)),
    )


def describe_lead(ranking: Ranking) -> str:
    """Who is level with the best run at its own number of false alarms, or ahead; else empty."""
    at, rivals = _list_rivals(ranking)
    if at is None or not rivals:
        return ""
    best = ranking.rows[0].run
    own = count_missed(at, best)
    fewer = [row for row in rivals if count_missed(at, row.run) != own]
    named = fewer or rivals
    names = listed([row.run for row in named], _MOST_NAMED)
    verb = "misses" if len(named) == 1 else "miss"
    counts = [count_missed(at, row.run) or 0 for row in named]
    how = f"fewer cases than {best}: {_span(counts)} against {own:,}"
    if not fewer:
        how = f"as few cases as {best}: {own:,}"
    alarms = plural(at.false_alarms, "false alarm")
    return f"With at most {alarms} each, as many as {best} has, {names} {verb} {how}"


def describe_own_level(ranking: Ranking) -> str:
    """What becomes of the lead at the best run's own number of false alarms: who is not behind it
    there, and which of the runs that the ranking has significantly behind it still are. Empty where
    nobody can say, and where there is neither.
    """
    lead, kept = describe_lead(ranking), _describe_kept(ranking)
    if lead:
        return f"{lead}. {f'There {kept}' if kept else ''}".rstrip()
    at, _ = _find_own_level(ranking)
    if at is None or not kept:
        return ""
    alarms = plural(at.false_alarms, "false alarm")
    return f"With at most {alarms} each, as many as {ranking.rows[0].run} has, {kept}"


def _describe_kept(ranking: Ranking) -> str:
    """What the runs miss there that the ranking has significantly behind, but for those that are
    not behind there at all, and whether these still are: where few false alarms are allowed, large
    differences need not be significant."""
    comparisons = ranking.comparisons
    at, own = _find_own_level(ranking)
    if comparisons is None or at is None or own is None:
        return ""
    apart = {e.run for e in comparisons.rank_evidence if e.significantly_different}
    level = {row.run for row in _list_rivals(ranking)[1]}
    rows = [
        row for row in ranking.rows
        if row.run in apart - level and count_missed(at, row.run) is not None
    ]  # fmt: skip
    if not rows:
        return ""
    kept = [
        row.run for row in rows
        if _adjusted(at, row) <= comparisons.alpha and (count_missed(at, row.run) or 0) > own
    ]  # fmt: skip
    one = len(rows) == 1
    who = f"{rows[0].run} misses" if one else f"these {len(rows)} miss"
    counts = [count_missed(at, row.run) or 0 for row in rows]
    there = f"{who} {_span(counts)} against {own:,}"
    verb = "stays" if len(kept) == 1 else "stay"
    if not kept:
        which = "which is not" if one else "none of which is"
    elif len(kept) < len(rows):
        which = f"of which {listed(kept, _MOST_NAMED)} {verb}"
    else:
        which = f"which {verb}"
    return f"{there}, {which} significant."


def _span(counts: Sequence[int]) -> str:
    return f"{min(counts):,}" + (f" to {max(counts):,}" if max(counts) > min(counts) else "")


def count_missed(at: SameSpecificity, run: str) -> int | None:
    """How many cases a run misses there; None where nobody can know."""
    each = at.find(run)
    if each is None or each.sensitivity.value is None:
        return None
    return (each.sensitivity.denominator or 0) - (each.sensitivity.numerator or 0)


def count_alarms(each: RunAtSpecificity) -> int | None:
    """How many false alarms a run has there; None where the specificity is out of reach."""
    reached = each.specificity
    return None if reached.value is None else (reached.denominator or 0) - (reached.numerator or 0)


def _list_rivals(ranking: Ranking) -> tuple[SameSpecificity | None, list[RankedRun]]:
    """The level of the best run, and who is not behind it there, fewest missed first."""
    at, own = _find_own_level(ranking)
    if at is None or own is None:
        return None, []
    best, found = ranking.rows[0], []
    for row in ranking.rows[1:]:
        missed = None if row.rank is None else count_missed(at, row.run)
        if missed is not None and (missed < own or (missed == own and row.missed > best.missed)):
            found.append((missed, row))
    return at, [row for _, row in sorted(found, key=lambda each: each[0])]


def _find_own_level(ranking: Ranking) -> tuple[SameSpecificity | None, int | None]:
    """The level of the best run, and what it misses there; None where nobody can know."""
    levels = () if ranking.comparisons is None else ranking.comparisons.same_specificity
    best = ranking.rows[0].run
    at = next((each for each in levels if each.run == best), None)
    return at, None if at is None else count_missed(at, best)


def _adjusted(at: SameSpecificity, row: RankedRun) -> float:
    pair = at.compare(row.run)
    p = None if pair is None else pair.adjusted_p_value
    return 1.0 if p is None else p


def _tell(at: SameSpecificity, run: str) -> str:
    """`1 (adjusted p = 0.33, unadjusted 0.19)`: what a run misses there, and its comparison."""
    pair = at.compare(run)
    p = format_p(None)
    if pair is not None and pair.p_value is not None:
        p = f"adjusted {format_p(pair.adjusted_p_value)}, unadjusted {p_value(pair.p_value)}"
    return f"{count_missed(at, run)} ({p})"
