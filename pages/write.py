"""The pages as mkdocs takes them: those of docs/, and what is generated."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from pages.commands import write_commands
from pages.links import FENCE, lead_out
from pages.nav import list_pages
from pages.python import write_python
from pages.settings import write_schemas, write_settings
from release.names import ROOT, find_version, strip_suffix

GENERATED = {
    "reference/commands.md": write_commands,
    "reference/settings.md": write_settings,
    "reference/python.md": write_python,
    "reference/schemas.md": write_schemas,
}
STYLE = """/* names of options, settings and files are not cut in two */
.md-typeset td code { word-break: normal; }
.md-typeset td:first-child code { white-space: nowrap; }
"""
PICTURES = (".png", ".svg", ".webp")


def read_pages(root: Path = ROOT) -> dict[str, str]:
    """Every page of the site by its name, as its source says it."""
    return {
        page: GENERATED[page]() if page in GENERATED
        else (root / "docs" / page).read_text(encoding="utf-8")
        for page in list_pages()
    }  # fmt: skip


def write_pages(pages: dict[str, str], folder: Path, root: Path = ROOT) -> None:
    """Write them and the pictures into a new folder, as mkdocs reads them."""
    shutil.rmtree(folder, ignore_errors=True)
    version = strip_suffix(find_version(root))
    for page, text in pages.items():
        file = folder / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(lead_out(page, part_lists(text), version, root), encoding="utf-8")
    (folder / "own.css").write_text(STYLE, encoding="utf-8")
    for picture in (root / "docs").rglob("*"):
        if picture.suffix in PICTURES:
            place = folder / picture.relative_to(root / "docs")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, place)


def part_lists(text: str) -> str:
    """A blank line before each list and table that follows a paragraph: GitHub needs none there,
    Python's Markdown does. As there, a list that begins with another number than 1 is none."""
    done = []
    for number, part in enumerate(FENCE.split(text)):
        if number % 2 == 0:
            part = re.sub(
                r"^(?!\s*(?:[-*] |\d+\. |\||#|>))(\S.*\n)(?=(?:[-*] |1\. |\| ))", r"\1\n", part,
                flags=re.MULTILINE,
            )  # fmt: skip
        done.append(part)
    return "".join(done)
