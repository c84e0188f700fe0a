from __future__ import annotations

import numpy as np
import pytest

from covidreport.dataset import guess_labels, read_dataset
from covidreport.errors import DatasetError
from tests.dataset.manifests import write_manifest

HEAD = "path,covid-19,normal,split,patient_id,view\n"
THREE = ("a.png", "b/c.png", "d.png")


def faults_of(manifest, labels=("covid-19", "normal"), **options) -> list[str]:
    """The faults with which a manifest is refused."""
    with pytest.raises(DatasetError) as caught:
        read_dataset(manifest, labels, **options)
    assert caught.value.where == str(manifest)
    return list(caught.value.faults)


def test_every_column_goes_where_it_belongs(tmp_path):
    """Path, labels, split, patient and attributes, each by the name of its column."""
    text = HEAD + "a.png,1,0,Train,7,PA\nb/c.png,0,1,validation,8,\nd.png,,0,TRAIN,7,AP\n"
    dataset = read_dataset(write_manifest(tmp_path, text, THREE), ["covid-19", "normal"])
    assert dataset.labels == ("covid-19", "normal")
    assert dataset.ids == dataset.paths == THREE
    assert dataset.truth.dtype == np.int8
    assert dataset.truth.tolist() == [[1, 0], [0, 1], [-1, 0]]
    assert dataset.splits == ("train", "validation", "train")
    assert dataset.groups == ("7", "8", "7")
    assert dataset.attributes == {"view": ("PA", "", "AP")}
    assert dataset.root == tmp_path
    assert dataset.source == tmp_path / "manifest.csv"
    assert len(dataset) == 3


@pytest.mark.parametrize(
    ("cell", "truth"),
    [
        ("0", 0), ("1", 1), ("0.0", 0), ("1.0", 1), ("true", 1), ("FALSE", 0), ("True", 1),
        (" 1 ", 1), ("", -1), ("  ", -1), ("null", -1),
    ],
)  # fmt: skip
def test_truth_is_0_1_or_unknown(tmp_path, cell, truth):
    """A blank is unknown, which is not negative."""
    manifest = write_manifest(tmp_path, f"path,x\na.png,{cell}\n", ["a.png"])
    assert read_dataset(manifest, ["x"]).truth.tolist() == [[truth]]


@pytest.mark.parametrize("cell", ["2", "-2", "yes", "0.5", "1,0", "01", "positive"])
def test_any_other_truth_is_refused_with_line_and_value(tmp_path, cell):
    """Nothing is rounded, clipped or guessed."""
    quoted = f'"{cell}"'
    manifest = write_manifest(tmp_path, f"path,x\na.png,1\nd.png,{quoted}\n", THREE)
    assert faults_of(manifest, ["x"]) == [f"line 3: x is {cell!r}, not 0, 1 or blank"]


def test_labels_are_matched_by_name_and_not_by_position(tmp_path):
    """The columns' order in the file and the labels' order have nothing to do with each other."""
    manifest = write_manifest(tmp_path, "normal,path,covid-19\n1,a.png,0\n", ["a.png"])
    assert read_dataset(manifest, ["covid-19", "normal"]).truth.tolist() == [[0, 1]]
    assert read_dataset(manifest, ["normal", "covid-19"]).truth.tolist() == [[1, 0]]


def test_an_image_may_carry_any_set_of_labels(tmp_path):
    """Both, one or none: labels don't exclude each other."""
    text = "path,x,y\na.png,1,1\nb/c.png,1,0\nd.png,0,0\n"
    assert read_dataset(write_manifest(tmp_path, text, THREE)).truth.sum(axis=1).tolist() == [
        2,
        1,
        0,
    ]


def test_labels_not_asked_for_become_attributes(tmp_path):
    """Every column that has no other meaning is kept as text."""
    manifest = write_manifest(tmp_path, "path,x,y\na.png,1,0\n", ["a.png"])
    assert read_dataset(manifest, ["x"]).attributes == {"y": ("0",)}


def test_labels_are_guessed_from_columns_of_0_and_1(tmp_path):
    """Only 0, 1 and blanks, and at least one 1; never path, id, split or the patient."""
    text = (
        "path,id,split,patient_id,x,never,age,y,site\n"
        "a.png,1,1,1,1,0,1,,0\nb/c.png,0,0,0,0,0,70,1,A\nd.png,2,1,1,,0,,true,1\n"
    )
    manifest = write_manifest(tmp_path, text, THREE)
    assert guess_labels(manifest) == ("x", "y")
    assert read_dataset(manifest).labels == ("x", "y")


