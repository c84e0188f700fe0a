from __future__ import annotations

import pytest
from PIL import Image

from covidreport.dataset import guess_labels, read_dataset
from covidreport.errors import DatasetError
from tests.dataset.manifests import write_images
from tests.images.pictures import save, smooth

LABELS = ("covid-19", "normal")


def faults_of(folder, labels=LABELS, **options) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        read_dataset(folder, labels, **options)
    return list(caught.value.faults)


def test_class_folders_in_splits(tmp_path):
    """`Train/covid-19/*.jpg`, upper or lower case: the folders are the truth and the split."""
    write_images(
        tmp_path, "Train/COVID-19/b.jpg", "Train/COVID-19/a.JPG", "Train/Normal/c.png",
        "validation/normal/d.jpeg",
    )  # fmt: skip
    dataset = read_dataset(tmp_path, LABELS)
    assert dataset.paths == dataset.ids == (
        "Train/COVID-19/a.JPG", "Train/COVID-19/b.jpg", "Train/Normal/c.png",
        "validation/normal/d.jpeg",
    )  # fmt: skip
    assert dataset.truth.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert dataset.splits == ("train", "train", "train", "validation")
    assert dataset.groups is None
    assert dataset.attributes == {}
    assert dataset.root == dataset.source == tmp_path


def test_class_folders_without_splits(tmp_path):
    """`<class>/<image>`: there is no split to choose."""
    write_images(tmp_path, "normal/a.png", "covid-19/a.png")
    dataset = read_dataset(tmp_path, LABELS)
    assert dataset.paths == ("covid-19/a.png", "normal/a.png")
    assert dataset.truth.tolist() == [[1, 0], [0, 1]]
    assert dataset.splits is None


def test_labels_keep_the_spelling_and_order_that_was_asked_for(tmp_path):
    """Case is for finding folders, not for renaming labels."""
    write_images(tmp_path, "normal/a.png", "COVID-19/a.png")
    dataset = read_dataset(tmp_path, ["Normal", "covid-19"])
    assert dataset.labels == ("Normal", "covid-19")
    assert dataset.truth.tolist() == [[0, 1], [1, 0]]


def test_a_folder_named_with_joined_labels_carries_them_all(tmp_path):
    """`covid-19+pneumonia` is both."""
    write_images(tmp_path, "covid-19+pneumonia/a.png", "pneumonia/b.png", "Covid-19/c.png")
    dataset = read_dataset(tmp_path, ["covid-19", "pneumonia"])
    truth = dict(zip(dataset.paths, dataset.truth.tolist(), strict=True))
    assert truth == {
        "covid-19+pneumonia/a.png": [1, 1], "pneumonia/b.png": [0, 1], "Covid-19/c.png": [1, 0],
    }  # fmt: skip


def test_a_label_may_be_spelt_with_the_joint(tmp_path):
    """A folder that is a label as it stands is not taken apart."""
    write_images(tmp_path, "HER2+/a.png", "normal/b.png")
    assert read_dataset(tmp_path, ["HER2+", "normal"]).truth.tolist() == [[1, 0], [0, 1]]


def test_labels_are_guessed_from_the_folders(tmp_path):
    """Folders with images, in lower case, joined ones taken apart."""
    write_images(
        tmp_path, "Train/Normal/a.png", "Test/covid-19+Pneumonia/b.png", "Test/docs/readme.md"
    )
    assert guess_labels(tmp_path) == ("covid-19", "normal", "pneumonia")
    assert read_dataset(tmp_path).labels == ("covid-19", "normal", "pneumonia")


def test_what_is_no_image_is_passed_over(tmp_path):
    """Other suffixes, hidden files and hidden folders; every image suffix is taken."""
    images = [
        f"normal/a.{suffix}"
        for suffix in (
            "DCM",
            "bmp",
            "dicom",
            "gif",
            "jfif",
            "jpe",
            "jpeg",
            "jpg",
            "png",
            "tif",
            "tiff",
            "webp",
        )
    ]
    write_images(
        tmp_path, *images, "normal/Thumbs.db", "normal/._a.png", "README.md", ".cache/x/b.png",
        "normal/notes.txt", "covid-19/a.png",
    )  # fmt: skip
    assert read_dataset(tmp_path, LABELS).paths == ("covid-19/a.png", *images)


def test_a_file_without_a_suffix_is_known_by_how_it_begins(tmp_path):
    """As archives of DICOM are, whose names are UIDs; what begins otherwise is passed over."""
    folder = tmp_path / "covid-19"
    folder.mkdir()
    picture = Image.fromarray(smooth(8, 8))
    for name, data in {
        "1.2.840.10008.5": save(picture, "JPEG"),
        "b": save(picture, "PNG"),
        "README": b"what this is",
        "empty": b"",
        "c.part": save(picture, "PNG"),
    }.items():
        (folder / name).write_bytes(data)
    dataset = read_dataset(tmp_path)
    assert dataset.ids == ("covid-19/1.2.840.10008.5", "covid-19/b")
    assert dataset.passed_over == ("covid-19/README", "covid-19/c.part", "covid-19/empty")


