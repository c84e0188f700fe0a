"""What a verdict on missed cases is worth: its odds, and how many models were tried on the images.

The odds rest on the number of positives, the baseline's sensitivity and a reference discordance
that was fixed before the judged run was seen: a run that answers more at random would else get a
larger allowance.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from covidreport.compare.bounds import ALPHA
from covidreport.gate.evidence import GateSide, salt_cases
from covidreport.gate.metrics import TOLERANCE
from covidreport.gate.paired import find_wrong_cases
from covidreport.metrics import (
    LatentPair,
    MissRule,
    choose_allowance,
    combine_tries,
    compute_odds,
    count_patients,
    estimate_between,
    estimate_within,
)
from covidreport.metrics.group_noise import be_cautious
from covidreport.records import (
    GateEvidence,
    GateOdds,
    Limit,
    ReferenceDiscordance,
    Verdict,
)
from covidreport.storage.codec import encode
from covidreport.text import digest_case

ASSUMED_BETWEEN: Final = 0.6
"""The latent correlation of two runs on an image where no runs were at hand."""
ASSUMED_WITHIN: Final = 0.4
"""That of one run on two images of a patient, likewise."""
FEWEST_RUNS: Final = 3
"""At hand for a reference. With one at 28 positives the odds of an equal run stray by 0.084, with
three by 0.043, with 17 by 0.035 (`benchmarks/gate_odds.py`)."""
FALSE_FAILURE_SHARE: Final = 0.05
"""How often an equal run fails at most by the tolerant policy, unless the settings say."""


class OddsModel(Struct, frozen=True):
    """The baseline and any other run on these positives, and on how many runs that rests."""

    pair: LatentPair
    reference_runs: int
    cautious: LatentPair
    """As `pair`, of a baseline that may have been lucky: a tolerant limit's allowance is of it."""


def model_odds(run: GateSide, baseline: GateSide) -> OddsModel | None:
    """What the odds of a verdict rest on; None where there are no positives.

    Of the run the patients of its images are asked, which are the baseline's too, and no answer.
    """
    counts = baseline.evidence.counts[baseline.evidence.target]
    if not counts.positives:
        return None
    answers = None if run.stored is None else run.stored.answers
    groups = None
    if answers is not None and answers.groups is not None:
        groups = answers.groups[answers.truth == 1]
    reference = baseline.evidence.reference or ReferenceDiscordance(ASSUMED_BETWEEN, None, 0)
    found = counts.positives - counts.missed
    pair = LatentPair(
        patients=count_patients(groups, counts.positives),
        # half a case more of each: a baseline that missed none here is not perfect
        sensitivity=(found + 0.5) / (counts.positives + 1),
        between=reference.between,
        within=ASSUMED_WITHIN if reference.within is None else reference.within,
    )
    cautious = be_cautious(found, counts.positives, sum(pair.patients))
    return OddsModel(pair, reference.runs, replace(pair, sensitivity=cautious))


def settle_allowance(
    limits: Sequence[Limit], model: OddsModel | None, share: float
) -> tuple[Limit, ...]:
    """The limits, with the allowance of a tolerant one in cases; none without positives."""
    allowance = 0 if model is None else _choose_allowance(model.cautious, share)
    return tuple(
        replace(each, max_regression=float(allowance)) if each.policy == "tolerant" else each
        for each in limits
    )


_choose_allowance = lru_cache(choose_allowance)
_compute_odds = lru_cache(compute_odds)


