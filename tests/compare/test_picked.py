"""What is said of a run that was picked: figures, their interval, and the sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport import load
from covidreport.compare.answers import AlignedAnswers
from covidreport.compare.finding import describe_picked
from covidreport.compare.picked import correct_answers, correct_counts
from covidreport.metrics import wilson
from covidreport.records import Counts
from covidreport.report.formats import FORMATS
from covidreport.store import evaluation_folder
from tests.compare.cases import compare, draw_scores, write_all
from tests.metrics.study import STUDY
from tests.report.compared import compared_study


def _answers(sensitivities, positives=28, negatives=200, groups=None):
    rng = np.random.default_rng(1)
    truth = (np.arange(positives + negatives) < positives).astype(np.int8)
    rates = np.where(truth == 1, np.array(sensitivities)[:, None], 0.1)
    answers = rng.random(rates.shape) < rates
    names = tuple(f"r{i}" for i in range(len(answers)))
    return AlignedAnswers(
        names, truth, np.zeros(answers.shape, np.float32), answers, np.zeros_like(answers), groups
    )


def test_the_interval_goes_from_the_corrected_figure_to_the_plain_one():
    """Of 28 independent images the ends are Wilson's: the lower at the corrected rate, the upper at
    the plain one."""
    answers = _answers([0.7] * 12)
    found = answers.answers[:, :28].sum(axis=1)
    best = int(found.argmax())
    picked: Any = correct_answers(answers, answers.names[best], 0.5)
    sensitivity = picked.sensitivity
    assert sensitivity.value < found[best] / 28
    assert sensitivity.low == pytest.approx(wilson(sensitivity.value * 28, 28)[0])
    assert sensitivity.high == pytest.approx(wilson(found[best], 28)[1])
    assert picked.missed == pytest.approx(28 * (1 - sensitivity.value))
    assert (picked.runs, picked.at_most, picked.resamples) == (12, False, 2000)
    assert sensitivity.method == "bbc-cv over images; wilson at both ends"


def test_patients_with_several_images_make_it_wider():
    """The same answers, by seven patients of four images each."""
    single = _answers([0.7] * 5)
    patients = np.append(np.arange(28) // 4, np.arange(100, 300))
    several = replace(single, groups=patients)
    widths = []
    for answers in (single, several):
        picked: Any = correct_answers(answers, "r0", 0.5)
        widths.append(picked.sensitivity.high - picked.sensitivity.low)
    assert widths[1] > widths[0]
    assert "over groups" in picked.sensitivity.method


def test_counts_alone_give_a_bound_of_the_correction():
    """Equal runs, of which the first had the most luck: it is taken to have had all that it can."""
    counts = [Counts(180, 20, 28 - tp, tp) for tp in (24, 22, 21, 20, 19, 18)]
    picked: Any = correct_counts(counts, 0, 0.5)
    assert picked.at_most
    assert picked.sensitivity.value < 24 / 28
    assert picked.sensitivity.high == pytest.approx(wilson(24, 28)[1])
    assert correct_counts([Counts(90, 5, 1, 3)] * 2, 0, 0.5) is None


def test_runs_without_a_rank_could_have_been_picked(tmp_path):
    """The comparison counts them: another sample of images might have put them over the floor."""
    truth, scores = draw_scores(4)
    scores[3] = 0.9  # calls every image positive
    ranking = compare(write_all(tmp_path, truth, scores))
    assert [row.rank is None for row in ranking.rows] == [False] * 3 + [True]
    assert len(ranking.comparisons.rank_evidence) == 3
    assert ranking.comparisons.picked.runs == 4


@pytest.mark.parametrize(("split", "known"), [("train", False), ("validation", True)])
def test_images_that_trained_a_run_say_nothing_of_others(tmp_path, split, known):
    """Nobody is misled by a run that is right on all that it has learnt by heart."""
    truth, scores = draw_scores(3)
    evaluated = [
        (run, replace(evaluation, split=split))
        for run, evaluation in write_all(tmp_path, truth, scores)
    ]
    for (run, evaluation), (_, before) in zip(evaluated, write_all(tmp_path, truth, scores),
                                              strict=True):  # fmt: skip
        source = evaluation_folder(run.folder, before.key)
        if source != (target := evaluation_folder(run.folder, evaluation.key)):
            source.rename(target)
    comparisons = compare(evaluated).comparisons
    assert comparisons is not None
    assert comparisons.basis == "scores"
    assert (comparisons.picked is not None) is known


def test_the_sentence_states_cases_and_rates():
    """Cases as a rate of those at hand, and no prediction."""
    comparisons = compared_study().rankings[0].comparisons
    assert comparisons is not None
    said = describe_picked(comparisons, "COVID-19")
    assert said.startswith("The best of 8 evaluated runs was picked on these very images")
    assert f"misses about {round(comparisons.picked.missed)} of 28 COVID-19 images" in said
    assert "sensitivity 0." in said
    assert "up to" not in said
    assert "Specificity is lower here" not in said
    assert comparisons.picked is not None
    corrected = comparisons.picked.specificity.value
    assert corrected is not None
    for here, told in ((corrected - 0.002, True), (corrected, False), (corrected + 0.1, False)):
        said = describe_picked(comparisons, "COVID-19", here)
        assert (f"Specificity is lower here ({here:.3f}): to pick by fewest" in said) == told
    assert describe_picked(replace(comparisons, picked=None), "COVID-19") == ""


def test_the_published_winner_is_the_first_example():
    """exp15 missed 8 of 28; counts alone can't say more than up to how many another would."""
    data = load(STUDY).data
    picked = data.rankings[0].comparisons.picked
    assert (picked.runs, picked.at_most) == (18, True)
    assert 8 < picked.missed < 14
    document = json.loads(FORMATS["json"].render(data))
    stated = document["rankings"][0]["comparisons"]["picked"]
    assert stated["sensitivity"]["value"] == picked.sensitivity.value
    text = FORMATS["markdown"].render(data)
    assert f"misses up to about {round(picked.missed)} of 28 COVID-19 images" in text
    assert "That is a bound: counts do not say who missed whom." in text


def test_counts_of_patients_with_several_images_are_not_corrected(tmp_path):
    """Nobody knows whose images were missed: those of one patient are no independent ones."""
    truth, scores = draw_scores(3)
    evaluated = write_all(tmp_path, truth, scores)
    for n_groups, known in ((None, True), (160, True), (70, False)):
        counted = [
            (run, replace(evaluation, n_groups=n_groups, has_scores=False))
            for run, evaluation in evaluated
        ]
        comparisons = compare(counted).comparisons
        assert comparisons is not None
        assert comparisons.basis == "counts"
        assert (comparisons.picked is not None) is known


def test_too_few_negatives_have_no_corrected_specificity():
    """Four units without the disease: a sensitivity, and an undefined specificity beside it."""
    answers = _answers([0.7] * 3, positives=28, negatives=4)
    picked: Any = correct_answers(answers, "r0", 0.0)
    assert picked.sensitivity.value is not None
    assert (picked.specificity.value, picked.specificity.low) == (None, None)
