"""What follows from counts: proportions, F1, MCC and the rest, likelihood ratios, net benefit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from benchmarks.interval_coverage.designs import (
    NEGATIVES,
    ONE,
    RATES,
    Design,
    Effort,
    Ends,
    Row,
    draw_weights,
    take_percentiles,
)
from covidreport.metrics.benefit import net_benefit_ends
from covidreport.metrics.effective import add_units, correlate_units, sample_units
from covidreport.metrics.intervals import wilson, wilson_ends
from covidreport.metrics.mover import ratio_ends
from covidreport.metrics.rates import (
    CountArrays,
    Ratio,
    divide,
    prevalence,
    sensitivity,
    specificity,
)
from covidreport.metrics.table import ALL_METRICS
from covidreport.metrics.unit_intervals import METHODS, Units, count_images


def resample_proportion(
    counted: NDArray[Any], among: NDArray[Any], resamples: int, units: int
) -> Ends:
    """The percentile bootstrap over patients, with Wilson's where all resamples are equal."""
    weights = draw_weights(resamples, counted.shape[1])
    with np.errstate(invalid="ignore"):
        drawn = (weights @ counted.T) / (weights @ among.T)
    low, high = take_percentiles(drawn)
    for i in np.flatnonzero(np.isnan(low)):
        k = counted[i].sum() / among[i].sum() * units
        low[i] = wilson(math.floor(k + 1e-9), units)[0]
        high[i] = wilson(math.ceil(k - 1e-9), units)[1]
    return low, high


