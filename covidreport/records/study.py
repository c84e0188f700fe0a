"""What the authors of a study state of it, since no file of ours can know it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Sampling = Literal["consecutive", "random", "convenience"]
"""Everybody of a period who was eligible, as in a cohort; some of them, drawn by chance; or whoever
was at hand (STARD 2015, item 9)."""


class Study(Struct, frozen=True):
    """In the authors' words; empty where nothing is stated."""

    setting: str = ""
    """Where the patients were seen: which hospitals, which countries, which care."""
    dates: str = ""
    """From when to when."""
    reference_standard: str = ""
    """How it is known which images have which label."""
    exclusions: str = ""
    """Who or what was left out, and why."""
    sampling: Sampling | Literal[""] = ""
    registration: str = ""
    """Where the study is registered, or where its protocol is."""
    code: str = ""
    """Where the code can be had."""
    data: str = ""
    """Where the data can be had."""
    funding: str = ""
