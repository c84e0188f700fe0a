"""How often 95 % intervals hold the truth, before and now, with one or several images a patient.

A row is a figure, a design and a number n: positive images where each is a patient, else patients
with positives. On a grid of true values it says the mean and the lowest coverage, by the percentile
bootstrap that every interval was (for ROC AUC, paired differences and proportions of single images
what stood there), and by what an evaluation states now; and how much wider that is on average.
Holds: the mean is at least 0.94, and nothing under 0.90 at 10 and 28 or 0.92 at 60 and 200, less
two standard errors of so many sets; for designs that stand beside, nothing under 0.90.

    python -m benchmarks.interval_coverage
    python -m benchmarks.interval_coverage --quick
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import binom

from covidreport.metrics.compute import average_precision_ends
from covidreport.metrics.curve_bootstrap import resample_curves
from covidreport.metrics.delong import compare_roc_aucs, estimate_roc_aucs, roc_auc_ends
from covidreport.metrics.differences import estimate_difference, tango
from covidreport.metrics.effective import sample_units
from covidreport.metrics.intervals import wilson, wilson_ends
from covidreport.metrics.predictive import (
    negative_likelihood_ratio,
    npv_at_prevalence,
    positive_likelihood_ratio,
    ppv_at_prevalence,
)
from covidreport.metrics.rates import CountArrays, divide, pool
from covidreport.metrics.score_metrics import size_classes
from covidreport.metrics.table import ALL_METRICS
from covidreport.metrics.unit_intervals import METHODS, Units
from covidreport.records import Counts

GRID: Final = (0.50, 0.60, 0.70, 0.80, 0.85, 0.90, 0.95)
SIZES: Final = (10, 28, 60, 200)
RATES: Final = ((0.5, 0.7), (0.7, 0.9), (0.8, 0.95), (0.9, 0.97), (0.95, 0.9), (0.97, 0.99))
"""Sensitivity and specificity of what depends on both."""
NEAR: Final = float(ndtr(3.5 / math.sqrt(2)))
"""The area where average precision is near 1."""
PAIRS: Final = ((0.85, 0.85), (0.85, 0.7), (0.95, 0.9), (0.6, 0.5))
ALIKE: Final = (0.0, 0.6, 0.95, 0.999)
"""Latent normal correlations of two runs on an image."""
NEGATIVES: Final = 5
"""Negatives, or patients with negatives, for one with positives."""
PRIOR: Final = 0.05
Ends = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Design:
    """How many images patients have, and how much alike their answers are."""

    images: str
    """`one`; `poisson`: 1 + Poisson(0.5), one in ten three more; `even`: 1 to 4 equally often;
    `third`: as poisson without the three, and one patient with a third of the images."""
    correlation: float = 0.4
    beside: bool = False

    @property
    def name(self) -> str:
        words = {"one": "one image", "poisson": "1 + Poisson", "even": "1 to 4",
                 "third": "one has a third"}[self.images]  # fmt: skip
        return f"{words}, {self.correlation:g}" if self.beside else words

    def draw_sizes(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
        """Images of patients, of whom the last axis is."""
        if self.images == "one":
            return np.ones(shape, np.int64)
        if self.images == "even":
            return rng.integers(1, 5, shape)
        sizes = 1 + rng.poisson(0.5, shape)
        if self.images == "third":
            sizes[..., 0] = np.maximum(1, sizes[..., 1:].sum(axis=-1) // 2)
            return sizes
        return sizes + 3 * (rng.random(shape) < 0.1)

    def draw_right(
        self, rate: NDArray[Any] | float, sizes: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """How many of each patient's answers are right: beta-binomial."""
        rates = np.broadcast_to(rate, sizes.shape)
        if self.images == "one":
            return rng.binomial(1, rates)
        if self.correlation == 1:
            return np.asarray(sizes * (rng.random(sizes.shape) < rates))
        strength = (1 - self.correlation) / self.correlation
        return rng.binomial(sizes, rng.beta(rates * strength, (1 - rates) * strength))


