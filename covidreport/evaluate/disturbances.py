"""Which change each row of an evaluation of changed pictures has, and what a user says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from covidreport.errors import UsageError
from covidreport.records import (
    AS_IS,
    DISTURB,
    DISTURBANCES,
    MOST_SEVERE,
    Disturbance,
)


class Disturbances(Struct, frozen=True):
    """The change of each row, `(N,)`; noise and the like are drawn by the seed."""

    rows: tuple[Disturbance, ...]
    seed: int = 0

    @property
    def variant(self) -> str:
        """What sets an evaluation of them apart."""
        return DISTURB

    def take(self, rows: Sequence[int]) -> Disturbances:
        """Those of some rows."""
        return replace(self, rows=tuple(self.rows[row] for row in rows))

    def facts(self) -> dict[str, Any]:
        """As an evaluation's provenance keeps it: strengths, by the name of the change."""
        found = {each.name: each.strength for each in self.rows if each != AS_IS}
        return {"set": DISTURB, "seed": self.seed, "strengths": found}


class DisturbOptions(Struct, frozen=True):
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
        if self.negatives is not None and self.negatives < 1:
            raise UsageError(f"{self.negatives} negatives: at least 1 is wanted")

    def over(self, beneath: DisturbOptions | None) -> DisturbOptions:
        """These, and where they are silent those of the settings."""
        below = beneath or DisturbOptions()
        silent = [
            name for name in ("kinds", "severities", "negatives", "seed")
            if getattr(self, name) is None
        ]  # fmt: skip
        return replace(self, **{name: getattr(below, name) for name in silent})

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