def measure_proportion(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """Sensitivity; specificity is the same figure of the other class."""
    row = Row("proportion", design, n, effort)
    for p in effort.grid:
        if design == ONE:
            every = np.arange(n + 1)
            chances = binom.pmf(every, n, p)
            row.add(f"{p:g}", p, wilson_ends(every / n, n), chances=chances)
            row.before = row.after  # what stood there is what stands now
            continue
        sizes = design.draw_sizes((effort.sets, n), rng)
        right = design.draw_right(p, sizes, rng)
        few = slice(effort.before)
        before = resample_proportion(right[few], sizes[few], effort.resamples, n)
        row.add(f"{p:g}", p, wilson_ends(*sample_units(right, sizes)), before)
    yield row


KEYS: Final = (
    "specificity", "ppv", "npv", "accuracy", "prevalence", "f1", "balanced_accuracy", "mcc",
)  # fmt: skip
RATIOS: Final = ("LR+", "LR−", "PPV at 5 %", "NPV at 5 %")
PRIOR: Final = 0.05
SHARE: Final = 1 / (1 + NEGATIVES)
BENEFIT: Final = f"net benefit at {SHARE:.2g}"
"""From the prevalence on, where treating everybody is worth as much as treating nobody."""


def measure_counts(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """What depends on positives and negatives; which patients are positive is drawn too.

    Of single images all tables are gone through, weighed by their chance; only what was before is
    drawn.
    """
    rows = {key: Row(key, design, n, effort) for key in (*KEYS, *RATIOS, BENEFIT)}
    for se, sp in RATES:
        name = f"{se:g}, {sp:g}"
        drawn = _draw_counts(design, n, se, sp, effort, rng)
        units, chances = Units(drawn, grouped=True), None
        if design == ONE:
            tables, chances = list_tables(n, se, sp)
            units = count_images(tables)
        truth = CountArrays(*map(np.asarray, (
            SHARE * se, (1 - SHARE) * (1 - sp), SHARE * (1 - se), (1 - SHARE) * sp
        )))  # fmt: skip
        resampled = CountArrays(*(
            (draw_weights(effort.resamples, each.shape[1]) @ each[: effort.before].T.astype("f4"))
            .astype(np.float64) for each in drawn
        ))  # fmt: skip
        for key in KEYS:
            metric = ALL_METRICS[key]
            before = take_percentiles(divide(metric.compute(resampled)))
            value = float(divide(metric.compute(truth)))
            rows[key].add(name, value, _state_counts(key, units), before, chances)
        old, true, ends = compute_ratios(resampled), compute_ratios(truth), state_ratios(units)
        for key in RATIOS:
            rows[key].add(name, float(true[key]), ends[key], take_percentiles(old[key]), chances)
        rows[BENEFIT].add(name, *state_benefit(units, se, sp), chances=chances)
    yield from rows.values()


def list_tables(n: int, se: float, sp: float) -> tuple[CountArrays, NDArray[np.float64]]:
    """All tables of n positives on average, but for a millionth at each end, and their chances."""
    images = n * (1 + NEGATIVES)
    parts = []
    for positives in _likely(images, SHARE):
        found, alarms = _likely(positives, se), _likely(images - positives, 1 - sp)
        tp, fp = (each.ravel() for each in np.meshgrid(found, alarms, indexing="ij"))
        chance = binom.pmf(positives, images, SHARE) * np.outer(
            binom.pmf(found, positives, se), binom.pmf(alarms, images - positives, 1 - sp)
        )
        parts.append((tp, fp, positives - tp, images - positives - fp, chance.ravel()))
    tp, fp, fn, tn, chances = (np.concatenate(each) for each in zip(*parts, strict=True))
    return CountArrays(tp, fp, fn, tn), chances


def _likely(n: int, p: float) -> NDArray[np.int64]:
    return np.arange(int(binom.ppf(1e-6, n, p)), int(binom.ppf(1 - 1e-6, n, p)) + 1)


def _draw_counts(
    design: Design, n: int, se: float, sp: float, effort: Effort, rng: np.random.Generator
) -> CountArrays:
    """What each patient adds, `(S, U)` each."""
    sets = effort.before if design == ONE else effort.sets
    shape = (sets, n * (1 + NEGATIVES))
    positive = rng.random(shape) < SHARE
    sizes = design.draw_sizes(shape, rng)
    right = design.draw_right(np.where(positive, se, sp), sizes, rng)
    wrong = sizes - right
    return CountArrays(right * positive, wrong * ~positive, wrong * positive, right * ~positive)


def _state_counts(key: str, units: Units) -> Ends:
    metric = ALL_METRICS[key]
    if metric.interval in METHODS:
        return METHODS[metric.interval][1](metric, units)
    return wilson_ends(*units.sample(metric.compute(units.counts)))


def compute_ratios(counts: CountArrays) -> dict[str, NDArray[np.float64]]:
    """Likelihood ratios and predictive values at a prevalence, of counts of any shape."""
    found, cleared = (divide(compute(counts)) for compute in (sensitivity, specificity))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [found / (1 - cleared), (1 - found) / cleared]
        values = _carry(*ratios)
    known = [np.where(np.isinf(each), np.nan, each) for each in ratios]
    return dict(zip(RATIOS, (*known, *values), strict=True))


def _carry(positive: NDArray[Any], negative: NDArray[Any]) -> tuple[Any, Any]:
    """Likelihood ratios to predictive values."""
    odds = PRIOR / (1 - PRIOR)
    return 1 - 1 / (1 + odds * positive), 1 / (1 + odds * negative)


def state_ratios(units: Units) -> dict[str, Ends]:
    found, cleared = (units.sample(part(units.counts)) for part in (sensitivity, specificity))
    missed, alarms = (each._replace(proportion=1 - each.proportion) for each in (found, cleared))
    ends = []
    for over, under in ((found, alarms), (missed, cleared)):
        undefined = (over.proportion == 0) & (under.proportion == 0)
        ends.append([np.where(undefined, np.nan, end) for end in ratio_ends(over, under)])
    (ppv_low, npv_high), (ppv_high, npv_low) = (
        _carry(ends[0][side], ends[1][side]) for side in (0, 1)
    )
    stated = (*map(tuple, ends), (ppv_low, ppv_high), (npv_low, npv_high))
    return dict(zip(RATIOS, stated, strict=True))


def state_benefit(units: Units, se: float, sp: float) -> tuple[NDArray[np.float64], Ends]:
    """What is true at the prevalence of each set, and the ends."""
    odds = SHARE / (1 - SHARE)
    found, cleared = sensitivity(units.counts), specificity(units.counts)
    alarms = Ratio(units.counts.fp, cleared.denominator)
    share = divide(prevalence(CountArrays(*(add_units(x, units.times) for x in units.counts))))
    ends = net_benefit_ends(
        units.sample(found), units.sample(alarms), share, odds,
        correlate_units(found, alarms, units.times),
    )  # fmt: skip
    return share * se - (1 - share) * odds * (1 - sp), ends


def measure_labels(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """Micro and macro F1 and label accuracy of three labels, of which an image has one."""
    keys = ("micro_f1", "macro_f1", "label_accuracy")
    shares = np.array([0.2, 0.5, 0.3])
    rows = {key: Row(key, design, n, effort) for key in keys}
    for se, sp in RATES:
        truth = CountArrays(
            shares * se, (1 - shares) * (1 - sp), shares * (1 - se), (1 - shares) * sp
        )
        counts = _draw_labels(design, n, (se, sp), shares, effort, rng)
        weights = draw_weights(effort.resamples, counts.tp.shape[1])
        few = [each[: effort.before].astype(np.float32) for each in counts]
        drawn = CountArrays(*(np.moveaxis(weights @ each, 1, 0).astype(float) for each in few))
        for key in keys:
            metric = ALL_METRICS[key]
            after = _state_counts(key, Units(counts, grouped=True))
            before = take_percentiles(divide(metric.compute(drawn)))
            value = float(divide(metric.compute(truth)))
            rows[key].add(f"{se:g}, {sp:g}", value, after, before)
    yield from rows.values()


def _draw_labels(
    design: Design, n: int, rates: tuple[float, float], shares: NDArray[np.float64],
    effort: Effort, rng: np.random.Generator,
) -> CountArrays:  # fmt: skip
    """What each patient adds, `(S, U, 3)`; a patient's images have the same label, which is drawn,
    and an image that is hard is hard for all three: right answers share a latent normal."""
    units = n * (1 + NEGATIVES)
    sizes = design.draw_sizes((effort.sets, units), rng)
    label = rng.choice(3, p=shares, size=sizes.shape)
    own = 0.0 if design == ONE else design.correlation
    limits = ndtri(np.where(np.arange(3) == label[..., np.newaxis], *rates))
    of_patient = rng.standard_normal((*sizes.shape, 1))
    right = np.zeros((*sizes.shape, 3), np.int64)
    for image in range(int(sizes.max())):
        of_image = rng.standard_normal((*sizes.shape, 1))
        noise = rng.standard_normal(right.shape)
        rest = math.sqrt(1 - own) * (math.sqrt(0.3) * of_image + math.sqrt(0.7) * noise)
        answered = (math.sqrt(own) * of_patient + rest) < limits
        right += answered & (image < sizes)[..., np.newaxis]
    positive = np.arange(3) == label[..., np.newaxis]
    wrong = sizes[..., np.newaxis] - right
    return CountArrays(right * positive, wrong * ~positive, wrong * positive, right * ~positive)
