"""Addresses in object stores and on the web, told from paths: nothing reads or writes there yet.

A path of such a text is no error to the system: `s3://bucket/report.html` names a folder `s3:`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Final

from covidreport.errors import UsageError

_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)
"""A path has one slash where the text had two; one letter before the colon is a drive."""


def explain_address(place: str | os.PathLike[str]) -> str | None:
    """Why a place can't be used, where it is an address such as `s3://bucket/runs`; else None."""
    found = _ADDRESS.match(os.fspath(place))
    if found is None:
        return None
    return (
        f"{found[1]}://{found[2]} is an address, and files are read and written on this machine "
        "alone: give a path here, and copy from and to the address with its own tool (a folder "
        f"called '{found[1]}:' is named by its absolute path)"
    )


def refuse_address(place: str | os.PathLike[str], where: str = "") -> None:
    """UsageError where a place is an address; where: the option that names it."""
    why = explain_address(place)
    if why is not None:
        raise UsageError(f"{where} {why}".lstrip())


def refuse_addresses(values: Iterable[tuple[str, object]]) -> None:
    """UsageError where a path, or one in a list of them, is an address; each after what names it.

    A text is no path: a title may be a link.
    """
    for where, value in values:
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, PurePath):
                refuse_address(each, where)
