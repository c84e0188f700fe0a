"""A run's section: counts, failures, curves, settings."""

from __future__ import annotations

from dataclasses import replace

from covidreport.records import Counts, Epoch, RankedRun
from covidreport.report.blocks import Code, Fact
from covidreport.report.facts import list_facts, list_times, view_settings
from covidreport.report.view import view_report
from covidreport.report.view.evaluation import describe_thresholds, view_matrix
from covidreport.report.view.history import view_curves, view_history
from tests.report.blocks import read_fact
from tests.report.study import BEST, BROKEN, SILENT


def _run(view, name):
    return next(run for run in view.runs if run.name == name)


def test_matrices_are_laid_out_as_the_study_did():
    """Actual in rows, predicted in columns, no before yes; the shade is the share of the row."""
    matrix = view_matrix("covid-19", Counts(405, 195, 8, 20), target=True)

    assert matrix.label == "COVID-19"
    assert matrix.columns == ("no", "yes")
    assert [(name, [(c.text, c.tint, c.right) for c in cells]) for name, cells in matrix.rows] == [
        ("no", [("405", 7, True), ("195", 3, False)]),
        ("yes", [("8", 3, False), ("20", 7, True)]),
    ]


def test_images_that_could_not_be_scored_have_their_own_column():
    """They are neither answer; the rows still add up to all positives and all negatives."""
    matrix = view_matrix("covid-19", Counts(817, 120, 9, 49, 2, 3, 4))

    assert matrix.columns == ("no", "yes", "not scored")
    assert [[cell.text for cell in cells] for _, cells in matrix.rows] == [
        ["817", "120", "3"],
        ["9", "49", "2"],
    ]
    assert matrix.unknown == "4 images of unknown truth left out"


def test_an_empty_row_has_no_shade():
    """A label that nobody has: counts of 0, and no division by it."""
    matrix = view_matrix("x", Counts(10, 0, 0, 0))

    assert [cell.tint for cell in matrix.rows[1][1]] == [0, 0]


def test_every_split_is_shown_and_the_ranked_one_first(study):
    """The training split stands below it where it was evaluated."""
    run = _run(view_report(study), BEST)

    assert [one.title for one in run.evaluations] == ["Validation split", "Train split"]
    assert run.evaluations[1].lead == "6,200 images. A label is predicted above 0.5 (published)."


def test_failed_images_are_grouped_by_reason(hostile):
    """What failed, why, and how it counts."""
    evaluation = view_report(hostile).runs[0].evaluations[0]

    assert evaluation.failed == (
        "5 images could not be scored. For COVID-19, 2 with it count as missed and 3 without it as "
        "false alarms."
    )
    assert evaluation.failures is not None
    assert [[cell.text for cell in row.cells] for row in evaluation.failures.rows] == [
        ["truncated | broken", "decode", "5",
         "<img src=x0>, <img src=x1>, <img src=x2>, <img src=x3>, <img src=x4>"],
    ]  # fmt: skip


def test_runs_in_trouble_say_so(study):
    """Why there is no rank, and why there are no figures."""
    view = view_report(study)

    assert _run(view, SILENT).trouble == "Not ranked: calls 628 of 628 images negative."
    assert _run(view, BROKEN).trouble == "Failed at load: there is no model.onnx in runs/99"
    assert _run(view, BEST).trouble == ""


def test_a_file_that_could_not_be_read_is_named(study):
    """A broken history does not hide the run, nor itself."""
    broken = replace(study.runs[1].run, notes=("history.csv: line 3: bad",))
    runs = (study.runs[0], replace(study.runs[1], run=broken), *study.runs[2:])

    run = _run(view_report(replace(study, runs=runs)), BEST)

    assert run.trouble == "Of its folder: history.csv: line 3: bad."


def test_thresholds_are_said_once_or_by_label():
    """One for all, or each; always with where they come from."""
    assert describe_thresholds({"a": 0.5, "b": 0.5}, "default") == (
        "A label is predicted above 0.5 (default)."
    )
    assert describe_thresholds({"covid-19": 0.31, "normal": 0.5}, "tuned on tuning") == (
        "A label is predicted above its threshold: COVID-19 0.31 and normal 0.5 (tuned on tuning)."
    )


def test_the_loss_of_the_last_batch_is_called_that(study):
    """It is no loss of the epoch, and must not be read as one."""
    loss, accuracy = view_curves(study.runs[1].run)

    assert loss.title == "Loss of each epoch's last batch"
    assert loss.summary == (
        "Loss of each epoch's last batch by epoch. Last batch: −0.02686 at epoch 1, −0.02611 at "
        "epoch 2."
    )
    assert [curve.name for curve in accuracy.curves] == ["training", "validation"]
    assert accuracy.exported is not None


