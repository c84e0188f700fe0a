"""Programs that releases and pages are made with, in an environment of their own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from release.names import ROOT

TOOLS = ROOT / "build" / "tools"


def find_tool(name: str, extra: str = "release") -> str:
    """A program of the extra, installed by constraints.txt where it is not there yet.

    The environment is made again where the list of the extra or the constraints changed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"][extra]
    pins = ROOT / "constraints.txt"
    stamp, asked = TOOLS / extra / "asked", "\n".join([*wanted, pins.read_text(encoding="utf-8")])
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != asked:
        venv.create(TOOLS / extra, clear=True, with_pip=True)
        install(TOOLS / extra, wanted)
        stamp.write_text(asked, encoding="utf-8")
    return str(place_of(TOOLS / extra) / name)


def install(environment: Path, wanted: list[str]) -> None:
    """Install into an environment what is wanted, at the versions of constraints.txt."""
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"]
    python = str(place_of(environment) / "python")
    subprocess.run([python, *words, str(ROOT / "constraints.txt"), *wanted], check=True)


def place_of(environment: Path) -> Path:
    """Where an environment keeps its programs."""
    return environment / ("Scripts" if sys.platform == "win32" else "bin")
