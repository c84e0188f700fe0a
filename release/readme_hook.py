"""The README as a package index shows it: links into the repository, at the version.

Hatchling loads this file by its path when it builds, so that it imports nothing of the checkout.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

NUMBER = re.compile(r"[\d.]*\d")
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def link_absolutely(text: str, repository: str, version: str) -> str:
    """Markdown whose links and pictures are found from anywhere, at the tag of `version`."""
    number = NUMBER.match(version)
    assert number is not None  # hatchling has read it as a version
    tag = f"v{number[0]}"

    def write(found: re.Match[str]) -> str:
        picture, words, target = found["picture"], found["text"], found["target"]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        return f"{picture}[{words}]({repository}/{'raw' if picture else 'blob'}/{tag}/{target})"

    return LINK.sub(write, text)


class ReadmeHook(MetadataHookInterface):
    """Puts that text into the metadata of wheels and source archives."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`; the version and `urls.Repository` are there by then."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        shown = link_absolutely(text, metadata["urls"]["Repository"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": shown}
