"""What DICOM headers say, where the manifest doesn't say it, and where it says something else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from PIL import Image

from covidreport.dataset import fingerprint, headers, read_dataset
from covidreport.dataset.digests import digest_files
from covidreport.dataset.fill import fill_from_headers
from covidreport.storage.cache import DATA_FILE
from covidreport.storage.cache_folder import locate_cache, take_damage
from tests.damage import DAMAGES
from tests.dataset.manifests import write_manifest
from tests.images.radiographs import UNSIGNED_12, radiograph

PEOPLE = (
    {"PatientID": "17", "ViewPosition": "PA", "PatientSex": "F", "PatientAge": "063Y"},
    {"PatientID": "17", "ViewPosition": "AP", "PatientSex": "F", "PatientAge": "064Y"},
    {"PatientID": "99", "ViewPosition": "AP", "PatientSex": "M"},
)
NAMES = ("a.dcm", "b.dcm", "c")


@pytest.fixture
def opened(monkeypatch):
    """The files whose header is read from now on."""
    paths = []
    original = headers._read_file

    def counting(path):
        paths.append(path.name)
        return original(path)

    monkeypatch.setattr(headers, "_read_file", counting)
    return paths


def write(folder, people=PEOPLE, **columns):
    """Three radiographs, one without a suffix, and a manifest with these columns."""
    folder.mkdir(exist_ok=True)
    for name, attributes in zip(NAMES, people, strict=True):
        (folder / name).write_bytes(radiograph(UNSIGNED_12, **attributes))
    rows = zip(NAMES, "100", *columns.values(), strict=True)
    lines = [",".join(["path", "covid-19", *columns]), *map(",".join, rows)]
    return write_manifest(folder, "\n".join(lines) + "\n")


def fill(source, **options):
    dataset = read_dataset(source, ["covid-19"])
    return fill_from_headers(dataset, digest_files(dataset), **options)


def test_what_the_manifest_does_not_state_comes_from_the_headers(tmp_path):
    """Patients as groups; view, sex and age as attributes, empty where a header is silent."""
    dataset, (note,) = fill(write(tmp_path))
    assert dataset.groups == ("17", "17", "99")
    assert dataset.attributes == {
        "view": ("PA", "AP", "AP"),
        "sex": ("F", "F", "M"),
        "age": ("63", "64", ""),
    }
    assert (note.severity, note.code) == ("note", "attributes-from-dicom")
    assert note.evidence == (
        "patient of 3 images, view of 3 images, sex of 3 images, age of 2 images; "
        "3 of 3 images are DICOM"
    )


def test_class_folders_are_filled_as_well(tmp_path):
    """They state no patient and no attribute."""
    for label, attributes in zip(("covid-19", "normal"), PEOPLE[1:], strict=True):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.dcm").write_bytes(radiograph(UNSIGNED_12, **attributes))
    dataset = read_dataset(tmp_path)
    dataset, _ = fill_from_headers(dataset, digest_files(dataset))
    assert dataset.groups == ("17", "99")
    assert dataset.attributes["sex"] == ("F", "M")


def test_what_the_manifest_states_stays(tmp_path):
    """Under its own spelling; its blank cells alone are filled."""
    source = write(tmp_path, patient_id=["17", "", ""], Sex=["F", "", "M"], view=["PA", "AP", "AP"])
    dataset, (note,) = fill(source)
    assert dataset.groups == ("17", "17", "99")
    assert dataset.attributes["Sex"] == ("F", "F", "M")
    assert list(dataset.attributes) == ["Sex", "view", "age"]
    assert note.evidence.startswith("patient of 2 images, sex of 1 image, age of 2 images;")


def test_nothing_is_said_where_the_manifest_states_all(tmp_path):
    """And agrees with the headers: `female` is F, and an age may be of another day."""
    source = write(
        tmp_path,
        patient_id=["17", "17", "99"],
        view=["pa", "AP", "frontal"],
        sex=["female", "F", "m"],
        age=["64", "64.0", ""],
    )
    before = read_dataset(source, ["covid-19"])
    dataset, findings = fill(source)
    assert findings == ()
    assert (dataset.groups, dataset.attributes) == (before.groups, before.attributes)


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("sex", ["M", "F", "M"], "a.dcm: M in the manifest and F in its header"),
        ("view", ["AP", "AP", "AP"], "a.dcm: AP in the manifest and PA in its header"),
        ("age", ["36", "64", ""], "a.dcm: 36 in the manifest and 63 in its header"),
    ],
)
def test_a_header_that_contradicts_the_manifest_is_a_warning(tmp_path, name, cells, said):
    """The manifest's word is taken, and the image is named."""
    dataset, findings = fill(write(tmp_path, **{name: cells}))
    assert dataset.attributes[name] == tuple(cells)
    (warning,) = [f for f in findings if f.severity == "warning"]
    assert warning.code == "dicom-contradicts-manifest"
    assert f"The {name} of 1 image " in warning.what
    assert warning.evidence == said
    assert warning.subjects == ("a.dcm",)


