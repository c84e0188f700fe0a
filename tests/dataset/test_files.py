from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from covidreport.dataset import UNREADABLE, Digests, hash_files, stamp_files
from covidreport.storage.stamps import stamp_file
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


def test_stamps_are_size_times_and_inode(dataset, tmp_path):
    """In bytes and nanoseconds, -1 where there is no file."""
    os.utime(tmp_path / "a.png", ns=(5, 1_234_567_890_123_456_789))
    (tmp_path / "b.png").unlink()
    first, missing, _ = stamp_files(dataset).table.tolist()
    assert tuple(first) == stamp_file(tmp_path / "a.png")
    assert first[:2] == [5, 1_234_567_890_123_456_789]
    assert missing == [-1, -1, -1, -1]


def test_a_time_far_in_the_future_is_a_stamp(dataset, tmp_path):
    """In nanoseconds it does not fit into 64 bits; another one is another stamp."""
    then = []
    for year in (2400, 2410):
        os.utime(tmp_path / "a.png", ((year - 1970) * 31_556_952,) * 2)
        then.append(stamp_files(dataset))
    assert then[1].same_as(then[1].table).all()
    assert then[1].same_as(then[0].table).tolist() == [False, True, True]


def test_a_stamp_that_proves_nothing_is_the_same_as_none(dataset, monkeypatch):
    """On Windows no file is known to be unchanged but by its bytes."""
    stamps = stamp_files(dataset)
    assert stamps.same_as(stamps.table).all()
    monkeypatch.setattr("sys.platform", "win32")
    assert not stamps.same_as(stamps.table).any()


def test_known_files_are_not_opened(dataset, tmp_path):
    """A digest from an earlier time stands for the bytes; what was not readable is read."""
    kept = "0" * 63 + "1"
    known = Digests.of([kept, UNREADABLE, kept])
    (tmp_path / "a.png").unlink()
    assert hash_files(dataset, known=known) == (kept, sha256("b.png"), kept)


def test_digests_are_a_sequence_of_texts_in_little_memory():
    """32 bytes each; slices, equality, the end from behind, and no index beyond it."""
    texts = (sha256("a"), UNREADABLE, sha256("c"))
    digests = Digests.of(texts)
    assert len(digests.sha256) == 96
    assert tuple(digests) == texts
    assert digests == texts
    assert digests == Digests.of(texts)
    assert digests != Digests.of(texts[::-1])
    assert digests[1:] == texts[1:]
    assert digests[-1] == texts[-1]
    with pytest.raises(IndexError):
        digests[3]


def test_progress_adds_up_to_the_number_of_files(tmp_path):
    """Known files count as done at once, the others as they are hashed."""
    names = tuple(f"{i}.png" for i in range(100))
    write_images(tmp_path, *names)
    dataset = make_dataset(tmp_path, ids=names, paths=names, truth=np.zeros((100, 2), np.int8))
    known = Digests.of(["0" * 64] * 30 + [UNREADABLE] * 70)
    steps: list[int] = []
    hash_files(dataset, known=known, advance=steps.append)
    assert steps[0] == 30
    assert len(steps) > 2
    assert sum(steps) == 100


def test_stamps_do_not_depend_on_the_current_folder(tmp_path, monkeypatch):
    """A relative root and its absolute path are the same files."""
    write_images(tmp_path / "data", *NAMES)
    monkeypatch.chdir(tmp_path)
    relative, absolute = make_dataset(), make_dataset(tmp_path / "data")
    np.testing.assert_array_equal(stamp_files(relative).table, stamp_files(absolute).table)
