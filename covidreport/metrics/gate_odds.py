"""What a verdict on missed cases is worth: how often a gate is wrong by chance alone.

Two runs on the same positives follow a latent normal model: an image is missed where a normal
variable of image and run exceeds the run's threshold. On one image the variables of the two runs
have the correlation `between`; those of one run on two images of a patient have `within`; of two
runs on two images of a patient, the product. That is the model of the tetrachoric correlation
(Pearson, "On the correlation of characters not quantitatively measurable", Phil. Trans. R. Soc. A
195 (1900) 1-47) with a random effect of the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.effective import count_even, widen
from covidreport.metrics.intervals import two_sided_z
from covidreport.metrics.paired import tabulate_flips

MOST_IMAGES: Final = 30
"""Of a patient's positives: beyond, what there is to add up grows out of hand."""
DRAWS: Final = 40_000
"""Simulated sets where evidence is asked for and patients have several images."""
HIGHEST_CORRELATION: Final = 0.99
"""Up to this, correlations are told apart: at 1 two equal runs would be one."""
_HALVINGS: Final = 40
_AT_ONCE: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class LatentPair:
    """A baseline and another run on the same positives, by the latent normal model.

    patients: how many patients have 1, 2, … positive images. sensitivity: the baseline's, a
    fraction, not 0 or 1. between, within: latent correlations, from 0 to `HIGHEST_CORRELATION`.
    """

    patients: tuple[int, ...]
    sensitivity: float
    between: float
    within: float = 0.0

    @property
    def images(self) -> int:
        """All positives."""
        return sum(size * patients for size, patients in enumerate(self.patients, 1))


@dataclass(frozen=True, slots=True)
class MissRule:
    """When a run fails, passes, or neither, by the cases that it and a baseline miss.

    It fails where it misses over `allowance` cases more, where `significant` and it misses
    significantly more (the exact paired test, two-sided, over patients), and where the interval of
    the difference in sensitivity lies below minus `margin`. Else it passes; with a margin, only
    where that interval lies above minus the margin. What is None is not asked.
    """

    allowance: int | None = None
    significant: bool = False
    margin: float | None = None


