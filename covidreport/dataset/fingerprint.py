"""One digest that tells whether two evaluations looked at the same images with the same truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from covidreport.records import Dataset

if TYPE_CHECKING:
    from hashlib import _Hash

_VERSION = b"covidreport.dataset/1"


def fingerprint(dataset: Dataset, digests: Sequence[str]) -> str:
    """SHA-256 over labels, ids, truth, split and the digests of the files, in hexadecimal.

    The order of rows and of labels does not count: a manifest sorted differently, or labels asked
    for in another order, describe the same data. Paths, groups and attributes are left out: moved
    files are the same images. Every text goes in with its length, so that no two data sets read
    alike. digests: of `hash_files`, one an image.
    """
    if len(digests) != len(dataset):
        raise ValueError(f"{len(digests)} digests for {len(dataset)} images")
    rows = sorted(range(len(dataset)), key=dataset.ids.__getitem__)
    columns = sorted(range(len(dataset.labels)), key=dataset.labels.__getitem__)
    digest = hashlib.sha256(_VERSION)
    _add_texts(digest, [dataset.labels[column] for column in columns])
    _add_texts(digest, map(dataset.ids.__getitem__, rows))
    digest.update(np.ascontiguousarray(dataset.truth[rows][:, columns]).tobytes())
    _add_texts(digest, [] if dataset.splits is None else map(dataset.splits.__getitem__, rows))
    _add_texts(digest, map(digests.__getitem__, rows))
    return digest.hexdigest()


def _add_texts(digest: _Hash, texts: Iterable[str]) -> None:
    """The number of texts, the length of each in bytes (64-bit little-endian), then all of them."""
    encoded = [text.encode() for text in texts]
    lengths = [len(encoded), *map(len, encoded)]
    digest.update(np.array(lengths, "<u8").tobytes())
    digest.update(b"".join(encoded))
