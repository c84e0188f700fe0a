"""Radiographs as hospitals have them, from the command line: patients, chains, refusals."""

from __future__ import annotations

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from covidreport.dataset import headers
from covidreport.evaluate import decode
from covidreport.store import read_evaluation
from tests.datasets import LABELS
from tests.images.radiographs import radiograph
from tests.onnx_models import write_brightness_model

# brightness, what it shows, the patient; covid-19 is called above 100
ROWS = [
    (120, "covid-19", "MRN-4711"),
    (90, "covid-19", "MRN-4711"),
    (110, "normal", "MRN-0815"),
    (20, "normal", "MRN-0815"),
    (30, "pneumonia", "MRN-1234"),
]


def _flat(value, **attributes):
    return radiograph(np.full((24, 32), value, np.uint8), 8, **attributes)


@pytest.fixture
def study(tmp_path):
    """Five radiographs of three patients in class folders, two of them inverted; one model."""
    for i, (value, label, patient) in enumerate(ROWS):
        folder = tmp_path / "data" / "validation" / label
        folder.mkdir(parents=True, exist_ok=True)
        stored = {"PatientID": patient, "ViewPosition": "PA", "PatientSex": "F"}
        if i % 2:
            stored["PhotometricInterpretation"] = "MONOCHROME1"
            value = 255 - value
        (folder / f"{i}.dcm").write_bytes(_flat(value, **stored))
    write_brightness_model(tmp_path / "runs" / "a" / "model.onnx")
    return tmp_path


def _evaluation(study):
    return read_evaluation(study / "runs" / "a" / "evaluations" / "data-validation")


def test_patients_of_the_headers_are_the_groups_of_the_scores(covidreport, study):
    """As if a manifest stated them, and a note says where they come from."""
    done = covidreport("evaluate", "runs", "--data", "data")
    assert done.code == 0, done.err
    assert "note: What the data set does not state was read from DICOM headers" in done.err
    evaluation = _evaluation(study)
    assert (evaluation.n_images, evaluation.n_groups) == (5, 3)
    counts = evaluation.counts["covid-19"]
    assert (counts.tn, counts.fp, counts.fn, counts.tp) == (2, 1, 1, 1)
    (note,) = evaluation.findings
    assert (note.severity, note.code) == ("note", "attributes-from-dicom")
    assert note.evidence.startswith("patient of 5 images, view of 5 images, sex of 5 images;")
    table = pq.read_table(
        study / "runs" / "a" / "evaluations" / "data-validation" / "scores.parquet"
    ).to_pylist()
    assert {row["sample_id"][-5:-4]: row["group"] for row in table} == {
        str(i): patient for i, (_, _, patient) in enumerate(ROWS)
    }


def test_no_report_names_a_patient(covidreport, study):
    """Nor does what the commands print."""
    printed = covidreport("evaluate", "runs", "--data", "data")
    said = printed.out + printed.err
    words = [f"--format={name}" for name in ("html", "markdown", "json", "csv")]
    covidreport("render", *words, "--output", "out")
    files = [path for path in (study / "out").iterdir() if path.is_file()]
    assert len(files) == 4
    texts = [said, *(path.read_text() for path in files)]
    assert not [text for text in texts if "MRN-" in text]
    assert all(
        "3 patients" in path.read_text() for path in files if path.suffix in (".html", ".md")
    )


def test_the_chain_of_transforms_stands_in_the_record(covidreport, study):
    """Three images as they are, two inverted; and in the report."""
    covidreport("evaluate", "runs", "--data", "data")
    plain = "8 bits, unsigned, Explicit VR Little Endian → no VOI: full range"
    assert _evaluation(study).provenance["dicom"] == {
        "images": 5,
        "chains": {plain: 3, f"{plain} → inverted: MONOCHROME1": 2},
    }
    printed = covidreport("render", "--format=markdown", "--output", "-").out
    assert "full range → inverted: MONOCHROME1: 2" in printed


