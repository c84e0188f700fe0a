"""An evaluation of other images is not overwritten without a word, and another data set's never.

Two data sets of one name each have their own: the second gets its parent folder's in front.
"""

from __future__ import annotations

import json
import shutil

import pytest

from covidreport.store import read_evaluation
from tests.cli.command import ROWS, write_model
from tests.datasets import write_flat_dataset

GROWN = [*ROWS, (60, "covid-19", "validation"), (70, "normal", "validation")]
OTHER = [(value - 5, label, split) for value, label, split in ROWS]
"""Other pixels under the same ids, with the same truth."""


@pytest.fixture
def study(covidreport, tmp_path):
    """Two hospitals keep their images in a folder `data`; run a was evaluated on the first's."""
    write_flat_dataset(tmp_path / "one" / "data", ROWS)
    write_flat_dataset(tmp_path / "two" / "data", OTHER)
    write_model(tmp_path / "runs" / "a", 100)
    done = covidreport(*_evaluate("one"))
    assert done.code == 0, done.err
    return tmp_path


def _evaluate(place, *words, runs="runs"):
    return ("evaluate", runs, "--data", f"{place}/data/manifest.csv", "--provider", "cpu", *words)


def _evaluation(study, name="data", run="a", split="validation"):
    return read_evaluation(study / "runs" / run / "evaluations" / f"{name}-{split}")


def _names(study, run="a"):
    return sorted(each.name for each in (study / "runs" / run / "evaluations").iterdir())


def test_a_data_set_that_grew_replaces_its_evaluation_with_a_word(study, covidreport):
    """Two images more: the figures are of nine, and the warning says of how many they were."""
    write_flat_dataset(study / "one" / "data", GROWN)

    done = covidreport(*_evaluate("one"))

    assert done.code == 0, done.err
    assert _evaluation(study).n_images == 9
    assert "data-validation was of 7 images or another truth from one/data/manifest.csv" in done.err
    assert "is now of 9 from one/data/manifest.csv" in done.err
    assert "the evaluation of before is replaced" in done.err
    assert "replaced" not in covidreport(*_evaluate("one")).err


FILED = "two/data/manifest.csv is filed as two-data: in these runs data is another data set"


def test_another_data_set_of_the_same_name_has_its_parent_s_in_front(study, covidreport):
    """Said once, on every call; what stands is as good as it was, and a run beside it files both
    alike, whichever it sees first."""
    before = _evaluation(study)
    write_model(study / "runs" / "b", 100)

    done = covidreport(*_evaluate("two"))
    again = covidreport(*_evaluate("two"))

    assert [done.code, again.code] == [0, 0], done.err
    assert [each.err.count(FILED) for each in (done, again)] == [1, 1]
    assert "replaced" not in done.err + again.err
    assert "were not run again" in again.err
    assert _evaluation(study) == before
    assert _names(study) == ["data-validation", "two-data-validation"]
    assert _names(study, "b") == ["two-data-validation"]
    assert _evaluation(study, "two-data").facts.source == "two/data/manifest.csv"
    write_model(study / "runs" / "c", 100)
    assert covidreport(*_evaluate("two", runs="runs/c")).code == 0
    assert _names(study, "c") == ["two-data-validation"]


def test_what_is_filed_under_a_longer_name_may_grow_and_move(study, covidreport):
    """From two to three, and two images more: still `two-data`, replaced with a word."""
    covidreport(*_evaluate("two"))
    write_flat_dataset(study / "two" / "data", [*OTHER, (60, "covid-19", "validation")])
    done = covidreport(*_evaluate("two"))
    assert "two-data-validation was of 7 images" in done.err
    shutil.move(study / "two", study / "three")
    moved = covidreport(*_evaluate("three"))

    assert [done.code, moved.code] == [0, 0], done.err
    assert "was not run again" in moved.err
    assert _names(study) == ["data-validation", "two-data-validation"]
    assert [_evaluation(study).n_images, _evaluation(study, "two-data").n_images] == [7, 8]


