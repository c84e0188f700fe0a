"""Who misses fewest: order, ties, what may stand in one ranking, and who is not ranked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from covidreport.compare.ranking import explain_constant, rank_runs, rank_sets
from covidreport.records import Counts, Estimate, Evaluation, Ranking
from tests.metrics.study import make_evaluation, read_study


def _rank(*evaluations: Evaluation, target: str = "covid-19", floor: float = 0.5) -> Ranking:
    (ranking,) = rank_runs(evaluations, target, floor)
    return ranking


def _order(ranking: Ranking) -> list[tuple[int | None, str]]:
    return [(row.rank, row.run) for row in ranking.rows]


def _counts(missed: int, false_alarms: int) -> Counts:
    """28 positives and 600 negatives, as in the study's validation split."""
    return Counts(tn=600 - false_alarms, fp=false_alarms, fn=missed, tp=28 - missed)


def test_the_study_is_ranked_as_its_report_says():
    """Experiment 15 first: 8 missed, 20 found of 28; 9 and 10 answer "no" to everything."""
    evaluations = [run.evaluation for run in read_study().values() if run.evaluation is not None]
    ranking = _rank(*evaluations)
    first = ranking.rows[0]
    assert (first.rank, first.run, first.missed) == (1, "exp15-vgg16-bce-frozen", 8)
    (counts,) = (each.counts["covid-19"] for each in evaluations if each.run == first.run)
    assert (counts.tp, counts.positives) == (20, 28)
    # missed and false alarms as confusion.csv of the study has them
    assert [(row.run.split("-")[0], row.missed, row.false_alarms) for row in ranking.rows] == [
        ("exp15", 8, 195),
        ("exp3", 10, 204),
        ("exp6", 11, 193),
        ("exp5", 12, 193),
        ("exp13", 12, 210),
        ("exp2", 12, 228),
        ("exp17", 13, 180),
        ("exp1", 13, 184),
        ("exp7", 14, 195),
        ("exp14", 14, 209),
        ("exp4", 14, 213),
        ("exp11", 15, 175),
        ("exp18", 15, 233),
        ("exp12", 19, 194),
        ("exp8", 24, 60),
        ("exp16", 26, 136),
        ("exp10", 28, 1),
        ("exp9", 28, 0),
    ]
    assert [row.rank for row in ranking.rows] == [*range(1, 17), None, None]
    assert [row.why_unranked for row in ranking.rows[16:]] == [
        "calls 627 of 628 images negative",
        "calls 628 of 628 images negative",
    ]


def test_fewest_missed_comes_before_fewest_false_alarms():
    """One case fewer outweighs any number of false alarms above the floor."""
    ranking = _rank(
        make_evaluation("quiet", _counts(9, 0)), make_evaluation("loud", _counts(8, 300))
    )
    assert _order(ranking) == [(1, "loud"), (2, "quiet")]


def test_equal_runs_share_a_rank_and_the_next_is_left_free():
    """1, 2, 2, 4; the order within a tie is by name."""
    ranking = _rank(
        make_evaluation("d", _counts(9, 10)),
        make_evaluation("c", _counts(8, 10)),
        make_evaluation("b", _counts(8, 10)),
        make_evaluation("a", _counts(3, 90)),
    )
    assert _order(ranking) == [(1, "a"), (2, "b"), (2, "c"), (4, "d")]


def test_an_image_that_could_not_be_scored_counts_against_the_run():
    """By hand: 2 missed + 3 failed = 5; 10 false alarms + 40 failed = 50."""
    failing = Counts(tn=550, fp=10, fn=2, tp=23, failed_positive=3, failed_negative=40)
    ranking = _rank(make_evaluation("failing", failing), make_evaluation("whole", _counts(4, 99)))
    assert _order(ranking) == [(1, "whole"), (2, "failing")]
    assert (ranking.rows[1].missed, ranking.rows[1].false_alarms) == (5, 50)


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "f2"},
        {"fingerprint": None},
        {"split": "test", "fingerprint": "f2"},  # the fingerprint holds each image's split
        {"variant": "centre-blacked-out"},
        {"thresholds": {"covid-19": 0.4}},
    ],
)
def test_runs_that_differ_in_images_or_thresholds_are_never_ranked_together(other):
    """Two rankings, the larger first, each of its own images, split and thresholds."""
    rankings = rank_runs(
        [
            make_evaluation("a", _counts(1, 5), **other),
            make_evaluation("b", _counts(2, 5)),
            make_evaluation("c", _counts(3, 5)),
        ],
        "covid-19",
    )
    assert [_order(ranking) for ranking in rankings] == [[(1, "b"), (2, "c")], [(1, "a")]]
    assert rankings[1].fingerprint == other.get("fingerprint", "f1")
    assert rankings[1].split == other.get("split", "validation")


