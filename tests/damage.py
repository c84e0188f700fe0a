"""What a failing disk, a full one or a careless hand makes of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PAGE = 4096


def flip_byte(file: Path, place: int | None = None) -> None:
    """Turn one byte, by default one in the middle, as a failing disk or memory does."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2 if place is None else place] ^= 0x55
    file.write_bytes(data)


def zero_page(file: Path) -> None:
    """Zero the page of the middle, or all of a smaller file: it never reached the disk."""
    data = bytearray(file.read_bytes())
    start = len(data) // 2 // PAGE * PAGE
    stop = min(start + PAGE, len(data))
    data[start:stop] = bytes(stop - start)
    file.write_bytes(data)


def cut_off(file: Path) -> None:
    """Leave the first half, as a full disk does."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def empty(file: Path) -> None:
    """Leave the name alone."""
    file.write_bytes(b"")


def fill_with_noise(file: Path) -> None:
    """Put bytes there that are no text, no JSON and nothing else."""
    file.write_bytes(bytes(range(256)) * 2)


DAMAGES = (flip_byte, zero_page, cut_off, empty, fill_with_noise)


def change_json(file: Path, path: str, value: Any) -> None:
    """Put another value at a place of a JSON file, such as `figures.covid-19.fn`."""
    document = json.loads(file.read_text())
    *above, last = path.split(".")
    place = document
    for key in above:
        place = place[key]
    place[last] = value
    file.write_text(json.dumps(document))
