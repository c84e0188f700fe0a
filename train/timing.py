"""How long an experiment took, over all the calls that fitted it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Timing:
    """What a call took, and those before it up to the checkpoint that each left.

    What was done after a last checkpoint, and so was done again, counts for nothing.
    """

    started: str = field(default_factory=_now)
    """When the first call began."""
    calls: int = 1
    epoch_s: list[float] = field(default_factory=list)
    """Of every epoch, in seconds."""
    _before_s: float = 0.0
    _began: float = field(default_factory=time.perf_counter)

    def go_on(self, before: Mapping[str, Any]) -> None:
        """Add the calls before this one, as `describe` gave them for their last checkpoint."""
        if before:
            self.started, self.epoch_s = before["started"], list(before["epoch_s"])
            self.calls, self._before_s = before["calls"] + 1, before["fit_s"]

    def describe(self) -> dict[str, Any]:
        """As it stands now, for a checkpoint or run.json; fit_s is all of it."""
        return {
            "started": self.started,
            "finished": _now(),
            "calls": self.calls,
            "fit_s": round(self._before_s + time.perf_counter() - self._began, 3),
            "epoch_s": [round(seconds, 3) for seconds in self.epoch_s],
        }
