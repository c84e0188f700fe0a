"""What a user says of a gate, wherever he says it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class GateOptions(Struct, frozen=True):
    """What a user says of limits and the baseline; None, or nothing, where he is silent.

    The settings lie beneath; `GateRequest` is what both come to.
    """

    baseline: str | Path | None = None
    """A run folder, a file of `covidreport baseline set`, a folder of runs: its best; or a model in
    MLflow's registry, `models:/NAME@ALIAS`."""
    limits: tuple[str, ...] = ()
    """What must hold beside the limits of the settings, such as `sensitivity.low>=0.70`."""
    warnings: tuple[str, ...] = ()
    """As limits, but no more than a warning."""
    require_evidence: bool = False
    """Inconclusive unless the data exclude a loss of sensitivity over the margin."""
    margin: float | None = None
    """How much less sensitive a run may be by `require_evidence` and the policy `evidence`, and the
    worse run of the odds is."""
    policy: str | None = None
    """What the limit on missed cases is: `strict`, `evidence` or `tolerant`."""
    no_group_loses: tuple[str, ...] = ()
    """Attributes in none of whose groups a run may lose more than the group's noise allows; `all`
    for every one, and two joined by ` and ` for both crossed."""
    dataset: str | None = None
    split: str | None = None
    variant: str | None = None
    """`""` is the usual one."""
    show_ids: bool = False
    max_failed_share: float | None = None
    trust_stored: bool = False
    """Judge stored scores that this machine did not compute, where `ci` would compute them."""
