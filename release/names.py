"""Who keeps the repository and which version is cut, in every text that names them.

The owner is that of `Repository` in pyproject.toml; the version, `covidreport.__version__`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTS = (
    "pyproject.toml", "*.md", "*.cff", ".github/**/*.md", ".github/**/*.yml",
    "docs/**/*.md", "docs/**/*.yml",
    "examples/**/*.md", "examples/**/*.yml", "examples/**/*.yaml",
)  # fmt: skip
OWNER = re.compile(r"(?<=github\.com/)[\w-]+(?=/covidreport\b)|(?<=uses: )[\w-]+(?=/covidreport@)")
VERSION = re.compile(
    r"(?<=/covidreport@v)[\d.]*\d"
    r"|(?<=^    rev: v)[\d.]*\d"
    r"|(?<=^version: )[\d.]*\d",  # of CITATION.cff
    re.MULTILINE,
)


def find_owner(root: Path = ROOT) -> str:
    """Who keeps the repository, by pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address: str = project["urls"]["Repository"]
    return address.removeprefix("https://github.com/").split("/")[0]


def find_version(root: Path = ROOT) -> str:
    """The version of the package as it stands, with what marks it as unfinished."""
    text = (root / "covidreport" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return str(version)


def strip_suffix(version: str) -> str:
    """`0.2.0` of `0.2.0.dev0`: the version that is cut of it."""
    return re.sub(r"\.?(dev|a|b|rc)\d+$", "", version)


def list_texts(root: Path = ROOT) -> Iterator[Path]:
    """The files that may name either."""
    for pattern in TEXTS:
        yield from sorted(root.glob(pattern))


def write_names(root: Path = ROOT) -> list[Path]:
    """Write both wherever they stand; gives the files that were others before."""
    owner, version = find_owner(root), strip_suffix(find_version(root))
    changed = []
    for file in list_texts(root):
        text = file.read_text(encoding="utf-8")
        named = VERSION.sub(version, OWNER.sub(owner, text))
        if named != text:
            file.write_text(named, encoding="utf-8")
            changed.append(file)
    return changed