def state_odds(
    limits: Sequence[Limit], baseline: GateEvidence, model: OddsModel | None, margin: float
) -> GateOdds | None:
    """The odds of what limits ask of missed cases; None where nothing compares them.

    limits: settled. margin: by how much the worse run is less sensitive. Other limits, and a fixed
    number of missed cases, have no part in them.
    """
    if model is None:
        return None
    asked = [each for each in limits if each.severity == "fail" and each.label == baseline.target]
    missed = [each for each in asked if each.metric == "missed" and each.max_regression is not None]
    evidence = [each for each in asked if each.metric == "sensitivity" and each.evidence]
    if not missed and not evidence:
        return None
    theirs = baseline.counts[baseline.target].missed
    allowances = [_read_allowance(each, theirs) for each in missed]
    margins = [each.max_regression for each in evidence if each.max_regression is not None]
    policy = next((each.policy for each in asked if each.policy is not None), None)
    rule = MissRule(
        allowance=min(allowances, default=None),
        significant=policy == "evidence",
        margin=min(margins, default=None),
    )
    pair = model.cautious if policy == "tolerant" else model.pair
    passes = None
    if margin < pair.sensitivity:
        passes = _compute_odds(pair, rule, margin, ALPHA)[1]
    grouped = len(pair.patients) > 1
    return GateOdds(
        policy=policy,
        evidence=rule.margin is not None,
        allowance=rule.allowance,
        margin=margin,
        equal_fails=_compute_odds(pair, rule, 0.0, ALPHA)[0],
        worse_passes=passes,
        positives=pair.images,
        patients=sum(pair.patients) if grouped else None,
        sensitivity=pair.sensitivity,
        between=pair.between,
        within=pair.within if grouped else None,
        reference_runs=model.reference_runs,
        tries=1,
        tries_pass=passes,
        picked=baseline.picked if baseline.picked and baseline.picked.missed > theirs else None,
    )


def _read_allowance(limit: Limit, baseline: int) -> int:
    assert limit.max_regression is not None
    return math.floor(limit.max_regression * (baseline if limit.relative else 1) + TOLERANCE)


def take_reference(baseline: GateSide, others: Sequence[GateSide]) -> ReferenceDiscordance | None:
    """How far runs at hand differ from a baseline on the same positives; None where none tells.

    others: on the same images. One with the baseline's own model tells nothing, and fewer than
    `FEWEST_RUNS` say less than `ASSUMED_BETWEEN` does.
    """
    of, stored = baseline.evidence, baseline.stored
    if of.wrong is None or stored is None or stored.answers is None:
        return None
    salt = salt_cases(of)
    lost = [frozenset(of.wrong.missed)]
    for other in others:
        same = other.evidence.model_sha256 == of.model_sha256 is not None
        answers = None if other.stored is None else other.stored.answers
        if answers is not None and not same:
            lost.append(frozenset(find_wrong_cases(answers, salt).missed))
    if len(lost) - 1 < FEWEST_RUNS:
        return None
    positive = stored.answers.truth == 1
    ids = np.array(stored.answers.sample_ids, dtype=object)[positive]
    digests = [digest_case(each, salt) for each in ids]
    missed = np.array([[each in some for each in digests] for some in lost], dtype=np.bool_)
    groups = stored.answers.groups
    between = estimate_between(missed)
    if between is None:
        return None
    within = estimate_within(missed, None if groups is None else groups[positive])
    return ReferenceDiscordance(between, within, len(lost) - 1)


def identify_answers(evidence: GateEvidence) -> str:
    """The digest that a model is counted by: its own, else that of its counts and wrong cases."""
    if evidence.model_sha256 is not None:
        return evidence.model_sha256
    facts = [encode(evidence.counts), encode(evidence.wrong)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def list_judged(run: GateEvidence, baseline: GateEvidence | None) -> tuple[str, ...]:
    """The models that are known to have been judged on these images, this one among them."""
    if baseline is None:
        return (identify_answers(run),)
    own = identify_answers(baseline)
    return tuple(sorted({*baseline.judged, identify_answers(run)} - {own}))


def count_tries(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts of one call, each counting all models that were judged on its images."""
    judged: dict[object, set[str]] = {}
    for each in verdicts:
        judged.setdefault(_images(each), set()).update(each.judged)
    return tuple(_count(each, sorted(judged[_images(each)])) for each in verdicts)


def _images(verdict: Verdict) -> object:
    return verdict.target_fingerprint or verdict.fingerprint, verdict.dataset, verdict.split


def _count(verdict: Verdict, judged: Sequence[str]) -> Verdict:
    if verdict.outcome == "error":
        return verdict
    odds, tries = verdict.odds, max(1, len(judged))
    if odds is not None:
        chance = odds.worse_passes
        passes = None if chance is None else combine_tries(chance, tries)
        odds = replace(odds, tries=tries, tries_pass=passes)
    return replace(verdict, odds=odds, judged=tuple(judged))