def _tuned(run: str, counts: Counts, threshold: float, **other: object) -> Evaluation:
    """Covid-19 tuned for the run, normal left at 0.5; `other` replaces facts of the tuning."""
    tuning = {"split": "tuning", "fingerprint": "t1", "targets": {"covid-19": {"value": 0.95}}}
    evaluation = make_evaluation(
        run,
        {"covid-19": counts, "normal": _counts(3, 3)},
        thresholds={"covid-19": threshold, "normal": 0.5},
        thresholds_from="tuned on tuning",
    )
    return replace(evaluation, provenance={"tuning": {**tuning, **other}})


def test_runs_whose_thresholds_were_each_tuned_alike_rank_together():
    """Different thresholds for the same target on the same images are one rule."""
    ranking = _rank(_tuned("a", _counts(2, 9), 0.31), _tuned("b", _counts(1, 5), 0.62))
    assert _order(ranking) == [(1, "b"), (2, "a")]


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "t2"},
        {"split": "train"},
        {"targets": {"covid-19": {"value": 0.9}}},
    ],
)
def test_runs_tuned_on_other_images_or_for_another_target_do_not_rank_together(other):
    """A sensitivity of 0.90 misses more than one of 0.95 by choice."""
    runs = [_tuned("a", _counts(1, 5), 0.3), _tuned("b", _counts(2, 5), 0.4, **other)]
    assert len(rank_runs(runs, "covid-19")) == 2


def test_tuned_and_fixed_thresholds_do_not_rank_together():
    """Nor exploratory ones with honest ones, nor other values of a label that was not tuned."""
    tuned = _tuned("a", _counts(1, 5), 0.5)
    fixed = replace(tuned, run="b", thresholds_from="option", provenance={})
    exploratory = replace(tuned, run="c", thresholds_from="tuned on tuning (exploratory)")
    other = replace(tuned, run="d", thresholds={"covid-19": 0.2, "normal": 0.7})
    assert len(rank_runs([tuned, fixed, exploratory, other], "covid-19")) == 4


def test_runs_with_other_labels_are_ranked_together_by_the_targets_fingerprint():
    """Same images and truth of covid-19; with another truth of it they are of other images."""
    one, two = {"covid-19": _counts(1, 5)}, {"covid-19": _counts(2, 5), "normal": _counts(3, 3)}
    first = replace(make_evaluation("a", one), label_fingerprints={"covid-19": "t"})
    second = replace(
        make_evaluation("b", two, fingerprint="f2"),
        label_fingerprints={"covid-19": "t", "normal": "n"},
    )
    ranking = _rank(first, second)
    assert _order(ranking) == [(1, "a"), (2, "b")]
    assert ranking.fingerprint == "t"
    # by `normal` they have nothing in common
    assert len(rank_runs([first, second], "normal")) == 2
    other = replace(second, label_fingerprints={"covid-19": "u", "normal": "n"})
    assert len(rank_runs([first, other], "covid-19")) == 2


def test_an_earlier_evaluation_stands_beside_one_with_the_same_whole_fingerprint():
    """Which says what that of the target is; those of other labels join by it."""
    one, two = {"covid-19": _counts(1, 5)}, {"covid-19": _counts(2, 5), "normal": _counts(3, 3)}
    earlier = make_evaluation("a", two)
    same = replace(make_evaluation("b", two), label_fingerprints={"covid-19": "t", "normal": "n"})
    alone = replace(
        make_evaluation("c", one, fingerprint="f2"), label_fingerprints={"covid-19": "t"}
    )
    assert len(rank_runs([earlier, alone], "covid-19")) == 2
    assert [row.run for row in _rank(earlier, same, alone).rows] == ["c", "a", "b"]


