"""A part of an evaluation, scored on some machine and merged with the others on any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Shard(Struct, frozen=True):
    """Which part of the images: `number` of `of`, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


class PartTiming(Struct, frozen=True):
    """When and where a part was scored; as `Evaluation.timing`."""

    started: str
    finished: str
    decode_s: float
    inference_s: float
    images_timed: int
    machine: str | None = None
    jobs: int | None = None
    command: str | None = None


class EvaluationPart(Struct, frozen=True):
    """What one run answered to one part of the images, without the rows, and all that decides it.

    Parts are merged where everything is alike in which parts of one evaluation are.
    """

    run: str
    shard: Shard
    start: int
    """The first of its images, counted from 0 in the order of the data."""
    stop: int
    """The image after the last."""
    n_images: int
    """Of all shards."""
    data: str
    """A digest of ids, truth and splits of all images, in their order."""
    fingerprint: str
    """Of the images of this part with the bytes of their files."""
    key: str
    """Of all that its scores depend on."""
    model: str
    """The sha256 of the model."""
    labels: tuple[str, ...]
    contract: Mapping[str, Any]
    """What the model takes and gives, as an evaluation's provenance has it."""
    settings: Mapping[str, Any]
    """How it was run: provider, precision, batch, what is hidden of every image."""
    versions: Mapping[str, str]
    """Of what read the images and ran the model, and the kind of machine."""
    alone: bool
    """Whether images were fed one by one."""
    timing: PartTiming
    rows_sha256: str = ""
    """Of the file of its rows."""
    chains: tuple[tuple[tuple[str, ...], int], ...] = ()
    """How many DICOM images went through each chain of transforms."""
    smallest_batch: int | None = None
    """How many images a call had on the device at last."""
