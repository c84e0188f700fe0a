"""Runs of other trackers: files that wandb and TensorBoard wrote, as tests/data/trackers says."""

from __future__ import annotations

import csv
import json
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from covidreport.errors import StoreError
from covidreport.integrations.trackers import Tracked, read_wandb_log
from covidreport.integrations.trackers.tracked import arrange_epochs
from covidreport.storage.runs import read_run

DATA = Path(__file__).resolve().parents[2] / "data" / "trackers"
(LOG,) = DATA.rglob("*.wandb")


def rows_of(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_an_offline_folder_of_wandb_becomes_a_run(covidreport, tmp_path):
    """Settings, summary and the curve by the epochs that were logged; what was logged without one
    is said. The histogram, and what wandb adds, stay behind."""
    done = covidreport("pull", "--wandb", DATA / "wandb")
    assert (done.code, done.out.strip()) == (0, "runs/resnet18-focal")
    assert "1 of 5 logged rows state no epoch" in done.err
    run = read_run(tmp_path / "runs" / "resnet18-focal")
    assert run.faults == ()
    assert run.hyperparameters == {
        "learning_rate": 0.001,
        "loss": "focal",
        "architecture": {"name": "resnet18", "pretrained": True},
        "seed": 20,
    }
    summary = run.part("tracked")["summary"]
    assert (summary["best_epoch"], summary["epoch"], summary["images_seen"]) == (3, 3, 628)
    assert summary["validation/auc"] is None  # NaN there
    assert not {name for name in summary if name.startswith("_")} | {"examples"} & set(summary)
    assert rows_of(run.folder) == [
        {"epoch": "1", "train_loss": "0.9", "validation_loss": "1.0", "rate.covid-19": "",
         "validation_auc": ""},
        {"epoch": "2", "train_loss": "0.45", "validation_loss": "0.5", "rate.covid-19": "",
         "validation_auc": ""},
        {"epoch": "3", "train_loss": repr(0.9 / 3), "validation_loss": repr(1 / 3),
         "rate.covid-19": "0.75", "validation_auc": ""},
    ]  # fmt: skip
    assert "resnet18-focal" in covidreport("list").out


def test_event_files_become_histories(covidreport, tmp_path):
    """By step, where no epoch was logged; a step that was written again has its last value, and
    histograms stay behind. A scalar of TensorFlow 2 is a tensor."""
    done = covidreport("pull", "--tensorboard", DATA / "tensorboard", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [(each["folder"], each["epochs"]) for each in found["runs"]] == [
        ("runs/keras-validation", 1), ("runs/resnet18", 3)
    ]  # fmt: skip
    rows = rows_of(tmp_path / "runs" / "resnet18")
    assert set(rows[0]) == {"epoch", "train_loss", "validation_loss"}
    assert [(row["epoch"], float(row["train_loss"])) for row in rows] == [
        ("1", pytest.approx(0.9)), ("2", pytest.approx(0.45)), ("3", 0.25)
    ]  # fmt: skip
    assert [float(row["validation_loss"]) for row in rows] == pytest.approx([1, 1 / 2, 1 / 3])
    assert rows_of(tmp_path / "runs" / "keras-validation") == [
        {"epoch": "0", "epoch_loss": "0.625"}
    ]


def test_a_model_that_stands_there_stays_and_what_is_not_a_tracker_s_is_not_replaced(
    covidreport, tmp_path
):
    """Pulled again, run.json and history.csv are new, and nothing else changes."""
    folder = tmp_path / "runs" / "resnet18-focal"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"kept")
    for _ in range(2):
        assert covidreport("pull", "--wandb", LOG).code == 0
        assert (folder / "model.onnx").read_bytes() == b"kept"
    (folder / "tracked.json").unlink()
    (folder / "run.json").write_text("{}")
    done = covidreport("pull", "--wandb", LOG.parent)
    assert done.code == 3
    assert "resnet18-focal/run.json is not from a tracker; choose another --output" in done.err
    assert (folder / "run.json").read_text() == "{}"


def test_a_bad_log_does_not_stop_the_others(covidreport, tmp_path):
    """One bit in a record of another run, and a file that is no log; what a killed process left is
    read up to where it breaks off."""
    logs: dict[str, Path] = {}
    for name in ("good", "flipped", "killed", "other"):
        shutil.copytree(LOG.parent, tmp_path / "wandb" / f"offline-run-{name}")
        logs[name] = tmp_path / "wandb" / f"offline-run-{name}" / LOG.name
    whole = LOG.read_bytes()
    logs["flipped"].write_bytes(whole.replace(b"0.45", b"0.44"))
    logs["killed"].write_bytes(whole[: whole.index(b"0.45")])
    logs["other"].write_bytes(b"something else")
    done = covidreport("pull", "--wandb", "wandb")
    assert done.code == 3
    assert "a frame's checksum differs" in done.err
    assert "its first bytes are those of no such log" in done.err
    assert "breaks off within a record" in done.err
    folders = sorted(Path(each) for each in done.out.split())
    names = [each.name for each in folders]
    assert names == ["resnet18-focal-r18focal", "resnet18-focal-r18focal-2"]
    assert sorted(len(rows_of(each)) for each in folders) == [1, 3]


def test_an_event_file_that_was_changed_or_cut(covidreport, tmp_path):
    """A changed one is refused by its checksum; a cut one is read as far as it goes."""
    source = DATA / "tensorboard" / "keras" / "validation" / "events.out.tfevents.0.host"
    whole = source.read_bytes()
    for name, data in (
        ("changed", whole.replace(struct.pack("<f", 0.625), struct.pack("<f", 0.5))),
        ("cut", whole[:-3]),
    ):
        (tmp_path / "logs" / name).mkdir(parents=True)
        (tmp_path / "logs" / name / source.name).write_bytes(data)
    done = covidreport("pull", "--tensorboard", "logs")
    assert done.code == 3
    assert "a record and its checksum differ" in done.err
    assert done.out.split() == ["runs/cut"]
    assert "the log of TensorBoard breaks off within a record" in done.err
    assert not (tmp_path / "runs" / "cut" / "history.csv").exists()


def test_a_record_goes_on_in_the_next_block(tmp_path):
    """Blocks have 32 KiB, and a record that does not fit is parted, as LevelDB's log says."""
    item = _field(16, json.dumps("x" * 100_000).encode())
    config = _field(5, _field(1, _field(1, b"long") + item))
    data, log, at = config, bytearray(b":W&B\xe1\xbe\x00"), 0
    while at < len(data):
        room = 32768 - len(log) % 32768
        if room <= 7:  # no room for a frame and a byte of it
            log += bytes(room)
            continue
        part = data[at : at + room - 7]
        first, last = at == 0, at + len(part) == len(data)
        kind = 1 if first and last else 2 if first else 4 if last else 3
        log += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
        at += len(part)
    (tmp_path / "run-a.wandb").write_bytes(log)
    found = read_wandb_log(tmp_path / "run-a.wandb")
    assert found == Tracked("a", "Weights & Biases", (), {"long": "x" * 100_000}, id="a")


def _field(number, data):
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value):
    found = bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def test_columns_that_would_be_one_are_refused():
    """Neither is dropped for the other."""
    with pytest.raises(StoreError, match="'a b' and 'a/b' would both be the column 'a_b'"):
        arrange_epochs([(0, {"a/b": 1.0}), (1, {"a b": 2.0})])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to pull from: give --mlflow URI, --wandb or --tensorboard FOLDER"),
        (("--wandb", "w", "--tensorboard", "t"), "one at a time"),
        (("--wandb", "nowhere"), "nowhere: there is no run of Weights & Biases"),
        (("--tensorboard", "nowhere"), "nowhere: there is no event file of TensorBoard"),
    ],
)
def test_what_makes_no_sense_is_said(covidreport, words, message):
    """With what would make sense."""
    done = covidreport("pull", *words)
    assert done.code == 2
    assert message in done.err
