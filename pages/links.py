"""Links of the pages: within the site, into the repository, and to other places."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from release.names import ROOT, find_owner

LINK = re.compile(r"(?P<head>!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()(?P<target>[^)\s]+)(?P<tail>\))")
FENCE = re.compile(r"(^(?:```|~~~).*?^(?:```|~~~)[ \t]*$)", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)


class Link(NamedTuple):
    """A link of a page, as it stands there."""

    page: str
    target: str

    @property
    def outside(self) -> bool:
        """Whether it leads to another place of the web."""
        return bool(re.match(r"(https?|mailto):", self.target))


def find_links(page: str, text: str) -> list[Link]:
    """Every link and picture of a page, code left out."""
    bare = re.sub(r"(?<!`)`[^`\n]+`(?!`)", "code", FENCE.sub("", text))
    return [Link(page, found["target"]) for found in LINK.finditer(bare)]


def find_anchors(text: str) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    anchors: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        anchor = name_anchor(heading)
        number = 1
        name = anchor
        while name in anchors:
            name, number = f"{anchor}-{number}", number + 1
        anchors.add(name)
    return anchors


def name_anchor(heading: str) -> str:
    """`the-odds-of-a-verdict` of `The odds of a verdict`."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")


def lead_out(page: str, text: str, version: str, root: Path = ROOT) -> str:
    """The page with links to what is no page of the site leading into the repository."""

    def write(found: re.Match[str]) -> str:
        target = found["target"]
        path, mark, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", target):
            return found[0]
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
        if place.startswith("docs/"):
            return found[0]
        kind = "tree" if (root / place).is_dir() else "blob"
        address = f"https://github.com/{find_owner(root)}/covidreport/{kind}/v{version}/{place}"
        return f"{found['head']}{address}{mark}{anchor}{found['tail']}"

    return "".join(
        part if part.startswith(("```", "~~~")) else LINK.sub(write, part)
        for part in FENCE.split(text)
    )


def find_broken(pages: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Links that lead nowhere: to no file, or to no heading of a page."""
    broken = []
    for page, text in pages.items():
        for link in find_links(page, text):
            if link.outside:
                continue
            path, _, anchor = link.target.partition("#")
            name = (
                posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
            )
            if name in pages:
                if anchor and anchor not in find_anchors(pages[name]):
                    broken.append(f"{page}: {link.target}: no such heading")
            elif not (root / "docs" / name).exists():
                broken.append(f"{page}: {link.target}: no such file")
    return broken


def list_outside(pages: Mapping[str, str]) -> dict[str, list[str]]:
    """Every link to another place, with the pages that have it; nobody fetches them."""
    found: dict[str, list[str]] = {}
    for page, text in pages.items():
        for link in find_links(page, text):
            if link.outside and page not in found.setdefault(link.target, []):
                found[link.target].append(page)
    return dict(sorted(found.items()))