def test_from_the_caches_the_record_is_the_same(covidreport, study, monkeypatch):
    """Neither an image nor a header is read again, and every byte but the times is equal."""
    file = study / "runs" / "a" / "evaluations" / "data-validation" / "evaluation.json"
    records = []
    for _ in range(2):
        done = covidreport("evaluate", "runs", "--data", "data", "--force")
        assert done.code == 0, done.err
        record = json.loads(file.read_text())
        del record["timing"]
        records.append(json.dumps(record))
        monkeypatch.setattr(decode, "read_bytes", None)
        monkeypatch.setattr(headers, "_read_file", None)
    assert records[0] == records[1]


def test_data_without_dicom_has_no_chain_in_its_record(covidreport, study):
    """The same pictures as PNG files."""
    from PIL import Image

    for path in (study / "data").rglob("*.dcm"):
        value = ROWS[int(path.stem)][0]
        path.unlink()
        Image.new("L", (32, 24), value).save(path.with_suffix(".png"))
    assert covidreport("evaluate", "runs", "--data", "data").code == 0
    evaluation = _evaluation(study)
    assert "dicom" not in evaluation.provenance
    assert evaluation.findings == ()
    assert evaluation.n_groups is None


def test_what_is_no_frontal_radiograph_counts_against_the_run_by_name(covidreport, study):
    """A lateral view among the positives is a failed positive, and its reason is kept."""
    folder = study / "data" / "validation" / "covid-19"
    (folder / "0.dcm").write_bytes(_flat(120, PatientID="MRN-4711", ViewPosition="LL"))
    assert covidreport("evaluate", "runs", "--data", "data").code == 3
    evaluation = _evaluation(study)
    (failure,) = evaluation.failures
    assert failure.subject == "validation/covid-19/0.dcm"
    assert failure.reason == "a left lateral view (LL); frontal views are read"
    assert evaluation.counts["covid-19"].failed_positive == 1
    assert evaluation.provenance["dicom"]["images"] == 4
    assert evaluation.n_groups == 3


def test_imported_scores_know_the_patients_as_well(covidreport, study):
    """So that they are compared over patients with the runs that were evaluated here."""
    with (study / "keras.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *LABELS])
        for i, (_, label, _) in enumerate(ROWS):
            writer.writerow([f"validation/{label}/{i}.dcm", 0.9, 0.1, 0.1])
    done = covidreport(
        "import-scores", "keras.csv", "--run", "a", "--activation", "sigmoid",
        "--data", "data", "--output", "imported",
    )  # fmt: skip
    assert done.code == 0, done.err
    folder = study / "imported" / "a" / "evaluations" / "data-validation"
    evaluation = read_evaluation(folder)
    assert evaluation.n_groups == 3
    assert "attributes-from-dicom" in [finding.code for finding in evaluation.findings]


def test_predict_reads_a_folder_of_dicom_files(covidreport, study):
    """A 0/1 column and a score a label; a refused image has its reason and no answer."""
    folder = study / "new"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(_flat(150))
    (folder / "b.dcm").write_bytes(_flat(150, Modality="CT"))
    done = covidreport("predict", "runs/a", "new")
    assert done.code == 3
    with (study / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["covid-19"] for row in rows] == ["1", ""]
    assert float(rows[0]["score.covid-19"]) == pytest.approx(5, abs=1e-4)
    assert rows[1]["failure"] == "not a radiograph: modality CT; CR, DX, RG are read"


def test_an_audit_says_what_was_assumed_as_an_evaluation_does(covidreport, study):
    """Two files say DR; from the cache of what was measured too."""
    folder = study / "data" / "validation" / "normal"
    for name, patient in (("2.dcm", "MRN-0815"), ("3.dcm", "MRN-0815")):
        (folder / name).write_bytes(_flat(60, Modality="DR", PatientID=patient))
    covidreport("evaluate", "runs", "--data", "data")
    (expected,) = [e for e in _evaluation(study).findings if e.code == "dicom-modality-assumed"]
    for _ in range(2):
        document = json.loads(covidreport("audit", "data", "--json").out)
        (found,) = [e for e in document["findings"] if e["code"] == "dicom-modality-assumed"]
        assert found["what"] == expected.what
        assert found["evidence"] == "modality DR: taken for DX; 2 of 5 DICOM images"
