"""What a run's scores come to in counts: nothing of fewer than five, whatever is drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logit

from covidreport.kit.counting import bin_scores, count_groups, sample_effective
from covidreport.records import Scores


def draw(random, *, runs=1, patients=False) -> list[Scores]:
    """Runs' scores of the same images, in groups of which some are small; a few images fail."""
    n = int(random.integers(20, 200))
    truth = (random.uniform(size=n) < random.uniform(0.1, 0.6)).astype(np.int8)[:, None]
    truth[random.uniform(size=n) < 0.02] = -1
    shares = random.dirichlet(np.full(random.integers(2, 8), 0.8))
    values = tuple(map(str, random.choice(["", *"abcdefg"[: shares.size - 1]], n, p=shares)))
    made = []
    for _ in range(runs):
        reasons = [None if each > 0.02 else "broken" for each in random.uniform(size=n)]
        skill = random.uniform(0, 3)
        scores = random.normal(skill * (truth[:, 0] == 1), 1.5)[:, None].astype(np.float32)
        scores[[each is not None for each in reasons]] = np.nan
        made.append(Scores(
            tuple(map(str, range(n))), ("covid-19",), truth, scores, "logit", tuple(reasons),
            groups=tuple(f"p{i // 3}" for i in range(n)) if patients else None,
            attributes={"sex": values},
        ))  # fmt: skip
    return made


def _cells(group) -> tuple[int, ...]:
    return group.tp, group.fn, group.fp, group.tn


def _block(groups, group, values) -> frozenset[str]:
    """The values that a told group holds."""
    named = {each.value for each in groups if each.value is not None}
    return frozenset({group.value} if group.value is not None else set(values) - named)


def test_no_small_group_can_be_subtracted():
    """Over 400 draws of three runs: each cell, and what any two runs' groups have in common."""
    random = np.random.default_rng(0)
    told = 0
    for _ in range(400):
        made = draw(random, runs=3)
        truth, values = made[0].truth[:, 0], np.array(made[0].attributes["sex"])
        known = sorted(set(values[truth >= 0]))
        blocks = []
        for scores in made:
            groups = count_groups(scores, "covid-19", 0.5, ["sex", "age"])["sex"]
            rows = np.array([_cells(each) for each in groups]).reshape(-1, 4)
            if not groups:
                continue
            told += 1
            whole = rows.sum(axis=0)
            assert whole[:2].sum() == (truth == 1).sum()
            assert whole[2:].sum() == (truth == 0).sum()
            assert ((rows >= 5) | (whole == 0)).all()
            blocks += [_block(groups, each, known) for each in groups]
        atoms = {
            frozenset(v for v in known if [v in block for block in blocks] == signs)
            for signs in ([v in block for block in blocks] for v in known)
        }
        for atom in atoms if blocks else ():
            inside = np.isin(values, list(atom))
            for side in (0, 1):
                assert (inside & (truth == side)).sum() >= 5 or not (truth == side).any()
    assert told > 150


@pytest.mark.parametrize("cut", [True, False])
def test_bins_add_up_to_the_answers_and_none_is_small(cut):
    """Counted at each edge anew from probabilities; at the threshold they are the four counts."""
    random = np.random.default_rng(1)
    for _ in range(60):
        (scores,) = draw(random)
        threshold = float(random.choice([0.5, 0.3127]))
        curve = bin_scores(scores, "covid-19", threshold, cut=cut)
        for bins, side in () if curve is None else (
            (curve.positives, 1), (curve.negatives, 0)
        ):  # fmt: skip
            of = scores.scores[(scores.truth[:, 0] == side) & ~scores.failed, 0]
            edges = np.array(bins.edges)
            assert (edges[0], edges[-1], threshold in edges) == (0, 1, cut)
            assert set(bins.edges) - {threshold} <= {step / 100 for step in range(101)}
            above = [int((of > logit(np.float32(edge))).sum()) for edge in edges[1:-1]]
            assert np.cumsum(bins.counts[::-1])[::-1].tolist() == [of.size, *above]
            sides = [(0, threshold), (threshold, 1)] if cut else []
            small = [pair for pair, count in zip(
                pairwise(edges), bins.counts, strict=True
            ) if count < 5]  # fmt: skip
            assert set(small) <= set(sides)


def test_patients_count_as_the_effective_sample():
    """Three equal images of each patient are worth a third; without patients nothing is said."""
    (scores,) = draw(np.random.default_rng(3))
    assert sample_effective(scores, "covid-19", 0.5) is None
    truth = np.repeat(np.array([1] * 20 + [0] * 20, dtype=np.int8), 3)[:, None]
    values = np.repeat(np.random.default_rng(0).normal(truth[::3, 0]), 3)[:, None]
    grouped = Scores(
        tuple(map(str, range(120))), ("covid-19",), truth, values.astype(np.float32), "logit",
        (None,) * 120, groups=tuple(f"p{i // 3}" for i in range(120)),
    )  # fmt: skip
    found = sample_effective(grouped, "covid-19", 0.5)
    assert 15 <= found.positives <= 20
    assert 15 <= found.negatives <= 20