def test_the_same_images_in_another_place_are_the_same_set(study, covidreport):
    """A copy of the first hospital's folder: nothing is computed, and there is no second name."""
    shutil.copytree(study / "one", study / "copy")
    done = covidreport(*_evaluate("copy"))

    assert done.code == 0, done.err
    assert "was not run again" in done.err
    assert _names(study) == ["data-validation"]
    write_flat_dataset(study / "copy" / "data", GROWN)  # a set of its own from here on
    assert covidreport(*_evaluate("copy")).code == 0
    assert _names(study) == ["copy-data-validation", "data-validation"]


def test_every_split_of_a_data_set_goes_by_one_name(study, covidreport):
    """No test split of the first hospital stands anywhere, and yet the second's is not `data`."""
    rows = [*OTHER, (130, "covid-19", "test"), (20, "normal", "test")]
    write_flat_dataset(study / "two" / "data", rows)
    done = covidreport(*_evaluate("two", "--split", "test"))

    assert done.code == 0, done.err
    assert _names(study) == ["data-validation", "two-data-test"]
    shutil.rmtree(study / "runs" / "a" / "evaluations" / "data-validation")
    assert covidreport(*_evaluate("two")).code == 0
    assert _names(study) == ["two-data-test", "two-data-validation"]


def test_a_third_has_as_many_folders_in_front_as_part_it(study, covidreport):
    """`x/two/data`, where `two-data` is the second hospital's."""
    write_flat_dataset(study / "x" / "two" / "data", ROWS[:5])
    assert covidreport(*_evaluate("two")).code == 0
    assert covidreport(*_evaluate("x/two")).code == 0

    assert _names(study) == ["data-validation", "two-data-validation", "x-two-data-validation"]


def test_a_configured_name_that_another_set_has_gets_the_folder_in_front(study, covidreport):
    """`name` without `data` is that of whatever is evaluated."""
    (study / "covidreport.toml").write_text('name = "clinic"\n')
    assert covidreport(*_evaluate("one")).code == 0
    done = covidreport(*_evaluate("two"))

    assert done.code == 0, done.err
    assert "is filed as data-clinic: in these runs clinic is another data set" in done.err
    assert _names(study) == ["clinic-validation", "data-clinic-validation", "data-validation"]


def test_a_configured_name_is_not_that_of_other_data(study, covidreport):
    """`name` is the configured data's; what --data names goes by its folder."""
    write_flat_dataset(study / "outside", OTHER)
    (study / "covidreport.toml").write_text('data = "one/data"\nname = "clinic"\n')
    assert covidreport("evaluate", "runs", "--data", "outside").code == 0
    assert covidreport("evaluate", "runs", "--data", "one/data/manifest.csv").code == 0
    assert covidreport("evaluate", "runs", "--data", "one/data").code == 0

    assert _names(study) == ["clinic-validation", "data-validation", "outside-validation"]
    assert json.loads(covidreport("audit", "outside", "--json").out)["dataset"] == "outside"


def test_the_configured_data_are_known_by_their_place(study, covidreport):
    """Data of the second hospital are configured: every command is about `two-data`."""
    assert covidreport(*_evaluate("two")).code == 0
    assert covidreport(*_evaluate("one", "--force")).code == 0
    for data in ("two/data", "two/data/manifest.csv"):
        (study / "covidreport.toml").write_text(f'data = "{data}"\n')
        listed = json.loads(covidreport("list", "--json").out)
        assert listed["rankings"][0]["dataset"] == "two-data"
        gated = covidreport("gate", "runs", "--limit", "missed<=9", "--json")
        assert {each["dataset"] for each in json.loads(gated.out)["verdicts"]} == {"two-data"}
        text = covidreport("render", "--format", "markdown", "--output", "-").out
        assert "Differences are to two-data, the data set that this report ranks" in text
    ci = covidreport("ci", "runs", "--limit", "missed<=9", "--json", "--output-dir", "out")
    assert {each["dataset"] for each in json.loads(ci.out)["verdicts"]} == {"two-data"}
    assert _names(study) == ["data-validation", "two-data-validation"]
    shutil.rmtree(study / "runs" / "a" / "evaluations" / "data-validation")
    audited = covidreport("audit", "two/data", "runs", "--json")
    assert json.loads(audited.out)["runs"] == ["a"]
    assert "nothing is said of the runs" not in audited.err


