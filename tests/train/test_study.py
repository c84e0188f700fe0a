from __future__ import annotations

import csv
import os
from copy import deepcopy
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from train.run_record import (
    describe_experiment,
    describe_network,
    find_differences,
    pin_network,
    read_settings,
)
from train.settings import AS_RUN, EpochRule
from train.study import STUDIES_FOLDER, StudyError, find_study, read_study, select_experiments

REFERENCE = Path(
    os.environ.get(
        "COVIDREPORT_REFERENCE", Path(__file__).parents[2].parent / "shared" / "reference"
    )
)
SHIPPED = sorted(STUDIES_FOLDER.glob("*.toml"))
FREEZE = ("features.0", "features.2", "features.5", "features.10", "features.24", "features.28")

# number: block, architecture, loss, gamma, optimizer, learning rate, epochs; the published settings
STUDY_2020 = {
    "1": ("1", "vgg16", "focal", 2.0, "sgd", 1e-2, 20),
    "2": ("1", "vgg16", "bce", None, "sgd", 1e-2, 20),
    "3": ("1", "resnet18", "bce", None, "sgd", 1e-2, 20),
    "4": ("1", "resnet18", "focal", 2.0, "sgd", 1e-2, 20),
    "5": ("2", "vgg16", "focal", 2.0, "sgd", 1e-4, 10),
    "6": ("2", "vgg16", "bce", None, "sgd", 1e-4, 10),
    "7": ("2", "resnet18", "bce", None, "sgd", 1e-4, 10),
    "8": ("2", "resnet18", "focal", 2.0, "sgd", 1e-4, 10),
    "9": ("3", "vgg16", "focal", 2.0, "adam", 1e-2, 10),
    "10": ("3", "vgg16", "bce", None, "adam", 1e-2, 10),
    "11": ("3", "resnet18", "bce", None, "adam", 1e-2, 10),
    "12": ("3", "resnet18", "focal", 2.0, "adam", 1e-2, 10),
    "13": ("4", "vgg16", "focal", 1.5, "sgd", 1e-2, 10),
    "14": ("4", "resnet18", "focal", 1.5, "sgd", 1e-2, 10),
    "15": ("4b", "vgg16", "bce", None, "sgd", 1e-2, 10),
    "16": ("4b", "resnet18", "bce", None, "sgd", 1e-4, 10),
    "17": ("4b", "vgg16", "focal", 1.5, "sgd", 1e-2, 10),
    "18": ("4b", "resnet18", "focal", 2.0, "sgd", 1e-2, 10),
}


def test_all_faults_of_a_study_are_listed_together(write_study):
    """Unknown keys, bad values, missing keys and clashes come at once, each with its place."""
    path = write_study(
        "number = 1\noptimizr = 'sgd'",
        "number = 2\nepochs = 0\nloss = 'hinge'",
        "number = 3\nloss = 'focal'",
        "name = 'x'",
        "number = 5\nname = 'same'",
        "number = 5\nname = 'same'",
        "number = 7\nmomentum = 0.9",
        "number = 8\ntrain_labels = 'flu-counts-as-covid-19'",
        "number = 9\nname = '../up'",
        "number = 10\nlearning_rate = 0",
        "number = 11\nfrozen = ['features.0']",
        "number = 12\npositive_weight = 'balanced'\nsampling = 'class-balanced'",
        "number = 13\nloss = 'focal'\ngamma = 2\nalpha = 0.25\nsampling = 'class-balanced'",
        defaults="bach_size = 2\n",
    )
    with pytest.raises(StudyError) as caught:
        read_study(path)
    faults = "\n".join(caught.value.faults)
    for expected in (
        "[defaults]: unknown key `bach_size`; did you mean `batch_size`?",
        "experiment 1: unknown key `optimizr`; did you mean `optimizer`?",
        "experiment 2: `epochs` is 0; a whole number from 1 is wanted",
        "experiment 2: `loss` is 'hinge'; one of bce, focal, " + AS_RUN,
        "experiment 3: `gamma` is missing",
        "[[experiment]] no. 4: `number` is missing",
        "2 experiments have the number 5",
        "2 experiments have the name same",
        "experiment 7: `momentum` has no meaning for adam",
        "experiment 8: `train_labels` is 'flu-counts-as-covid-19'; 'flu' is no label",
        "experiment 9: '../up' can't name a folder",
        "experiment 10: `learning_rate` is 0; a number above 0 is wanted",
        "experiment 11: `frozen` keeps random weights",
        '12: `positive_weight = "balanced"` and `sampling = "class-balanced"` each make up for',
        '13: `sampling = "class-balanced"` and `alpha = 0.25` each make up for how rare',
    ):
        assert expected in faults
    assert str(caught.value).startswith(f"{path}: {len(caught.value.faults)} faults")


