"""Scores that wait in a file: known again after a kill, told of where they are others."""

from __future__ import annotations

import errno
import os
from io import FileIO

import numpy as np
import pytest

from covidreport.errors import RunError
from covidreport.evaluate import checkpoint
from covidreport.evaluate.checkpoint import _check, open_checkpoint
from tests.damage import DAMAGES


@pytest.mark.parametrize("name", ["scores.f32", "checks.u64", "partial.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_partial_scores_are_scored_again(tmp_path, name, damage):
    """What an interrupted evaluation left decides nothing once a byte of it is another."""

    def is_known(partial):
        return [partial.has(start) for start in (0, 2, 4)]

    left = open_checkpoint(tmp_path, "key", 6, 3, 2)
    for start in (0, 2, 4):
        left.put(start, np.full((2, 3), 99))
    del left
    assert is_known(open_checkpoint(tmp_path, "key", 6, 3, 2)) == [True] * 3
    damage(tmp_path / ".partial" / name)

    again = open_checkpoint(tmp_path, "key", 6, 3, 2)
    known = is_known(again)

    assert not all(known)
    for start, whole in zip((0, 2, 4), known, strict=True):
        assert not whole or (again.read()[start : start + 2] == 99).all()


class _FullFile(FileIO):
    """A file on a disk without room, of which what stands there can be read."""

    def write(self, data):
        """None of it."""
        raise OSError(errno.ENOSPC, "no room")


def test_a_disk_that_is_full_meanwhile_costs_a_second_scoring_after_a_kill(tmp_path):
    """What was written before is known, what could not be is not, and nothing is raised."""
    left = open_checkpoint(tmp_path, "key", 6, 3, 2)
    rows = np.arange(18, dtype=np.float32).reshape(6, 3)
    left.put(0, rows[:2])
    before = left._files or ()
    scores, checks = (_FullFile(file.name, "r+") for file in before)
    left._files = scores, checks
    left.put(2, rows[2:4])
    left.put(4, rows[4:])
    for file in (*before, scores, checks):
        file.close()
    assert [left.has(start) for start in (0, 2, 4)] == [True] * 3
    assert (left.read() == rows).all()
    again = open_checkpoint(tmp_path, "key", 6, 3, 2)
    assert [again.has(start) for start in (0, 2, 4)] == [True, False, False]


@pytest.mark.parametrize("damage", DAMAGES)
def test_scores_that_are_changed_while_others_are_scored_are_told_of(tmp_path, damage):
    """What is evaluated is what the model gave, or nothing."""
    left = open_checkpoint(tmp_path, "key", 6, 3, 2)
    for start in (0, 2, 4):
        left.put(start, np.full((2, 3), 99))
    assert (left.read() == 99).all()
    file = tmp_path / ".partial" / "scores.f32"
    damage(file)
    assert left._files is not None
    if file.exists() and file.stat().st_ino == os.fstat(left._files[0].fileno()).st_ino:
        with pytest.raises(RunError, match="not what was written"):
            left.read()
    else:  # the file that was written to is still there, without a name
        assert (left.read() == 99).all()


def test_scores_that_are_exchanged_with_their_checksums_are_told_of_too(tmp_path):
    """Whoever can write there can compute them."""
    left = open_checkpoint(tmp_path, "key", 4, 3, 2)
    left.put(0, np.full((2, 3), 99))
    left.put(2, np.full((2, 3), 99))
    other = np.full((2, 3), 7, np.float32)
    with (tmp_path / ".partial/scores.f32").open("r+b") as file:
        file.write(other.tobytes())
    left._checks[0] = _check(other, 0)
    with pytest.raises(RunError, match="not what was written"):
        left.read()


def test_a_network_drive_that_can_not_be_written_to_in_place(tmp_path, monkeypatch):
    """All is in memory then, and what stands there is known."""
    first = open_checkpoint(tmp_path, "key", 4, 3, 2)
    first.put(0, np.full((2, 3), 99))
    monkeypatch.setattr(checkpoint, "_open_files", lambda *_: None)
    left = open_checkpoint(tmp_path, "key", 4, 3, 2)
    assert [left.has(0), left.has(2)] == [True, False]
    left.put(2, np.full((2, 3), 98))
    assert left.read()[:, 0].tolist() == [99, 99, 98, 98]
