"""A manifest (CSV, Parquet) or class folders -> `Dataset`: checked whole before anything runs."""

from covidreport.dataset.files import (
    UNREADABLE,
    FileKey,
    FileStamps,
    hash_files,
    list_keys,
    stamp_files,
)
from covidreport.dataset.fingerprint import fingerprint
from covidreport.dataset.source import guess_labels, read_dataset
from covidreport.dataset.split import select_split

__all__ = [
    "UNREADABLE",
    "FileKey",
    "FileStamps",
    "fingerprint",
    "guess_labels",
    "hash_files",
    "list_keys",
    "read_dataset",
    "select_split",
    "stamp_files",
]
