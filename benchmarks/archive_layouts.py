"""Published data sets as they are unpacked: tables with made-up rows, and where their images lie.

The columns are those of each set's own documentation; `tests/dataset/published.py` has a few rows
of each, with the oddities that `init` has to know.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

Files = list[str]
"""Where the images of an archive lie, in order; every fourth one is of what the set is about."""
FINDINGS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion",
    "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip


def is_sick(i: int) -> bool:
    """Whether image i shows what its set is about; images 2k and 2k + 1 are of one patient."""
    return i % 4 == 0


def _put(folder: Path, name: str, *rows: str) -> None:
    """A table; with gzip where its name ends so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{row}\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def _halves(n: int, names: Sequence[str]) -> list[tuple[str, range]]:
    """The first three quarters of the images in the first split, the rest in the others."""
    ends = [0, *(3 * n // 4 + (n - 3 * n // 4) * k // (len(names) - 1) for k in range(len(names)))]
    return [(name, range(ends[k], ends[k + 1])) for k, name in enumerate(names)]


def _chexpert_cells(i: int) -> str:
    """Every finding stated: pneumonia, or none."""
    return ",".join("1.0" if f == ("Pneumonia" if is_sick(i) else FINDINGS[0]) else "0.0"
                    for f in FINDINGS)  # fmt: skip


def _nih(folder: Path, n: int) -> Files:
    names = [f"{i // 2:08}_{i % 2:03}.png" for i in range(n)]
    _put(
        folder, "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        *(f"{name},{'Pneumonia|Edema' if is_sick(i) else 'No Finding'},0,{i // 2},058Y,"
          f"{'MF'[i // 2 % 2]},PA,512,512,0.143,0.143," for i, name in enumerate(names)),
    )  # fmt: skip
    for file, part in _halves(n, ("train_val_list.txt", "test_list.txt")):
        _put(folder, file, *(names[i] for i in part))
    return [f"images_{1 + i // 100:03}/images/{name}" for i, name in enumerate(names)]


def _chexpert(folder: Path, n: int) -> Files:
    files = []
    for split, part in _halves(n, ("train", "valid")):
        own = [f"{split}/patient{i // 2:05}/study{i}/view1_frontal.jpg" for i in part]
        _put(
            folder, f"{split}.csv", f"Path,Sex,Age,Frontal/Lateral,AP/PA,{','.join(FINDINGS)}",
            *(f"CheXpert-v1.0-small/{file},Female,60,Frontal,AP,{_chexpert_cells(i)}"
              for i, file in zip(part, own, strict=True)),
        )  # fmt: skip
        files += own
    return files


def _mimic(folder: Path, n: int) -> Files:
    people, studies = [10_000_000 + i // 2 for i in range(n)], [50_000_000 + i for i in range(n)]
    _put(
        folder, "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
        "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
        "PatientOrientationCodeSequence_CodeMeaning",
        *(f"d{i},{people[i]},{studies[i]},CHEST,PA,512,512,21800506,213014.5,,,Erect"
          for i in range(n)),
    )  # fmt: skip
    _put(folder, "mimic-cxr-2.0.0-chexpert.csv.gz", f"subject_id,study_id,{','.join(FINDINGS)}",
         *(f"{people[i]},{studies[i]},{_chexpert_cells(i)}" for i in range(n)))  # fmt: skip
    _put(folder, "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split",
         *(f"d{i},{studies[i]},{people[i]},{split}"
           for split, part in _halves(n, ("train", "validate", "test")) for i in part),
    )  # fmt: skip
    return [f"files/p{str(p)[:2]}/p{p}/s{s}/d{i}.jpg"
            for i, (p, s) in enumerate(zip(people, studies, strict=True))]  # fmt: skip


def _covidx(folder: Path, n: int) -> Files:
    files = []
    for split, part in _halves(n, ("train", "val", "test")):
        _put(folder, f"{split}.txt", *(
            f"p{i // 2} {i}.png {'positive' if is_sick(i) else 'negative'} ricord" for i in part
        ))  # fmt: skip
        files += [f"{split}/{i}.png" for i in part]
    return files


def _radiography(_: Path, n: int) -> Files:
    classes = ("COVID", "Normal", "Lung_Opacity", "Viral Pneumonia")
    return [f"{classes[i % 4]}/images/{classes[i % 4]}-{i}.png" for i in range(n)]


def _ieee(folder: Path, n: int) -> Files:
    head = (
        "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,"
        "went_icu,in_icu,needed_supplemental_O2,extubated,temperature,pO2_saturation,"
        "leukocyte_count,neutrophil_count,lymphocyte_count,view,modality,date,location,folder,"
        "filename,doi,url,license,clinical_notes,other_notes,"
    )
    found = ("Pneumonia/Viral/COVID-19", "No Finding")
    _put(folder, "metadata.csv", head, *(
        f"{i // 2},,F,31,{found[not is_sick(i)]},,,,,,,,,,,,,,PA,X-ray,,,images,{i}.jpg,,,,,,"
        for i in range(n)
    ))  # fmt: skip
    return [f"images/{i}.jpg" for i in range(n)]


def _rsna(folder: Path, n: int) -> Files:
    _put(folder, "stage_2_train_labels.csv", "patientId,x,y,width,height,Target", *(
        f"u{i},264.0,152.0,213.0,379.0,1" if is_sick(i) else f"u{i},,,,,0" for i in range(n)
    ))  # fmt: skip
    _put(folder, "stage_2_detailed_class_info.csv", "patientId,class", *(
        f"u{i},{'Lung Opacity' if is_sick(i) else 'Normal'}" for i in range(n)
    ))  # fmt: skip
    return [f"stage_2_train_images/u{i}.dcm" for i in range(n)]


def _siim(folder: Path, n: int) -> Files:
    _put(
        folder, "train_study_level.csv",
        "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance",
        *(f"s{i}_study,{'0,1' if is_sick(i) else '1,0'},0,0" for i in range(n)),
    )  # fmt: skip
    _put(folder, "train_image_level.csv", "id,boxes,label,StudyInstanceUID",
         *(f"i{i}_image,,none 1 0 0 1 1,s{i}" for i in range(n)))  # fmt: skip
    return [f"train/s{i}/x{i}/i{i}.dcm" for i in range(n)]


def _vindr(folder: Path, n: int) -> Files:
    findings = "Aortic enlargement,COPD,Pneumonia,Other diseases,No finding"
    (train, first), (test, last) = _halves(n, ("train", "test"))
    cells = [f"0,0,{int(is_sick(i))},0,{int(not is_sick(i))}" for i in range(n)]
    _put(folder, "annotations/image_labels_train.csv", f"image_id,rad_id,{findings}",
         *(f"v{i},R{reader},{cells[i]}" for i in first for reader in (1, 2, 3)))  # fmt: skip
    _put(folder, "annotations/image_labels_test.csv",
         f"image_id,{findings.replace('diseases', 'disease')}",
         *(f"v{i},{cells[i]}" for i in last))  # fmt: skip
    return [f"{split}/v{i}.dicom" for split, part in ((train, first), (test, last)) for i in part]


def _padchest(folder: Path, n: int) -> Files:
    head = (
        ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,"
        "ViewPosition_DICOM,Projection,MethodProjection,Pediatric,Modality_DICOM,ReportID,Report,"
        "MethodLabel,Labels,Localizations,LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
    )
    found = ("\"['pneumonia', ' infiltrates']\"", "['normal']")
    _put(folder, "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz", head, *(
        f"{i},{i}.png,{i % 4},,,P{i // 2},,F,,PA,,,,,,Physician,{found[not is_sick(i)]},,,,"
        for i in range(n)
    ))  # fmt: skip
    return [f"{i % 4}/{i}.png" for i in range(n)]


def _bimcv(folder: Path, n: int) -> Files:
    found = ("['COVID 19', 'pneumonia']", "['normal']")
    _put(
        folder, "derivatives/labels/labels_covid19_posi.tsv",
        "\tPatientID\tReportID\tReport\tLabels\tLocalizations",
        *(f"{i}\tsub-S{i // 2:05}\tE{i:05}\ttext\t{found[not is_sick(i)]}\t[]" for i in range(n)),
    )  # fmt: skip
    return [f"sub-S{i // 2:05}/ses-E{i:05}/mod-rx/sub-S{i // 2:05}_ses-E{i:05}"
            "_run-1_bp-chest_vp-pa_cr.png" for i in range(n)]  # fmt: skip


def _kermany(_: Path, n: int) -> Files:
    return [
        f"{split}/PNEUMONIA/person{i}_bacteria_1.jpeg" if is_sick(i)
        else f"{split}/NORMAL/IM-{i:04}-0001.jpeg"
        for split, part in _halves(n, ("train", "val", "test")) for i in part
    ]  # fmt: skip


def _actualmed(folder: Path, n: int) -> Files:
    _put(
        folder, "metadata.csv",
        "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
        "imagename,artifacts/distortion,notes",
        *(f"ANON{i // 2},,,,{'COVID-19' if is_sick(i) else 'No finding'},,,,PA,X-ray,CR.{i}.png,,"
          for i in range(n)),
    )  # fmt: skip
    return [f"images/CR.{i}.png" for i in range(n)]


def _huggingface(folder: Path, n: int) -> Files:
    files = []
    for split, part in _halves(n, ("train", "validation", "test")):
        _put(folder, f"{split}/metadata.csv", "file_name,label",
             *(f"{i}.png,{'COVID-19' if is_sick(i) else 'normal'}" for i in part))  # fmt: skip
        files += [f"{split}/{i}.png" for i in part]
    return files


LAYOUTS: dict[str, Callable[[Path, int], Files]] = {
    "nih": _nih, "chexpert": _chexpert, "mimic-cxr": _mimic, "covidx": _covidx,
    "covid-radiography": _radiography, "ieee8023": _ieee, "rsna": _rsna, "siim": _siim,
    "vindr": _vindr, "padchest": _padchest, "bimcv": _bimcv, "kermany": _kermany,
    "actualmed": _actualmed, "huggingface": _huggingface,
}  # fmt: skip
"""By the name that `init --like` takes: lays out the tables for n images, and says where these
lie."""
DECIDED: dict[str, tuple[str, ...]] = {
    "chexpert": ("--blank", "unknown"),
    "mimic-cxr": ("--blank", "negative"),
    "covid-radiography": ("--covid-is-not-pneumonia",),
    "bimcv": ("--covid-is-pneumonia",),
}
"""Options of `init` that decide what is in doubt."""
