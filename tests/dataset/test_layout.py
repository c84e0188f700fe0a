"""Tables that others wrote, read as manifests: each word of `[manifest]`, by a hand count."""

from __future__ import annotations

import gzip
import json

import pytest

from covidreport.dataset import ManifestSettings, read_dataset
from covidreport.dataset.layout import Extract, Join, SplitBy
from covidreport.errors import DatasetError, UsageError
from tests.dataset.manifests import write_images
from tests.dataset.workbooks import write_workbook

ABC = ("a.png", "b.png", "c.png")


def lay_out(folder, table: str, words: ManifestSettings, images=ABC, name="t.csv", **options):
    """The data set of a table and its words."""
    folder.mkdir(exist_ok=True)
    write_images(folder, *images)
    (folder / name).write_text(table, encoding="utf-8")
    return read_dataset(folder / name, manifest=words, **options)


def faults_of(call) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        call()
    return list(caught.value.faults)


def test_columns_are_named_and_the_others_are_attributes(tmp_path):
    """Path, patient, view, sex, age and fold may be called anything."""
    table = "File,Pat,Pos,S,A,F,Site,COVID\na.png,7,PA,F,058Y,1,X,1\nb.png,8,AP,M,6,2,Y,0\n"
    words = ManifestSettings(
        path="File", patient="Pat", view="Pos", sex="S", age="A", fold="F",
        rename={"COVID": "covid-19"},
    )  # fmt: skip
    data = lay_out(tmp_path, table, words)
    assert data.paths == ("a.png", "b.png")
    assert data.groups == ("7", "8")
    assert data.folds == ("1", "2")
    assert data.labels == ("covid-19",)
    assert data.truth.tolist() == [[1], [0]]
    assert data.attributes == {
        "view": ("PA", "AP"), "sex": ("F", "M"), "age": ("58", "6"), "Site": ("X", "Y")
    }  # fmt: skip


def test_a_path_is_filled_in_from_columns(tmp_path):
    """`{patient}` is the cell, `{patient:.2}` how it begins."""
    table = "p,v,x\n1234,pa,1\n1299,ap,0\n"
    words = ManifestSettings(path="img/{p:.2}/{p}-{v}.png")
    data = lay_out(tmp_path, table, words, ["img/12/1234-pa.png", "img/12/1299-ap.png"])
    assert data.paths == ("img/12/1234-pa.png", "img/12/1299-ap.png")


def test_a_star_in_a_path_is_looked_up(tmp_path):
    """The one file that is there; several are told, and none is a missing file."""
    table = "s,i,x\nA,1,1\nB,2,0\n"
    words = ManifestSettings(path="{s}/*/{i}.png")
    data = lay_out(tmp_path, table, words, ["A/u/1.png", "B/v/2.png"])
    assert data.paths == ("A/u/1.png", "B/v/2.png")
    write_images(tmp_path, "A/w/1.png")
    read = lambda: read_dataset(tmp_path / "t.csv", manifest=words)  # noqa: E731
    assert faults_of(read) == ["A, 1 is at 2 places: A/u/1.png, A/w/1.png"]
    (tmp_path / "A/w/1.png").unlink()
    (tmp_path / "A/u/1.png").unlink()
    assert faults_of(read) == ["line 2: no such file: A/*/1.png"]


def test_absolute_paths_are_read_below_the_named_root(tmp_path):
    """Relative paths begin there as well; what leads elsewhere is refused."""
    write_images(tmp_path / "elsewhere", "a.png", "b.png")
    root = tmp_path / "elsewhere"
    table = f"path,x\n{root}/a.png,1\nb.png,0\n"
    words = ManifestSettings(root="../elsewhere")
    folder = tmp_path / "tables"
    assert lay_out(folder, table, words, []).paths == ("a.png", "b.png")
    assert lay_out(folder, table, words, []).root == folder / "../elsewhere"
    read = lambda: lay_out(folder, "path,x\n/other/a.png,1\n", words, [])  # noqa: E731
    assert "'/other/a.png' is absolute" in faults_of(read)[0]


