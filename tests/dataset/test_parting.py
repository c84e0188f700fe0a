"""Parts of a data set: patients whole, labels alike, whatever the order of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from covidreport.dataset.parting import part_patients, read_lists
from covidreport.errors import UsageError
from covidreport.records import Dataset


def make(patients, images=1, positives=0.1, seed=0):
    """covid-19 in a share of the patients, normal in half of the others."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, images + 1, patients)
    groups = np.repeat([f"p{i:04}" for i in range(patients)], sizes)
    kind = np.repeat(rng.permutation(patients), sizes)
    covid = kind < positives * patients
    normal = ~covid & (kind % 2 == 0)
    truth = np.stack([covid, normal, ~covid & ~normal], axis=1).astype(np.int8)
    ids = tuple(f"{i:05}.png" for i in range(len(groups)))
    return Dataset(
        "d", Path(), Path(), ("covid-19", "normal", "pneumonia"), ids, ids, truth,
        groups=tuple(groups.tolist()),
    )  # fmt: skip


def test_no_patient_is_in_two_parts():
    dataset = make(300, images=4)
    part = part_patients(dataset, [0.2] * 5)
    for patient in set(dataset.groups):
        rows = [i for i, each in enumerate(dataset.groups) if each == patient]
        assert len(set(part[rows].tolist())) == 1
    assert set(part.tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_as_alike_as_single_images_allow(seed):
    """With one image a patient each part has its share of each label, but for one image."""
    dataset = make(1000, seed=seed)
    part = part_patients(dataset, [0.2] * 5, seed)
    for label in range(3):
        counts = np.bincount(part[dataset.truth[:, label] == 1], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(part)) <= 3


def test_rare_patients_with_many_images_are_spread():
    dataset = make(200, images=4, positives=0.1)
    part = part_patients(dataset, [0.2] * 5)
    counts = np.bincount(part[dataset.truth[:, 0] == 1], minlength=5)
    assert counts.max() - counts.min() <= 2  # 20 patients with 1 to 4 images each


@pytest.mark.parametrize("seed", range(4))
def test_labels_are_as_alike_as_scikit_learn_has_them(seed):
    """Its StratifiedGroupKFold on the same patients: no label is spread further than there."""
    dataset = make(150, images=4, positives=0.15, seed=seed)
    label = dataset.truth.argmax(axis=1)
    theirs = np.zeros(len(dataset), int)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(folds.split(label, label, dataset.groups)):
        theirs[rows] = fold
    ours = part_patients(dataset, [0.2] * 5, seed)
    for each in range(3):
        spread, other = (
            np.ptp(np.bincount(part[label == each], minlength=5)) for part in (ours, theirs)
        )
        assert spread <= other + 1


def test_shares_are_kept():
    dataset = make(1000, images=3)
    part = part_patients(dataset, [0.7, 0.15, 0.15])
    assert np.bincount(part) / len(dataset) == pytest.approx([0.7, 0.15, 0.15], abs=0.01)


def test_the_order_of_rows_does_not_count():
    dataset = make(120, images=3)
    order = np.random.default_rng(1).permutation(len(dataset))
    shuffled = Dataset(
        "d", Path(), Path(), dataset.labels, tuple(dataset.ids[i] for i in order),
        tuple(dataset.paths[i] for i in order), dataset.truth[order],
        groups=tuple(dataset.groups[i] for i in order),
    )  # fmt: skip
    assert (part_patients(shuffled, [0.5, 0.5]) == part_patients(dataset, [0.5, 0.5])[order]).all()


def test_another_seed_gives_other_parts():
    dataset = make(120)
    assert (part_patients(dataset, [0.5, 0.5], 0) != part_patients(dataset, [0.5, 0.5], 1)).any()


def test_fewer_patients_than_parts_are_refused():
    with pytest.raises(UsageError, match="3 patients can't be in 5 parts"):
        part_patients(make(3), [0.2] * 5)


def test_lists_name_each_image_once():
    dataset = make(4)
    lists = [("a.txt", ["00000.png", "", "00002.png"]), ("b.txt", ["00001.png", "00003.png"])]
    assert read_lists(dataset, lists).tolist() == [0, 1, 0, 1]
    names = [("a.txt", ["./00000.png", "00002"]), ("b.txt", ["00001.png", "00003"])]
    assert read_lists(dataset, names).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["00001.png"], "1 images stand in no list, such as '00003.png'"),
        (["00001.png", "00003.png", "00000.png"], "stands in a.txt and in b.txt"),
        (["00001.png", "00009.png"], "b.txt: '00009.png' is no image"),
    ],
)
def test_lists_that_do_not_fit_are_refused(lines, said):
    with pytest.raises(UsageError, match=said):
        read_lists(make(4), [("a.txt", ["00000.png", "00002.png"]), ("b.txt", lines)])
