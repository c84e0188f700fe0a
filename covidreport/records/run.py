"""A run folder as found on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

READERS: Final = "readers"
"""What `group` in the run.json of a person's readings says."""


class Epoch(Struct, frozen=True):
    """One row of history.csv: the epoch (from 1) and its values by column name."""

    epoch: int
    values: Mapping[str, float | None]


class Run(Struct, frozen=True):
    """A run folder as found on disk; nothing of it has been executed."""

    name: str
    folder: Path
    model: Path | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """run.json whole, without what does not fit: block, hyperparameters, seed, data, versions, …"""
    history: tuple[Epoch, ...] = ()
    faults: tuple[str, ...] = ()
    """Why the run can't be used: it is shown with these sentences, and neither run nor ranked."""
    notes: tuple[str, ...] = ()
    """What a reader should know of its folder, which stands in the way of nothing."""

    @property
    def folder_text(self) -> str:
        """The folder as text that any file can hold: bytes that are no UTF-8 are spelt."""
        return os.fsencode(self.folder.as_posix()).decode("utf-8", "backslashreplace")

    @property
    def block(self) -> str | None:
        """The part of the study that the run belongs to, such as `4b`."""
        value = self.settings.get("block")
        return None if value is None else str(value)

    @property
    def experiment(self) -> str | None:
        """The number that the study gives to the experiment, such as `15`."""
        value = self.settings.get("experiment")
        return None if value is None else str(value)

    @property
    def described(self) -> Mapping[str, Any] | None:
        """What it says of the model's input (`input` of run.json); None where it says nothing."""
        value = self.settings.get("input")
        return value if isinstance(value, Mapping) else None

    @property
    def seed(self) -> Any:
        """The seed of its training; None where it states none."""
        return self.settings.get("seed")

    @property
    def fold(self) -> str | None:
        """The fold of the data that its model never saw; None where it states none."""
        value = self.settings.get("fold")
        return None if value is None else str(value).strip()

    @property
    def configuration(self) -> str | None:
        """What was trained once a fold, or once a seed, as its runs state it."""
        value = self.settings.get("configuration")
        return None if value is None else str(value)

    @property
    def members(self) -> tuple[Run, ...]:
        """The runs of its folds; empty for a run that is none of several."""
        return ()

    @property
    def trained_on(self) -> str | None:
        """The split that the model was trained on, where it says so."""
        return self._text("data", "train_split")

    @property
    def fitted_on(self) -> frozenset[str]:
        """The splits that something in it was fitted on, in small letters: its model, or of a run
        that was made of others also theirs, and thresholds or a layer within it."""
        stated = self.part("made_of").get("fitted_on")
        named = stated if isinstance(stated, list) else []
        trained = self.trained_on
        return frozenset(
            each.lower() for each in (trained, *named) if isinstance(each, str) and each
        )

    @property
    def is_reader(self) -> bool:
        """Whether it is what a person said of the images, and no model."""
        return self.settings.get("group") == READERS

    @property
    def watched(self) -> str | None:
        """The split that its epoch was chosen on, where it says so."""
        return self._text("data", "validation_split")

    @property
    def data_source(self) -> str | None:
        """Where the images lay that it was trained on, from its folder."""
        return self._text("data", "source")

    def part(self, name: str) -> Mapping[str, Any]:
        """An object of its run.json, such as `started_from`; empty where there is none."""
        value = self.settings.get(name)
        return value if isinstance(value, Mapping) else {}

    def _text(self, part: str, name: str) -> str | None:
        value = self.part(part).get(name)
        return value if isinstance(value, str) else None

    @property
    def description(self) -> str:
        """What the run is, in its author's words; may be empty."""
        return str(self.settings.get("description") or "")

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Architecture, loss, optimizer and so on, by name; may be empty."""
        return self.part("hyperparameters")


class CrossValidated(Run, frozen=True):
    """The runs of a configuration that were trained once a fold, as one.

    Each image is answered by the model whose fold it is in. folder: that of the lowest fold, in
    which its evaluations stand. It has no model of its own.
    """

    members: tuple[Run, ...] = ()
    """In the order of their folds."""