def test_one_column_of_classes(tmp_path):
    """Words in whatever case are labels; a mark is unknown for all; a blank as it is said."""
    table = "path,finding\na.png,COVID-19\nb.png,todo\nc.png,\nd.png,No Finding\n"
    words = ManifestSettings(classes="finding", uncertain={"todo": "ignore"})
    data = lay_out(tmp_path, table, words, (*ABC, "d.png"))
    assert data.labels == ("covid-19", "no finding")
    assert data.truth.tolist() == [[1, 0], [-1, -1], [-1, -1], [0, 1]]
    words = ManifestSettings(classes="finding", uncertain={"todo": "negative"}, blank="negative")
    assert lay_out(tmp_path, table, words, (*ABC, "d.png")).truth.tolist() == [
        [1, 0], [0, 0], [0, 0], [0, 1],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "between"),
    [("Mass|Edema", "|"), ("\"['Mass', ' Edema']\"", None), ('"[""Mass"", ""Edema""]"', None)],
)
def test_several_classes_in_a_cell(tmp_path, first, between):
    """Parted by a sign, or as Python and JSON write a list."""
    table = f"path,finding\na.png,{first}\nb.png,Edema\n"
    data = lay_out(tmp_path, table, ManifestSettings(classes="finding", between=between))
    assert data.labels == ("edema", "mass")
    assert data.truth.tolist() == [[1, 1], [1, 0]]


def test_a_cell_that_begins_like_a_list_and_is_none_is_refused(tmp_path):
    """Nothing is guessed from half a list."""
    table = 'path,finding\na.png,Mass\nb.png,"[\'Mass"\n'
    read = lambda: lay_out(tmp_path, table, ManifestSettings(classes="finding"))  # noqa: E731
    assert faults_of(read) == ['line 3: finding is "[\'Mass", which begins like a list and is none']


def test_classes_that_mean_one_label_and_labels_that_say_another(tmp_path):
    """Renamed classes are one label; a mark that is renamed is unknown for its label alone."""
    table = "path,f\na.png,bacterial|fever\nb.png,covid\nc.png,covid?\n"
    words = ManifestSettings(
        classes="f", between="|",
        rename={"bacterial": "pneumonia", "covid": "COVID-19", "covid?": "COVID-19"},
        uncertain={"covid?": "ignore"}, implies={"COVID-19": ("pneumonia",)},
    )  # fmt: skip
    data = lay_out(tmp_path, table, words, labels=["covid-19", "fever", "pneumonia"])
    assert data.truth.tolist() == [[0, 1, 1], [1, 0, 1], [-1, 0, -1]]


def test_uncertain_columns_become_what_is_said(tmp_path):
    """-1.0 is the mark -1; a blank is unknown unless it is negative."""
    table = "path,x\na.png,1.0\nb.png,-1.0\nc.png,\n"
    read = lambda **words: lay_out(tmp_path, table, ManifestSettings(**words)).truth  # noqa: E731
    assert read(uncertain={"-1": "ignore"}).tolist() == [[1], [-1], [-1]]
    assert read(uncertain={"-1": "positive"}).tolist() == [[1], [1], [-1]]
    assert read(uncertain={"-1": "negative"}, blank="negative").tolist() == [[1], [0], [0]]
    data = lay_out(tmp_path, table, ManifestSettings(), labels=["x"], uncertain=["-1"])
    assert data.truth.tolist() == [[1], [-1], [-1]]


def test_labels_are_spelt_as_they_are_asked_for(tmp_path):
    """Columns and classes are found without regard to case; the others become attributes."""
    table = "path,Pneumonia,Edema\na.png,1,0\n"
    data = lay_out(tmp_path, table, ManifestSettings(), labels=["PNEUMONIA"])
    assert data.labels == ("PNEUMONIA",)
    assert data.attributes == {"Edema": ("0",)}
    read = lambda: lay_out(tmp_path, table, ManifestSettings(), labels=["mass"])  # noqa: E731
    assert "no column for the label 'mass'" in faults_of(read)[0]


READERS = (
    "path,r,x,patient_id\na.png,R1,1,7\na.png,R2,1,7\na.png,R3,0,7\nb.png,R1,1,8\nb.png,R2,0,8\n"
)


