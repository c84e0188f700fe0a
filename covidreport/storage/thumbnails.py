"""The small pictures beside an evaluation: what they are called, and reading one."""

from __future__ import annotations

from pathlib import Path

from covidreport.errors import StoreError
from covidreport.text import digest_case

THUMBNAILS_SCHEMA = "covidreport.thumbnails/1"
THUMBNAILS_FOLDER = "thumbnails"
THUMBNAILS_FILE = "thumbnails.json"
MAX_THUMBNAIL_BYTES = 128 * 1024


def name_thumbnail(sample_id: str, fingerprint: str | None) -> str:
    """What the small picture of an image is called: a digest, the same in all runs on these data.

    Whoever may read the folder may read the ids in its scores; the name only keeps them out of
    listings, and never depends on a secret that the next command might not have.
    """
    return digest_case(sample_id, fingerprint or "")


def thumbnail_file(evaluation: Path, name: str) -> Path:
    """Where an evaluation's folder keeps the small picture of the case of that name."""
    return evaluation / THUMBNAILS_FOLDER / f"{name}.jpg"


def read_thumbnail(evaluation: Path, name: str) -> bytes | None:
    """A small picture's file; None where there is none.

    StoreError where it is no JPEG or larger than any that `evaluate --thumbnails` writes.
    """
    file = thumbnail_file(evaluation, name)
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        data = opened.read(MAX_THUMBNAIL_BYTES + 1)
    if len(data) > MAX_THUMBNAIL_BYTES or not data.startswith(b"\xff\xd8\xff"):
        raise StoreError(
            f"{file}: is no small JPEG picture; delete it and run `covidreport evaluate "
            "--thumbnails` again"
        )
    return data
