"""Which change each row of an evaluation of changed pictures has, and what a user says of them, or
of pictures that are no frontal radiograph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import (
    AS_IS,
    DISTURB,
    DISTURBANCES,
    FOREIGN,
    FOREIGN_CHANGES,
    MOST_SEVERE,
    SINGLES,
    Disturbance,
)


class Disturbances(Struct, frozen=True):
    """The change of each row, `(N,)`; noise and the like are drawn by the seed."""

    rows: tuple[Disturbance, ...]
    seed: int = 0
    variant: str = DISTURB
    """What sets an evaluation of them apart."""

    @property
    def words(self) -> str:
        """What they are called."""
        return "foreign pictures" if self.variant == FOREIGN else "changed pictures"

    def take(self, rows: Sequence[int]) -> Disturbances:
        """Those of some rows."""
        return replace(self, rows=tuple(self.rows[row] for row in rows))

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it: strengths, by the name of the change."""
        found = {each.name: each.strength for each in self.rows if each.severity}
        return {"set": self.variant, "seed": self.seed, "strengths": found}


class _Layered(Struct, frozen=True):
    """Options that are laid over those of the settings."""

    def over(self, beneath: Self | None) -> Self:
        """These, and where they are silent those beneath."""
        names = [name for name in self.__struct_fields__ if getattr(self, name) is None]
        return replace(self, **{name: getattr(beneath, name, None) for name in names})


class DisturbOptions(_Layered, frozen=True):
    """What a user says of disturbed pictures; None where he is silent. UsageError for a kind or a
    severity that there is none of.

    negatives: how many without the target, drawn by the seed; as many as have it unless stated.
    """

    asked: bool = False
    kinds: tuple[str, ...] | None = None
    severities: tuple[int, ...] | None = None
    negatives: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        check_kinds(self.kinds or ())
        strange = [each for each in self.severities or () if not 0 < each <= MOST_SEVERE]
        if strange:
            raise UsageError(f"severity {strange[0]}: 1 to {MOST_SEVERE} are the severities")
        _check_negatives(self.negatives)

    def list_changes(self) -> tuple[Disturbance, ...]:
        """The picture as it is, then each kind at each severity that it has."""
        severities = self.severities or range(1, MOST_SEVERE + 1)
        kinds = self.kinds or tuple(DISTURBANCES)
        return (
            AS_IS,
            *(
                Disturbance(kind, severity)
                for kind in DISTURBANCES
                if kind in kinds
                for severity in sorted(set(severities))
                if severity <= len(DISTURBANCES[kind].strengths)
            ),
        )


def check_kinds(kinds: Sequence[str]) -> None:
    """UsageError for a kind that there is none of."""
    for kind in kinds:
        if kind not in DISTURBANCES:
            raise UsageError(f"{kind!r} is no disturbance; there are: {', '.join(DISTURBANCES)}")


class ForeignOptions(_Layered, frozen=True):
    """What a user says of pictures that are no frontal radiograph; None where he is silent.

    folders: of other pictures, each a kind that is called as the folder is. negatives: how many are
    changed, drawn by the seed; all, and at most `MOST_NEGATIVES`, unless stated.
    """

    asked: bool = False
    folders: tuple[Path, ...] | None = None
    negatives: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_negatives(self.negatives)

    def list_changes(self) -> tuple[Disturbance, ...]:
        """The picture as it is, then what is made of it."""
        return (AS_IS, *(Disturbance(kind, 1) for kind in FOREIGN_CHANGES))

    def list_singles(self) -> tuple[Disturbance, ...]:
        """Pictures that show nothing, made once."""
        return tuple(Disturbance(kind, 1) for kind in SINGLES)


def _check_negatives(negatives: int | None) -> None:
    if negatives is not None and negatives < 1:
        raise UsageError(f"{negatives} negatives: at least 1 is wanted")
