"""A model is known by everything that decides its answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest

from covidreport.errors import RunError
from covidreport.storage import model as identity
from covidreport.storage.model import (
    check_unchanged,
    identify_model,
    locate_files,
    measure_model,
    stated_digest,
)
from tests.onnx_models import move_weights_out, write_brightness_model


@pytest.fixture
def external(tmp_path):
    """A model of two files, and the second of them."""
    path = write_brightness_model(tmp_path / "run" / "model.onnx")
    return path, move_weights_out(path)


def _rewrite(file, change=lambda data: bytes([data[0] ^ 1]) + data[1:]):
    """Other bytes of the same size and time of change, as `cp -p` or `tar` would leave them."""
    facts = file.stat()
    file.write_bytes(change(file.read_bytes()))
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _refer(path, location):
    """Let the model refer to another place for all of its weights."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())


def test_a_model_of_one_file_is_known_by_the_sha256_of_its_bytes(tmp_path):
    """What was stored before there were models of several files still holds."""
    path = write_brightness_model(tmp_path / "model.onnx")
    found = identify_model(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.facts() == {
        "file": "model.onnx", "sha256": found.sha256, "bytes": path.stat().st_size,
    }  # fmt: skip


def test_every_file_of_a_model_decides_its_identity(external):
    """One bit in the weights beside the graph is another model, whatever size and time say."""
    path, weights = external
    before = identify_model(path)
    assert [file.path for file in before.files] == ["model.onnx", "model.onnx.data"]
    assert before.size_bytes == path.stat().st_size + weights.stat().st_size
    assert measure_model(path) == before.size_bytes
    assert before.sha256 not in {file.sha256 for file in before.files}
    _rewrite(weights)
    after = identify_model(path)
    assert after.sha256 != before.sha256
    assert after.files[0] == before.files[0]
    with pytest.raises(RunError, match="was changed while"):
        check_unchanged(path, before)
    check_unchanged(path, after)


def test_the_name_of_the_graph_decides_nothing_and_that_of_its_weights_does(external):
    """A copied model is the same; one that takes its weights from another file is not."""
    path, weights = external
    before = identify_model(path).sha256
    path.rename(path.with_name("best.onnx"))
    assert identify_model(path.with_name("best.onnx")).sha256 == before
    _refer(path.with_name("best.onnx"), "other.data")
    shutil.copy(weights, weights.with_name("other.data"))
    assert identify_model(path.with_name("best.onnx")).sha256 != before


def test_files_that_did_not_change_are_not_read_again(external, monkeypatch):
    """The second time their stamps tell; `verify` and any change read them."""
    path, weights = external
    first = identify_model(path)
    read: list[Path] = []

    def digest(file):
        read.append(file)
        return hashlib.sha256(file.read_bytes()).hexdigest()

    monkeypatch.setattr(identity, "digest_file", digest)
    assert identify_model(path) == first
    assert read == []
    assert identify_model(path, verify=True) == first
    assert len(read) == 2
    _rewrite(weights)
    assert identify_model(path) != first
    assert len(read) == 4


def test_a_replaced_file_of_the_same_size_and_time_is_read_again(external, tmp_path):
    """`mv` of a file that `cp -p` made: only inode and change time differ."""
    path, weights = external
    first = identify_model(path)
    copy = tmp_path / "copy"
    copy.write_bytes(bytes([weights.read_bytes()[0] ^ 1]) + weights.read_bytes()[1:])
    facts = weights.stat()
    os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    copy.replace(weights)
    assert weights.stat().st_mtime_ns == facts.st_mtime_ns
    assert identify_model(path).sha256 != first.sha256


def _missing(path, weights):
    weights.unlink()


def _missing_with_dvc(path, weights):
    weights.rename(weights.with_name("model.onnx.data.dvc"))


def _short(path, weights):
    weights.write_bytes(weights.read_bytes()[:-4])


def _lfs(path, weights):
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")


def _dvc(path, weights):
    weights.write_text("outs:\n- md5: 00\n  path: model.onnx.data\n")


def _folder(path, weights):
    weights.unlink()
    weights.mkdir()


def _pipe(path, weights):
    weights.unlink()
    os.mkfifo(weights)


def _link_out(path, weights):
    outside = path.parent.parent / "weights"
    weights.rename(outside)
    weights.symlink_to(outside)


def _folder_link_out(path, weights):
    outside = path.parent.parent / "outside"
    outside.mkdir()
    shutil.copy(weights, outside / "w")
    (path.parent / "in").symlink_to(outside)
    _refer(path, "in/w")


def _upwards(path, weights):
    weights.rename(path.parent.parent / "w")
    _refer(path, "../w")


def _round_about(path, weights):
    (path.parent / "sub").mkdir()
    _refer(path, "sub/../model.onnx.data")


def _absolute(path, weights):
    _refer(path, str(weights))


def _loop(path, weights):
    weights.unlink()
    weights.symlink_to(weights.name)


def _nameless(path, weights):
    _refer(path, "")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_missing, "'model.onnx.data', .* is not there"),
        (_missing_with_dvc, "is not there .*`dvc pull` brings it"),
        (_short, r"'model.onnx.data' has \d+ bytes, .* it is cut off"),
        (_lfs, "a pointer of Git LFS and not the file itself; `git lfs pull`"),
        (_dvc, "a pointer of DVC and not the file itself; `dvc pull`"),
        (_folder, "is a folder, and no file"),
        (_pipe, "is a pipe, and no file"),
        (_link_out, "is a link that leaves the run folder; copy the file there with `cp -L`"),
        (_folder_link_out, "is a link that leaves the run folder"),
        (_upwards, "is outside of the run folder"),
        (_round_about, "is outside of the run folder"),
        (_absolute, "is outside of the run folder"),
        (_loop, "can't be followed|is a link to"),
        (_nameless, "is no name of a file"),
    ],
)
def test_a_model_that_is_not_whole_is_refused_by_name(external, spoil, said):
    """What is wrong, with which file, and what to do; a pipe is not waited for."""
    path, weights = external
    identify_model(path)
    spoil(path, weights)
    for verify in (False, True):
        with pytest.raises(RunError, match=said):
            identify_model(path, verify=verify)
    measure_model(path)  # never raises