def test_another_patient_in_the_header_is_a_warning_that_names_no_patient(tmp_path):
    """Two patients bear the same names in both, so a third name is another patient."""
    dataset, findings = fill(write(tmp_path, patient_id=["17", "21", "99"]))
    assert dataset.groups == ("17", "21", "99")
    (warning,) = [f for f in findings if f.severity == "warning"]
    assert warning.what.startswith("The patient of 1 image ")
    assert warning.evidence == "b.dcm: one patient in the manifest and another in its header"
    assert warning.subjects == ("b.dcm",)


def test_pseudonyms_are_no_contradiction_and_split_patients_are(tmp_path):
    """Names of the manifest's own are compared by whom they hold apart."""
    _, findings = fill(write(tmp_path, patient_id=["anna", "anna", "bert"]))
    assert [f.severity for f in findings] == ["note"]
    dataset, findings = fill(write(tmp_path, patient_id=["anna", "carl", "bert"]))
    (warning,) = [f for f in findings if f.severity == "warning"]
    assert warning.subjects == ("a.dcm", "b.dcm")
    assert "one by the headers and several in the manifest" in warning.evidence
    dataset, _ = fill(write(tmp_path, patient_id=["anna", "", "bert"]))
    assert dataset.groups == ("anna", "anna", "bert")


@pytest.mark.parametrize(
    ("people", "evidence"),
    [
        ((*PEOPLE[1:], {}), "1 of 3 DICOM headers state no patient"),
        (
            ({"PatientID": "ANON"},) * 3,
            "3 of 3 DICOM headers state one and the same patient",
        ),
    ],
    ids=["one without a patient", "all anonymised alike"],
)
def test_patients_stay_unknown_where_headers_do_not_tell_them_apart(tmp_path, people, evidence):
    """And that is said: images of unknown patients are taken for independent ones."""
    dataset, findings = fill(write(tmp_path, people))
    assert dataset.groups is None
    note = findings[0]
    assert (note.severity, note.code) == ("note", "patients-not-in-dicom")
    assert note.evidence == evidence


def test_an_image_without_a_header_is_a_patient_of_its_own(tmp_path):
    """A PNG among radiographs, and a damaged one: as with a blank cell of a manifest."""
    source = write(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "c", "PNG")
    (tmp_path / "b.dcm").write_bytes((tmp_path / "b.dcm").read_bytes()[:150])
    dataset, _ = fill(source)
    assert dataset.groups == ("17", "?b.dcm", "?c")
    assert dataset.attributes["sex"] == ("F", "", "")


def test_data_without_dicom_pays_nothing(tmp_path, opened):
    """No file is opened, nothing is kept, and the very same data set is given back."""
    write_manifest(tmp_path, "path,covid-19\na.png,1\nb.JPG,0\n", ["a.png", "b.JPG"])
    dataset = read_dataset(tmp_path, ["covid-19"])
    filled, findings = fill_from_headers(dataset, digest_files(dataset))
    assert filled is dataset
    assert findings == ()
    assert opened == []
    assert not (locate_cache() / headers.KIND).exists()


