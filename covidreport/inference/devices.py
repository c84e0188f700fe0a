"""Which cards a user names, and which of them each model goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from covidreport.errors import UsageError

Devices = tuple[int, ...] | Literal["auto"]
"""The numbers of cards, counted from 0; `auto` for all that are like the first."""


def check_devices(devices: Devices) -> None:
    """UsageError where they are no cards, or a card is named twice."""
    if devices == "auto":
        return
    words = ",".join(map(str, devices))
    if not devices or any(number < 0 for number in devices):
        raise UsageError(f"--devices {words}: cards are counted from 0, such as 0 or 0,1; or auto")
    twice = next((number for number in devices if devices.count(number) > 1), None)
    if twice is not None:
        raise UsageError(f"--devices {words}: card {twice} is named twice; name each once")


def read_devices(text: str) -> Devices:
    """What `--devices` says: `auto`, or numbers parted by commas; UsageError for others."""
    if text.strip() == "auto":
        return "auto"
    try:
        devices = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"--devices {text}: numbers of cards are wanted, such as 0 or 0,1, or auto"
        ) from None
    check_devices(devices)
    return devices


def share_out(costs: Mapping[Path, int], devices: Sequence[int]) -> dict[Path, int]:
    """Which card each model goes to, so that all have as much to do: by falling cost, each to the
    card that has the least so far (Graham 1969); of equal costs the i-th goes to card i mod n.

    costs: of each model, such as its size in bytes. The same answer whatever has run before.
    """
    load = dict.fromkeys(devices, 0)
    placed: dict[Path, int] = {}
    for model in sorted(costs, key=lambda each: -costs[each]):  # equal ones stay in their order
        number = min(devices, key=lambda each: load[each])
        placed[model] = number
        load[number] += max(costs[model], 1)
    return placed