def test_the_group_column_is_never_guessed_to_be_a_label(tmp_path):
    """A column of patients 0 and 1 groups, when it is named for that."""
    manifest = write_manifest(tmp_path, "path,x,person\na.png,1,0\nd.png,0,1\n", THREE)
    dataset = read_dataset(manifest, group="person")
    assert dataset.labels == ("x",)
    assert dataset.groups == ("0", "1")


def test_a_group_column_can_be_named(tmp_path):
    """Another column than patient_id, which is an attribute then."""
    manifest = write_manifest(tmp_path, "path,x,patient_id,site\na.png,1,p,s\n", ["a.png"])
    dataset = read_dataset(manifest, ["x"], group="site")
    assert dataset.groups == ("s",)
    assert dataset.attributes == {"patient_id": ("p",)}


def test_without_a_group_column_there_are_no_groups(tmp_path):
    """None, not a column of blanks: nothing is known about patients."""
    manifest = write_manifest(tmp_path, "path,x\na.png,1\n", ["a.png"])
    assert read_dataset(manifest).groups is None
    assert read_dataset(manifest).splits is None


def test_an_image_whose_patient_is_not_stated_is_a_patient_of_its_own(tmp_path):
    """Two blanks are two patients, and never one that is stated."""
    text = "path,x,patient_id\na.png,1,?b/c.png\nb/c.png,1,\nd.png,0, \n"
    dataset = read_dataset(write_manifest(tmp_path, text, THREE))
    assert dataset.groups == ("?b/c.png", "??b/c.png", "??d.png")


def test_an_id_column_names_the_images(tmp_path):
    """Ids are the manifest's, and the path is where the file lies."""
    manifest = write_manifest(tmp_path, "path,id,x\na.png, 17 ,1\nd.png,18,0\n", THREE)
    dataset = read_dataset(manifest)
    assert dataset.ids == ("17", "18")
    assert dataset.paths == ("a.png", "d.png")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffpath,x\na.png,1\n",
        "path,x\r\na.png,1\r\n",
        " path , x \na.png,1",
        '"path","x"\n"a.png","1"\n',
        "path,x\n\n\na.png,1\n\n",
        "path,x,\na.png,1,\n",
    ],
    ids=["byte order mark", "crlf", "spaces", "quotes", "blank lines", "nameless column"],
)
def test_ways_in_which_programs_write_csv(tmp_path, text):
    """Excel's mark and line ends, spaces, quotes, blank lines and a saved row number."""
    dataset = read_dataset(write_manifest(tmp_path, text, ["a.png"]), ["x"])
    assert dataset.paths == ("a.png",)
    assert dataset.truth.tolist() == [[1]]
    assert dataset.attributes == {}


def test_text_is_utf_8(tmp_path):
    """Names in any script."""
    manifest = write_manifest(tmp_path, "path,x,côté\nfür/胸.png,1,gauche\n", ["für/胸.png"])
    dataset = read_dataset(manifest)
    assert dataset.paths == ("für/胸.png",)
    assert dataset.attributes == {"côté": ("gauche",)}