def test_thresholds_of_labels_that_only_one_has_part_nobody():
    """Those that both have do; a run of fewer labels stands with the more, the first of as many."""
    prints = {"covid-19": "t", "normal": "n"}
    counts = {"covid-19": _counts(2, 5), "normal": _counts(3, 3)}

    def make(run, labels, **values):
        of = {label: counts[label] for label in labels}
        evaluation = make_evaluation(run, of, fingerprint=f"{len(labels)}", thresholds=values)
        return replace(evaluation, label_fingerprints={label: prints[label] for label in labels})

    both = ("covid-19", "normal")
    a = make("a", both, **{"covid-19": 0.5, "normal": 0.5})
    b = make("b", both, **{"covid-19": 0.5, "normal": 0.7})
    c = make("c", both, **{"covid-19": 0.5, "normal": 0.7})
    alone = make("d", ("covid-19",), **{"covid-19": 0.5})
    lower = make("e", ("covid-19",), **{"covid-19": 0.4})
    found = [
        {row.run for row in each.rows} for each in rank_runs([a, b, c, alone, lower], "covid-19")
    ]
    assert found == [{"b", "c", "d"}, {"a"}, {"e"}]


def test_runs_with_other_labels_and_no_fingerprint_of_the_target_are_never_ranked_together():
    """Same images, but one run was asked for one label more: files of earlier versions."""
    one, two = {"covid-19": _counts(1, 5)}, {"covid-19": _counts(2, 5), "normal": _counts(3, 3)}
    rankings = rank_runs([make_evaluation("a", one), make_evaluation("b", two)], "covid-19")
    assert [_order(ranking) for ranking in rankings] == [[(1, "a")], [(1, "b")]]


def test_the_order_of_the_labels_does_not_matter():
    """Labels are matched by name."""
    counts = {"covid-19": _counts(1, 5), "normal": _counts(3, 3)}
    turned = dict(reversed(counts.items()))
    assert len(_rank(make_evaluation("a", counts), make_evaluation("b", turned)).rows) == 2


def test_copied_counts_are_comparable_where_every_support_is_the_same():
    """Without a fingerprint, images are taken to be the same where all that is known of them is."""
    copied = make_evaluation("a", _counts(1, 5), fingerprint=None)
    same = make_evaluation("b", _counts(2, 9), fingerprint=None)
    fewer = make_evaluation("c", Counts(tn=590, fp=9, fn=2, tp=26), fingerprint=None)
    elsewhere = make_evaluation("d", _counts(2, 9), fingerprint=None, dataset="other")
    rankings = rank_runs([fewer, copied, same, elsewhere], "covid-19")
    assert [[row.run for row in ranking.rows] for ranking in rankings] == [["a", "b"], ["c"], ["d"]]


def test_no_evaluations_make_no_rankings():
    """Nothing to rank is no error here."""
    assert rank_runs([], "covid-19") == ()


def test_a_run_under_the_specificity_floor_is_shown_and_not_ranked():
    """Calling 301 of 600 healthy images positive misses nobody and is of no use."""
    ranking = _rank(
        make_evaluation("loud", _counts(0, 301)), make_evaluation("good", _counts(9, 99))
    )
    assert _order(ranking) == [(1, "good"), (None, "loud")]
    assert ranking.rows[1].why_unranked == (
        "clears 299 of 600 images without COVID-19: specificity 0.498, under the floor of 0.50"
    )


def test_a_specificity_exactly_at_the_floor_is_ranked():
    """The floor is the lowest that will do; and it is a setting."""
    evaluation = make_evaluation("half", _counts(4, 300))
    assert _rank(evaluation).rows[0].rank == 1
    strict = _rank(evaluation, floor=0.625)
    assert strict.specificity_floor == 0.625
    assert str(strict.rows[0].why_unranked).endswith("under the floor of 0.625")


def test_a_specificity_just_under_the_floor_does_not_read_as_the_floor():
    """2999 of 6000 is 0.49983: with a decimal more, not rounded to the floor it is under."""
    counts = Counts(tn=2999, fp=3001, fn=2, tp=26)
    why = _rank(make_evaluation("a", counts)).rows[0].why_unranked
    assert why is not None
    assert "specificity 0.4998," in why


def test_a_specificity_reads_under_the_floor_as_in_the_table():
    """1 of 6 is 0.167 in both: one rounding."""
    counts = Counts(tn=1, fp=5, fn=0, tp=3)
    why = _rank(make_evaluation("a", counts)).rows[0].why_unranked
    assert why is not None
    assert "specificity 0.167, under the floor of 0.50" in why