def test_layers_that_are_not_there_are_found_before_anything_starts(write_study):
    """A freeze that matches nothing, freezes nothing, or is undone by the head is a fault."""
    path = write_study(
        "number = 1\nfrozen = ['featurs.0']",
        "number = 2\nfrozen = ['features.2']",
        "number = 3\narchitecture = 'resnet18'\nfrozen = ['fc']",
        "number = 4\narchitecture = 'resnet81'",
        "number = 5\nfrozen = ['features', 'classifier']",
        "number = 6\narchitecture = 'vit_b_16'",
        "number = 7\narchitecture = 'densenet121'\nmean = [0.5]\nstd = [0.5]",
        "number = 8\nhead = 'study'",
        "number = 9\nfrozen = ['features']\nallow_ineffective_freeze = true",
    )
    with pytest.raises(StudyError) as caught:
        read_study(path, {"weights": "none"})
    faults = caught.value.faults
    assert len(faults) == 8
    for fault, expected in zip(
        faults,
        (
            "1: `frozen`: there is no layer 'featurs.0'; did you mean 'features.0'?",
            "2: `frozen`: 'features.2' (ReLU) has no weights to freeze",
            "3: `frozen`: fc holds the head, which is new, so freezing it freezes nothing",
            "4: no architecture 'resnet81'; did you mean resnet18",
            "5: `frozen`: classifier holds the head",
            "6: vit_b_16 can't take 32 px images",
            "7: `mean` and `std`: densenet121 has three channels",
            "8: `head` is 'study'; tiny has only plain",
        ),
        strict=True,
    ):
        assert fault.startswith(f"experiment {expected}")


def test_an_ineffective_freeze_can_be_asked_for(write_study):
    """The 2020 study's freeze of a replaced layer passes where the study says that it wants it."""
    entry = (
        "number = 1\narchitecture = 'resnet18'\nfrozen = ['fc']\nallow_ineffective_freeze = true"
    )
    assert read_study(write_study(entry)).experiments[0].settings.frozen == ("fc",)


def test_random_layers_are_frozen_only_where_the_command_line_says_so(write_study):
    """A study that is tried without its weights is still read."""
    path = write_study("number = 1\nfrozen = ['features.0']")
    with pytest.raises(StudyError, match="keeps random weights"):
        read_study(path)
    assert read_study(path, {"weights": "none"}).experiments


@pytest.mark.parametrize(
    ("architecture", "head"), [("vgg16", "study"), ("resnet18", "study"), ("resnet50", "plain")]
)
def test_the_head_of_a_run_that_does_not_state_it_is_known(write_study, architecture, head):
    """Once the default was the 2020 study's; such a run is the same fit, and exported so."""
    entry = f"number = 1\narchitecture = '{architecture}'\nhead = '{head}'"
    study = read_study(write_study(entry), check_models=False)
    now = describe_experiment(study.experiments[0], study)
    assert now["hyperparameters"]["head"] == head
    before = deepcopy(now)
    del before["hyperparameters"]["head"]
    assert find_differences(before, now) == ()
    assert read_settings(before, Path("run.json")).head == head
    other = deepcopy(now)
    other["hyperparameters"]["head"] = "other"
    assert find_differences(before, other) != ()


@pytest.mark.parametrize(
    ("architecture", "mean"),
    [("tiny", (0.5,)), ("efficientnet_v2_l", (0.485, 0.456, 0.406)),
     ("resnet18", (0.485, 0.456, 0.406))],
)  # fmt: skip
def test_a_run_that_does_not_say_how_it_was_fed_is_exported_as_it_was(
    write_study, architecture, mean
):
    """Once all of torchvision's networks were fed alike, whatever their weights were made with."""
    entry = f"number = 1\narchitecture = '{architecture}'"
    study = read_study(write_study(entry), check_models=False)
    settings = study.experiments[0].settings
    run = describe_experiment(study.experiments[0], study)
    assert pin_network(run, settings, Path()).mean == mean
    now = run | {"network": describe_network(settings, Path())}
    assert (find_differences(run, now) == ()) == (architecture != "efficientnet_v2_l")
    stated = run | {"network": {"mean": [0.1], "std": [0.2]}}
    assert pin_network(stated, settings, Path()).std == (0.2,)


