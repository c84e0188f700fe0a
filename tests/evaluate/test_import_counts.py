"""A table of counts becomes run folders; one that can't be true becomes a list of its faults."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path

import pytest

from covidreport.errors import DatasetError, UsageError
from covidreport.evaluate.import_counts import import_counts, read_counts
from covidreport.records import Counts
from covidreport.storage.runs import discover_runs, read_evaluations
from tests.metrics.study import ROOT, STUDY

REFERENCE = Path(os.environ.get("COVIDREPORT_REFERENCE", ROOT.parent / "shared" / "reference"))

HEADER = "run,split,label,tn,fp,fn,tp"
GOOD = (
    "vgg,validation,covid-19,416,184,13,15",
    "vgg,validation,normal,188,40,16,384",
    "resnet,validation,covid-19,396,204,10,18",
    "resnet,validation,normal,206,22,19,381",
)


def _write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "counts.csv"
    file.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return file


def _faults(folder: Path, *lines: str, header: str = HEADER) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        import_counts(_write(folder, *lines, header=header), folder / "runs", dataset="paper")
    assert not (folder / "runs").exists()
    return list(caught.value.faults)


def test_a_table_becomes_a_run_folder_for_each_run(tmp_path):
    """Counts and what follows from them; no model, no scores, no fingerprint, no time stamps."""
    made = import_counts(_write(tmp_path, *GOOD), tmp_path / "runs", dataset="paper")
    assert made == (tmp_path / "runs" / "vgg", tmp_path / "runs" / "resnet")
    _, vgg = discover_runs([tmp_path / "runs"])
    assert (vgg.name, vgg.model, vgg.settings["status"]) == ("vgg", None, "published")
    (evaluation,), faults = read_evaluations(vgg)
    assert faults == ()
    assert evaluation.key == "paper-validation"
    assert evaluation.counts["covid-19"] == Counts(tn=416, fp=184, fn=13, tp=15)
    assert evaluation.estimates["covid-19"]["sensitivity"].value == pytest.approx(15 / 28)
    assert evaluation.estimates["covid-19"]["roc_auc"].value is None
    assert (evaluation.n_images, evaluation.has_scores, evaluation.fingerprint) == (
        628,
        False,
        None,
    )
    assert (evaluation.thresholds, evaluation.thresholds_from) == ({}, "published")
    assert evaluation.provenance == {"counts_from": "counts.csv"}
    assert evaluation.timing == {}


def test_the_threshold_is_recorded_where_the_paper_says_it(tmp_path):
    """One probability for every label."""
    file = _write(tmp_path, *GOOD)
    (folder, _) = import_counts(file, tmp_path / "runs", dataset="paper", threshold=0.5)
    (run,) = discover_runs([folder])
    (evaluation,), _ = read_evaluations(run)
    assert evaluation.thresholds == {"covid-19": 0.5, "normal": 0.5}


def test_experiments_by_number_become_runs(tmp_path):
    """The study's own column; a column that is not asked for (in_report) is left alone."""
    lines = ("15,validation,covid-19,405,195,8,20,yes", "9,validation,covid-19,600,0,28,0,no")
    file = _write(tmp_path, *lines, header="experiment,split,label,tn,fp,fn,tp,in_report")
    made = import_counts(file, tmp_path / "runs", dataset="paper")
    assert [folder.name for folder in made] == ["exp15", "exp9"]
    assert [run.experiment for run in discover_runs([tmp_path / "runs"])] == ["9", "15"]


