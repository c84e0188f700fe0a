"""Large files are put whole or not at all, and why not is said in words."""

from __future__ import annotations

import resource
import sys

import pytest
import torch

from covidreport.errors import WriteError
from train.writing import put_whole, write_tensors


@pytest.fixture
def small_files():
    """The system refuses files above 64 KiB: what a full disk does, in another word."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="limits there are of another kind")
def test_what_finds_no_room_is_said_in_words(tmp_path, small_files):
    """torch speaks of its container; what stood there stands, and nothing is left beside it."""
    path = tmp_path / "checkpoint.pt"
    write_tensors(path, {"a": torch.zeros(100)})
    with pytest.raises(WriteError, match=r"checkpoint\.pt: can't be written \(File too large\)"):
        write_tensors(path, {"a": torch.zeros(10**6)})
    assert len(torch.load(path, weights_only=True)["a"]) == 100
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_another_error_stays_what_it_is(tmp_path):
    """Only what the system says of a file is a matter of room or rights."""
    with pytest.raises(RuntimeError, match="no such thing"), put_whole(tmp_path / "model.onnx"):
        raise RuntimeError("no such thing")
