"""What a manifest said the last time, if neither it nor a file that it names has changed since.

Reading 100,000 rows and checking them takes longer than looking whether anything changed. What is
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

from covidreport.cache import USED_MARK, cache_folder, cache_limit
from covidreport.dataset.files import FileStamps, stamp_paths
from covidreport.store import write_atomic

KIND = "index"
VERSION = 1
"""Counted up when the reading of a manifest changes what is made of it."""


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


def stamp_manifest(source: Path) -> tuple[int, int] | None:
    """Size and time of change of a manifest; None where the source is a folder or not there."""
    try:
        facts = source.stat()
    except OSError:
        return None
    return (facts.st_size, facts.st_mtime_ns) if source.is_file() else None


def remember_data(
    question: Question,
    known: KnownData,
    manifest: tuple[int, int] | None,
    root: Path,
    paths: Sequence[str],
    stamps: FileStamps,
) -> None:
    """Keep the answer to a question, with the stamps that were taken before anything was read.

    Does nothing where the source is no manifest file, or where there is no cache.
    """
    if manifest is None or cache_limit() == 0:
        return
    header = json.dumps({
        "version": VERSION,
        "manifest": manifest,
        "known": asdict(known),
        "prefix": f"{root.absolute()}{os.sep}",
        "images": len(paths),
    }).encode()  # fmt: skip
    content = b"".join([
        len(header).to_bytes(8, "little"),
        header,
        stamps.sizes_bytes.astype("<i8").tobytes(),
        stamps.mtimes_ns.astype("<i8").tobytes(),
        "\0".join(paths).encode(),
    ])  # fmt: skip
    folder = _entry(question)
    write_atomic(folder / "index.bin", content)
    (folder / USED_MARK).touch()


def recall_data(question: Question) -> KnownData | None:
    """The answer of the last time, if manifest and files have the size and time of change of then.

    None where anything differs, or nothing is remembered. No file is opened but the entry itself.
    """
    manifest = stamp_manifest(question.source)
    if manifest is None:
        return None
    folder = _entry(question)
    try:
        content = (folder / "index.bin").read_bytes()
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        if header["version"] != VERSION or tuple(header["manifest"]) != manifest:
            return None
        n = header["images"]
        stamps = np.frombuffer(content, "<i8", 2 * n, 8 + size).reshape(2, n)
        paths = content[8 + size + 16 * n :].decode().split("\0")
        facts = header["known"]
        known = KnownData(**{**facts, "labels": tuple(facts["labels"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if len(paths) != n:
        return None
    now = stamp_paths(header["prefix"], paths)
    if not (
        np.array_equal(now.sizes_bytes, stamps[0]) and np.array_equal(now.mtimes_ns, stamps[1])
    ):
        return None
    (folder / USED_MARK).touch()
    return known


def _entry(question: Question) -> Path:
    facts = {**asdict(question), "source": str(question.source.resolve())}
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_folder() / KIND / name