def test_rows_of_several_readers_are_one_image(tmp_path):
    """The majority, or any of them; as many for as against is unknown."""
    majority = lay_out(tmp_path, READERS, ManifestSettings(rows="majority"))
    assert majority.paths == ("a.png", "b.png")
    assert majority.truth.tolist() == [[1], [-1]]
    assert majority.attributes == {}, "the reader is none of the image's"
    assert lay_out(tmp_path, READERS, ManifestSettings(rows="any")).truth.tolist() == [[1], [1]]
    read = lambda: lay_out(tmp_path, READERS, ManifestSettings())  # noqa: E731
    assert faults_of(read)[0] == "line 3: path 'a.png' stands on line 2 already"


def test_rows_of_an_image_of_two_patients_are_refused(tmp_path):
    """What rows can't disagree in."""
    table = READERS.replace("a.png,R2,1,7", "a.png,R2,1,9")
    read = lambda: lay_out(tmp_path, table, ManifestSettings(rows="any"))  # noqa: E731
    assert faults_of(read) == ["line 2: patient_id of a.png is '7' and '9'"]


def test_splits_by_lists_and_by_folders(tmp_path):
    """A list names images by path, name, or name without suffix."""
    images = ["one/a.png", "two/b.png"]
    table = "path,x\none/a.png,1\ntwo/b.png,0\n"
    (tmp_path / "l1.txt").write_text("a.png\n\n")
    (tmp_path / "l2.txt").write_text("b\n")
    lists = ManifestSettings(split=SplitBy(lists={"Train": "l1.txt", "test": "l2.txt"}))
    assert lay_out(tmp_path, table, lists, images).splits == ("train", "test")
    folders = ManifestSettings(split=SplitBy(folders=("One", "two")))
    assert lay_out(tmp_path, table, folders, images).splits == ("one", "two")
    (tmp_path / "l2.txt").write_text("b\nz.png\na.png\n")
    read = lambda: lay_out(tmp_path, table, lists, images)  # noqa: E731
    assert faults_of(read) == [
        f"l2.txt, line 2: 'z.png' is no image of {tmp_path / 't.csv'}",
        "l2.txt, line 3: 'a.png' is in train too",
    ]


def test_lists_may_spell_images_otherwise(tmp_path):
    """With `./`, backslashes, as an absolute path or in another Unicode form; what differs by case
    alone is proposed, and what may be two is refused."""
    images = ["one/a.png", "two/b.png", "two/\u00e9.png", "three/b.png"]
    table = "path,x\n" + "".join(f"{name},{i % 2}\n" for i, name in enumerate(images))
    (tmp_path / "l1.txt").write_text(f"./one/a.png\ntwo\\b.png\n{tmp_path}/three/b.png\n")
    (tmp_path / "l2.txt").write_text("e\u0301\n")
    lists = ManifestSettings(split=SplitBy(lists={"train": "l1.txt", "test": "l2.txt"}))
    found = lay_out(tmp_path, table, lists, images)
    assert found.splits == ("train", "train", "test", "train")
    (tmp_path / "l2.txt").write_text("One/A.png\nb.png\n")
    read = lambda: lay_out(tmp_path, table, lists, images)  # noqa: E731
    assert faults_of(read) == [
        "l2.txt, line 1: 'One/A.png' is no image; there is 'one/a.png'",
        "l2.txt, line 2: 'b.png' may be two/b.png or three/b.png: name it as the data do",
    ]


def test_a_table_a_split(tmp_path):
    """What a column lacks in one of them is unknown there; a fault names its table."""
    write_images(tmp_path, *ABC)
    (tmp_path / "train.csv").write_text("path,x,y\na.png,1,1\n")
    (tmp_path / "valid.csv").write_text("path,x\nb.png,0\n")
    words = ManifestSettings(file={"train": "train.csv", "valid": "valid.csv"})
    data = read_dataset(tmp_path, manifest=words)
    assert data.splits == ("train", "valid")
    assert data.truth.tolist() == [[1, 1], [0, -1]]
    (tmp_path / "valid.csv").write_text("path,x\nb.png,0\nz.png,0\n")
    read = lambda: read_dataset(tmp_path, manifest=words)  # noqa: E731
    assert faults_of(read) == ["valid.csv, line 3: no such file: z.png"]


