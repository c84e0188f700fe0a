"""What a manifest said the last time, if neither it nor a file that it names has changed since.

What proves that is the stamps of the files; where a system has none that do, bytes decide. Reading
100,000 rows and checking them takes longer than looking whether anything changed. What is
remembered suffices to know that evaluations are still those of these images, and to do no more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from covidreport.cache import read_kept, write_kept
from covidreport.dataset.files import FileStamps, stamp_paths
from covidreport.storage.codec import decode, encode
from covidreport.storage.stamps import Stamp, is_unchanged, stamp_file

KIND = "index"
VERSION = 2
"""Counted up when the reading of a manifest changes what is made of it, or what is kept here."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which images are asked for, as the command line and the configuration say it."""

    source: Path
    split: str | None
    labels: tuple[str, ...] | None = None
    group: str | None = None
    name: str | None = None
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownData:
    """What identifies the images of a split and their truth, without naming them."""

    dataset: str
    split: str
    labels: tuple[str, ...]
    n_images: int
    n_groups: int | None
    fingerprint: str
    units: str = ""
    """A digest of patients and attributes: what figures depend on beside images and truth."""


def stamp_manifest(source: Path) -> Stamp | None:
    """The stamp of a manifest; None where the source is a folder or not there."""
    return stamp_file(source) if source.is_file() else None


def remember_data(
    question: Question,
    known: KnownData,
    manifest: Stamp | None,
    root: Path,
    paths: Sequence[str],
    stamps: FileStamps,
) -> None:
    """Keep the answer to a question, with the stamps that were taken before anything was read.

    Does nothing where the source is no manifest file, or where there is no cache.
    """
    if manifest is None:
        return
    header = json.dumps({
        "manifest": manifest,
        "known": encode(known),
        "prefix": f"{root.absolute()}{os.sep}",
        "images": len(paths),
    }).encode()  # fmt: skip
    content = b"".join([
        len(header).to_bytes(8, "little"),
        header,
        stamps.table.astype("<i8").tobytes(),
        "\0".join(paths).encode(errors="surrogatepass"),
    ])  # fmt: skip
    write_kept(KIND, _name_entry(question), content)


def recall_data(question: Question) -> KnownData | None:
    """The answer of the last time, if manifest and files are proven to be those of then.

    None where anything differs, or nothing is remembered. No file is opened but the entry itself.
    """
    manifest = stamp_manifest(question.source)
    if manifest is None:
        return None
    content = read_kept(KIND, _name_entry(question))
    if content is None:
        return None
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if not is_unchanged(Stamp(*header["manifest"]), manifest):
        return None
    n = header["images"]
    stamps = np.frombuffer(content, "<i8", 4 * n, 8 + size).reshape(n, 4)
    paths = content[8 + size + 32 * n :].decode(errors="surrogatepass").split("\0")
    if not stamp_paths(header["prefix"], paths).same_as(stamps).all():
        return None
    return decode(header["known"], KnownData)


def _name_entry(question: Question) -> str:
    facts = {**asdict(question), "source": str(question.source.resolve())}
    return hashlib.sha256(json.dumps([VERSION, facts], sort_keys=True).encode()).hexdigest()