def test_the_command_line_overrides_every_experiment(write_study):
    """Overrides stand in place of defaults and of entries, and are remembered."""
    path = write_study("number = 1\nepochs = 7", "number = 2")
    study = read_study(path, {"epochs": 1, "image_size": 48})
    assert [e.settings.epochs for e in study.experiments] == [1, 1]
    assert [e.settings.image_size for e in study.experiments] == [48, 48]
    assert study.overrides == {"epochs": 1, "image_size": 48}


def test_seeds_and_sweeps_stand_for_several_experiments(write_study):
    """Every combination once a seed; the configuration is the name without the seed."""
    path = write_study(
        "number = 1", "number = '2b'\nname = 'mine'\nblock = 'b'",
        defaults="[sweep]\nlearning_rate = [0.01, 1e-4]\nfrozen = [[], ['features']]\n",
    )  # fmt: skip
    words = path.read_text().replace('"none"', '"w.pt"').replace("learning_rate = 0.003\n", "")
    path.write_text("seeds = [0, 7]\n" + words)
    study = read_study(path, check_models=False)
    assert [e.name for e in study.experiments[:8]] == [
        f"exp1-tiny-bce{frozen}-learning_rate-{rate}-frozen-{place}-seed{seed}"
        for rate in ("0.01", "0.0001")
        for place, frozen in ((1, ""), (2, "-frozen"))
        for seed in (0, 7)
    ]
    last = study.experiments[-1]
    assert (last.name, last.configuration, last.number, last.block) == (
        "mine-learning_rate-0.0001-frozen-2-seed7", "mine-learning_rate-0.0001-frozen-2", "2b", "b",
    )  # fmt: skip
    assert (last.settings.seed, last.settings.learning_rate) == (7, 1e-4)
    assert last.settings.frozen == ("features",)
    assert len(study.experiments) == 16
    assert len(select_experiments(study, ["2b"])) == 8
    assert len(select_experiments(study, ["mine-learning_rate-0.0001-frozen-2"])) == 2
    assert describe_experiment(last, study)["configuration"] == last.configuration


def test_a_sweep_over_networks_says_each_once(write_study):
    """What the name says already is not said again; timm's colon can't stand in a folder's name."""
    path = write_study(
        "number = 1", defaults="[sweep]\narchitecture = ['tiny', 'timm:test_resnet']\n"
    )
    path.write_text(path.read_text().replace('architecture = "tiny"\n', ""))
    names = [e.name for e in read_study(path, check_models=False).experiments]
    assert names == ["exp1-tiny-bce", "exp1-timm-test_resnet-bce"]


def test_the_seed_of_the_command_line_names_its_run(write_study):
    """In place of the study's seeds; without it and without them a name is as it was."""
    path = write_study("number = 1\nseed = 4")
    (one,) = read_study(path).experiments
    assert (one.name, one.configuration, one.settings.seed) == ("exp1-tiny-bce", None, 4)
    (one,) = read_study(path, {"seed": 3}).experiments
    assert (one.name, one.configuration, one.settings.seed) == (
        "exp1-tiny-bce-seed3", "exp1-tiny-bce", 3,
    )  # fmt: skip


def test_what_varies_is_checked_with_all_else(write_study):
    """Faults of a sweep, of seeds, and of what an entry states of either."""
    path = write_study(
        "number = 1\nepochs = 3\nseed = 1", "number = 2\nloss = 'bce'\ngamma = 2",
        defaults="[sweep]\nepochs = [1, 2]\nseed = [1, 2]\nbatch_size = [4]\nhue = [1, 2]\n"
        "optimizer = ['sgd', 'adamm']\nimage_size = [32, 32]\n",
    )  # fmt: skip
    path.write_text("seeds = [1, 2]\nfolds = 1\n" + path.read_text())
    with pytest.raises(StudyError) as caught:
        read_study(path, check_models=False)
    faults = "\n".join(caught.value.faults)
    for expected in (
        "`folds` is 1; a whole number from 2 is wanted",
        "[sweep]: `seed`: write `seeds = [...]`",
        "[sweep]: `batch_size` is [4]; a list of two values or more",
        "[sweep]: unknown setting `hue`",
        "[sweep]: `optimizer` has 'adamm'; one of sgd, adam",
        "[sweep]: `image_size` has a value twice",
        "experiment 1: `epochs` is stated, and [sweep] varies it",
        "experiment 1: `seed` is stated, and `seeds` for all experiments",
        "experiment 2: `gamma` has no meaning for bce",
    ):
        assert expected in faults
    assert faults.count("`gamma` has no meaning") == 1