def test_all_faults_are_told_together(tmp_path):
    """Images in the wrong place, and class folders that are no label."""
    write_images(
        tmp_path, "a.png", "covid-19/a.png", "normal/b.png", "norml/c.png", "norml/d.png",
        "normal/p1/s1/e.png",
    )  # fmt: skip
    (tmp_path / "normal/gone.png").symlink_to(tmp_path / "nowhere.png")
    assert faults_of(tmp_path) == [
        "normal/gone.png: no such file",
        ".: 1 images; they belong into <class>/ or <split>/<class>/",
        "normal/p1/s1: 1 images; they belong into <class>/ or <split>/<class>/",
        "norml: 'norml' is no label, for 2 images; labels are: covid-19, normal",
    ]


def test_splits_for_some_images_only_are_refused(tmp_path):
    """`normal/a.png` beside `train/normal/a.png` leaves open what is a split and what a class."""
    write_images(tmp_path, "normal/a.png", "covid-19/normal/b.png")
    assert (
        "some images lie in <class>/ and others in <split>/<class>/: use one of them"
        in faults_of(tmp_path)
    )


def test_a_label_without_a_folder_is_refused(tmp_path):
    """Its images might be missing, and all others would pass for negatives."""
    write_images(tmp_path, "test/normal/a.png")
    assert faults_of(tmp_path) == [
        "no class folder for the label 'covid-19'; there are: normal; "
        "make an empty folder of its name if no image shows it"
    ]


def test_an_empty_folder_states_that_no_image_shows_its_label(tmp_path):
    """The user has said it, so it is data."""
    write_images(tmp_path, "test/normal/a.png")
    (tmp_path / "test/Covid-19").mkdir()
    assert read_dataset(tmp_path, LABELS).truth.tolist() == [[0, 1]]


def test_labels_that_differ_in_case_alone_are_refused(tmp_path):
    """Folders can't tell them apart."""
    write_images(tmp_path, "normal/a.png")
    assert (
        "differ in nothing but case: Normal, normal" in faults_of(tmp_path, ["Normal", "normal"])[0]
    )


@pytest.mark.parametrize("labels", [None, LABELS])
def test_a_folder_without_images_is_refused(tmp_path, labels):
    """It says what was looked for."""
    write_images(tmp_path, "notes.txt")
    assert faults_of(tmp_path, labels)[0].startswith("no images: neither a manifest.csv or")


def test_class_folders_have_no_column_to_group_by(tmp_path):
    """A group that was asked for is never quietly left out."""
    write_images(tmp_path, "normal/a.png")
    assert faults_of(tmp_path, ["normal"], group="patient_id") == [
        "class folders have no column 'patient_id' to group by: write a manifest"
    ]


def test_linked_class_folders_are_followed(tmp_path):
    """Links to folders and files count as what they lead to, and circles end."""
    write_images(tmp_path / "archive", "one/a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/normal").symlink_to(tmp_path / "archive/one")
    assert read_dataset(tmp_path / "data", ["normal"]).paths == ("normal/a.png",)
    (tmp_path / "archive/one/again").symlink_to(tmp_path / "archive/one")
    assert "they belong into" in faults_of(tmp_path / "data", ["normal"])[0]


def test_pictures_beside_their_masks_are_those_of_the_class_above(tmp_path):
    """As the COVID-19 Radiography Database lies: masks are no images, and counted."""
    write_images(
        tmp_path, "COVID/images/a.png", "COVID/images/b.png", "COVID/masks/a.png",
        "Normal/images/n.png", "Normal/masks/n.png", "Normal/images/readme.doc",
    )  # fmt: skip
    data = read_dataset(tmp_path)
    assert data.labels == ("covid", "normal")
    assert data.paths == ("COVID/images/a.png", "COVID/images/b.png", "Normal/images/n.png")
    assert data.truth.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert data.splits is None
    assert data.left_out == {"folder masks": 2}
    assert data.passed_over == ("Normal/images/images/readme.doc",)


def test_pictures_beside_their_masks_in_splits(tmp_path):
    """As COVID-QU-Ex lies: one level more."""
    write_images(
        tmp_path, "Train/COVID-19/images/a.png", "Train/COVID-19/lung masks/a.png",
        "Val/Normal/images/n.png", "Val/Normal/lung masks/n.png",
    )  # fmt: skip
    data = read_dataset(tmp_path)
    assert (data.labels, data.splits) == (("covid-19", "normal"), ("train", "val"))
    assert data.left_out == {"folder lung masks": 2}