ONE: Final = Design("one")
SEVERAL: Final = (Design("poisson"), Design("even"))
BESIDE: Final = (
    Design("poisson", 0.8, True), Design("poisson", 1.0, True), Design("third", 0.4, True)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effort:
    """How many sets and resamples."""

    sets: int
    before: int
    resamples: int
    sizes: tuple[int, ...]
    grid: tuple[float, ...]


@dataclass(slots=True)
class Row:
    """The cells of one line: coverage before and after, one for each true value."""

    figure: str
    design: Design
    n: int
    effort: Effort
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    exact: bool = False

    def add(self, name: str, truth: float, after: Ends, before: Ends | None = None) -> None:
        """One true value: the ends in every set, NaN where there is no interval."""
        held, width, without = _cover(after, truth)
        self.names.append(name)
        self.after.append(held)
        self.missing.append(without)
        if before is not None:
            old, old_width, _ = _cover(before, truth)
            self.before.append(old)
            self.ratios.append(width / old_width)

    def __str__(self) -> str:
        lowest = int(np.argmin(self.after))
        floor = 0.90 if self.n < 60 or self.design.beside else 0.92
        error = 0.0 if self.exact else 2 * math.sqrt(floor * (1 - floor) / self.effort.sets)
        holds = self.after[lowest] >= floor - error
        if not self.design.beside:
            spread = 0.0 if self.exact else error / math.sqrt(len(self.after))
            holds &= float(np.mean(self.after)) >= 0.94 - spread
        old = [each for each in self.before if not math.isnan(each)]
        before = f"{np.mean(old):.3f}, {min(old):.3f}" if old else ""
        # Likelihood ratios have no largest value: their mean width is that of a few.
        wider = [each for each in self.ratios if not self.figure.startswith("LR")]
        ratio = f"{np.mean(wider):.2f}" if wider else ""
        without = f"{max(self.missing):.2f}" if max(self.missing) else ""
        return (
            f"| {self.figure} | {self.design.name} | {self.n} | {before} | "
            f"{np.mean(self.after):.3f}, {self.after[lowest]:.3f} | {self.names[lowest]} | "
            f"{ratio} | {without} | {'yes' if holds else '**no**'} |"
        )


HEAD: Final = (
    "| figure | images a patient | n | before: mean, lowest | now: mean, lowest | lowest at | "
    "width, times before | none, at most | holds |\n" + "| --- " * 9 + "|"
)


def _cover(ends: Ends, truth: float) -> tuple[float, float, float]:
    """The share of intervals that hold the truth, their mean width, and the share without one."""
    low, high = (np.asarray(each, np.float64) for each in ends)
    known = ~np.isnan(low) & ~np.isnan(high)
    held = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    if not known.any():
        return math.nan, math.nan, 1.0
    return float(held[known].mean()), float((high - low)[known].mean()), float(1 - known.mean())


def take_percentiles(resampled: NDArray[np.float64]) -> Ends:
    """What stood before: the middle 95 % of resamples `(B, S)`; no interval where all are equal."""
    undefined = np.isnan(resampled)
    low = np.quantile(np.where(undefined, -np.inf, resampled), 0.025, axis=0, method="lower")
    high = np.quantile(np.where(undefined, np.inf, resampled), 0.975, axis=0, method="higher")
    bad = ~np.isfinite(low) | ~np.isfinite(high) | (low == high)
    return np.where(bad, np.nan, low), np.where(bad, np.nan, high)


@lru_cache(maxsize=2)
def draw_weights(resamples: int, units: int) -> NDArray[np.float64]:
    """How often each unit is drawn, `(B, U)`."""
    rng = np.random.default_rng([resamples, units])
    return rng.multinomial(units, np.full(units, 1 / units), size=resamples).astype(np.float64)


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
    row = Row("proportion", design, n, effort, exact=design == ONE)
    for p in effort.grid:
        if design == ONE:
            low, high = wilson_ends(np.arange(n + 1) / n, n)
            weights = binom.pmf(np.arange(n + 1), n, p)
            row.names.append(f"{p:g}")
            row.after.append(float(weights[(low <= p) & (p <= high)].sum()))
            row.missing.append(0.0)
            row.before = row.after
            continue
        sizes = design.draw_sizes((effort.sets, n), rng)
        right = design.draw_right(p, sizes, rng)
        few = slice(effort.before)
        before = resample_proportion(right[few], sizes[few], effort.resamples, n)
        row.add(f"{p:g}", p, wilson_ends(*sample_units(right, sizes)), before)
    yield row


RATIOS: Final[dict[str, Callable[..., Any]]] = {
    "LR+": positive_likelihood_ratio,
    "LR−": negative_likelihood_ratio,
    "PPV at 5 %": lambda counts, sizes: ppv_at_prevalence(counts, PRIOR, sizes),
    "NPV at 5 %": lambda counts, sizes: npv_at_prevalence(counts, PRIOR, sizes),
}


def compute_ratios(counts: CountArrays) -> dict[str, NDArray[np.float64]]:
    """Likelihood ratios and predictive values at a prevalence, of counts of any shape."""
    rates = [divide(ALL_METRICS[key].compute(counts)) for key in ("sensitivity", "specificity")]
    found, alarms, missed, cleared = rates[0], 1 - rates[1], 1 - rates[0], rates[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (found / alarms, missed / cleared, PRIOR * found / (
            PRIOR * found + (1 - PRIOR) * alarms), (1 - PRIOR) * cleared / (
            (1 - PRIOR) * cleared + PRIOR * missed))  # fmt: skip
    return {
        name: np.where(np.isinf(each), np.nan, each)
        for name, each in zip(RATIOS, ratios, strict=True)
    }


def measure_counts(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """What depends on positives and negatives; which patients are positive is drawn too."""
    keys = ("specificity", "ppv", "npv", "accuracy", "prevalence", "f1", "balanced_accuracy", "mcc")
    share = 1 / (1 + NEGATIVES)
    rows = {key: Row(key, design, n, effort) for key in (*keys, *RATIOS)}
    for se, sp in RATES:
        counts = _draw_counts(design, n, se, sp, effort, rng)
        sums = [share * se, (1 - share) * (1 - sp), share * (1 - se), (1 - share) * sp]
        truth = CountArrays(*map(np.asarray, sums))
        drawn = CountArrays(*(
            draw_weights(effort.resamples, each.shape[1]) @ each[: effort.before].T
            for each in counts
        ))  # fmt: skip
        old_ratios, true_ratios = compute_ratios(drawn), compute_ratios(truth)
        for key in keys:
            metric = ALL_METRICS[key]
            before = take_percentiles(divide(metric.compute(drawn)))
            after = _state_counts(key, counts)
            value = float(divide(metric.compute(truth)))
            rows[key].add(f"{se:g}, {sp:g}", value, after, before)
        for name, ends in _state_ratios(counts, design).items():
            before = take_percentiles(old_ratios[name])
            rows[name].add(f"{se:g}, {sp:g}", float(true_ratios[name]), ends, before)
    yield from rows.values()


def _draw_counts(
    design: Design, n: int, se: float, sp: float, effort: Effort, rng: np.random.Generator
) -> CountArrays:
    """What each patient adds, `(S, U)` each."""
    shape = (effort.sets, n * (1 + NEGATIVES))
    positive = rng.random(shape) < 1 / (1 + NEGATIVES)
    sizes = design.draw_sizes(shape, rng)
    right = design.draw_right(np.where(positive, se, sp), sizes, rng)
    wrong = sizes - right
    return CountArrays(right * positive, wrong * ~positive, wrong * positive, right * ~positive)


def _state_counts(key: str, counts: CountArrays) -> Ends:
    metric = ALL_METRICS[key]
    if metric.interval == "Wilson":
        found = metric.compute(counts)
        return wilson_ends(*sample_units(found.numerator, found.denominator))
    return METHODS[metric.interval][1](metric, counts)


def _state_ratios(counts: CountArrays, design: Design) -> dict[str, Ends]:
    stated: dict[str, list[Any]] = {name: [] for name in RATIOS}
    for each in zip(*counts, strict=True):
        units = Units(CountArrays(*each), grouped=True)
        sizes = None if design == ONE else size_classes(units)
        tp, fp, fn, tn = (int(part.sum()) for part in each)
        for name, compute in RATIOS.items():
            stated[name].append(compute(Counts(tn=tn, fp=fp, fn=fn, tp=tp), sizes))
    return {name: _to_ends(each) for name, each in stated.items()}


def _to_ends(stated: Sequence[Any]) -> Ends:
    """Two arrays; an end that is infinite is None where the other is not."""
    low, high = (
        np.array([math.nan if end is None else end for end in ends])
        for ends in zip(*((each.low, each.high) for each in stated), strict=True)
    )
    return low, np.where(np.isnan(high) & ~np.isnan(low), np.inf, high)


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
        few = [each[: effort.before] for each in counts]
        drawn = CountArrays(*(np.einsum("bu,suk->bsk", weights, each) for each in few))
        for key in keys:
            metric = ALL_METRICS[key]
            after = _state_labels(key, counts)
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


def _state_labels(key: str, counts: CountArrays) -> Ends:
    if key == "label_accuracy":
        pooled = pool(counts)
        right = pooled.tp + pooled.tn
        return wilson_ends(*sample_units(right, right + pooled.fp + pooled.fn))
    return METHODS[ALL_METRICS[key].interval][1](ALL_METRICS[key], counts)


SPREADS: Final = ("½", "1", "2", "mixture")
"""The standard deviation of positives where that of negatives is 1; or a share of patients with
positives scores as those without do, the others lie apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One batch: truth and patients of the images, of several sets with the same sizes."""

    truth: NDArray[np.int8]
    patients: NDArray[np.int64]
    groups: NDArray[np.int64] | None

    @property
    def positive(self) -> NDArray[np.bool_]:
        return np.asarray(self.truth == 1)


def draw_images(design: Design, n: int, rng: np.random.Generator) -> Scored:
    """n patients with positives, and `NEGATIVES` times as many without."""
    sizes = np.concatenate([design.draw_sizes((n,), rng), _plain(design).draw_sizes(
        (n * NEGATIVES,), rng)])  # fmt: skip
    patients = np.repeat(np.arange(sizes.size), sizes)
    return Scored(
        (patients < n).astype(np.int8), patients, None if design == ONE else patients
    )  # fmt: skip


def _plain(design: Design) -> Design:
    return Design("poisson") if design.images == "third" else design


def draw_scores(
    images: Scored, sets: int, auc: float, spread: str, own: float, rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Scores `(S, N)` of that area; images of a patient have the correlation `own`."""
    noise = rng.standard_normal((sets, images.truth.size))
    if images.groups is not None:
        shared = rng.standard_normal((sets, images.patients[-1] + 1))[:, images.patients]
        noise = math.sqrt(own) * shared + math.sqrt(1 - own) * noise
    if spread == "mixture":
        alike = 1.8 * (1 - auc)
        shift = math.sqrt(2) * ndtri((auc - alike / 2) / (1 - alike))
        like = (rng.random((sets, images.patients[-1] + 1)) < alike)[:, images.patients]
        return noise + shift * (images.positive & ~like)
    width = {"½": 0.5, "1": 1.0, "2": 2.0}[spread]
    shift = math.sqrt(1 + width**2) * ndtri(auc)
    return np.where(images.positive, shift + width * noise, noise)


def measure_areas(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """ROC AUC, and average precision of the same scores."""
    area = Row("ROC AUC", design, n, effort)
    precision = Row("average precision", design, n, effort)
    for spread in SPREADS:
        for auc in (*effort.grid, *([NEAR] if is_resampled(design, n) else [])):
            cells = _measure_area(design, n, auc, spread, effort, rng)
            name = f"{auc:.3g}, {spread}"
            if auc in effort.grid:
                area.add(name, auc, *cells[0])
            if is_resampled(design, n):
                precision.add(name, find_precision(auc, spread), *cells[1])
    yield area
    if is_resampled(design, n):
        yield precision


def is_resampled(design: Design, n: int) -> bool:
    """Whether there is time for it: curves are drawn again and again up to 60 positives."""
    return n <= 60 and not design.beside


@lru_cache(maxsize=64)
def find_precision(auc: float, spread: str) -> float:
    """The average precision of a million images."""
    rng = np.random.default_rng(1)
    images = draw_images(ONE, 200_000, rng)
    scores = draw_scores(images, 1, auc, spread, 0.0, rng)
    return float(compute_precisions(images.positive, scores)[0])


def compute_precisions(
    positive: NDArray[np.bool_], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision of each row of scores `(S, N)`, of which none are equal."""
    ordered = positive[np.argsort(-scores, axis=1)]
    found = np.cumsum(ordered, axis=1)
    precision = found / np.arange(1, positive.size + 1)
    return np.asarray((precision * ordered).sum(axis=1) / np.count_nonzero(positive))


def _measure_area(
    design: Design, n: int, auc: float, spread: str, effort: Effort, rng: np.random.Generator
) -> tuple[tuple[Ends, Ends | None], tuple[Ends, Ends | None]]:
    """The ends of ROC AUC and of average precision, each after and before; of what is not
    resampled ROC AUC's after alone."""
    parts: tuple[list[Ends], ...] = ([], [], [], [])
    for start in range(0, effort.sets, 100):
        images = draw_images(design, n, rng)
        scores = draw_scores(images, 100, auc, spread, design.correlation, rng)
        failed = np.zeros(scores.shape, np.bool_)
        aucs = estimate_roc_aucs(images.truth, scores, failed, images.groups)
        assert aucs is not None
        parts[0].append(roc_auc_ends(aucs))
        if not is_resampled(design, n):
            continue
        resampled = resample_curves(
            images.truth, scores, failed, images.groups, resamples=effort.resamples // 2, seed=start
        )
        values = compute_precisions(images.positive, scores)
        parts[1].append(take_percentiles(resampled.roc_auc))
        parts[2].append(average_precision_ends(values, resampled.average_precision, aucs))
        parts[3].append(take_percentiles(resampled.average_precision))
    area, old_area, precision, old = (_join(part) if part else None for part in parts)
    assert area is not None
    return (area, old_area), (area if precision is None else precision, old)


def _join(parts: list[Ends]) -> Ends:
    low, high = (np.concatenate(each) for each in zip(*parts, strict=True))
    return low, high


def measure_area_differences(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """The paired difference of two ROC AUCs; before with the normal quantile."""
    row = Row("difference of ROC AUC", design, n, effort)
    for first, second in PAIRS:
        for alike in ALIKE:
            ends = _compare_areas(design, n, (first, second), alike, effort, rng)
            row.add(f"{first:g} − {second:g}, {alike:g}", first - second, *ends)
    yield row


def _compare_areas(
    design: Design, n: int, areas: tuple[float, float], alike: float, effort: Effort,
    rng: np.random.Generator,
) -> tuple[Ends, Ends]:  # fmt: skip
    stated: list[Any] = []
    narrowed: list[tuple[float, float]] = []
    batch = 100
    for _ in range(0, effort.sets, batch):
        images = draw_images(design, n, rng)
        noise = draw_scores(images, batch, 0.5, "1", design.correlation, rng)
        other = draw_scores(images, batch, 0.5, "1", design.correlation, rng)
        other = alike * noise + math.sqrt(1 - alike**2) * other
        shifts = [math.sqrt(2) * ndtri(area) * images.positive for area in areas]
        scores = np.concatenate([noise + shifts[0], other + shifts[1]])
        aucs = estimate_roc_aucs(
            images.truth, scores, np.zeros(scores.shape, np.bool_), images.groups
        )
        assert aucs is not None
        factor = 1.959964 / float(stdtrit(aucs.freedom, 0.975))
        for i in range(batch):
            found = compare_roc_aucs(aucs, i, batch + i)
            stated.append(found.interval)
            low, high = found.interval.low, found.interval.high
            half = math.nan if low is None or high is None else (high - low) / 2 * factor
            narrowed.append((found.difference - half, found.difference + half))
    low_ends, high_ends = np.array(narrowed).T
    return _to_ends(stated), (low_ends, high_ends)


def measure_differences(
    design: Design, n: int, effort: Effort, rng: np.random.Generator
) -> Iterator[Row]:
    """The paired difference of two sensitivities: Tango's, as before."""
    cached = lru_cache(maxsize=None)(tango)
    row = Row("paired difference", design, n, effort)
    for first, second in PAIRS:
        for alike in ALIKE:
            stated = []
            sizes = design.draw_sizes((effort.sets, n), rng)
            for wins, losses, each in _draw_pairs(design, sizes, (first, second), alike, rng):
                b, c = int(wins.sum()), int(losses.sum())
                if design == ONE:
                    stated.append(cached(b, c, n))
                else:
                    found = estimate_difference(b, c, wins - losses, each)[1]
                    stated.append((found.low, found.high))  # type: ignore[arg-type]
            low, high = np.array(stated, np.float64).T
            row.add(f"{first:g} − {second:g}, {alike:g}", first - second, (low, high))
    yield row


def _draw_pairs(
    design: Design, sizes: NDArray[np.int64], rates: tuple[float, float], alike: float,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray[np.int64], ...]]:  # fmt: skip
    """By patient, the images that only the first and only the second run found, and all."""
    own = 0.0 if design == ONE else design.correlation
    shape = sizes.shape
    patient = _draw_two(alike, shape, rng)
    wins, losses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for image in range(int(sizes.max())):
        noise = _draw_two(alike, shape, rng)
        there = image < sizes
        first, second = (
            math.sqrt(own) * patient[i] + math.sqrt(1 - own) * noise[i] < ndtri(rates[i])
            for i in (0, 1)
        )
        wins += there & first & ~second
        losses += there & second & ~first
    return zip(wins, losses, sizes, strict=True)


def _draw_two(
    alike: float, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = rng.standard_normal((2, *shape))
    return first, alike * first + math.sqrt(1 - alike**2) * second


PARTS: Final[tuple[tuple[Callable[..., Any], tuple[Design, ...]], ...]] = (
    (measure_proportion, (ONE, *SEVERAL, *BESIDE)),
    (measure_counts, (ONE, *SEVERAL)),
    (measure_labels, (ONE, *SEVERAL)),
    (measure_areas, (ONE, *SEVERAL, *BESIDE)),
    (measure_area_differences, (ONE, *SEVERAL)),
    (measure_differences, (ONE, *SEVERAL, *BESIDE)),
)
Task = tuple[int, int, int, Effort, int]
"""Which part, which of its designs, n, how much, and the seed."""


def run_task(task: Task) -> list[str]:
    """The lines of one task, as any process gives them."""
    part, place, n, effort, seed = task
    measure, designs = PARTS[part]
    rng = np.random.default_rng([seed, part, place, n])
    return [str(row) for row in measure(designs[place], n, effort, rng)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two minutes; rough")
    parser.add_argument("--only", default="", help="parts whose name has this in it")
    parser.add_argument("--sets", type=int, default=4000, help="simulated sets of each cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    effort = Effort(options.sets, min(options.sets, 1000), 400, SIZES, GRID)
    if options.quick:
        effort = Effort(200, 100, 200, (10, 28, 60), (0.6, 0.8, 0.95))
    tasks = [
        (part, place, n, effort, options.seed)
        for part, (measure, designs) in enumerate(PARTS)
        if options.only in measure.__name__
        for place in range(len(designs))
        for n in effort.sizes
    ]
    began = time.perf_counter()
    print(f"{effort.sets} sets, before {effort.before} with {effort.resamples} resamples\n\n{HEAD}")
    with ProcessPoolExecutor(options.jobs) as pool:
        for lines in pool.map(run_task, tasks):
            print(*lines, sep="\n", flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