def test_a_header_is_read_once(tmp_path, opened):
    """The second time no file is opened; one that changed is, and it alone."""
    source = write(tmp_path)
    first = fill(source)
    assert sorted(opened) == sorted(NAMES)
    opened.clear()
    again = fill(source)
    assert opened == []
    assert (again[0].groups, again[0].attributes, again[1]) == (
        first[0].groups, first[0].attributes, first[1],
    )  # fmt: skip
    (tmp_path / "c").write_bytes(radiograph(UNSIGNED_12, PatientID="100"))
    assert fill(source)[0].groups == ("17", "17", "100")
    assert opened == ["c"]


def test_a_file_without_a_header_is_opened_once(tmp_path, opened):
    """That it has none is known the next time."""
    source = write(tmp_path)
    (tmp_path / "c").write_bytes(b"no DICOM")
    first = fill(source)[0].groups
    opened.clear()

    assert fill(source)[0].groups == first
    assert opened == []


def test_headers_are_cached_for_the_eyes_of_their_owner(tmp_path):
    """They hold names of patients, which the cache's other entries don't."""
    fill(write(tmp_path))
    (entry,) = (locate_cache() / headers.KIND).iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o700


def test_without_the_cache_nothing_is_cached(tmp_path, opened):
    """And headers are read each time."""
    source = write(tmp_path)
    fill(source, use_cache=False)
    fill(source, use_cache=False)
    assert len(opened) == 6
    assert not (locate_cache() / headers.KIND).exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_of_the_cache_is_made_again(tmp_path, damage):
    """A byte of it may be a patient's name."""
    source = write(tmp_path)
    expected = fill(source)[0].groups
    (file,) = (locate_cache() / headers.KIND).glob(f"*/{DATA_FILE}")
    damage(file)

    assert fill(source)[0].groups == expected
    assert take_damage() == {headers.KIND: 1}


@pytest.mark.parametrize(
    ("name", "other"), [("_VERSION", 0), ("_pydicom_version", lambda: "another")]
)
def test_what_another_version_cached_is_read_anew(tmp_path, monkeypatch, opened, name, other):
    """It may have taken other facts from the same headers."""
    source = write(tmp_path)
    with monkeypatch.context() as earlier:
        earlier.setattr(headers, name, other)
        fill(source)
    fill(source)
    assert len(opened) == 6


def test_a_file_that_can_t_be_read_is_passed_over(tmp_path):
    """Decoding will say why."""
    source = write(tmp_path)
    dataset = read_dataset(source, ["covid-19"])
    os.unlink(tmp_path / "b.dcm")  # noqa: PTH108 - the manifest was read before
    filled, _ = fill_from_headers(dataset, digest_files(dataset))
    assert filled.groups == ("17", "?b.dcm", "99")


def test_the_fingerprint_is_that_of_the_same_data_with_a_manifest_of_patients(tmp_path):
    """Patients are no part of it, wherever they come from."""
    dataset, _ = fill(write(tmp_path))
    stated = read_dataset(write(tmp_path, patient_id=["17", "17", "99"]), ["covid-19"])
    assert stated.groups == dataset.groups
    digests = digest_files(dataset)
    assert fingerprint(dataset, digests) == fingerprint(stated, digests)


def run_elsewhere(code, *words):
    """Run in a fresh interpreter; gives what it printed."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_without_pydicom_the_command_that_installs_it_is_named(tmp_path):
    """One error for the whole data set, not a failure for each of its images."""
    code = (
        "import sys; from pathlib import Path; sys.modules['pydicom'] = None\n"
        "from covidreport.dataset import read_dataset\n"
        "from covidreport.dataset.digests import digest_files\n"
        "from covidreport.dataset.fill import fill_from_headers\n"
        "from covidreport.errors import UsageError\n"
        "dataset = read_dataset(Path(sys.argv[1]), ['covid-19'])\n"
        "try: fill_from_headers(dataset, digest_files(dataset), use_cache=False)\n"
        "except UsageError as error: print(error)\n"
    )
    assert "pip install 'covidreport[dicom]'" in run_elsewhere(code, write(tmp_path))


def test_reading_a_data_set_loads_no_decoder():
    """Neither pydicom nor the decoders of images: only a DICOM file asks for them."""
    code = (
        "import sys, covidreport.dataset.fill\n"
        "print([m for m in ('pydicom', 'imagecodecs', 'PIL') if m in sys.modules])"
    )
    assert run_elsewhere(code).strip() == "[]"
