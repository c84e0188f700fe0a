"""The images of a study: a manifest, class folders, or tables that `[manifest]` reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from covidreport.dataset import ManifestSettings, read_dataset
from covidreport.records import Dataset
from covidreport.settings import find_settings


def find_words(source: Path) -> tuple[ManifestSettings | None, str | None]:
    """`[manifest]` of the settings that hold here, and `group`; None where they are of other data.

    As every command reads them, so that a model is fitted on the images that it is evaluated on.
    """
    options = find_settings(Path.cwd()).read_data(source)
    return (None, None) if options.manifest is None else (options.manifest, options.group)


def read_images(source: Path, labels: Sequence[str], uncertain: Sequence[str] = ()) -> Dataset:
    """The data set; raises as `read_dataset`, and UsageError for settings that are none."""
    manifest, group = find_words(source)
    return read_dataset(source, labels, group=group, uncertain=uncertain, manifest=manifest)
