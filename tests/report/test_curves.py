"""What other thresholds would have given, read from stored scores."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from covidreport.metrics import count_labels, predict_labels
from covidreport.records import ReportedRun
from covidreport.report.curves import STEPS, collect_curves
from covidreport.storage.runs import read_evaluations
from covidreport.store import SCORES_FILE, evaluation_folder, read_scores
from tests.report.scored_runs import write_runs


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """Two runs with scores of the same 80 images, one of which could not be read."""
    runs = write_runs(tmp_path_factory.mktemp("runs"), runs=2, images=80)
    return [ReportedRun(run, read_evaluations(run)[0][0]) for run in runs]


def test_counts_at_every_step_are_those_of_the_answers_there(reported):
    """For each label and threshold: the images counted one by one."""
    curves = collect_curves(reported)
    for each in reported:
        path = evaluation_folder(each.run.folder, each.evaluation.key) / SCORES_FILE
        scores = read_scores(path)
        for place, at in enumerate(curves.thresholds["covid-19"]):
            answers = predict_labels(scores.scores, [at] * 3, scores.activation, scores.failed)
            counts = count_labels(scores.truth, answers, scores.failed)
            for label, one in zip(scores.labels, counts, strict=True):
                found = curves.runs[each.run.name][label]
                assert (found.positives, found.negatives) == (one.positives, one.negatives)
                assert found.found[place] == one.tp
                assert found.false_alarms[place] == one.false_alarms


def test_the_outline_of_few_images_holds_every_point(reported):
    """From nothing called positive, where the failed negative is a false alarm, to everything."""
    one = collect_curves(reported).runs[reported[0].run.name]["covid-19"]
    found, alarms = np.array(one.outline).T

    assert one.outline[0] == (0, one.failed_negative)
    assert one.outline[-1] == (one.positives - one.failed_positive, one.negatives)
    assert (np.diff(found) >= 0).all()
    assert (np.diff(alarms) >= 0).all()
    assert len(one.outline) == 80


def test_thresholds_that_runs_were_evaluated_at_are_among_the_steps(reported):
    """A tuned threshold such as 0.0374 can be gone back to."""
    first = reported[0].evaluation
    tuned = replace(first, thresholds={**first.thresholds, "covid-19": 0.0374})
    curves = collect_curves([ReportedRun(reported[0].run, tuned), reported[1]])

    assert curves.thresholds["covid-19"] == tuple(sorted([*STEPS, 0.0374]))
    assert curves.thresholds["normal"] == STEPS


def test_a_run_whose_scores_are_gone_is_left_out_with_the_reason(reported, tmp_path):
    """The others keep their curves."""
    lost = replace(reported[0], run=replace(reported[0].run, name="lost", folder=tmp_path))
    curves = collect_curves([lost, reported[1]])

    assert set(curves.runs) == {reported[1].run.name}
    assert [(one.run, "gone" in one.reason) for one in curves.excluded] == [("lost", True)]


def test_counts_alone_have_no_curves(reported):
    """Figures copied from a paper belong to one threshold."""
    counted = replace(reported[0], evaluation=replace(reported[0].evaluation, has_scores=False))

    assert collect_curves([counted]) is None