def test_every_figure_of_every_epoch_can_be_read(study):
    """The picture's figures as a table, with dashes for those that were not recorded."""
    table = view_history(study.runs[1].run)

    assert table is not None
    assert [(column.title, column.note) for column in table.columns] == [
        ("Epoch", ""), ("Accuracy", "training"), ("Accuracy", "validation"), ("Loss", "last batch"),
    ]  # fmt: skip
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["1", "0.831", "0.782", "−0.02686"],
        ["2", "0.856", "–", "−0.02611"],
        ["3", "0.862", "0.808", "–"],
    ]


def test_missed_cases_per_epoch_are_drawn_as_counts(study):
    """Whole numbers under the label's own name; durations are left to the files."""
    epoch = Epoch(1, {"validation_covid-19_false_negatives": 9.0, "epoch_s": 3.2})
    run = replace(study.runs[1].run, history=(epoch,))
    table = view_history(run)

    assert [chart.title for chart in view_curves(run)] == ["COVID-19 false negatives"]
    assert table is not None
    assert [cell.text for cell in table.rows[0].cells] == ["1", "9"]


def test_settings_are_complete(study):
    """All of run.json but its times, grouped, with the learning rate as it was given."""
    groups = {
        group.title: [(fact.name, read_fact(fact)) for fact in group.facts]
        for group in view_settings(study.runs[1].run)
    }

    assert groups == {
        "Hyperparameters": [
            ("architecture", "vgg16"), ("learning rate", "0.0001"), ("frozen", "a, b"),
        ],
        "Exported epoch": [("rule", "last"), ("epoch", "3")],
        "Run": [("experiment", "15"), ("block", "4b"), ("seed", "none")],
    }  # fmt: skip


def test_a_setting_stated_as_null_is_none_and_one_not_stated_is_absent(study):
    """No weight and nothing frozen were asked for, which is known; a schedule is not spoken of."""
    stated = {"hyperparameters": {"positive_weight": None, "frozen": [], "loss": "bce"}, "data": {}}
    (group, rest) = view_settings(replace(study.runs[1].run, settings=stated))
    assert [(fact.name, read_fact(fact)) for fact in group.facts] == [
        ("positive weight", "none"), ("frozen", "none"), ("loss", "bce"),
    ]  # fmt: skip
    assert [(fact.name, read_fact(fact)) for fact in rest.facts] == [("data", "none")]
    assert [read_fact(fact) for fact in list_facts({"sha256": None})] == ["–"]


def test_facts_and_times_are_parted():
    """A time stamp at any depth is a time; all else is a fact; nothing is in neither."""
    values = {
        "model": {"sha256": "a" * 64, "finished": "today"},
        "started": "yesterday",
        "timing": {"jobs": 2, "model_mtime_ns": 5},
        "wait_s": 1.5,
    }

    assert list_facts(values) == (Fact("model: sha256", Code("a" * 64)),)
    assert list_times(values) == ("finished today", "started yesterday", "jobs 2", "wait (s) 1.5")


def _repeat(study, runs):
    """The study's best run so many times over, each with a rank."""
    first = study.runs[1]
    names = [f"run-{i}" for i in range(1, runs + 1)]
    many = (
        replace(
            first,
            run=replace(first.run, name=name),
            evaluation=replace(first.evaluation, run=name),
        )
        for name in names
    )
    rows = tuple(RankedRun(name, place, 8, 195) for place, name in enumerate(names, 1))
    return replace(study, runs=tuple(many), rankings=(replace(study.rankings[0], rows=rows),))


def test_up_to_sixty_runs_are_shown_whole(study):
    """Nothing is left out of any of them."""
    view = view_report(_repeat(study, 60))

    assert all(run.curves and run.history and run.settings for run in view.runs)
    assert not any(run.shortened for run in view.runs)


def test_of_very_many_runs_those_far_down_are_shown_in_short_and_say_so(study):
    """Of 61 the first 30 are whole; the others keep their figures on the ranked split, and their
    matrices stand where those of all runs do."""
    view = view_report(_repeat(study, 61))
    whole, short = view.runs[:30], view.runs[30:]

    assert all(run.curves and not run.shortened for run in whole)
    assert len(whole[0].evaluations) == 2
    for run in short:
        assert run.shortened.startswith("Shown in short, as 31 of the runs here are: ")
        assert (run.curves, run.history, run.settings) == ((), None, ())
        assert [(one.matrices, len(one.counts.rows)) for one in run.evaluations] == [((), 6)]
        assert [len(one.metrics.rows) for one in run.evaluations] == [
            len(whole[0].evaluations[0].metrics.rows)
        ]
    listed = view.matrices.runs + view.matrices.folded
    assert {run.name.text for run in listed} == {run.name for run in view.runs}