def test_a_column_for_the_data_set_wins_over_the_option(tmp_path):
    """Rows of two data sets in one table; a blank cell is of the one given."""
    lines = ("a,test,covid-19,5,1,1,9,external", "a,test,covid-19,50,1,2,7,")
    file = _write(tmp_path, *lines, header=f"{HEADER},dataset")
    (folder,) = import_counts(file, tmp_path / "runs", dataset="paper")
    (run,) = discover_runs([folder])
    evaluations, _ = read_evaluations(run)
    assert [each.key for each in evaluations] == ["external-test", "paper-test"]


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    """A byte order mark, spaces, CRLF and an empty line at the end."""
    file = tmp_path / "counts.csv"
    text = "\ufeffrun, split,label,tn,fp,fn,tp\r\nvgg,test,covid-19, 5 ,1,2,3\r\n\r\n"
    file.write_bytes(text.encode())
    (row,) = read_counts(file, dataset="paper")
    assert (row.run, row.split, row.counts) == ("vgg", "test", Counts(5, 1, 2, 3))


def test_labels_stand_in_one_order_in_every_run(tmp_path):
    """That of the table's first rows, whatever the order of the others."""
    file = _write(tmp_path, *GOOD[:2], *reversed(GOOD[2:]))
    import_counts(file, tmp_path / "runs", dataset="paper")
    for run in discover_runs([tmp_path / "runs"]):
        assert read_evaluations(run)[0][0].labels == ("covid-19", "normal")


def test_every_fault_is_listed_with_its_line(tmp_path):
    """Cells that are no counts, names that are missing or can't name a folder."""
    lines = (
        "vgg,validation,covid-19,-416,184,13,15",
        "vgg,validation,normal,188,4.0,,lots",
        ",validation,normal,1,2,3,4",
        "../up,validation,normal,1,2,3,4",
        "vgg,validation,pneumonia,0,0,0,0",
        "vgg,validation,pneumonia,1,2,3,4,5",
        "vgg,validation,,1,2,3",
    )
    assert _faults(tmp_path, *lines) == [
        "line 2: tn is -416: a count is not negative",
        "line 3: fp is '4.0': not a whole number",
        "line 3: no fn",
        "line 3: tp is 'lots': not a whole number",
        "line 4: no run",
        "line 5: the run '../up' can't be a folder's name",
        "line 6: all four counts are 0",
        "line 7: more cells than there are columns",
        "line 8: no label",
        "line 8: no tp",
    ]


def test_a_label_without_a_row_is_a_fault(tmp_path):
    """Every run and split has every label of the table."""
    assert _faults(tmp_path, *GOOD[:3]) == [
        "line 4: resnet, validation has no row for normal",
    ]


def test_totals_that_differ_between_labels_are_a_fault(tmp_path):
    """One run and split is one set of images."""
    third = "vgg,validation,pneumonia,421,7,86,114"
    lines = (GOOD[0], "vgg,validation,normal,188,40,16,385", third)
    assert _faults(tmp_path, *lines) == [
        "line 3: normal of vgg, validation adds up to 629 images where the other labels have 628",
    ]


def test_supports_that_differ_between_runs_are_a_fault(tmp_path):
    """The same images have the same positives: 1 of 3 runs has another."""
    lines = (
        "a,test,covid-19,5,1,1,9",
        "b,test,covid-19,6,0,2,8",
        "c,test,covid-19,6,1,1,8",
    )
    assert _faults(tmp_path, *lines) == [
        "line 4: covid-19 of c, test has 9 positives and 7 negatives where other runs have 10 and "
        "6; other images are another data set (column dataset)",
    ]


def test_a_row_given_twice_is_a_fault(tmp_path):
    """Which of the two would count?"""
    assert _faults(tmp_path, *GOOD, GOOD[0]) == [
        "line 6: covid-19 of vgg, validation stands on line 2 too",
    ]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (
            "model,split,label,tn",
            "line 1: no column run (or experiment), fp, fn, tp; the columns are model, split, "
            "label, tn",
        ),
        ("run,run,split,label,tn,fp,fn,tp", "line 1: the column run stands there 2 times"),
        (HEADER, "line 1: the table has no rows"),
    ],
)
def test_a_wrong_header_or_an_empty_table_is_a_fault(tmp_path, header, fault):
    """With the columns that were found."""
    assert _faults(tmp_path, header=header) == [fault]