def test_a_run_that_calls_everything_positive_is_not_the_winner():
    """It misses nobody: the text says why it is not first."""
    ranking = _rank(
        make_evaluation("all", _counts(0, 600)), make_evaluation("good", _counts(9, 99))
    )
    assert _order(ranking) == [(1, "good"), (None, "all")]
    assert ranking.rows[1].why_unranked == "calls 628 of 628 images positive"


@pytest.mark.parametrize(("called", "ranked"), [(0, False), (6, False), (7, True)])
def test_all_but_constant_means_at_most_one_in_a_hundred(called, ranked):
    """1 % of 628 images is 6.28, and 6 of 600 are exactly 1 %."""
    for negatives in (600, 572):
        counts = Counts(tn=negatives, fp=0, fn=28 - called, tp=called)
        assert (_rank(make_evaluation("a", counts)).rows[0].rank == 1) is ranked


@pytest.mark.parametrize(("called", "ranked"), [(28, True), (15, True), (14, False), (0, False)])
def test_a_rare_target_does_not_make_a_good_run_constant(called, ranked):
    """28 positives of 100,000: a perfect run calls 0.028 % positive; half of that is the limit."""
    counts = Counts(tn=99_972, fp=0, fn=28 - called, tp=called)
    ranking = _rank(make_evaluation("rare", counts))
    assert (ranking.rows[0].rank == 1) is ranked
    if not ranked:
        why = f"calls {100_000 - called} of 100000 images negative"
        assert ranking.rows[0].why_unranked == why


def test_a_rare_negative_is_held_to_the_same_limit():
    """5 healthy among 1000: finding 3 of them is no constant answer, finding 2 is."""
    good, constant = Counts(tn=3, fp=2, fn=0, tp=995), Counts(tn=2, fp=3, fn=0, tp=995)
    ranking = _rank(make_evaluation("good", good), make_evaluation("constant", constant))
    assert _order(ranking) == [(1, "good"), (None, "constant")]
    assert ranking.rows[1].why_unranked == "calls 998 of 1000 images positive"


def test_the_share_is_of_the_images_that_have_an_answer():
    """Half of the images failed: the text counts the other half, and says so."""
    counts = Counts(tn=300, fp=1, fn=14, tp=0, failed_positive=14, failed_negative=299)
    why = _rank(make_evaluation("a", counts)).rows[0].why_unranked
    assert why == "calls 314 of 315 counted images negative"


def test_a_run_that_failed_on_every_image_is_not_ranked():
    """It has no answers at all."""
    counts = Counts(0, 0, 0, 0, failed_positive=28, failed_negative=600)
    row = _rank(make_evaluation("a", counts)).rows[0]
    assert (row.rank, row.missed, row.false_alarms) == (None, 28, 600)
    assert row.why_unranked == "none of 628 images could be scored"


def test_a_target_without_positives_ranks_nobody():
    """Missing none of none says nothing."""
    ranking = _rank(make_evaluation("a", Counts(tn=590, fp=10, fn=0, tp=0)))
    assert ranking.rows[0].why_unranked == (
        "no image of COVID-19 among 600: there is nothing to miss"
    )


def test_a_target_without_negatives_ranks_nobody():
    """False alarms can't be counted, so "all positive" could not be told from a good run."""
    ranking = _rank(make_evaluation("a", Counts(tn=0, fp=0, fn=5, tp=23)))
    assert ranking.rows[0].why_unranked == (
        "no image without COVID-19 among 28: false alarms can't be counted"
    )


def test_a_run_that_does_not_know_the_target_is_shown_without_figures():
    """Its 0 missed is no figure: `counted` says that it shows as a dash."""
    counts = {"normal": _counts(3, 3), "pneumonia": _counts(4, 4)}
    row = _rank(make_evaluation("a", counts)).rows[0]
    assert (row.rank, row.counted) == (None, False)
    assert row.why_unranked == "was not evaluated for covid-19: its labels are normal, pneumonia"


def test_the_target_is_a_setting():
    """The same runs in another order for another question."""
    runs = [
        make_evaluation("a", {"covid-19": _counts(1, 5), "pneumonia": _counts(9, 5)}),
        make_evaluation("b", {"covid-19": _counts(2, 5), "pneumonia": _counts(8, 5)}),
    ]
    assert _order(_rank(*runs)) == [(1, "a"), (2, "b")]
    pneumonia = _rank(*runs, target="pneumonia")
    assert pneumonia.target == "pneumonia"
    assert _order(pneumonia) == [(1, "b"), (2, "a")]


