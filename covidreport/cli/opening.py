"""Shows a report in the reader's browser, where there is one."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path


def open_report(path: Path) -> str:
    """Open a file in the browser, and say what was done or why it could not be.

    The browser is the one of the environment variable `BROWSER`, else the system's own. Over SSH or
    in a container there is none to show a page: a text browser would take the terminal over.
    """
    address = path.resolve().as_uri()
    if not has_display(os.environ, sys.platform):
        return (
            f"no browser is opened: there is no display here (set BROWSER to a command if there is "
            f"one); the report is {path.resolve()}: copy it to where you have a browser"
        )
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error as error:
        return f"no browser could be opened ({error}): open {address} yourself"
    if not opened:
        return f"no browser could be opened: open {address} yourself, or set BROWSER to a command"
    return f"opened {address} in the browser"


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a browser could show a page: one is named, or the system has a desktop."""
    if environment.get("BROWSER"):
        return True
    if platform in ("win32", "darwin"):
        return not environment.get("SSH_CONNECTION")
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