def count_patients(groups: NDArray[np.integer[Any]] | None, positives: int) -> tuple[int, ...]:
    """`LatentPair.patients`; groups: the patients `(P,)` of the positives, None where each is one.

    A patient with over `MOST_IMAGES` positives is taken for several.
    """
    if groups is None:
        return (positives,)
    sizes = np.unique(groups, return_counts=True)[1]
    rest = sizes % MOST_IMAGES
    parts = [np.full((sizes // MOST_IMAGES).sum(), MOST_IMAGES), rest[rest > 0]]
    return tuple(np.bincount(np.concatenate(parts))[1:].tolist())


def compute_odds(
    pair: LatentPair, rule: MissRule, loss: float = 0.0, alpha: float = 0.05, seed: int = 0
) -> tuple[float, float]:
    """How often a run fails and how often it passes, over the sets of cases that there might be.

    loss: by how much its true sensitivity lies below the baseline's; 0 is an equal run. Exact to
    the quadrature over patients where the number of missed cases decides, and where each positive
    is a patient; else from `DRAWS` simulated sets. Raises ValueError unless both sensitivities lie
    between 0 and 1.
    """
    if not rule.significant and rule.margin is None:
        law = _law_of_excess(pair, loss)
        middle = len(law) // 2
        fails = 0.0 if rule.allowance is None else float(law[middle + 1 + rule.allowance :].sum())
        return fails, 1 - fails
    discordance = _tabulate(pair, loss) if len(pair.patients) == 1 else _draw(pair, loss, seed)
    failed = discordance.is_failed(rule, alpha)
    passed = ~failed
    if rule.margin is not None:
        passed &= discordance.excludes(rule.margin)
    weights = discordance.weights
    return float(weights[failed].sum()), float(weights[passed].sum())


def choose_allowance(pair: LatentPair, share: float) -> int:
    """The fewest cases that an equal run may miss more for at most `share` of such runs to fail."""
    law = _law_of_excess(pair, 0.0)
    above = 1 - np.cumsum(law)[len(law) // 2 :]  # P(excess > 0), P(excess > 1), …
    return int(np.argmax(above <= share))


def estimate_between(missed: NDArray[np.bool_]) -> float | None:
    """The latent correlation at which runs differ from the first as often as they do.

    missed: bool `(R, P)`, the baseline in row 0. Over all others together the expected number of
    images that only one of a pair missed is that which was counted, each run missing as many as it
    does. None where no correlation decides: no other run, or one of each pair missed all or none.
    """
    rates = missed.mean(axis=1)
    telling = [row for row in range(1, len(missed)) if 0 < rates[row] < 1]
    if not telling or not 0 < rates[0] < 1:
        return None
    both = float((missed[telling] & missed[0]).mean(axis=1).sum())
    first, others = _threshold(rates[0]), _threshold(rates[telling])
    return _solve(lambda r: float(_miss_both(first, others, r).sum()), both)


def estimate_within(
    missed: NDArray[np.bool_], groups: NDArray[np.integer[Any]] | None
) -> float | None:
    """The latent correlation at which a patient's images are missed together as often as they are.

    missed: bool `(R, P)`; groups `(P,)`. Pairs of images of one patient, over all runs together, as
    `estimate_between`. None where no patient has several, or every run missed all or none.
    """
    rates = missed.mean(axis=1)
    telling = np.flatnonzero((rates > 0) & (rates < 1))
    if groups is None or not telling.size:
        return None
    codes = np.unique(groups, return_inverse=True)[1]
    pairs = _count_pairs(np.bincount(codes))
    if not pairs:
        return None
    both = sum(_count_pairs(np.bincount(codes[missed[row]])) for row in telling) / pairs
    thresholds = _threshold(rates[telling])
    return _solve(lambda r: float(_miss_both(thresholds, thresholds, r).sum()), both)


def _count_pairs(sizes: NDArray[np.integer[Any]]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _solve(expected: Callable[[float], float], counted: float) -> float:
    """The correlation, up to the highest, at which what rises with it is what was counted."""
    low, high = 0.0, HIGHEST_CORRELATION
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) < counted else (low, middle)
    return (low + high) / 2


def _threshold(miss_rate: Any) -> Any:
    """Above it an image is missed."""
    from scipy.special import ndtri

    return -ndtri(miss_rate)


def _miss_both(first: Any, second: Any, correlation: float) -> Any:
    """P(X > first, Y > second) of two standard normals with a correlation under 1.

    Owen, "Tables for computing bivariate normal probabilities", Ann. Math. Statist. 27 (1956)
    1075-1090, equation 2.1.
    """
    from scipy.special import ndtr, owens_t

    # An exact 0 would be divided by; moved by less than what is rounded, it changes nothing.
    h = np.where(first == 0, 1e-300, -first)
    k = np.where(second == 0, 1e-300, -second)
    root = np.sqrt(1 - correlation**2)
    with np.errstate(over="ignore"):
        inner = owens_t(h, (k / h - correlation) / root) + owens_t(k, (h / k - correlation) / root)
    return np.clip((ndtr(h) + ndtr(k)) / 2 - inner - (h * k < 0) / 2, 0, None)


def _patient_laws(pair: LatentPair, loss: float) -> list[tuple[int, NDArray[np.float64]]]:
    """For each size m of patients: how many there are, and P(b, c) `(m + 1, m + 1)`.

    b: images of a patient that only the run missed, c: that only the baseline missed.
    """
    worse = pair.sensitivity - loss
    if not (0 < pair.sensitivity < 1 and 0 < worse < 1):
        raise ValueError(f"sensitivities {pair.sensitivity:g} and {worse:g}")
    thresholds = _threshold(np.array([1 - worse, 1 - pair.sensitivity]))
    return [
        (n, _patient_law(size, thresholds, pair.between, pair.within if size > 1 else 0.0))
        for size, n in enumerate(pair.patients, 1)
        if n
    ]


def _patient_law(
    size: int, thresholds: NDArray[np.float64], between: float, within: float
) -> NDArray[np.float64]:
    """Images are independent given the patient's effects: a trinomial law, averaged over these."""
    from scipy.special import gammaln, ndtr

    nodes = np.zeros(1)
    if within > 0:  # equal steps: exact to many digits for what is smooth beside a normal density
        nodes = np.linspace(-8, 8, 161)
    density = np.exp(-(nodes**2) / 2)
    weights = np.outer(density, density).ravel() / density.sum() ** 2
    ours = np.repeat(nodes, nodes.size)
    theirs = between * ours + np.sqrt(1 - between**2) * np.tile(nodes, nodes.size)
    effects = np.sqrt(within) * np.stack([ours, theirs])
    run, baseline = (thresholds[:, np.newaxis] - effects) / np.sqrt(1 - within)
    both = _miss_both(run, baseline, between)
    only_run = np.clip(ndtr(-run) - both, 1e-300, None)
    only_baseline = np.clip(ndtr(-baseline) - both, 1e-300, None)
    logs = np.log([only_run, only_baseline, np.clip(1 - only_run - only_baseline, 1e-300, None)])
    law = np.zeros((size + 1, size + 1))
    for b in range(size + 1):
        c = np.arange(size + 1 - b)
        counts = np.stack([np.full_like(c, b), c, size - b - c], axis=1)
        ways = gammaln(size + 1) - gammaln(counts + 1).sum(axis=1)
        law[b, c] = np.exp(ways[:, np.newaxis] + counts @ logs) @ weights
    scaled: NDArray[np.float64] = law / law.sum()
    return scaled


def _law_of_excess(pair: LatentPair, loss: float) -> NDArray[np.float64]:
    """P(the run misses t more than the baseline), t = -n … n, as a product of transforms."""
    length = 2 * pair.images + 1
    transform = np.ones(length // 2 + 1, dtype=np.complex128)
    for patients, cells in _patient_laws(pair, loss):
        size = len(cells) - 1
        law = np.zeros(length)
        for t in range(-size, size + 1):
            law[t] = np.trace(cells, offset=-t)  # t below 0 stands at the end
        transform *= np.fft.rfft(law) ** patients
    law = np.clip(np.fft.irfft(transform, length), 0, None)
    return np.fft.fftshift(law / law.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Discordance:
    """Sets of cases that there might be: `(D,)` each, with how likely it is.

    run, baseline: the images that only the one missed. excesses `(D, S)`: how many patients have an
    excess of 0, 1, … either way; None where each image is a patient.
    """

    weights: NDArray[np.float64]
    run: NDArray[np.int64]
    baseline: NDArray[np.int64]
    images: int
    patients: int
    excesses: NDArray[np.int64] | None
    even: float = np.nan
    """As many patients of equal size as are worth these; where images are none."""

    def is_failed(self, rule: MissRule, alpha: float) -> NDArray[np.bool_]:
        excess = self.run - self.baseline
        failed = np.zeros(excess.shape, dtype=np.bool_)
        if rule.allowance is not None:
            failed |= excess > rule.allowance
        if rule.significant:
            worse = np.flatnonzero(excess > 0)
            failed[worse[self.find_p_values(worse) <= alpha]] = True
        if rule.margin is not None:
            failed |= self._differs(self.run, self.baseline, rule.margin)
        return failed

    def excludes(self, margin: float) -> NDArray[np.bool_]:
        """Whether the interval of the difference in sensitivity lies above minus the margin."""
        return self._differs(self.baseline, self.run, -margin)

    def find_p_values(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Of the exact paired test of some sets, as `mcnemar_exact` and `sign_flip`."""
        from scipy.special import bdtr

        run, baseline = self.run[rows], self.baseline[rows]
        if self.excesses is None:
            fewer, discordant = np.minimum(run, baseline), run + baseline
            exact: NDArray[np.float64] = np.minimum(1.0, 2 * bdtr(fewer, discordant, 0.5))
            return exact
        several, where = np.unique(self.excesses[rows], axis=0, return_inverse=True)
        tables = [tabulate_flips(row) for row in several]
        excess = np.abs(run - baseline)
        return np.array([tables[i][t] for i, t in zip(where.ravel(), excess, strict=True)])

    def _differs(
        self, first: NDArray[np.int64], second: NDArray[np.int64], delta: float
    ) -> NDArray[np.bool_]:
        """Whether the interval of (first - second) / images lies above delta.

        As `estimate_difference` has it: Tango's score at delta, on the effective sample.
        """
        z, n = two_sided_z(0.95), float(self.images)
        each: Any = 1.0
        if self.excesses is not None:
            each = self._shrink()
        a, b, n = first / each, second / each, n / each
        linear = -a - b + (2 * n - a + b) * delta
        root = np.sqrt(np.maximum(linear**2 + 8 * n * b * delta * (1 - delta), 0))
        q = (root - linear) / (4 * n)
        deviation = np.sqrt(np.maximum(n * (2 * q + delta * (1 - delta)), 0))
        above: NDArray[np.bool_] = a - b - n * delta > z * deviation
        return above & (self.patients > 1) if self.excesses is not None else above

    def _shrink(self) -> Any:
        """By how much the sample counts less, as `design_effect` and the t quantile say."""
        assert self.excesses is not None
        squares = self.excesses @ np.arange(self.excesses.shape[1]) ** 2
        size = self.images / self.patients
        discordant = self.run + self.baseline
        effect = np.maximum(1.0, (squares + 2 * size**2) / (discordant + 2 * size))
        return effect * widen(self.even - 1)


def _tabulate(pair: LatentPair, loss: float) -> _Discordance:
    """All pairs of discordant counts that are likelier than what rounding loses."""
    from scipy.special import gammaln

    n = pair.images
    ((_, cells),) = _patient_laws(pair, loss)
    only_run, only_baseline, same = cells[1, 0], cells[0, 1], cells[0, 0]
    run, baseline = (_plausible(n, share) for share in (only_run, only_baseline))
    b, c = (each.ravel() for each in np.meshgrid(run, baseline, indexing="ij"))
    fits = b + c <= n
    b, c = b[fits], c[fits]
    logs = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(n - b - c + 1)
    logs += b * np.log(only_run) + c * np.log(only_baseline) + (n - b - c) * np.log(same)
    weights = np.exp(logs)
    return _Discordance(weights / weights.sum(), b, c, n, n, None)


def _plausible(n: int, share: float) -> NDArray[np.int64]:
    around, width = n * share, 10 * np.sqrt(n * share * (1 - share)) + 20
    return np.arange(max(0, int(around - width)), min(n, int(around + width)) + 1)


def _draw(pair: LatentPair, loss: float, seed: int) -> _Discordance:
    generator = np.random.default_rng(seed)
    run, baseline = np.zeros((2, DRAWS), dtype=np.int64)
    excesses = np.zeros((DRAWS, len(pair.patients) + 1), dtype=np.int64)
    for patients, law in _patient_laws(pair, loss):
        b, c = np.nonzero(law > 0)
        # A patient with many images has thousands of pairs: not all sets at once.
        for rows in np.array_split(np.arange(DRAWS), -(-DRAWS * len(b) // _AT_ONCE)):
            drawn = generator.multinomial(patients, law[b, c], size=len(rows))
            run[rows] += drawn @ b
            baseline[rows] += drawn @ c
            for excess in range(len(law)):
                excesses[rows, excess] += drawn[:, np.abs(b - c) == excess].sum(axis=1)
    weights = np.full(DRAWS, 1 / DRAWS)
    sizes = np.repeat(np.arange(1, len(pair.patients) + 1), pair.patients)
    even = float(count_even(sizes))
    return _Discordance(weights, run, baseline, pair.images, sizes.size, excesses, even)


def combine_tries(chance: float, tries: int) -> float:
    """The most that the chance of at least one success in `tries` equal tries can be.

    1 - (1 - p)^k, as if they were independent. Models that are judged on the same cases share
    their difficulty: given that, the tries are independent with some chance q, and by Jensen's
    inequality the mean of (1 - q)^k is at least (1 - p)^k.
    """
    return 1 - (1 - chance) ** tries
