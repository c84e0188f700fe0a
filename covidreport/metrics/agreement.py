"""How far several readers agree on what images show: kappa, and what it hides.

Cohen, "A coefficient of agreement for nominal scales", Educ. Psychol. Meas. 20 (1960) 37-46;
Fleiss, "Measuring nominal scale agreement among many raters", Psychol. Bull. 76 (1971) 378-382;
agreement on positives and on negatives: Cicchetti and Feinstein, "High agreement but low kappa: II.
Resolving the paradoxes", J. Clin. Epidemiol. 43 (1990) 551-558; PABAK: Byrt, Bishop and Carlin,
"Bias, prevalence and kappa", J. Clin. Epidemiol. 46 (1993) 423-429. The variance of kappa is that
of Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa", Psychol.
Bull. 72 (1969) 323-327, as a sum over images or patients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from covidreport.metrics.proportions import interval_of_units, with_interval
from covidreport.records import UNKNOWN, Estimate
from covidreport.records.truths import Agreement

KAPPA: Final = "log(1 - kappa), t, approximate"
HIGH_AGREEMENT: Final = 0.85
LOW_KAPPA: Final = 0.6
"""From so much agreement on, kappa below this comes of one answer being rare: were both as
frequent, it would be PABAK, which is 0.70 and more."""
MOST_SPLIT: Final = 24
"""Images on which readers differ, of which a report shows pictures."""

_Floats = NDArray[np.float64]


def agree_pairwise(
    readings: NDArray[np.int8], groups: NDArray[np.integer[Any]] | None = None
) -> dict[tuple[int, int], Agreement]:
    """Each two readers, on the images that both read; readings int8 `(J, N)`, groups `(N,)`.

    Kappa is Cohen's.
    """
    found = {}
    for pair in combinations(range(len(readings)), 2):
        two = readings[list(pair)]
        read = (two != UNKNOWN).all(axis=0)
        first, second = two[:, read].astype(np.float64)
        rates = (first.mean(), second.mean()) if read.any() else (0.0, 0.0)
        chance = rates[0] * rates[1] + (1 - rates[0]) * (1 - rates[1])
        of_image = (first - rates[0]) * (2 * rates[1] - 1) + (second - rates[1]) * (
            2 * rates[0] - 1
        )
        of = None if groups is None else groups[read]
        found[pair] = _describe(first + second, np.full(first.size, 2.0), (chance, of_image), of)
    return found


def agree_all(
    readings: NDArray[np.int8], groups: NDArray[np.integer[Any]] | None = None
) -> Agreement:
    """All readers, on the images that two or more read; readings int8 `(J, N)`, groups `(N,)`.

    Kappa is that of Fleiss. Where not all read each image, an image's share of agreeing pairs and
    of positive calls count once, however many read it.
    """
    yes = (readings == 1).sum(axis=0).astype(np.float64)
    read = (readings != UNKNOWN).sum(axis=0).astype(np.float64)
    several = read >= 2
    yes, read = yes[several], read[several]
    rate = float((yes / read).mean()) if read.size else 0.0
    chance = rate**2 + (1 - rate) ** 2
    of_image = (yes / np.maximum(read, 1) - rate) * (4 * rate - 2)
    return _describe(yes, read, (chance, of_image), None if groups is None else groups[several])


def _describe(
    yes: _Floats, read: _Floats, by_chance: tuple[float, _Floats],
    groups: NDArray[np.integer[Any]] | None,
) -> Agreement:  # fmt: skip
    """Of images that so many read and so many called positive, `(N,)` each.

    by_chance: the agreement by chance, and what each image adds to its change.
    """
    n = yes.size
    units = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    size = int(units.max(initial=-1)) + 1
    named = "images" if groups is None else "groups"
    no = read - yes
    pairs = read * (read - 1)
    agreed = (yes * (yes - 1) + no * (no - 1)) / pairs

    def share(counted: _Floats, among: _Floats) -> Estimate:
        of = among.sum()
        if not of > 0:
            return Estimate(None)
        interval = interval_of_units(
            np.bincount(units, counted, size), np.bincount(units, among, size), "wilson", named
        )
        return with_interval(Estimate(float(counted.sum() / of)), interval)

    ones = np.ones(n)
    whole = share(agreed, ones)
    return Agreement(
        images=n,
        split=int((agreed < 1).sum()),
        positive_calls=int(yes.sum()),
        calls=int(read.sum()),
        agreed=whole,
        kappa=_estimate_kappa(agreed, by_chance, units, size),
        positive=share(yes * (yes - 1) / (read - 1), yes),
        negative=share(no * (no - 1) / (read - 1), no),
        pabak=_stretch(whole),
    )


def _stretch(agreed: Estimate) -> Estimate:
    """PABAK: kappa as it would be were both answers as frequent, 2 p - 1."""
    value, low, high = (
        None if each is None else 2 * each - 1 for each in (agreed.value, agreed.low, agreed.high)
    )
    return Estimate(value, low, high, method=agreed.method)


def _estimate_kappa(
    agreed: _Floats, by_chance: tuple[float, _Floats], units: NDArray[np.integer[Any]], size: int
) -> Estimate:
    """(p - c) / (1 - c); its interval is made of log(1 - kappa), so that it ends below 1.

    None where all answers are equal; without an interval where all agree, or one unit is all.
    """
    from scipy.special import stdtrit

    chance, of_image = by_chance
    if not agreed.size or not 1 - chance > 1e-12:
        return Estimate(None)
    observed = float(agreed.mean())
    apart = (1 - observed) / (1 - chance)
    if size < 2 or not apart > 0:
        return Estimate(1 - apart)
    # of each image, how it changes log(1 - kappa)
    shifts = of_image / (1 - chance) - (agreed - observed) / (1 - observed)
    sums = np.bincount(units, shifts, size)
    error = math.sqrt(size / (size - 1) * float(sums @ sums)) / agreed.size
    reach = float(stdtrit(size - 1, 0.975)) * error
    low, high = (1 - apart * math.exp(sign * reach) for sign in (1, -1))
    return Estimate(1 - apart, max(-1.0, low), high, method=KAPPA)


def is_paradox(agreement: Agreement) -> bool:
    """Whether kappa is low though readers agree, since they seldom call an image positive (or
    seldom negative): `HIGH_AGREEMENT` and `LOW_KAPPA`."""
    agreed, kappa = agreement.agreed.value, agreement.kappa.value
    if agreed is None or kappa is None:
        return False
    return agreed >= HIGH_AGREEMENT and kappa < LOW_KAPPA


def vote(readings: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """The majority of readers `(J, N)`, int8 `(N,)`, `UNKNOWN` where as many say yes as no, and
    where that is, bool `(N,)`."""
    yes, no = (readings == 1).sum(axis=0), (readings == 0).sum(axis=0)
    tied: NDArray[np.bool_] = (yes == no) & (yes > 0)
    majority = np.where(yes == no, UNKNOWN, yes > no).astype(np.int8)
    return majority, tied


def pick_split(
    readings: NDArray[np.int8], name: Callable[[int], str], most: int = MOST_SPLIT
) -> tuple[tuple[int, ...], int]:
    """Images on which readers `(J, N)` differ, at most so many, and how many there are.

    First those on which they are nearest to as many for as against, of these what more have read,
    then by name.
    """
    yes, no = (readings == 1).sum(axis=0), (readings == 0).sum(axis=0)
    rows = [int(row) for row in np.flatnonzero((yes > 0) & (no > 0))]
    lead = np.abs(yes - no) / np.maximum(yes + no, 1)
    rows.sort(key=lambda row: (lead[row], -(yes + no)[row], name(row)))
    return tuple(rows[:most]), len(rows)