def test_all_faults_of_a_model_are_said_at_once(external):
    """Who mends one file should not learn of the next by trying again."""
    path, _ = external
    model = onnx.load(path, load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if tensor.external_data]
    for tensor, place in zip(outside, ("a", "../b"), strict=True):
        tensor.external_data[0].value = place
    path.write_bytes(model.SerializeToString())
    with pytest.raises(RunError, match=r"'a', .* is not there .*; '\.\./b', .* is outside"):
        identify_model(path)


@pytest.mark.parametrize(
    ("head", "tool"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"# xet version 0\n", "Git Xet"),
        (b"outs:\n- md5: 0\n", "DVC"),
        (b"/annex/objects/MD5E-s1--0\n", "git-annex"),
    ],
)
def test_a_pointer_in_place_of_the_model_is_named_as_one(tmp_path, head, tool):
    """Nobody reads "Protobuf parsing failed" and thinks of `git lfs pull`."""
    path = tmp_path / "model.onnx"
    path.write_bytes(head)
    with pytest.raises(RunError, match=f"model.onnx is a pointer of {tool} and not the file"):
        identify_model(path)


def test_a_model_may_be_a_link_if_its_weights_are_beside_it(external, tmp_path):
    """The link's own folder is the model's: as ONNX Runtime has it."""
    path, weights = external
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.onnx").symlink_to(path)
    with pytest.raises(RunError, match=r"'model.onnx.data', .* is not there"):
        identify_model(other / "model.onnx")
    shutil.copy(weights, other)
    assert identify_model(other / "model.onnx").sha256 == identify_model(path).sha256
    ort.InferenceSession(other / "model.onnx", providers=["CPUExecutionProvider"])


def test_weights_in_a_folder_below_are_part_of_the_model(tmp_path):
    """Exporters of large models write them there."""
    path = write_brightness_model(tmp_path / "model.onnx")
    move_weights_out(path, "weights/0.bin")
    assert list(locate_files(path)) == ["model.onnx", "weights/0.bin"]
    assert [file.size_bytes for file in identify_model(path).files[1:]] == [24]


def test_only_one_that_states_a_digest_is_held_to_it():
    """`train` writes it; a run from elsewhere has none."""
    assert stated_digest({"export": {"sha256": "ab"}}) == "ab"
    assert stated_digest({"export": {"sha256": 5}}) is None
    assert stated_digest({"export": "ab"}) is None
    assert stated_digest({}) is None


def test_the_outline_costs_no_more_memory_than_a_graph(tmp_path):
    """A model of a gigabyte is identified without being loaded; here: a sparse one of 300 MB."""
    path = write_brightness_model(tmp_path / "model.onnx")
    weights = move_weights_out(path)
    with weights.open("r+b") as file:
        file.truncate(300 << 20)
    code = (
        "import resource, sys, pathlib; from covidreport.storage.model import identify_model; "
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "identify_model(pathlib.Path(sys.argv[1])); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 32 << 10
