"""Data sets as their archives publish them: one entry each, which `covidreport init` writes out.

Names of files and columns are those of each set's own documentation, which docs/datasets.md names.
"""

from __future__ import annotations

from pathlib import Path

from covidreport.dataset.layout import Extract, Join, ManifestSettings, SplitBy
from covidreport.dataset.published import Published, Recognised, fit_published

NORMALS = frozenset(
    {
        "normal", "no finding", "no findings", "no_finding", "healthy", "negative",
        "negative for pneumonia", "none",
    }
)  # fmt: skip
"""Labels, in lower case, that say that nothing was found: nobody misses a case of them."""


_TRAIN = {"train": ("train.csv",), "valid": ("valid.csv",)}
_PATIENT = "patientid"
_STUDY = ("subject_id", "study_id")
_MIMIC = "mimic-cxr-2.*-{}.csv*"

FORMATS: dict[str, Published] = {
    "nih": Published(
        "NIH ChestX-ray14",
        "pneumonia",
        ManifestSettings(
            patient="Patient ID", view="View Position", sex="Patient Gender", age="Patient Age",
            classes="Finding Labels", between="|", attributes=(),
            split=SplitBy(lists={"train": "train_val_list.txt", "test": "test_list.txt"}),
        ),
        tables=("Data_Entry_2017*.csv",),
        columns=frozenset({"Image Index", "Finding Labels", "Patient ID"}),
        paths=(
            "images/{Image Index}", "images_*/images/{Image Index}", "images_*/{Image Index}",
            "{Image Index}",
        ),
    ),
    "chexpert": Published(
        "CheXpert",
        "pneumonia",
        ManifestSettings(
            extract={
                "image": Extract("Path", "^(?:CheXpert-v1[^/]*/)?(.+)$"),
                "patient": Extract("Path", "(patient[0-9]+)"),
            },
            patient="patient", view="AP/PA", sex="Sex", age="Age", uncertain={"-1": "ignore"},
            exclude={"Frontal/Lateral": ("Lateral",), "view": ("LL", "RL")}, attributes=(),
        ),
        tables=_TRAIN,
        columns=frozenset({"Path", "Frontal/Lateral", "AP/PA"}),
        paths=("{image}",),
        blank_in_doubt=True,
    ),
    "mimic-cxr": Published(
        "MIMIC-CXR-JPG",
        "pneumonia",
        ManifestSettings(
            join=(
                Join(_MIMIC.format("chexpert"), {name: name for name in _STUDY}),
                Join(_MIMIC.format("split"), "dicom_id", only=("split",)),
            ),
            patient="subject_id", view="ViewPosition", uncertain={"-1": "ignore"}, attributes=(),
            exclude={
                "view": ("LATERAL", "LL", "RL", "XTABLE LATERAL", "LAO", "RAO", "LPO", "RPO")
            },
        ),
        tables=(_MIMIC.format("metadata"),),
        columns=frozenset({"dicom_id", "subject_id", "study_id", "ViewPosition"}),
        paths=tuple(
            f"{folder}p{{subject_id:.2}}/p{{subject_id}}/s{{study_id}}/{{dicom_id}}.jpg"
            for folder in ("files/", "")
        ),
        blank_in_doubt=True,
    ),
    "covidx": Published(
        "COVIDx CXR",
        "covid-19",
        ManifestSettings(
            separator=" ", columns=("patient", "filename", "class", "source"), patient="patient",
            classes="class", rename={"positive": "covid-19"}, uncertain={"negative": "negative"},
        ),
        tables={
            "train": ("train.txt", "train_COVIDx*.txt"), "val": ("val.txt", "val_COVIDx*.txt"),
            "test": ("test.txt", "test_COVIDx*.txt"),
        },
        columns=frozenset({"patient", "filename", "class"}),
        paths=("{split}/{filename}", "data/{split}/{filename}"),
        covid_implies="pneumonia",
    ),
    "covid-radiography": Published(
        "COVID-19 Radiography Database",
        "covid-19",
        ManifestSettings(
            find="*/*/*.png", extract={"class": Extract("path", "^([^/]+)/")}, classes="class",
            rename={
                "COVID": "covid-19", "Lung_Opacity": "lung opacity",
                "Viral Pneumonia": "viral pneumonia",
            },
            exclude={"folders": ("masks",)},
        ),
        folders=("COVID/images", "Normal/images"),
        covid_implies="viral pneumonia",
        note="patients are not published: images of one may be in several splits",
    ),
    "ieee8023": Published(
        "COVID-19 image data collection",
        "covid-19",
        ManifestSettings(
            patient=_PATIENT, view="view", modality="modality", sex="sex", age="age",
            classes="finding", between="/", uncertain={"todo": "ignore", "Unknown": "ignore"},
            exclude={"modality": ("CT",), "view": ("L", "Axial", "Coronal", "Sagittal")},
            attributes=("location",),
        ),
        tables=("metadata.csv",),
        columns=frozenset({_PATIENT, "finding", "filename", "modality", "view"}),
        paths=("{folder}/{filename}", "images/{filename}"),
        labels=("covid-19", "pneumonia", "no finding"),
        note="the set itself files COVID-19 below pneumonia: each such image has both labels",
    ),
    "rsna": Published(
        "RSNA Pneumonia Detection Challenge",
        "pneumonia",
        ManifestSettings(
            join=(Join("stage_2_detailed_class_info.csv", "patientId"),), rows="any",
            rename={"Target": "pneumonia"}, attributes=("class",),
        ),
        tables=("stage_2_train_labels.csv",),
        columns=frozenset({"patientId", "x", "Target"}),
        paths=("stage_2_train_images/{patientId}.dcm",),
        labels=("pneumonia",),
        note="patientId names an image: patients are not published",
    ),
    "siim": Published(
        "SIIM-FISABIO-RSNA COVID-19 Detection",
        "typical appearance",
        ManifestSettings(
            extract={"image": Extract("id", "(.+)_image")},
            join=(
                Join(
                    "train_study_level.csv", {"StudyInstanceUID": "study"},
                    only=(
                        "Negative for Pneumonia", "Typical Appearance",
                        "Indeterminate Appearance", "Atypical Appearance",
                    ),
                    extract={"study": Extract("id", "(.+)_study")},
                ),
            ),
            attributes=(),
        ),
        tables=("train_image_level.csv",),
        columns=frozenset({"id", "label", "StudyInstanceUID"}),
        paths=("train/{StudyInstanceUID}/*/{image}.dcm",),
        note="it says how typical an image is of COVID-19 pneumonia, not who had COVID-19",
    ),
    "vindr": Published(
        "VinDr-CXR",
        "pneumonia",
        ManifestSettings(
            rows="majority", rename={"Other disease": "other diseases"}, attributes=()
        ),
        tables={
            "train": ("annotations/image_labels_train.csv",),
            "test": ("annotations/image_labels_test.csv",),
        },
        columns=frozenset({"image_id", "No finding"}),
        paths=("{split}/{image_id}.dicom", "{split}/{image_id}.dcm"),
        note="three readers an image in train, their majority; the consensus of five in test",
    ),
    "padchest": Published(
        "PadChest",
        "pneumonia",
        ManifestSettings(
            patient="PatientID", view="Projection", sex="PatientSex_DICOM", classes="Labels",
            exclude={"view": ("L", "COSTAL", "EXCLUDE", "UNK")},
            uncertain={"unchanged": "ignore", "exclude": "ignore", "suboptimal study": "ignore"},
            attributes=("MethodLabel", "Pediatric"),
        ),
        tables=tuple(f"PADCHEST_chest_x_ray_images_labels*.{end}" for end in ("csv", "csv.gz")),
        columns=frozenset({"ImageID", "ImageDir", "Labels", "Projection"}),
        paths=("{ImageDir}/{ImageID}", "images/{ImageID}", "{ImageID}"),
        labels=("normal", "pneumonia", "infiltrates", "pleural effusion", "cardiomegaly"),
    ),
    "bimcv": Published(
        "BIMCV-COVID19+",
        "covid-19",
        ManifestSettings(
            find="**/mod-rx/*.png",
            extract={
                "patient": Extract("path", "(sub-S[0-9]+)"),
                "session": Extract("path", "ses-(E[0-9]+)"),
                "view": Extract("path", "_vp-([a-z]+)"),
            },
            join=(
                Join(
                    "derivatives/labels/labels_covid19_posi.tsv", "session", only=("Labels",),
                    extract={"session": Extract("ReportID", "(E[0-9]+)")},
                ),
            ),
            patient="patient", view="view", classes="Labels", exclude={"view": ("ll", "lateral")},
            rename={"COVID 19": "covid-19", "COVID 19 uncertain": "covid-19"},
            uncertain={
                "COVID 19 uncertain": "ignore", "unchanged": "ignore", "exclude": "ignore"
            },
            attributes=(),
        ),
        folders=("derivatives/labels",),
        labels=("covid-19", "pneumonia", "normal"),
        covid_implies="pneumonia",
        note="labels are what a report says, not what a test of the patient said",
    ),
    "kermany": Published(
        "Kermany's chest X-ray images of children",
        "pneumonia",
        ManifestSettings(
            find="*/*/*.jp*g",
            extract={
                "class": Extract("path", "^[^/]+/([^/]+)/"),
                "patient": Extract(
                    "path", "/((?:NORMAL2?-)?IM-[0-9]+|person[0-9]+_[a-z]+|[A-Z]+-[0-9]+)[^/]*$"
                ),
            },
            classes="class", patient="patient",
            split=SplitBy(folders=("train", "val", "test")),
        ),
        folders=("train/NORMAL", "train/PNEUMONIA"),
        note="children of one to five years",
    ),
    "actualmed": Published(
        "Actualmed COVID-19 chest X-rays",
        "covid-19",
        ManifestSettings(
            patient=_PATIENT, view="view", modality="modality", sex="sex", age="age",
            classes="finding", attributes=(),
        ),
        tables=("metadata.csv",),
        columns=frozenset({_PATIENT, "finding", "imagename"}),
        paths=("images/{imagename}",),
        note="a blank finding is an inconclusive image: unknown",
    ),
    "huggingface": Published(
        "an image folder of Hugging Face's `datasets`",
        "covid-19",
        ManifestSettings(),
        tables={
            split: tuple(f"{folder}metadata.{kind}" for kind in ("csv", "jsonl", "parquet"))
            for split, folder in (
                ("train", "train/"), ("validation", "validation/"), ("test", "test/"), ("", "")
            )
        },
        columns=frozenset({"file_name"}),
        paths=("{split}/{file_name}", "{file_name}"),
    ),
}  # fmt: skip
"""By the name that `--like` takes; the first that fits is recognised."""


def recognise(data: Path, like: str | None = None) -> Recognised | None:
    """The format of a folder, of the one folder in it, or of a table; None where none fits."""
    folder = data if data.is_dir() else data.parent
    places = [folder]
    inner = [each for each in _list(folder) if each.is_dir()] if data.is_dir() else []
    if len(inner) == 1:
        places += inner
    for place in places:
        for name, published in FORMATS.items():
            if like in (None, name):
                found = fit_published(name, published, place, data)
                if found is not None:
                    return found
    return None


def _list(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__MACOSX")))
