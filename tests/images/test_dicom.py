"""DICOM files: what is refused and why, damage, attributes, and the optional extra."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest

from covidreport.errors import ImageError
from covidreport.images import describe_doubts
from covidreport.images.dicom import decode_dicom, is_dicom, read_dicom_attributes
from tests.images.radiographs import (
    HEIGHT,
    LOSSLESS,
    RNG,
    UNSIGNED_12,
    WIDTH,
    pydicom,
    radiograph,
    table,
    uid,
    write,
)


def without(data, *names):
    dataset = pydicom.dcmread(io.BytesIO(data))
    for name in names:
        del dataset[name]
    return write(dataset)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, "CT Image Storage"),
        ({"SOPClassUID": uid.DigitalMammographyXRayImageStorageForPresentation}, "Mammography"),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}, "raw detector data"),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "OT"}, "modality OT"),
        (
            {"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": ""},
            "no modality is stated",
        ),
        ({"ViewPosition": "LL"}, r"a left lateral view \(LL\)"),
        ({"ViewPosition": "RL"}, r"a right lateral view \(RL\)"),
        ({"ViewPosition": "LATERAL"}, r"a lateral view \(LATERAL\)"),
        ({"NumberOfFrames": 12}, "12 frames; a radiograph has one"),
        (
            {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
            r"a colour image \(RGB, 3 samples",
        ),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, r"a colour image \(PALETTE COLOR"),
        ({"PhotometricInterpretation": "YBR_FULL_422"}, r"a colour image \(YBR_FULL_422"),
        ({"BitsAllocated": 32}, "12 of 32 bits a pixel; 8 to 16 bits are read"),
        ({"BitsStored": 7, "HighBit": 6}, "7 of 16 bits a pixel; 8 to 16 bits are read"),
        ({"HighBit": 15}, "they should end at bit 11"),
        ({"Rows": 60000, "Columns": 60000}, "too large: 60000 x 60000"),
        ({"Rows": 0}, "no pixels"),
        ({"WindowCenter": 100}, "both a center and a width"),
        ({"WindowCenter": 100, "WindowWidth": 0}, "a LINEAR window of width 0"),
        ({"WindowCenter": 1, "WindowWidth": 5, "VOILUTFunction": "CUBIC"}, "CUBIC is not known"),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, "rescaled: 0 x value"),
        ({"PhotometricInterpretation": ""}, "no photometric interpretation"),
        ({"ModalityLUTSequence": [table([1, 2], 0, 17)]}, "a LUT of 2 entries of 17 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_frontal_radiograph_is_refused_by_name(attributes, reason):
    """The reason says what the file is, or what is wrong with it."""
    with pytest.raises(ImageError, match=reason):
        decode_dicom(radiograph(UNSIGNED_12, **attributes))


@pytest.mark.parametrize(
    ("attributes", "step"),
    [
        ({"Modality": ""}, "modality not stated: a radiograph by its SOP class"),
        (
            {"Modality": "", "SOPClassUID": uid.ComputedRadiographyImageStorage},
            "modality not stated: a radiograph by its SOP class",
        ),
        ({"Modality": "DR"}, "modality DR: taken for DX"),
    ],
)
def test_a_radiograph_by_its_sop_class_is_read_and_said_to_be(attributes, step):
    """As VinDr-CXR's headers are, and as some devices write DX."""
    image = decode_dicom(radiograph(UNSIGNED_12, **attributes))
    plain = decode_dicom(radiograph(UNSIGNED_12)).picture
    assert image.picture.tobytes() == plain.tobytes()
    assert image.transforms[0] == step
    (finding,) = describe_doubts({image.transforms: 3, ("12 bits",): 4})
    assert finding.severity == "warning"
    assert finding.what.startswith("3 DICOM images state ")
    assert finding.evidence == f"{step}; 3 of 7 DICOM images"


def test_a_lateral_view_that_is_only_coded_is_refused():
    """The view code sequence of digital X-ray: left lateral (SNOMED CT 399173006)."""
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "399173006", "SCT", "lat"
    with pytest.raises(ImageError, match="a left lateral view"):
        decode_dicom(radiograph(UNSIGNED_12, ViewCodeSequence=[item]))


@pytest.mark.parametrize("name", ["Rows", "BitsAllocated"])
def test_a_missing_fact_is_named(name):
    """An image without its size or depth can't be read."""
    with pytest.raises(ImageError, match=f"doesn't state its {name}"):
        decode_dicom(without(radiograph(UNSIGNED_12), name))