def test_a_second_table_is_joined(tmp_path):
    """Rows without a partner have blanks; rows that contradict each other are refused."""
    (tmp_path / "b.csv").write_text("image,view,site\na,PA,X\na,PA,X\nz,AP,Y\n")
    table = "path,x\na.png,1\nb.png,0\n"
    words = ManifestSettings(
        extract={"stem": Extract("path", r"(.+)\.png")},
        join=(Join("b.csv", {"stem": "image"}, only=("view",)),),
    )
    assert lay_out(tmp_path, table, words).attributes == {"view": ("PA", "")}
    (tmp_path / "b.csv").write_text("image,view\na,PA\na,AP\n")
    read = lambda: lay_out(tmp_path, table, words)  # noqa: E731
    assert faults_of(read) == ["line 3: a stands here twice, otherwise"]
    (tmp_path / "b.csv").write_text("image,view\nq,PA\n")
    assert faults_of(read) == [f"no row agrees with {tmp_path / 't.csv'} in stem"]


def test_rows_are_left_out_and_counted(tmp_path):
    """By values of a column, and by folders; all of them is a mistake."""
    table = "path,view,x\nm/a.png,PA,1\nb.png,L,1\nc.png,PA,1\nd.png,ll,1\n"
    words = ManifestSettings(exclude={"view": ("L", "LL"), "folders": ("M",)})
    data = lay_out(tmp_path, table, words, ["c.png"])
    assert data.paths == ("c.png",)
    assert data.left_out == {"view L": 1, "view ll": 1, "folder m": 1}
    every = ManifestSettings(exclude={"view": ("PA", "L", "LL")})
    read = lambda: lay_out(tmp_path, table, every, ["c.png"])  # noqa: E731
    assert faults_of(read) == ["`exclude` leaves out all 4 rows"]


def test_other_views_and_modalities_are_refused_unless_asked_for(tmp_path):
    """Once for each, with how many and both ways out; where nobody needs the rows they may stay."""
    table = (
        "path,view,modality,split,x\na.png,L,X-ray,train,1\nb.png,PA,CT,test,1\nc.png,l,,train,0\n"
    )
    read = lambda words=None, **more: lay_out(tmp_path, table, words, **more)  # noqa: E731
    first, second, third = faults_of(read)
    assert first == (
        "line 2: this image is no frontal radiograph by view 'L': leave such rows out "
        '(exclude = {view = ["L"]} in [manifest]) or take them (accept = ["L"])'
    )
    assert second.startswith("line 3: this image is no frontal radiograph by modality 'CT'")
    assert third.startswith("line 4: this image is no frontal radiograph by view 'l'")
    assert len(read(ManifestSettings(accept=("L", "CT")))) == 3
    assert len(faults_of(lambda: read(needed=lambda _: ("test",)))) == 1


def test_a_missing_file_is_a_failed_image_where_that_is_said(tmp_path):
    """The data are read; decoding will say that there is no such file."""
    table = "path,x\na.png,1\nz.png,1\n"
    data = lay_out(tmp_path, table, ManifestSettings(missing="fail"))
    assert data.paths == ("a.png", "z.png")
    assert faults_of(lambda: lay_out(tmp_path, table, ManifestSettings())) == [
        "line 3: no such file: z.png"
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "path;x\na.png;1\nb.png;0\n", None),
        ("t.csv", "path\tx\na.png\t1\nb.png\t0\n", None),
        ("t.tsv", "path\tx\na.png\t1\nb.png\t0\n", None),
        ("t.txt", "path;x\na.png;1\nb.png;0\n", ManifestSettings(separator=";")),
        ("t.txt", "a.png  1\n\nb.png 0 \n", ManifestSettings(separator=" ", columns=("path", "x"))),
        ("t.jsonl", '{"path": "a.png", "x": 1}\n\n{"path": "b.png", "x": false}\n', None),
    ],
)
def test_texts_of_other_forms(tmp_path, name, text, words):
    """Semicolons, tabs, blanks, JSON lines: the same two images."""
    data = lay_out(tmp_path, text, words, name=name)
    assert data.paths == ("a.png", "b.png")
    assert data.truth.tolist() == [[1], [0]]