@pytest.mark.parametrize("content", [b"run,split\xff\n", b'run,"split\n'])
def test_a_file_that_is_no_csv_is_refused(tmp_path, content):
    """Not UTF-8, or a quote that never ends."""
    file = tmp_path / "counts.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="not a CSV file"):
        import_counts(file, tmp_path / "runs", dataset="paper")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """By its name."""
    with pytest.raises(UsageError, match=r"gone\.csv: can't be read"):
        import_counts(tmp_path / "gone.csv", tmp_path / "runs", dataset="paper")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "tuberculosis"}, "no label 'tuberculosis'; its labels are covid-19, normal"),
        ({"threshold": 50.0}, "strictly between 0 and 1"),
        ({"dataset": "a/b"}, "can't be a folder's name"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_written(tmp_path, options, message):
    """A target that no row has, a percentage as threshold, a path as name."""
    with pytest.raises(UsageError, match=message):
        import_counts(_write(tmp_path, *GOOD), tmp_path / "runs", **{"dataset": "paper"} | options)
    assert not (tmp_path / "runs").exists()


def _read_bytes(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_importing_again_changes_nothing(tmp_path):
    """The same table gives the same bytes, and leaves what stands."""
    file, runs = _write(tmp_path, *GOOD), tmp_path / "runs"
    first = import_counts(file, runs, dataset="paper")
    before = _read_bytes(runs)
    assert import_counts(file, runs, dataset="paper") == first
    assert _read_bytes(runs) == before


def test_folders_of_a_version_with_fewer_metrics_hold_the_same_counts(tmp_path):
    """What stands there is left as it is; another count is other content all the same."""
    file = _write(tmp_path, *GOOD)
    folders = import_counts(file, tmp_path / "runs", dataset="paper")
    path = folders[0] / "evaluations" / "paper-validation" / "evaluation.json"
    document = json.loads(path.read_text())
    for estimates in document["estimates"].values():
        estimates.pop("specificity", None)
    path.write_text(json.dumps(document))
    stood = path.read_bytes()
    assert import_counts(file, tmp_path / "runs", dataset="paper") == folders
    assert path.read_bytes() == stood
    document["counts"]["covid-19"]["tp"] += 1
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="already there with other content"):
        import_counts(file, tmp_path / "runs", dataset="paper")


def test_a_folder_with_other_content_is_never_overwritten(tmp_path):
    """Not even the runs beside it are written."""
    runs = tmp_path / "runs"
    (runs / "resnet").mkdir(parents=True)
    (runs / "resnet" / "model.onnx").write_bytes(b"precious")
    with pytest.raises(UsageError, match="resnet already there with other content"):
        import_counts(_write(tmp_path, *GOOD), runs, dataset="paper")
    assert _read_bytes(runs) == {"resnet/model.onnx": b"precious"}


def _read_figures(folder: Path) -> dict[str, object]:
    """Every file by its name; of JSON the numbers to nine decimals, the keys in their order."""
    return {
        name: data
        if not name.endswith(".json")
        else json.dumps(json.loads(data, parse_float=lambda text: round(float(text), 9)))
        for name, data in _read_bytes(folder).items()
    }


def test_the_example_is_what_its_script_makes_of_the_reference_tables(tmp_path):
    """Figure for figure, so that none of examples/study-2020 was written by hand; the digits behind
    the ninth decimal are SciPy's, and another version has others."""
    if not (REFERENCE / "confusion.csv").is_file():
        pytest.skip(f"the study's tables are not at {REFERENCE} (set COVIDREPORT_REFERENCE)")
    make = runpy.run_path(str(ROOT / "examples" / "make_study_2020.py"))["main"]
    make(REFERENCE, tmp_path / "study")
    assert _read_figures(tmp_path / "study") == _read_figures(STUDY)
