"""A manifest or class folders -> `Dataset`: checked whole before anything runs."""

from covidreport.dataset.files import (
    UNREADABLE,
    Digests,
    FileStamps,
    hash_files,
    stamp_files,
)
from covidreport.dataset.fingerprint import digest_rows, fingerprint, fingerprint_labels
from covidreport.dataset.layout import ManifestSettings
from covidreport.dataset.source import guess_labels, read_dataset
from covidreport.dataset.split import select_split, select_splits

__all__ = [
    "UNREADABLE",
    "Digests",
    "FileStamps",
    "ManifestSettings",
    "digest_rows",
    "fingerprint",
    "fingerprint_labels",
    "guess_labels",
    "hash_files",
    "read_dataset",
    "select_split",
    "select_splits",
    "stamp_files",
]