def test_packed_tables_and_workbooks(tmp_path):
    """gzip, and the first sheet of an Excel file, whose numbers are whole."""
    write_images(tmp_path, *ABC)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"path,x\na.png,1\nb.png,0\n"))
    write_workbook(
        tmp_path / "t.xlsx", [["path", "x", "patient_id"], ["a.png", 1, 7], ["b.png", 0, "007"]]
    )
    packed = read_dataset(tmp_path / "t.csv.gz")
    assert packed.truth.tolist() == [[1], [0]]
    sheet = read_dataset(tmp_path / "t.xlsx", ["x"])
    assert sheet.truth.tolist() == [[1], [0]]
    assert sheet.groups == ("7", "007")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"path,x\na.png,1\n")[:-12])
    assert "cannot be read" in faults_of(lambda: read_dataset(tmp_path / "t.csv.gz"))[0]
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    assert "not a workbook" in faults_of(lambda: read_dataset(tmp_path / "t.xlsx"))[0]
    (tmp_path / "t.jsonl").write_text('{"path": \n[1]\n' + json.dumps({"path": "a"}) + "\n")
    assert [each[:6] for each in faults_of(lambda: read_dataset(tmp_path / "t.jsonl"))] == [
        "line 1", "line 2",
    ]  # fmt: skip


def test_files_that_are_found_are_rows(tmp_path):
    """Folders and names say what a table would; what systems hide is no image."""
    write_images(tmp_path, "train/COVID/p1_1.png", "test/Normal/p2_1.png", "__MACOSX/x/y.png",
                 "train/COVID/._p1_1.png")  # fmt: skip
    words = ManifestSettings(
        find="*/*/*.png", patient="patient", classes="class",
        split=SplitBy(folders=("train", "test")),
        extract={
            "class": Extract("path", "([^/]+)/[^/]+$"), "patient": Extract("path", "(p[0-9]+)_")
        },
    )  # fmt: skip
    data = read_dataset(tmp_path, manifest=words)
    assert data.paths == ("test/Normal/p2_1.png", "train/COVID/p1_1.png")
    assert data.labels == ("covid", "normal")
    assert data.truth.tolist() == [[0, 1], [1, 0]]
    assert data.splits == ("test", "train")
    assert data.groups == ("p2", "p1")


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        ({"patient": "p"}, {"group": "q"}, "`group` and `patient` of [manifest]"),
        ({"uncertain": {"?": "ignore"}}, {"uncertain": ["?"]}, "`uncertain` stands there and"),
        ({"file": "a", "find": "b"}, {}, "`file` and `find` both"),
        ({"file": {"a": "b"}, "split": "s"}, {}, "`split` says it again"),
        ({"between": "|"}, {}, "no column of `classes` is named"),
        ({"extract": {"a": Extract("b", "(")}}, {}, "no regular expression"),
        ({"extract": {"a": Extract("b", "c")}}, {}, "needs one group"),
        ({"split": SplitBy()}, {}, "either lists or folders"),
    ],
)
def test_what_is_said_twice_or_against_itself_is_refused(tmp_path, words, options, said):
    """One of them has to go, and nobody guesses which."""
    with pytest.raises(UsageError) as caught:
        read_dataset(tmp_path, manifest=ManifestSettings(**words), **options)
    assert said in str(caught.value)


def test_a_column_that_is_named_and_not_there_is_told_with_those_that_are(tmp_path):
    """Whatever it was to mean."""
    read = lambda: lay_out(tmp_path, "path,x\na.png,1\n", ManifestSettings(view="V"))  # noqa: E731
    assert faults_of(read) == ["no column 'V' for the view; there are: path, x"]


def test_all_files_that_decide_the_truth_are_listed():
    """Tables, second tables and lists: a pipeline compares each with the base branch."""
    words = ManifestSettings(
        file={"a": "a.csv"}, join=(Join("b.csv", "x"),), split=SplitBy(lists={"a": "l.txt"})
    )
    assert words.list_files() == ["a.csv", "b.csv", "l.txt"]
    assert ManifestSettings(file="c.csv").list_files() == ["c.csv"]
    assert ManifestSettings(split="s").list_files() == []
