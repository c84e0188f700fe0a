"""What a verdict on missed cases is worth: how often a gate is wrong by chance alone.

Two runs follow the model of `metrics.latent`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from covidreport.metrics.effective import count_freedom, widen
from covidreport.metrics.intervals import two_sided_z
from covidreport.metrics.latent import LatentPair, list_patient_laws
from covidreport.metrics.paired import flip_tails

DRAWS: Final = 40_000
"""Simulated sets where evidence is asked for and patients have several images."""
_ONE_SD: Final = 7 / 32
"""A sum of signs thrown at random lies one standard deviation or more from 0 at least as often:
Dvořák and Klein, SIAM J. Discrete Math. 36 (2022) 2393-2410. No such sum is significant."""
_AT_ONCE: Final = 4_000_000


class MissRule(Struct, frozen=True):
    """When a run fails, passes, or neither, by the cases that it and a baseline miss.

    It fails where it misses over `allowance` cases more, where `significant` and it misses
    significantly more (the exact paired test, two-sided, over patients), and where the interval of
    the difference in sensitivity lies below minus `margin`. Else it passes; with a margin, only
    where that interval lies above minus the margin. What is None is not asked.
    """

    allowance: int | None = None
    significant: bool = False
    margin: float | None = None


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
        law = law_of_excess(pair, loss)
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
    law = law_of_excess(pair, 0.0)
    above = 1 - np.cumsum(law)[len(law) // 2 :]  # P(excess > 0), P(excess > 1), …
    return int(np.argmax(above <= share))


def law_of_excess(pair: LatentPair, loss: float) -> NDArray[np.float64]:
    """P(the run misses t more than the baseline), t = -n … n, as a product of transforms."""
    length = 2 * pair.images + 1
    transform = np.ones(length // 2 + 1, dtype=np.complex128)
    for patients, cells in list_patient_laws(pair, loss):
        size = len(cells) - 1
        law = np.zeros(length)
        for t in range(-size, size + 1):
            law[t] = np.trace(cells, offset=-t)  # t below 0 stands at the end
        transform *= np.fft.rfft(law) ** patients
    law = np.clip(np.fft.irfft(transform, length), 0, None)
    return np.fft.fftshift(law / law.sum())


class _Discordance(Struct, frozen=True, eq=False):
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
    freedom: float = np.nan
    """Of the patients; of images there are none."""

    def is_failed(self, rule: MissRule, alpha: float) -> NDArray[np.bool_]:
        excess = self.run - self.baseline
        failed = np.zeros(excess.shape, dtype=np.bool_)
        if rule.allowance is not None:
            failed |= excess > rule.allowance
        if rule.significant:
            least = self._sum_squares() if alpha < _ONE_SD else 0
            worse = np.flatnonzero((excess > 0) & (excess**2 > least))
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
        return flip_tails(self.excesses[rows], np.abs(run - baseline))

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

    def _sum_squares(self) -> Any:
        """Of the patients' excesses: the variance of their sum when signs are thrown at random."""
        if self.excesses is None:
            return self.run + self.baseline
        return self.excesses @ np.arange(self.excesses.shape[1]) ** 2

    def _shrink(self) -> Any:
        """By how much the sample counts less, as `design_effect` and the t quantile say."""
        size = self.images / self.patients
        discordant = self.run + self.baseline
        squares = self._sum_squares() + 2 * size**2
        effect = np.maximum(1.0, squares / (discordant + 2 * size))
        return effect * widen(self.freedom)


def _tabulate(pair: LatentPair, loss: float) -> _Discordance:
    """All pairs of discordant counts that are likelier than what rounding loses."""
    from scipy.special import gammaln

    n = pair.images
    ((_, cells),) = list_patient_laws(pair, loss)
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
    for patients, law in list_patient_laws(pair, loss):
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
    freedom = count_freedom(sizes)
    return _Discordance(weights, run, baseline, pair.images, sizes.size, excesses, freedom)


def combine_tries(chance: float, tries: int) -> float:
    """The most that the chance of at least one success in `tries` equal tries can be.

    1 - (1 - p)^k, as if they were independent. Models that are judged on the same cases share
    their difficulty: given that, the tries are independent with some chance q, and by Jensen's
    inequality the mean of (1 - q)^k is at least (1 - p)^k.
    """
    return 1 - (1 - chance) ** tries