def test_bytes_that_are_not_utf_8_are_told_by_line(tmp_path):
    """Every such line, with the byte, and what to do."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_bytes(b"path,x\na.png,1\nf\xfcr.png,1\nd.png,0\n\xe9.png,0\n")
    remedy = "is not UTF-8: save the manifest as UTF-8"
    assert faults_of(manifest) == [f"line 3: byte 0xfc {remedy}", f"line 5: byte 0xe9 {remedy}"]


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines(tmp_path):
    """A fault names the line on which its row begins, as an editor counts."""
    text = 'path,x,note\na.png,1,"two\nlines"\n\nd.png,7,\n'
    manifest = write_manifest(tmp_path, text, THREE)
    assert faults_of(manifest, ["x"]) == ["line 5: x is '7', not 0, 1 or blank"]


def test_all_faults_are_told_together_in_the_order_of_the_file(tmp_path):
    """One run of the command shows everything that has to be mended."""
    text = HEAD + (
        "a.png,1,0,train,1,PA\n"
        "/etc/passwd,1,0,train,1,PA\n"
        "a.png,0,1,train,1,PA\n"
        "gone.png,0,maybe,train,1,PA\n"
        "d.png,0\n"
        "../d.png,2,2,train,1,PA\n"
        ",0,1,train,1,PA\n"
    )
    manifest = write_manifest(tmp_path, text, THREE)
    assert faults_of(manifest, ["covid-19", "normal", "pneumonia"], group="person") == [
        "line 1: no column for the label 'pneumonia'; "
        "there are: path, covid-19, normal, split, patient_id, view",
        "line 1: no column 'person' to group by; "
        "there are: path, covid-19, normal, split, patient_id, view",
        "line 3: path '/etc/passwd' is absolute: paths are relative to the manifest's folder, "
        "or begin with the `root` that [manifest] names",
        "line 4: path 'a.png' stands on line 2 already",
        "line 5: no such file: gone.png",
        "line 5: normal is 'maybe', not 0, 1 or blank",
        "line 6: 2 cells, the header names 6",
        "line 7: path '../d.png' leaves the manifest's folder, or may: '..' is refused",
        "line 7: covid-19 is '2', not 0, 1 or blank",
        "line 7: normal is '2', not 0, 1 or blank",
        "line 8: path is empty",
    ]


@pytest.mark.parametrize("path", ["/a.png", "\\a.png", "C:\\a.png", "c:/a.png", "\\\\host\\a.png"])
def test_absolute_paths_are_refused(tmp_path, path):
    """A data set can be moved and mailed: its paths begin in its folder, on every system."""
    manifest = write_manifest(tmp_path, f"path,x\n{path},1\n")
    assert faults_of(manifest, ["x"]) == [
        f"line 2: path {path!r} is absolute: paths are relative to the manifest's folder, "
        "or begin with the `root` that [manifest] names"
    ]


@pytest.mark.parametrize("path", ["../a.png", "b/../../a.png", "b/../a.png", "..", "b\\..\\a.png"])
def test_paths_that_climb_are_refused(tmp_path, path):
    """Whatever `..` would come to: behind a link it may come to anything."""
    manifest = write_manifest(tmp_path, f"path,x\n{path},1\n", THREE)
    assert "'..' is refused" in faults_of(manifest, ["x"])[0]


def test_a_name_with_two_dots_is_a_name(tmp_path):
    """Only a whole part `..` climbs."""
    manifest = write_manifest(tmp_path, "path,x\na..b/..c.png,1\n", ["a..b/..c.png"])
    assert read_dataset(manifest).paths == ("a..b/..c.png",)


@pytest.mark.parametrize("path", ["", ".", "./"])
def test_empty_paths_are_refused(tmp_path, path):
    """The folder itself is no image."""
    manifest = write_manifest(tmp_path, f"path,x\na.png,1\n{path},1\n", THREE)
    assert faults_of(manifest, ["x"]) == ["line 3: path is empty"]


def test_a_null_character_is_refused(tmp_path):
    """No file system has such a name."""
    manifest = write_manifest(tmp_path, "path,x\na\0.png,1\n")
    assert faults_of(manifest, ["x"]) == ["line 2: path 'a\\x00.png' holds a null character"]


def test_two_spellings_of_a_path_are_one_file(tmp_path):
    """Scored twice, an image would count twice."""
    manifest = write_manifest(tmp_path, "path,x\nb/c.png,1\n./b//c.png,1\n", THREE)
    assert faults_of(manifest, ["x"]) == ["line 3: path 'b/c.png' stands on line 2 already"]


def test_links_below_the_folder_may_lead_elsewhere(tmp_path):
    """Archives are often farms of links; a link that leads nowhere is a missing file."""
    elsewhere = tmp_path / "archive.png"
    elsewhere.write_bytes(b"x")
    folder = tmp_path / "data"
    manifest = write_manifest(folder, "path,x\na.png,1\n", ["b.png"])
    (folder / "a.png").symlink_to(elsewhere)
    assert read_dataset(manifest).paths == ("a.png",)
    elsewhere.unlink()
    assert faults_of(manifest, ["x"]) == ["line 2: no such file: a.png"]


def test_ids_must_be_there_and_differ(tmp_path):
    """An id names one image."""
    text = "path,id,x\na.png,1,1\nb/c.png, 1,1\nd.png,,1\n"
    manifest = write_manifest(tmp_path, text, THREE)
    assert faults_of(manifest, ["x"]) == [
        "line 3: id '1' stands on line 2 already",
        "line 4: id is empty",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: the manifest is empty: no header"),
        ("\n", "line 1: the manifest is empty: no header"),
        ("path,x\n", "line 1: no images: there is nothing below the header"),
        ("path,x,x\na.png,1,0\n", "line 1: column 'x' stands twice"),
        ("file,x\na.png,1\n", "line 1: no column 'path'; there are: file, x"),
        ('path,x\n"a.png"b,1\n', "line 2: ',' expected after '\"'"),
        ('path,x\na.png,"1\n', "line 2: unexpected end of data"),
    ],
)  # fmt: skip
def test_manifests_that_are_no_table_are_refused(tmp_path, text, fault):
    """Each with the line and what is missing."""
    assert faults_of(write_manifest(tmp_path, text, THREE), ["x"])[0] == fault


def test_no_label_at_all_is_refused(tmp_path):
    """There would be nothing to evaluate."""
    manifest = write_manifest(tmp_path, "path,x\na.png,no\n", THREE)
    assert guess_labels(manifest) == ()
    assert faults_of(manifest, None) == [
        "line 1: no column of 0 and 1 to take as a label; there are: path, x"
    ]
    assert faults_of(manifest, []) == ["line 1: no label was asked for"]


def test_labels_asked_for_must_make_sense(tmp_path):
    """Twice the same, or a column that has another meaning."""
    manifest = write_manifest(tmp_path, "path,split,x\na.png,1,1\n", THREE)
    assert faults_of(manifest, ["x", "x", "split"]) == [
        "line 1: label 'x' is asked for twice",
        "line 1: column 'split' can't be a label: it has another meaning",
    ]


def test_a_thousand_faults_are_counted_and_the_first_ones_shown(tmp_path):
    """The message stays readable; the error holds all of them."""
    text = "path,x\n" + "".join(f"{i}.png,1\n" for i in range(1000))
    with pytest.raises(DatasetError) as caught:
        read_dataset(write_manifest(tmp_path, text))
    assert len(caught.value.faults) == 1000
    assert str(caught.value).splitlines()[0].endswith("manifest.csv: 1000 faults")
    assert str(caught.value).splitlines()[-1] == "  … and 980 more"


def test_rows_beyond_one_block_keep_their_order_and_lines(tmp_path):
    """Many blocks of rows, with blank lines in between: rows and lines stay together."""
    n = 2500
    text = "path,x\n" + "".join(f"{i}.png,{i % 2}\n" + "\n" * (i % 3 == 0) for i in range(n))
    images = [f"{i}.png" for i in range(n)]
    manifest = write_manifest(tmp_path, text, images)
    dataset = read_dataset(manifest)
    assert dataset.paths == tuple(images)
    assert dataset.truth[:, 0].tolist() == [i % 2 for i in range(n)]
    (tmp_path / "2000.png").unlink()
    line = 2 + 2000 + len(range(0, 2000, 3))
    assert faults_of(manifest, ["x"]) == [f"line {line}: no such file: 2000.png"]


def test_a_number_with_and_without_a_point_is_one_patient(tmp_path):
    """As pandas writes a column with a gap, below one without; what has both forms is one."""
    text = "path,patient_id,x\na.png,1000,1\nb/c.png,1000.0,0\nd.png,1001.0,1\n"
    manifest = write_manifest(tmp_path, text, THREE)
    assert read_dataset(manifest, ["x"]).groups == ("1000", "1000", "1001.0")
    manifest = write_manifest(tmp_path, text.replace("1000,", "01000,"), THREE)
    assert read_dataset(manifest, ["x"]).groups == ("01000", "1000.0", "1001.0")


def test_an_absolute_path_below_the_folder_is_the_relative_one(tmp_path):
    """And so is its id: the data set may be moved afterwards."""
    manifest = write_manifest(tmp_path, f"path,x\n{tmp_path}/b/c.png,1\n", THREE)
    data = read_dataset(manifest)
    assert (data.paths, data.ids) == (("b/c.png",), ("b/c.png",))


def test_a_name_in_another_unicode_form_is_the_file_s(tmp_path):
    """As a Mac writes names: the same letters, other bytes."""
    composed, parted = "K\u00f6ln/\u00e4.png", "Ko\u0308ln/a\u0308.png"
    manifest = write_manifest(tmp_path, f"path,x\n{composed},1\n", [parted])
    assert read_dataset(manifest).paths == (parted,)


@pytest.mark.parametrize(
    ("named", "there"),
    [
        ("B/C.PNG", "b/c.png"),
        ("b/ c.png", "b/c.png"),
        ("b\\c.png", "b/c.png"),
        (".\\b\\c.png", "b/c.png"),
    ],
)
def test_a_file_that_is_spelt_otherwise_is_told(tmp_path, named, there):
    """Case, blanks, the kind of slash: the file that is there, to be written so."""
    manifest = write_manifest(tmp_path, f"path,x\n{named},1\n", THREE)
    assert faults_of(manifest, ["x"]) == [f"line 2: no such file: {named}; there is {there!r}"]
