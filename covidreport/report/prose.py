"""Sentences of ours, in which words between backticks are code: one rule for every markup.

A sentence may hold a name that somebody else gave. Whatever stands in it is escaped first, in and
out of code, so a name can at most look like code.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from msgspec import Struct

_CODE = re.compile(r"(?<![`$\\])`([^\s`|\\](?:[^`|\\\n]*[^\s`|\\])?)`(?![`$])")
"""One backtick on either side, and in between nothing that Markdown reads in code or in tables:
no pipe, no backslash, no blank at the ends. `$` beside a backtick would be a formula to a forge."""


def split_code(text: str) -> list[str]:
    """The pieces of a sentence, by turns plain and code: `run ``it`` now` is `run `, `it`, ` now`.

    Of an odd length, and plain at both ends.
    """
    return _CODE.split(text)


class Writer(Struct, frozen=True):
    """How a text becomes a part of a markup."""

    escape: Callable[[str], str]
    """Gives what shows the text as it is."""
    code: Callable[[str], str]
    """Gives what shows the text as code."""

    def write_prose(self, text: str) -> str:
        """A sentence with its code."""
        pieces = split_code(text)
        return "".join(
            self.code(piece) if place % 2 else self.escape(piece)
            for place, piece in enumerate(pieces)
        )

    def write_code(self, text: str) -> str:
        """A text that is code as a whole; plain where no backticks can hold it."""
        sentence = f"`{text}`"
        return self.write_prose(sentence) if len(split_code(sentence)) > 1 else self.escape(text)


HTML = Writer(html.escape, lambda words: f"<code>{html.escape(words)}</code>")
