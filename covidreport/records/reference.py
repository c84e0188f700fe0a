"""A model's answers to the three drawn pictures, as they travel with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class ReferenceAnswers(Struct, frozen=True):
    """What gave which scores to which pictures.

    source: such as `torch 2.9.1`. model: the sha256 of its files. labels: of the columns, under the
    data's names. input: how it was fed and what its outputs are. pictures: the sha256 of their
    files, by name. decoded: of the pixels that it was fed. decoders: versions of what decoded them.
    scores: a row a picture.
    """

    source: str
    model: str
    labels: tuple[str, ...]
    input: Mapping[str, Any]
    pictures: Mapping[str, str]
    decoded: str
    decoders: Mapping[str, str]
    scores: tuple[tuple[float, ...], ...]
