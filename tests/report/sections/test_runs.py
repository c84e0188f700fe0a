"""Each run by itself: counts, failures, epochs, settings."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.records import Counts, Epoch, RankedRun
from covidreport.report.blocks import Code, Fact, Grid, Prose
from covidreport.report.cells import flatten_heads, write_cell
from covidreport.report.confusion import list_answers, list_cells
from covidreport.report.evaluation import describe_thresholds, tabulate_counts
from covidreport.report.facts import list_facts, list_settings, list_times
from covidreport.report.history import list_epochs
from tests.report.blocks import (
    build,
    find_group,
    find_run,
    find_table,
    list_grids,
    list_runs,
    list_sentences,
    list_tables,
    list_titles,
    read_fact,
    read_values,
    say,
)
from tests.report.study import BEST, BROKEN, SILENT, estimates, evaluate, rate


def test_matrices_are_laid_out_as_the_study_did():
    """Actual in rows, predicted in columns, no before yes; the shade is the share of the row."""
    counts = Counts(405, 195, 8, 20)
    rows = list_cells(counts, 2, target=True)

    assert [head.cell for head in list_answers([counts])] == ["no", "yes"]
    assert [[(cell.text, cell.depth, cell.tone) for cell in row] for row in rows] == [
        [("405", 7, "right"), ("195", 3, "wrong")],
        [("8", 3, "wrong"), ("20", 7, "right")],
    ]
    assert [[cell.strong for cell in row] for row in rows] == [[False, False], [True, False]]


def test_images_that_could_not_be_scored_have_their_own_column():
    """They are neither answer; the rows still add up to all positives and all negatives."""
    counts = Counts(817, 120, 9, 49, 2, 3, 4)
    evaluation = evaluate(
        "run", counts, estimates(rate(49, 60, 0.7, 0.9), rate(817, 940, 0.8, 0.9))
    )
    grid, remark = tabulate_counts(evaluation, "covid-19")

    assert isinstance(grid, Grid)
    assert isinstance(remark, Prose)
    assert flatten_heads(grid) == ["predicted no", "predicted yes", "not scored"]
    assert [[cell.text for cell in row.cells] for row in grid.rows[:2]] == [
        ["817", "120", "3"],
        ["9", "49", "2"],
    ]
    assert remark.words == "COVID-19: 4 images of unknown truth left out"


def test_an_empty_row_has_no_shade():
    """A label that nobody has: counts of 0, and no division by it."""
    _, positives = list_cells(Counts(10, 0, 0, 0), 2, target=False)

    assert [(cell.text, cell.note, cell.depth) for cell in positives] == [("0", "", 0)] * 2


def test_every_split_is_shown_and_the_ranked_one_first(study):
    """The training split stands below it where it was evaluated."""
    run = find_run(study, BEST)
    splits = [title for title in list_titles(run) if title.endswith(" split")]

    assert splits == ["Validation split", "Train split"]
    assert (
        list_sentences(find_group(run, "Train split"))[0]
        == "6,200 images. A label is predicted above 0.5 (published)."
    )


def test_failed_images_are_grouped_by_reason(hostile):
    """What failed, why, and how it counts."""
    run = list_runs(hostile)[0]

    assert say(run, "trouble")[0] == (
        "5 images could not be scored. For COVID-19, 2 with it count as missed and 3 without it as "
        "false alarms."
    )
    assert read_values(find_table(run, "Images that could not be scored")) == [
        ["truncated | broken", "decode", "5",
         "<img src=x0>, <img src=x1>, <img src=x2>, <img src=x3>, <img src=x4>"],
    ]  # fmt: skip


def test_runs_in_trouble_say_so(study):
    """Why there is no rank, and why there are no figures."""
    silent, broken, best = (say(find_run(study, n), "trouble") for n in (SILENT, BROKEN, BEST))

    assert silent == ["Not ranked: calls 628 of 628 images negative."]
    assert broken == ["Failed at load: there is no model.onnx in runs/99"]
    assert best == []


def test_a_file_that_could_not_be_read_is_named(study):
    """A broken history does not hide the run, nor itself."""
    broken = replace(study.runs[1].run, notes=("history.csv: line 3: bad",))
    runs = (study.runs[0], replace(study.runs[1], run=broken), *study.runs[2:])

    run = find_run(replace(study, runs=runs), BEST)

    assert say(run, "trouble")[0] == "Of its folder: history.csv: line 3: bad."


def test_thresholds_are_said_once_or_by_label():
    """One for all, or each; always with where they come from."""
    assert describe_thresholds({"a": 0.5, "b": 0.5}, "default") == (
        "A label is predicted above 0.5 (default)."
    )
    assert describe_thresholds({"covid-19": 0.31, "normal": 0.5}, "tuned on tuning") == (
        "A label is predicted above its threshold: COVID-19 0.31 and normal 0.5 (tuned on tuning)."
    )


def test_every_figure_of_every_epoch_can_be_read(study):
    """The picture's figures as a table, with dashes for those that were not recorded."""
    (table,) = list_epochs(study.runs[1].run)

    assert [(column.title, column.note) for column in table.columns] == [
        ("Epoch", ""), ("Accuracy", "training"), ("Accuracy", "validation"), ("Loss", "last batch"),
    ]  # fmt: skip
    assert read_values(table) == [
        ["1", "0.831", "0.782", "−0.02686"],
        ["2", "0.856", "–", "−0.02611"],
        ["3", "0.862", "0.808", "–"],
    ]


def test_missed_cases_per_epoch_are_drawn_as_counts(study):
    """Whole numbers under the label's own name; durations are left to the files."""
    epoch = Epoch(1, {"validation_covid-19_false_negatives": 9.0, "epoch_s": 3.2})
    run = replace(study.runs[1].run, history=(epoch,))
    (table,) = list_epochs(run)

    assert [column.title for column in table.columns] == ["Epoch", "COVID-19 false negatives"]
    assert read_values(table) == [["1", "9"]]


def test_settings_are_complete(study):
    """All of run.json but its times, grouped, with the learning rate as it was given."""
    groups = {
        group.title: [(fact.name, read_fact(fact)) for fact in group.facts]
        for group in list_settings(study.runs[1].run)
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
    (group, rest) = list_settings(replace(study.runs[1].run, settings=stated))
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


def test_up_to_25_runs_are_shown_whole(study):
    """Nothing is left out of any of them."""
    runs = list_runs(_repeat(study, 25))

    for run in runs:
        assert {"Training: figures of each epoch", "Settings"} <= set(list_titles(run))
        assert not any("Shown in short" in one for one in list_sentences(run))


def test_of_very_many_runs_those_far_down_are_shown_in_short_and_say_so(study):
    """Of 26 the first 20 are whole; the others keep their figures on the ranked split, and their
    matrices stand where those of all runs do."""
    many = _repeat(study, 26)
    runs = list_runs(many)
    whole, short = runs[:20], runs[20:]

    assert all("Settings" in list_titles(run) for run in whole)
    figures = [len(one.rows) for one in list_tables(whole[0]) if "figures of each" in one.caption]
    assert len(figures) == 2
    for run in short:
        words = [one for one in list_sentences(run) if "Shown in short" in one]
        assert words[0].startswith("Shown in short, as 6 of the runs here are: ")
        assert list_titles(run) == [run.title, "Validation split"][1:]
        assert list_grids(run) == []
        assert [len(one.rows) for one in list_tables(run)] == figures[:1]
    grids = list_grids(build(many, "matrices"))
    heads = [row.heads[0].cell for grid in grids for row in grid.rows[::2]]
    names = {write_cell(head).value for head in heads}
    assert names == {run.title for run in runs}
