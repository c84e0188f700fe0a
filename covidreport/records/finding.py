"""What could not be done, and what a reader must know."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""
Stage = Literal[
    "read", "decode", "load", "infer", "score", "data", "provider", "baseline", "judge", "write",
    "unexpected",
]  # fmt: skip
"""Where something could not be done. From `data` on: in a gate, which then has no verdict."""


class Failure(Struct, frozen=True):
    """Something that could not be done: `subject` is a sample id or a run's name."""

    subject: str
    stage: Stage
    reason: str
    remedy: str = ""
    """What to do about it, where the reason does not say so itself."""

    @property
    def explanation(self) -> str:
        """The reason and the remedy in one text."""
        return f"{self.reason.rstrip('.')}. {self.remedy}" if self.remedy else self.reason


class Finding(Struct, frozen=True):
    """Something that a reader must know: what is wrong, the evidence, and what to do."""

    severity: Severity
    code: str
    """A short fixed name, such as `prevalence-differs`."""
    what: str
    evidence: str
    remedy: str
    subjects: tuple[str, ...] = ()
    """Names of the runs or ids of the samples that it is about; empty where it is about all."""


class Ignore(Struct, frozen=True):
    """A code of findings that somebody looked at and does not want to be stopped by."""

    code: str
    reason: str


class IgnoredFinding(Struct, frozen=True):
    """A finding that was set aside, and why."""

    finding: Finding
    reason: str
