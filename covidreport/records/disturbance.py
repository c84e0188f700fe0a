"""Changes made to a picture before it is resized, in kinds of graded strength."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from covidreport.records.comparison import Comparison

REFERENCE_SIDE: Final = 224
"""Strengths in pixels are those of a picture with a shorter side of so many."""
MOST_SEVERE: Final = 5
MEDMNIST: Final = "MedMNIST-C 2024, ChestMNIST"
OWN: Final = "ours"


class DisturbanceKind(Struct, frozen=True):
    """What is changed, and how much at each severity from 1 up.

    strengths: in `unit`; up or down, to either side, as is drawn for each picture. source: where
    they come from.
    """

    title: str
    unit: str
    strengths: tuple[float, ...]
    source: str

    @property
    def words(self) -> str:
        """The title within a sentence: `noise`, `JPEG`."""
        return self.title if self.title.isupper() else self.title.lower()


_UP_OR_DOWN: Final = (0.1, 0.2, 0.3, 0.4, 0.6)
_MOVED: Final = (0.02, 0.04, 0.08, 0.12, 0.16)
_SIDE: Final = f"of {REFERENCE_SIDE} pixels a side"

DISTURBANCES: Final[dict[str, DisturbanceKind]] = {
    name: DisturbanceKind(title, unit, strengths, source)
    for name, title, unit, strengths, source in (
        ("jpeg", "JPEG", "quality", (50, 30, 15, 10, 7), MEDMNIST),
        ("noise", "Noise", "standard deviation, fraction of white",
         (0.04, 0.08, 0.12, 0.18, 0.26), MEDMNIST),
        ("blur", "Blur", f"standard deviation in pixels, {_SIDE}",
         (0.8, 1.1, 1.4, 1.7, 2.0), MEDMNIST),
        ("brightness", "Brightness", "grey levels, fraction more or less",
         (0.1, 0.2, 0.3, 0.4, 0.5), MEDMNIST),
        ("contrast", "Contrast", "distance from the mean grey, fraction more or less",
         _UP_OR_DOWN, MEDMNIST),
        ("gamma", "Gamma", "exponent above or below 1", _UP_OR_DOWN, MEDMNIST),
        ("resolution", "Lost resolution", f"fraction {_SIDE}", (0.3, 0.25, 0.2, 0.15, 0.1),
         MEDMNIST),
        ("margins", "Cut margins", "fraction cut off at each side", _MOVED, OWN),
        ("turn", "Turn", "degrees to either side", (2, 4, 8, 12, 16), OWN),
        ("shift", "Shift", "fraction of width and of height", _MOVED, OWN),
        ("marker", "Burnt-in marker", "height of a letter, fraction",
         (0.04, 0.06, 0.08, 0.11, 0.15), OWN),
        ("inversion", "Inversion", "white for black", (1,), OWN),
    )
}  # fmt: skip
"""What a frontal radiograph may go through on its way to a model; the disease is still in it."""

FOREIGN_CHANGES: Final[dict[str, DisturbanceKind]] = {
    "turned-90": DisturbanceKind("Turned by 90 degrees", "quarter turns", (1,), OWN),
    "turned-180": DisturbanceKind("Upside down", "half turns", (1,), OWN),
    "mirrored": DisturbanceKind("Mirrored", "left for right", (1,), OWN),
    "lungs-black": DisturbanceKind(
        "Lungs blacked out", "height and width of what is black, fraction", (0.8,), OWN
    ),
}
"""What makes a frontal radiograph into something that a model was not made for."""
SINGLES: Final[dict[str, DisturbanceKind]] = {
    "all-black": DisturbanceKind("Black", "every pixel 0", (1,), OWN),
    "all-white": DisturbanceKind("White", "every pixel 255", (1,), OWN),
    "all-noise": DisturbanceKind("Noise", "every pixel drawn", (1,), OWN),
    "all-gradient": DisturbanceKind("Gradient", "from black at the left to white", (1,), OWN),
}
"""Single pictures that show nothing: they stand in the place of one image."""

DISTURB: Final = "disturb"
"""The variant under which an evaluation of changed pictures is stored."""
FOREIGN: Final = "foreign"
"""That of pictures that are no frontal radiograph, and what its images are grouped by."""


class Disturbance(Struct, frozen=True, order=True):
    """One kind of change at one severity; 0 leaves the picture as it is."""

    kind: str
    severity: int

    @property
    def name(self) -> str:
        """Such as `jpeg-3`; of a kind that is not graded its own."""
        graded = self.kind in DISTURBANCES and len(DISTURBANCES[self.kind].strengths) > 1
        return f"{self.kind}-{self.severity}" if graded else self.kind

    @property
    def strength(self) -> float:
        """In the unit of its kind; 0 where nothing is changed."""
        every = {**DISTURBANCES, **FOREIGN_CHANGES, **SINGLES}
        return every[self.kind].strengths[self.severity - 1] if self.severity else 0.0

    @property
    def is_radiograph(self) -> bool:
        """Whether the picture still comes from an image of the data, whatever was done to it."""
        return self.kind == AS_IS.kind or self.kind in {**DISTURBANCES, **FOREIGN_CHANGES}


AS_IS: Final = Disturbance("as-is", 0)
"""The picture as it is, which stands beside its changes."""


def tag_row(sample_id: str, tag: str) -> str:
    """The id of an image's row in an evaluation of changed pictures."""
    return f"{sample_id} [{tag}]"


def part_row(row_id: str) -> tuple[str, str]:
    """The image's id and the tag of a row, as `tag_row` joined them."""
    sample_id, _, tag = row_id.removesuffix("]").rpartition(" [")
    return sample_id, tag


class DisturbedTruth(Struct, frozen=True):
    """What became of the answers to the images of one truth.

    wrong: of the pictures as they are, failed ones among them. changes: by name, such as `jpeg-3`,
    each against the pictures as they are; `only_first` are newly wrong, `only_second` newly right.
    """

    images: int
    wrong: int
    changes: tuple[Comparison, ...]

    def find(self, name: str) -> Comparison | None:
        """What one change does; None where pictures were not changed so."""
        return next((each for each in self.changes if each.first == name), None)

    def count_wrong(self, name: str) -> int | None:
        """How many answers are wrong under a change."""
        found = self.find(name)
        if found is None or found.only_first is None or found.only_second is None:
            return None
        return self.wrong + found.only_first - found.only_second


class DisturbedRun(Struct, frozen=True):
    """One run's answers to changed pictures beside those to the same pictures as they are."""

    run: str
    positives: DisturbedTruth
    negatives: DisturbedTruth
    margin: float = 0.05
    """What sensitivity may lose."""

    @property
    def changes(self) -> tuple[str, ...]:
        """The names of the changes, in their order."""
        return tuple(each.first for each in self.positives.changes)

    def find_first_loss(self, kind: str) -> int | None:
        """The lowest severity at which sensitivity loses more than the margin; None for none."""
        for severity in range(1, len(DISTURBANCES[kind].strengths) + 1):
            found = self.positives.find(Disturbance(kind, severity).name)
            if found is not None and (found.difference or 0.0) < -self.margin:
                return severity
        return None
