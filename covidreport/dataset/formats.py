"""Data sets as their archives publish them: one entry each, which `covidreport init` writes out.

Names of files and columns are those of each set's own documentation, which docs/datasets.md names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from covidreport.dataset.layout import Extract, Join, ManifestSettings, SplitBy
from covidreport.dataset.table import ManifestTable, TextForm, read_table
from covidreport.dataset.truth import VALUES
from covidreport.errors import CovidReportError

NORMALS = frozenset(
    {
        "normal", "no finding", "no findings", "no_finding", "healthy", "negative",
        "negative for pneumonia", "none",
    }
)  # fmt: skip
"""Labels, in lower case, that say that nothing was found: nobody misses a case of them."""


class Published(Struct, frozen=True):
    """A published format. tables: names of its table, or a name a split; columns: what the header
    has; folders: what has to be there where no table is. paths: where images may lie, the first
    that is there. words: the rest of `[manifest]`. labels: those that are evaluated; empty for all.
    """

    title: str
    target: str
    words: ManifestSettings
    tables: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    columns: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    covid_implies: str = ""
    """The label of which it is in doubt whether a COVID-19 image has it too."""
    blank_in_doubt: bool = False
    """Whether a blank may mean that nobody said anything, or no."""
    note: str = ""
    """What beside the words is to be known of it."""


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


class Recognised(Struct, frozen=True):
    """A format that was found. data: the table or the folder that `[manifest]` begins in."""

    name: str
    published: Published
    data: Path
    words: ManifestSettings
    missing: tuple[str, ...] = field(default=())
    """What of the archive is not there, and was left out of the words."""


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
                found = _fit(name, published, place, data)
                if found is not None:
                    return found
    return None


def _list(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__MACOSX")))


def _fit(name: str, published: Published, folder: Path, data: Path) -> Recognised | None:
    if not all((folder / each).is_dir() for each in published.folders):
        return None
    words = published.words
    if words.find is None:
        found = _find_tables(published, folder, data)
        if found is None:
            return None
        files, table = found
        words = replace(words, file=files if len(files) > 1 or "" not in files else files[""])
        words = _fit_columns(words, table)
    missing: list[str] = []
    joins = []
    for join in words.join:
        there = _glob(folder, join.file)
        if there is None:
            missing.append(join.file)
        else:
            joins.append(replace(join, file=there))
    words = replace(words, join=tuple(joins), attributes=() if missing else words.attributes)
    if isinstance(words.split, SplitBy) and words.split.lists:
        lists = {k: file for k, file in words.split.lists.items() if (folder / file).is_file()}
        missing += [file for file in words.split.lists.values() if file not in lists.values()]
        words = replace(words, split=SplitBy(lists=lists) if lists else None)
    if published.paths:
        words = replace(words, path=_find_path(published, words, folder))
    return Recognised(name, published, folder, words, tuple(missing))


def _glob(folder: Path, pattern: str) -> str | None:
    found = sorted(each.relative_to(folder).as_posix() for each in folder.glob(pattern))
    return found[0] if found else None


def _find_tables(
    published: Published, folder: Path, data: Path
) -> tuple[dict[str, str], ManifestTable] | None:
    """The tables that are there, by split, and the first of them read; None without the columns."""
    tables = published.tables if isinstance(published.tables, Mapping) else {"": published.tables}
    files = {}
    for split, patterns in tables.items():
        there = next(filter(None, (_glob(folder, pattern) for pattern in patterns)), None)
        if there is not None:
            files[split] = there
    if data.is_file():
        named = data.relative_to(folder).as_posix() if data.is_relative_to(folder) else data.name
        if named not in files.values():
            if len(tables) > 1:
                return None
            files = {"": named}
    if not files:
        return None
    if len(files) > 1:
        files.pop("", None)  # a table of all beside one a split
    words = published.words
    for file in files.values():
        try:
            table = read_table(folder / file, TextForm(words.separator, words.columns))
            if table.faults and words.columns:  # earlier versions have a column less
                table = read_table(folder / file, TextForm(words.separator, words.columns[:-1]))
        except CovidReportError:
            return None
        if not published.columns.issubset(table.columns) or table.faults:
            return None
    return files, table


def _fit_columns(words: ManifestSettings, table: ManifestTable) -> ManifestSettings:
    """What depends on the columns that this copy has."""
    if words.columns is not None:
        return replace(words, columns=tuple(table.columns))
    if words.path is None and not words.classes and "file_name" in table.columns:
        return replace(words, classes=guess_classes(table))
    return words


CLASSES = ("label", "labels", "class", "classes", "finding", "findings", "diagnosis", "target")
"""What a column of classes is called where nobody says it."""


def guess_classes(table: ManifestTable) -> str | None:
    """The column of words that name what an image shows; None without one. Not one of 0 and 1."""
    for name, cells in table.columns.items():
        words = {cell.strip().lower() for cell in cells}
        if name.strip().lower() in CLASSES and not words.issubset({*VALUES, "0.0", "1.0"}):
            return name
    return None


def _find_path(published: Published, words: ManifestSettings, folder: Path) -> str:
    """The first place where there is an image of any row."""
    if len(published.paths) == 1:
        return published.paths[0]
    splits: Sequence[str] = list(words.file) if isinstance(words.file, dict) else [""]
    paths = [
        path
        for path in published.paths
        if "{folder}" not in path or _has_column(words, folder, "folder")
    ]
    if isinstance(words.file, str):
        paths = [path for path in paths if "{split}" not in path] or paths
    for path in paths:
        for split in splits:
            looked = re.sub(r"\{[^{}]+\}", "*", path.replace("{split}", split))
            if next(iter(folder.glob(looked)), None) is not None:
                return path
    return paths[0]


def _has_column(words: ManifestSettings, folder: Path, name: str) -> bool:
    file = words.file if isinstance(words.file, str) else next(iter(words.file or {}), "")
    return name in read_table(folder / file, TextForm(words.separator, words.columns)).columns