def test_a_file_without_pixels_is_refused():
    """Such as a header sent without its image."""
    with pytest.raises(ImageError, match="no pixel data"):
        decode_dicom(without(radiograph(UNSIGNED_12), "PixelData"))


def test_an_unread_compression_is_named():
    """MPEG-2 is no radiograph's compression."""
    data = radiograph(UNSIGNED_12, syntax=uid.MPEG2MPML, frame=b"\0\0\1\xb3")
    with pytest.raises(ImageError, match="compressed as MPEG2 Main Profile"):
        decode_dicom(data)


def test_other_files_are_refused():
    """A file that lacks the mark of DICOM."""
    with pytest.raises(ImageError, match="not a DICOM file"):
        decode_dicom(b"\x89PNG" + bytes(200))


def decode_elsewhere(tmp_path, data, before=""):
    """Decode in a fresh interpreter, which prints the error."""
    path = tmp_path / "image"
    path.write_bytes(data)
    code = (
        f"import sys; from pathlib import Path; {before}\n"
        "from covidreport.errors import CovidReportError\n"
        "from covidreport.images.dicom import decode_dicom\n"
        "try: decode_dicom(Path(sys.argv[1]).read_bytes())\n"
        "except CovidReportError as error: print(f'{type(error).__name__}: {error}')\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def compressed(stored, codec):
    """A file of 16 allocated bits by codec, `none` for uncompressed pixels."""
    if codec == "none":
        return radiograph(stored)
    if codec == "RLE":
        dataset = pydicom.dcmread(io.BytesIO(radiograph(stored)))
        dataset.compress(uid.RLELossless, encoding_plugin="pydicom")
        return write(dataset)
    return radiograph(stored, syntax=LOSSLESS[codec].syntax, frame=LOSSLESS[codec].compress(stored))


@pytest.mark.filterwarnings("ignore:End of file reached:UserWarning")
@pytest.mark.parametrize("codec", ["none", "RLE", *LOSSLESS])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_refused(codec, kept):
    """Wherever it ends: no picture is made up from the part that is there."""
    data = compressed(RNG.integers(0, 4096, (64, 64)).astype(np.uint16), codec)
    with pytest.raises(ImageError):
        decode_dicom(data[: int(kept * len(data))])


def test_a_cut_off_file_is_one_reason_and_no_noise(tmp_path):
    """Nothing on stderr but what the caller prints: pydicom's warnings name no file."""
    data = compressed(UNSIGNED_12, "JPEG-LS")
    result = decode_elsewhere(tmp_path, data[: len(data) * 2 // 3])
    assert result.stdout == "ImageError: truncated: the DICOM file ends within its data\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\2\0\0\0", "end within their header"),
        (struct.pack("<16I", 1, 64, *[0] * 14) + b"\0\0", "1 RLE segments for 2 bytes"),
        (struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\0\1\0\1", "holds 1 of 768 bytes"),
        (struct.pack("<16I", 2, 64, 102, *[0] * 13) + b"\x81\1" * 38, "damaged pixel data"),
        (struct.pack("<16I", 2, 9999, 9999, *[0] * 13) + bytes(9), "holds 0 of 768 bytes"),
    ],
    ids=["short header", "too few segments", "too few pixels", "too many pixels", "bad offsets"],
)
def test_damaged_run_lengths_are_refused(frame, reason):
    """With what is wrong with them."""
    with pytest.raises(ImageError, match=reason):
        decode_dicom(radiograph(UNSIGNED_12, syntax=uid.RLELossless, frame=frame))


@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_frame_without_its_end_is_refused(codec):
    """The file is whole, the compressed frame in it is not."""
    frame = LOSSLESS[codec].compress(UNSIGNED_12)
    half = frame[: len(frame) // 2]
    data = radiograph(UNSIGNED_12, syntax=LOSSLESS[codec].syntax, frame=half)
    with pytest.raises(ImageError, match="no end marker"):
        decode_dicom(data)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_frame_of_another_size_than_the_header_s_is_refused(codec):
    """Before it is decoded: a decoder makes room for what the frame says."""
    frame = LOSSLESS[codec].compress(UNSIGNED_12)
    other = np.zeros((HEIGHT, WIDTH + 2), np.uint16)
    with pytest.raises(ImageError, match="the header says 34 x 24 x 1"):
        decode_dicom(radiograph(other, syntax=LOSSLESS[codec].syntax, frame=frame))


@pytest.mark.parametrize("codec", ["none", "RLE", *LOSSLESS])
def test_damaged_bytes_give_a_picture_or_an_image_error(codec):
    """No other exception escapes, whatever single byte is changed."""
    data = compressed(UNSIGNED_12, codec)
    rng = np.random.default_rng(5)
    refused = 0
    for at in rng.integers(128, min(len(data), 1200), 150):
        damaged = bytearray(data)
        damaged[at] = int(rng.integers(256))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom's words on odd values are not the point
                decode_dicom(bytes(damaged))
        except ImageError:
            refused += 1
    assert refused > 0


def attributes_of(tmp_path, **attributes):
    path = tmp_path / "image"
    path.write_bytes(radiograph(UNSIGNED_12, **attributes))
    return read_dicom_attributes(path)


def test_patient_view_sex_age_and_body_part_are_read(tmp_path):
    """As texts, under the names that a manifest gives them."""
    assert attributes_of(
        tmp_path,
        PatientID=" P-17 ",
        ViewPosition="AP",
        PatientSex="F",
        PatientAge="063Y",
        BodyPartExamined="CHEST",
    ) == {"patient_id": "P-17", "view": "AP", "sex": "F", "age": "63", "body_part": "CHEST"}


def test_what_is_not_stated_is_empty(tmp_path):
    """Never a guess."""
    assert set(attributes_of(tmp_path).values()) == {""}


@pytest.mark.parametrize(
    ("stated", "years"),
    [("000Y", "0"), ("101Y", "101"), ("018M", "1"), ("024M", "2"), ("051W", "0"), ("400D", "1")],
)
def test_an_age_is_given_in_full_years(tmp_path, stated, years):
    """Years, months, weeks and days (PS3.5 6.2, AS)."""
    assert attributes_of(tmp_path, PatientAge=stated)["age"] == years


@pytest.mark.parametrize("stated", ["45", "abcY", "-01Y"])
def test_an_age_that_is_none_is_empty(tmp_path, stated):
    """A number without its unit may be anything."""
    path = tmp_path / "image"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of the value that it is asked to write
        path.write_bytes(radiograph(UNSIGNED_12, PatientAge=stated))
    assert read_dicom_attributes(path)["age"] == ""


def test_a_coded_view_stands_in_for_a_missing_one(tmp_path):
    """Postero-anterior by its SNOMED CT code."""
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "272479007", "SCT", "pa"
    assert attributes_of(tmp_path, ViewCodeSequence=[item])["view"] == "PA"


def test_attributes_of_a_file_that_is_cut_off_are_an_image_error(tmp_path):
    """A header that breaks off states nothing: that is no patient without a name."""
    path = tmp_path / "image"
    path.write_bytes(radiograph(UNSIGNED_12, PatientID="17")[:150])
    with pytest.raises(ImageError, match="truncated: the DICOM file ends within its header"):
        read_dicom_attributes(path)


@pytest.mark.parametrize(
    ("data", "found"),
    [(radiograph(UNSIGNED_12), True), (b"DICM" * 40, True), (b"\x89PNG" * 40, False), (b"", False)],
    ids=["radiograph", "mark alone", "PNG", "empty"],
)
def test_dicom_is_known_by_its_mark(tmp_path, data, found):
    """At byte 128, whatever the file is called; a file that isn't there is none."""
    path = tmp_path / "image.png"
    path.write_bytes(data)
    assert is_dicom(path) is found
    assert not is_dicom(tmp_path / "nowhere")


def test_attributes_of_a_missing_file_are_an_image_error(tmp_path):
    """With the system's reason."""
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        read_dicom_attributes(tmp_path / "nowhere")


def test_without_pydicom_the_command_that_installs_it_is_named(tmp_path):
    """A UsageError, which the user can mend: no image is to blame."""
    missing = "sys.modules['pydicom'] = None"
    result = decode_elsewhere(tmp_path, radiograph(UNSIGNED_12), before=missing)
    assert result.stdout.startswith("UsageError: ")
    assert "pip install 'covidreport[dicom]'" in result.stdout


def test_pydicom_is_loaded_only_when_a_dicom_file_is_met():
    """Importing the reader costs nothing to who has no DICOM files."""
    code = "import sys, covidreport.images.dicom; print('pydicom' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
