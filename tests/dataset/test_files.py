from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from covidreport.dataset import UNREADABLE, hash_files, list_keys, stamp_files
from tests.dataset.manifests import make_dataset, write_images

NAMES = ("a.png", "b.png", "c.png")


@pytest.fixture
def dataset(tmp_path):
    write_images(tmp_path, *NAMES)
    return make_dataset(tmp_path)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("jobs", [None, 1, 7])
def test_digests_are_sha256_of_the_bytes_in_the_order_of_the_images(dataset, jobs):
    """However many threads do the work. Each file holds its own name."""
    assert hash_files(dataset, jobs=jobs) == tuple(sha256(name) for name in NAMES)


def test_many_files_over_many_blocks_keep_their_order(tmp_path):
    """Jobs of threads end in any order; digests stand in the images' order."""
    names = tuple(f"{i}.png" for i in range(150))
    write_images(tmp_path, *names)
    dataset = make_dataset(tmp_path, ids=names, paths=names, truth=np.zeros((150, 2), np.int8))
    assert hash_files(dataset, jobs=4) == tuple(sha256(name) for name in names)


def test_a_file_that_vanished_is_unreadable_and_the_rest_is_hashed(dataset, tmp_path):
    """Decoding will say why; the other images go on."""
    (tmp_path / "b.png").unlink()
    assert hash_files(dataset) == (sha256("a.png"), UNREADABLE, sha256("c.png"))


def test_a_folder_in_place_of_a_file_is_unreadable(dataset, tmp_path):
    """Not a crash."""
    (tmp_path / "b.png").unlink()
    (tmp_path / "b.png").mkdir()
    assert hash_files(dataset)[1] == UNREADABLE


def test_stamps_are_size_and_time_of_change(dataset, tmp_path):
    """In bytes and nanoseconds, -1 where there is no file."""
    os.utime(tmp_path / "a.png", ns=(5, 1_234_567_890_123_456_789))
    (tmp_path / "b.png").unlink()
    stamps = stamp_files(dataset)
    assert stamps.sizes_bytes.tolist() == [5, -1, 5]
    assert stamps.mtimes_ns.tolist()[:2] == [1_234_567_890_123_456_789, -1]


def test_known_files_are_not_opened(dataset, tmp_path):
    """A digest kept under path, size and time of change stands for the bytes."""
    keys = list_keys(dataset, stamp_files(dataset))
    assert keys[0][:2] == (str(tmp_path / "a.png"), 5)
    known = {keys[0]: "kept", keys[2]: "kept too"}
    assert hash_files(dataset, known=known.get) == ("kept", sha256("b.png"), "kept too")
    assert hash_files(dataset, known=known.get, stamps=stamp_files(dataset))[0] == "kept"


def test_a_changed_file_is_hashed_again(dataset, tmp_path):
    """Another size or time of change is another key."""
    known = dict.fromkeys(list_keys(dataset, stamp_files(dataset)), "kept")
    (tmp_path / "a.png").write_bytes(b"other")
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert hash_files(dataset, known=known.get) == (sha256("other"), "kept", "kept")


def test_progress_adds_up_to_the_number_of_files(tmp_path):
    """Known files count as done at once, the others as they are hashed."""
    names = tuple(f"{i}.png" for i in range(100))
    write_images(tmp_path, *names)
    dataset = make_dataset(tmp_path, ids=names, paths=names, truth=np.zeros((100, 2), np.int8))
    known = dict.fromkeys(list_keys(dataset, stamp_files(dataset))[:30], "kept")
    steps: list[int] = []
    hash_files(dataset, known=known.get, advance=steps.append)
    assert steps[0] == 30
    assert len(steps) > 2
    assert sum(steps) == 100


def test_keys_do_not_depend_on_the_current_folder(tmp_path, monkeypatch):
    """A relative root and its absolute path are the same files."""
    write_images(tmp_path / "data", *NAMES)
    monkeypatch.chdir(tmp_path)
    relative, absolute = make_dataset(), make_dataset(tmp_path / "data")
    assert list_keys(relative, stamp_files(relative)) == list_keys(absolute, stamp_files(absolute))