def test_another_name_keeps_both(study, covidreport):
    """As it always did."""
    before = _evaluation(study)
    (study / "covidreport.toml").write_text('name = "two"\n')

    assert covidreport(*_evaluate("two")).code == 0

    assert _evaluation(study) == before
    assert _names(study) == ["data-validation", "two-validation"]


def test_force_replaces_no_other_data_set(study, covidreport):
    """It computes again what is unchanged, and no more."""
    before = _evaluation(study)

    done = covidreport(*_evaluate("two", "--force"))
    again = covidreport(*_evaluate("two", "--force"))

    assert [done.code, again.code] == [0, 0], done.err
    assert _evaluation(study) == before
    assert _names(study) == ["data-validation", "two-data-validation"]


def test_two_that_stand_under_one_name_already_get_one_each(study, covidreport):
    """As an earlier version left them: in run a `data` is the first hospital's, in b the
    second's."""
    write_model(study / "elsewhere" / "b", 100)
    assert covidreport(*_evaluate("two", runs="elsewhere")).code == 0
    shutil.move(study / "elsewhere" / "b", study / "runs" / "b")
    for place in ("two", "one"):
        done = covidreport(*_evaluate(place))
        assert done.code == 0, done.err

    for run in ("a", "b"):
        assert _names(study, run) == [
            "data-validation", "one-data-validation", "two-data-validation"
        ]  # fmt: skip


def test_it_is_the_place_that_tells_and_not_how_it_is_spelt(study, covidreport, monkeypatch):
    """From within its folder both manifests are `data/manifest.csv`: the truth tells them apart."""
    monkeypatch.chdir(study / "one")
    write_flat_dataset(study / "one" / "data", GROWN)
    assert covidreport(*_evaluate(".", runs="../runs")).code == 0
    flipped = [(v, "normal" if label == "covid-19" else "covid-19", s) for v, label, s in ROWS]
    write_flat_dataset(study / "two" / "data", flipped)
    monkeypatch.chdir(study / "two")

    done = covidreport(*_evaluate(".", runs="../runs"))

    assert done.code == 0, done.err
    assert _names(study) == ["data-validation", "two-data-validation"]
    assert _evaluation(study).n_images == 9


def test_a_data_set_that_was_moved_and_grew_is_the_same(study, covidreport):
    """Nothing is left where it was, and nine in ten of its images are there with their truth."""
    shutil.move(study / "one", study / "three")
    write_flat_dataset(study / "three" / "data", GROWN)

    done = covidreport(*_evaluate("three"))

    assert done.code == 0, done.err
    assert _evaluation(study).n_images == 9


def test_imported_scores_of_another_data_set_have_its_parent_s_in_front(study, covidreport):
    """What was imported for the first hospital stays."""
    words = ("import-scores", "scores.csv", "--run", "away", "--activation", "sigmoid", "--data")
    rows = [f"{i:03}.png,0.9,0.1,0.1" for i in range(7)]
    (study / "scores.csv").write_text("\n".join(["sample_id,covid-19,normal,pneumonia", *rows]))
    assert covidreport(*words, "one/data/manifest.csv").code == 0

    again = covidreport(*words, "one/data/manifest.csv")
    other = covidreport(*words, "two/data/manifest.csv")

    assert [again.code, other.code] == [0, 0], other.err
    assert "replaced" not in again.err + other.err
    assert FILED in other.err
    assert _names(study, "away") == ["data-validation", "two-data-validation"]
    assert covidreport(*_evaluate("two")).code == 0
    assert _names(study) == ["data-validation", "two-data-validation"]
