"""Look-alikes of published data sets: their folders and columns, a few made-up rows each.

The columns are those of each set's own documentation (docs/datasets.md); every row is invented.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from tests.dataset.manifests import write_images

CHEXPERT = (
    "No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,"
    "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
    "Support Devices"
)
SCHEMA = (
    "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,"
    "went_icu,in_icu,needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,"
    "neutrophil_count,lymphocyte_count,view,modality,date,location,folder,filename,doi,url,license,"
    "clinical_notes,other_notes,"
)


def _write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def _row(header: str, **cells: str) -> str:
    return ",".join(cells.get(name, "") for name in header.split(","))


def _nih(folder: Path) -> None:
    _write(
        folder,
        "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        "00000001_000.png,Pneumonia|Edema,0,1,058Y,M,PA,2682,2749,0.143,0.143,",
        "00000001_001.png,No Finding,1,1,058Y,M,AP,2682,2749,0.143,0.143,",
        "00000002_000.png,Edema,0,2,413Y,F,PA,2500,2048,0.168,0.168,",
    )
    _write(folder, "train_val_list.txt", "00000001_000.png", "00000001_001.png")
    _write(folder, "test_list.txt", "00000002_000.png")
    write_images(
        folder,
        "images_001/images/00000001_000.png",
        "images_001/images/00000001_001.png",
        "images_002/images/00000002_000.png",
    )


def _chexpert(folder: Path) -> None:
    head = f"Path,Sex,Age,Frontal/Lateral,AP/PA,{CHEXPERT}"
    begin = "CheXpert-v1.0-small"
    _write(
        folder,
        "train.csv",
        head,
        f"{begin}/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,,,,,,,,1.0,,,,,,",
        f"{begin}/train/patient00001/study1/view2_lateral.jpg,Female,68,Lateral,,,,,,,,,1.0,,,,,,",
        f"{begin}/train/patient00002/study1/view1_frontal.jpg,Unknown,0,Frontal,PA,,,,,,,,-1.0,,,,,,",
        f"{begin}/train/patient00003/study1/view1_frontal.jpg,Male,41,Frontal,LL,,,,,,,,1.0,,,,,,",
    )
    _write(
        folder,
        "valid.csv",
        head,
        f"{begin}/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,1.0" + ",0.0" * 13,
    )
    write_images(
        folder,
        "train/patient00001/study1/view1_frontal.jpg",
        "train/patient00001/study1/view2_lateral.jpg",
        "train/patient00002/study1/view1_frontal.jpg",
        "train/patient00003/study1/view1_frontal.jpg",
        "valid/patient64541/study1/view1_frontal.jpg",
    )


def _mimic(folder: Path) -> None:
    _write(
        folder,
        "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
        "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
        "PatientOrientationCodeSequence_CodeMeaning",
        "d1,10000032,50414267,CHEST,PA,10,10,21800506,213014.5,,,Erect",
        "d2,10000032,50414267,CHEST,LATERAL,10,10,21800506,213014.5,,,Erect",
        "d3,11000033,50000001,CHEST,,10,10,21800506,213014.5,,,",
    )
    _write(
        folder,
        "mimic-cxr-2.0.0-chexpert.csv.gz",
        f"subject_id,study_id,{CHEXPERT}",
        "10000032,50414267,,,,,,,,1.0,,,,,,",
        "11000033,50000001,,,,,,,,-1.0,,,,,,",
    )
    _write(
        folder,
        "mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id,study_id,subject_id,split",
        "d1,50414267,10000032,train",
        "d2,50414267,10000032,train",
        "d3,50000001,11000033,validate",
    )
    write_images(
        folder,
        "files/p10/p10000032/s50414267/d1.jpg",
        "files/p10/p10000032/s50414267/d2.jpg",
        "files/p11/p11000033/s50000001/d3.jpg",
    )


def _covidx(folder: Path) -> None:
    _write(folder, "train.txt", "p1 a.png positive ricord", "p2 b.jpg negative rsna")
    _write(folder, "val.txt", "p4 d.png negative rsna")
    _write(folder, "test.txt", "p3 c(1).png positive bimcv", "")
    write_images(folder, "train/a.png", "train/b.jpg", "val/d.png", "test/c(1).png")


def _covidx_three(folder: Path) -> None:
    _write(folder, "train_COVIDx5.txt", "p1 a.png COVID-19", "p2 b.jpg normal")
    _write(folder, "test_COVIDx5.txt", "p3 c.png pneumonia")
    write_images(folder, "data/train/a.png", "data/train/b.jpg", "data/test/c.png")


def _radiography(folder: Path) -> None:
    names = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")
    for name in names:
        write_images(folder, f"{name}/images/{name}-1.png", f"{name}/masks/{name}-1.png")
        write_images(folder, f"{name}.metadata.xlsx")
    write_images(folder, "README.md.txt", "COVID/images/COVID-2.png")


def _ieee(folder: Path) -> None:
    rows = [
        {"patientid": "2", "finding": "Pneumonia/Viral/COVID-19", "filename": "a.jpg"},
        {"patientid": "2", "finding": "Pneumonia/Viral/COVID-19", "filename": "l.jpg", "view": "L"},
        {"patientid": "3", "finding": "todo", "filename": "t.jpg", "view": "AP Supine"},
        {"patientid": "4", "finding": "No Finding", "filename": "n.png", "sex": "F", "age": "31"},
        {"patientid": "5", "finding": "Pneumonia", "filename": "v.nii.gz", "folder": "volumes",
         "view": "Axial", "modality": "CT"},
    ]  # fmt: skip
    usual = {"view": "PA", "modality": "X-ray", "folder": "images"}
    _write(folder, "metadata.csv", SCHEMA, *(_row(SCHEMA, **(usual | row)) for row in rows))
    write_images(folder, "images/a.jpg", "images/l.jpg", "images/t.jpg", "images/n.png")


def _rsna(folder: Path) -> None:
    _write(
        folder,
        "stage_2_train_labels.csv",
        "patientId,x,y,width,height,Target",
        "u1,264.0,152.0,213.0,379.0,1",
        "u1,562.0,152.0,256.0,453.0,1",
        "u2,,,,,0",
        "u3,,,,,0",
    )
    _write(
        folder,
        "stage_2_detailed_class_info.csv",
        "patientId,class",
        "u1,Lung Opacity",
        "u1,Lung Opacity",
        "u2,No Lung Opacity / Not Normal",
        "u3,Normal",
    )
    write_images(folder, *(f"stage_2_train_images/u{i}.dcm" for i in (1, 2, 3)))


def _siim(folder: Path) -> None:
    _write(
        folder,
        "train_study_level.csv",
        "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance",
        "s1_study,0,1,0,0",
        "s2_study,1,0,0,0",
    )
    _write(
        folder,
        "train_image_level.csv",
        "id,boxes,label,StudyInstanceUID",
        "i1_image,\"[{'x': 789.3, 'y': 582.4}]\",opacity 1 789.3 582.4 1815.9 2499.7,s1",
        "i2_image,,none 1 0 0 1 1,s1",
        "i3_image,,none 1 0 0 1 1,s2",
    )
    write_images(folder, "train/s1/x1/i1.dcm", "train/s1/x2/i2.dcm", "train/s2/x3/i3.dcm")


def _vindr(folder: Path) -> None:
    _write(
        folder,
        "annotations/image_labels_train.csv",
        "image_id,rad_id,Aortic enlargement,COPD,Pneumonia,Other diseases,No finding",
        "v1,R1,0,0,1,0,0",
        "v1,R2,0,0,1,0,0",
        "v1,R3,0,0,0,0,1",
        "v2,R1,0,0,0,0,1",
        "v2,R4,0,0,0,0,1",
        "v2,R5,0,0,0,1,0",
    )
    _write(
        folder,
        "annotations/image_labels_test.csv",
        "image_id,Aortic enlargement,COPD,Pneumonia,Other disease,No finding",
        "v3,0,0,1,1,0",
    )
    write_images(folder, "train/v1.dicom", "train/v2.dicom", "test/v3.dicom")


def _padchest(folder: Path) -> None:
    head = (
        ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,"
        "ViewPosition_DICOM,Projection,MethodProjection,Pediatric,Modality_DICOM,ReportID,Report,"
        "MethodLabel,Labels,Localizations,LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
    )
    rows = (
        ("a.png", "0", "P1", "PA", "\"['pneumonia', ' infiltrates', '']\""),
        ("b.png", "0", "P1", "L", "['pneumonia']"),
        ("c.png", "1", "P2", "AP_horizontal", "['normal']"),
        ("d.png", "1", "P3", "AP", "['unchanged']"),
        ("e.png", "1", "P4", "PA", ""),
    )
    lines = [
        _row(head.lstrip(","), ImageID=image, ImageDir=place, PatientID=patient, Projection=view,
             Labels=labels, PatientSex_DICOM="F", MethodLabel="Physician")
        for image, place, patient, view, labels in rows
    ]  # fmt: skip
    _write(
        folder,
        "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",
        head,
        *(f"{i},{line}" for i, line in enumerate(lines)),
    )
    write_images(folder, "0/a.png", "0/b.png", "1/c.png", "1/d.png", "1/e.png")


def _bimcv(folder: Path) -> None:
    _write(
        folder,
        "derivatives/labels/labels_covid19_posi.tsv",
        "\tPatientID\tReportID\tReport\tLabels\tLocalizations",
        "0\tsub-S03044\tE06123\ttext\t['COVID 19', 'pneumonia']\t[]",
        "1\tsub-S03045\tE06124\ttext\t['COVID 19 uncertain']\t[]",
        "2\tsub-S03046\tE06125\ttext\t['normal']\t[]",
    )
    for patient, session, view in (
        ("03044", "06123", "pa"),
        ("03044", "06123", "ll"),
        ("03045", "06124", "ap"),
        ("03046", "06125", "pa"),
        ("03047", "06126", "pa"),
    ):
        place = f"sub-S{patient}/ses-E{session}/mod-rx"
        write_images(
            folder, f"{place}/sub-S{patient}_ses-E{session}_run-1_bp-chest_vp-{view}_cr.png"
        )
    _write(folder, "participants.tsv", "participant\tmodality_dicom\tbody_parts\tage\tgender")


def _kermany(folder: Path) -> None:
    write_images(
        folder,
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
        "test/PNEUMONIA/person1_virus_6.jpeg",
        "train/.DS_Store",
    )


def _actualmed(folder: Path) -> None:
    _write(
        folder,
        "metadata.csv",
        "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
        "imagename,artifacts/distortion,notes",
        'ANON1,,,,COVID-19,,,,PA,X-ray,CR.1.2.3.png,,", date taken"',
        'ANON2,,,,,,,,AP,X-ray,CR.1.2.4.png,,"Inconclusive, date taken"',
        "ANON2,,,,No finding,,,,AP,X-ray,DX.1.2.5.png,,",
    )
    write_images(folder, "images/CR.1.2.3.png", "images/CR.1.2.4.png", "images/DX.1.2.5.png")


def _huggingface(folder: Path) -> None:
    _write(folder, "train/metadata.csv", "file_name,label", "a.png,COVID-19", "b.png,normal")
    _write(folder, "test/metadata.csv", "file_name,label", "sub/c.png,COVID-19")
    write_images(folder, "train/a.png", "train/b.png", "test/sub/c.png")


LOOK_ALIKES: dict[str, Callable[[Path], None]] = {
    "nih": _nih,
    "chexpert": _chexpert,
    "mimic-cxr": _mimic,
    "covidx": _covidx,
    "covid-radiography": _radiography,
    "ieee8023": _ieee,
    "rsna": _rsna,
    "siim": _siim,
    "vindr": _vindr,
    "padchest": _padchest,
    "bimcv": _bimcv,
    "kermany": _kermany,
    "actualmed": _actualmed,
    "huggingface": _huggingface,
}  # fmt: skip
OTHERS: dict[str, Callable[[Path], None]] = {"covidx": _covidx_three}
DECIDED: dict[str, Sequence[str]] = {
    "chexpert": ["--blank", "unknown"],
    "mimic-cxr": ["--blank", "negative"],
    "covid-radiography": ["--covid-is-not-pneumonia"],
    "bimcv": ["--covid-is-pneumonia"],
}
"""Options that decide what is in doubt."""


def write_nih(folder: Path) -> None:
    """As `LOOK_ALIKES` has it, with more images, which can be decoded: what is brighter is ill."""
    (folder / "images_001" / "images").mkdir(parents=True)
    head = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    rows: list[str] = []
    lists: dict[str, list[str]] = {"train_val_list.txt": [], "test_list.txt": []}
    for i in range(14):
        name, sick = f"{i // 2 + 1:08}_{i % 2:03}.png", i % 3 == 0
        picture = Image.new("L", (32, 32), (120 if sick else 60) + i)
        picture.save(folder / "images_001" / "images" / name)
        finding = "Pneumonia|Edema" if sick else "No Finding"
        rows.append(f"{name},{finding},0,{i // 2 + 1},058Y,{'MF'[i % 4 > 1]},PA,32,32,0.1,0.1,")
        lists["test_list.txt" if i >= 4 else "train_val_list.txt"].append(name)
    (folder / "Data_Entry_2017.csv").write_text("\n".join([head, *rows]) + "\n")
    for file, names in lists.items():
        (folder / file).write_text("\n".join(names) + "\n")