def test_an_epoch_rule_is_read(write_study):
    """`exported_epoch` is "last", or best by a metric on a named split."""
    path = write_study(
        "number = 1", "number = 2\nexported_epoch = { best = 'loss', split = 'tuning' }"
    )
    rules = [e.settings.exported_epoch for e in read_study(path).experiments]
    assert rules == [EpochRule(), EpochRule("best", "loss", "tuning")]
    with pytest.raises(StudyError, match="best by loss, accuracy, false_negatives"):
        read_study(write_study("number = 1\nexported_epoch = 'first'"))


def test_experiments_are_chosen_by_number_name_and_block(write_study):
    """Several ways at once give their union, in the study's order; what is not there is named."""
    study = read_study(
        write_study(
            "number = 1\nblock = 'a'", "number = 2\nname = 'two'", "number = 3\nblock = 'a'"
        )
    )

    def chosen(*args):
        return [e.number for e in select_experiments(study, *args)]

    assert chosen() == chosen(["all"]) == ["1", "2", "3"]
    assert chosen(["two", "1"]) == ["1", "2"]
    assert chosen(["2"], ["a"]) == ["1", "2", "3"]
    with pytest.raises(UsageError, match="no experiment 4, 5; its experiments are 1, 2, 3"):
        chosen(["4", "5"])
    with pytest.raises(UsageError, match="no block b; its blocks: a"):
        chosen([], ["b"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_study_that_comes_along_is_sound(path):
    """Each reads without a fault, its layers and heads included."""
    assert read_study(path).experiments


def test_a_study_that_comes_along_is_found_by_its_name():
    """A name that is no file is looked up in train/studies; an unknown one lists what is there."""
    assert find_study("2020-as-run") == STUDIES_FOLDER / "2020-as-run.toml"
    with pytest.raises(UsageError, match="2020-as-run, 2020-corrected"):
        find_study("2021")


def published(study):
    """The settings of each experiment in the columns of STUDY_2020."""
    return {
        e.number: (
            e.block,
            e.settings.architecture,
            e.settings.loss.replace(AS_RUN, "focal"),
            e.settings.gamma,
            e.settings.optimizer,
            e.settings.learning_rate,
            e.settings.epochs,
        )
        for e in study.experiments
    }


@pytest.mark.parametrize("name", ["2020-as-run", "2020-corrected"])
def test_both_studies_have_the_18_published_experiments(name):
    """Numbers, blocks and settings are those of the 2020 study."""
    study = read_study(find_study(name), check_models=False)
    assert published(study) == STUDY_2020
    for experiment in study.experiments:
        settings = experiment.settings
        assert settings.alpha == (None if settings.loss == "bce" else 0.25)
        assert settings.momentum == (0.9 if settings.optimizer == "sgd" else 0)
        assert (settings.batch_size, settings.image_size, settings.weights) == (8, 224, "imagenet")


def test_the_studies_agree_with_the_reference_table():
    """The hand-copied table above is that of the reference study, where that is at hand."""
    table = REFERENCE / "experiments.csv"
    if not table.is_file():
        pytest.skip("the reference study is not at hand (COVIDREPORT_REFERENCE)")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {
        row["experiment"]: (
            row["block"],
            row["architecture"],
            row["loss"],
            float(row["gamma"]) if row["gamma"] else None,
            row["optimizer"],
            float(row["learning_rate"]),
            int(row["epochs"]),
        )
        for row in rows
    } == STUDY_2020


def test_the_corrected_study_mends_what_was_wrong_and_nothing_else():
    """Same numbers, blocks and descriptions; another loss, convention, validation and freeze."""
    as_run = read_study(find_study("2020-as-run"), check_models=False).experiments
    corrected = read_study(find_study("2020-corrected"), check_models=False).experiments
    for before, after in zip(as_run, corrected, strict=True):
        assert (before.number, before.block, before.description) == (
            after.number,
            after.block,
            after.description,
        )
        assert before.settings.train_labels == "pneumonia-counts-as-covid-19"
        assert before.settings.validation_augmentation == before.settings.augmentation
        assert after.settings.train_labels == after.settings.validation_labels == "as-given"
        assert after.settings.validation_augmentation == "none"
        assert after.settings.validation_mode == "evaluation"
        assert after.settings.loss in ("bce", "focal")
        assert before.settings.loss in ("bce", AS_RUN)
        if before.number in ("15", "17"):
            assert before.settings.frozen == after.settings.frozen == FREEZE
        elif before.number in ("16", "18"):
            assert before.settings.frozen == ("fc",)
            assert before.settings.allow_ineffective_freeze
            assert "layer4" in after.settings.frozen
            assert not after.settings.allow_ineffective_freeze
        else:
            assert before.settings.frozen == after.settings.frozen == ()
    assert {e.name for e in as_run}.isdisjoint(e.name for e in corrected)