_tables = st.lists(
    st.builds(
        lambda fn, fp, failed: Counts(50 - fp, fp, fn, 20 - fn, failed, 2 * failed),
        st.integers(0, 20),
        st.integers(0, 50),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(_tables)
def test_every_run_stands_in_the_rankings_exactly_once(tables):
    """Ranked first and in order, then the unranked by name, each with a reason."""
    runs = [make_evaluation(f"run-{place:02}", counts) for place, counts in enumerate(tables)]
    ranking = _rank(*runs)
    assert sorted(row.run for row in ranking.rows) == [run.run for run in runs]
    ranked = [row for row in ranking.rows if row.rank is not None]
    unranked = [row for row in ranking.rows if row.rank is None]
    assert ranking.rows == (*ranked, *unranked)
    assert all((row.why_unranked is None) == (row.rank is not None) for row in ranking.rows)
    assert [row.run for row in unranked] == sorted(row.run for row in unranked)
    keys = [(row.missed, row.false_alarms) for row in ranked]
    for row, key in zip(ranked, keys, strict=True):
        assert row.rank == 1 + sum(other < key for other in keys)
    assert keys == sorted(keys)


@settings(deadline=None)
@given(_tables, st.randoms(use_true_random=False))
def test_the_order_in_which_runs_are_given_does_not_matter(tables, random):
    """The same ranking from any order of the folders."""
    runs = [make_evaluation(f"run-{place}", counts) for place, counts in enumerate(tables)]
    shuffled = random.sample(runs, len(runs))
    assert rank_runs(shuffled, "covid-19") == rank_runs(runs, "covid-19")


def _precise(run: str, counts: Counts, figure: float | None) -> Evaluation:
    """An evaluation with this average precision of covid-19."""
    evaluation = make_evaluation(run, counts)
    figures = {**evaluation.estimates["covid-19"], "average_precision": Estimate(figure)}
    return replace(evaluation, estimates={**evaluation.estimates, "covid-19": figures})


def test_average_precision_settles_what_counts_leave_open():
    """Equal in missed cases and false alarms: the higher one goes first; equal again, both share.

    By hand: 0.9, then 0.7 and 0.7, then 0.2; the fifth run misses more and comes last whatever
    its average precision is.
    """
    ranking = _rank(
        _precise("a", _counts(8, 10), 0.2),
        _precise("b", _counts(8, 10), 0.7),
        _precise("c", _counts(8, 10), 0.9),
        _precise("d", _counts(8, 10), 0.7),
        _precise("e", _counts(9, 10), 0.99),
    )
    assert _order(ranking) == [(1, "c"), (2, "b"), (2, "d"), (4, "a"), (5, "e")]
    assert ranking.key == "missed positives, then false alarms, then average precision"
    assert ranking.rows[0].average_precision == 0.9


def test_a_run_without_average_precision_is_not_put_behind():
    """It is unknown, not low: then the figure settles nothing among these, and all share."""
    ranking = _rank(
        _precise("b", _counts(8, 10), None),
        _precise("c", _counts(8, 10), 0.9),
        _precise("a", _counts(8, 10), 0.1),
    )
    assert _order(ranking) == [(1, "a"), (1, "b"), (1, "c")]


def test_each_ranking_comes_with_its_own_evaluations():
    """Two splits of the same runs: figures of one never stand in the table of the other."""
    evaluations = [
        make_evaluation(run, _counts(missed, 5), split=split, fingerprint=split)
        for run, missed in (("a", 1), ("b", 2))
        for split in ("train", "validation")
    ]
    for each in rank_sets(evaluations, "covid-19", 0.5):
        assert {e.split for e in each.evaluations} == {each.ranking.split}
        assert {e.run for e in each.evaluations} == {"a", "b"}


def test_a_constant_answer_is_named_with_its_count():
    """One of 301 images is called otherwise; of two images one each way is no constant answer."""
    assert explain_constant(Counts(tn=1, fp=0, fn=0, tp=1)) is None
    said = explain_constant(Counts(tn=200, fp=1, fn=100, tp=0))
    assert said == "calls 300 of 301 images negative"
    turned = explain_constant(Counts(tn=1, fp=200, fn=0, tp=100))
    assert turned == "calls 300 of 301 images positive"
