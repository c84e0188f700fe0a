"""Files are read whole, and never far beyond what is allowed."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from covidreport.errors import StoreError
from covidreport.storage.files import read_bytes, read_most


@pytest.mark.parametrize(("size", "read"), [(0, 0), (99, 99), (100, 100), (101, 101), (5000, 101)])
def test_one_byte_more_than_allowed_says_too_much(tmp_path, size, read):
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    with file.open("rb") as opened:
        assert len(read_most(opened, 100)) == read
    if size > 100:
        with pytest.raises(StoreError, match="more than 100 bytes"):
            read_bytes(file, 100)
    else:
        assert len(read_bytes(file, 100)) == size


@pytest.mark.parametrize("more", [1, 40, 500])
def test_what_is_written_meanwhile_is_read_as_well(more):
    """As far as is allowed: nothing is cut where the file ended when it was opened."""

    class Growing(io.BytesIO):
        def seek(self, offset, whence=io.SEEK_SET):
            place = super().seek(offset, whence)
            if whence == io.SEEK_SET:
                super().seek(0, io.SEEK_END)
                self.write(b"y" * more)
                super().seek(0)
            return place

    data = read_most(Growing(b"x" * 50), 100)
    assert data == (b"x" * 50 + b"y" * more)[:101]


def test_no_room_is_made_for_all_that_is_allowed(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1000)
    tracemalloc.start()
    try:
        assert len(read_bytes(file, 1 << 30)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
