"""A text whose parts say how much they matter, so that it can be cut to a length.

A template marks its parts with `{% call part(name, keep) %}…{% endcall %}`; `cut_parts` then leaves
out whole parts, those with the smallest `keep` first and of equal ones the last first, until the
text is short enough, and puts a sentence that says what was left out where the template asked for
it with `{{ left_out }}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from covidreport.text import listed, plural, whole

if TYPE_CHECKING:
    from markupsafe import Markup

_OPEN, _CLOSE, _SENTENCE = "\x02{}\x03", "\x02/\x03", "\x02sentence\x03"
_MARKS = re.compile(r"\x02(\d+|/|sentence)\x03")
_BLANK = re.compile(r"\n{3,}")
_ROOM = 1_000
"""Characters kept free for the sentence: it names kinds of parts, of which there are few."""


class _Part(Struct, eq=False):
    """A stretch of text that can be left out whole; `of` is what its like are counted in."""

    name: str
    keep: int
    of: str = ""
    content: list[str | _Part] = field(default_factory=list)
    cut: bool = False

    def size(self) -> int:
        """Characters that it adds to the text as things stand."""
        if self.cut:
            return 0
        return sum(len(one) if isinstance(one, str) else one.size() for one in self.content)

    def parts(self) -> Iterator[_Part]:
        """Every part in it that is not inside a part that was cut, in reading order."""
        for one in self.content:
            if isinstance(one, _Part):
                yield one
                if not one.cut:
                    yield from one.parts()

    def text(self) -> str:
        if self.cut:
            return ""
        return "".join(one if isinstance(one, str) else one.text() for one in self.content)


class PartMarks:
    """What a template marks its parts with, for one rendering."""

    def __init__(self) -> None:
        self._made: list[_Part] = []

    def values(self) -> dict[str, object]:
        """What the template needs by name: the function `part` and the place `left_out`."""
        from markupsafe import Markup

        return {"part": self._mark, "left_out": Markup(_SENTENCE)}  # noqa: S704  # a mark of ours

    def _mark(self, name: str, keep: int, of: str = "", *, caller: Callable[[], str]) -> Markup:
        from markupsafe import Markup

        number = len(self._made)
        self._made.append(_Part(name, keep, of))
        # What `caller` gives went through the escape of the template already.
        return Markup(_OPEN.format(number) + str(caller()) + _CLOSE)  # noqa: S704

    def cut(self, marked: str, limit: int | None, remedy: str) -> str:
        """The text of at most `limit` characters (as it is where there is no limit).

        remedy: where a reader finds what was left out; ends the sentence. What stands outside all
        parts is never left out, so the text is longer where that alone is too long.
        """
        whole_text = self._read(marked)
        if limit is None or whole_text.size() <= limit:
            return _tidy(whole_text.text().replace(_SENTENCE, ""))
        by_worth = sorted(
            enumerate(whole_text.parts()), key=lambda placed: (placed[1].keep, -placed[0])
        )
        size = whole_text.size()
        for _, part in by_worth:
            if size + _ROOM <= limit:
                break
            size -= part.size()
            part.cut = True
        sentence = _describe(whole_text, limit, remedy)
        return _tidy(whole_text.text().replace(_SENTENCE, sentence))

    def _read(self, marked: str) -> _Part:
        """The tree of parts that the marks in a text stand for."""
        root = _Part("", 0)
        nested = [root]
        end = 0
        for mark in _MARKS.finditer(marked):
            nested[-1].content.append(_BLANK.sub("\n\n", marked[end : mark.start()]))
            end = mark.end()
            if mark[1] == "sentence":
                nested[-1].content.append(_SENTENCE)
            elif mark[1] == "/":
                nested.pop()
            else:
                part = self._made[int(mark[1])]
                nested[-1].content.append(part)
                nested.append(part)
        root.content.append(_BLANK.sub("\n\n", marked[end:]))
        return root


def _tidy(text: str) -> str:
    return _BLANK.sub("\n\n", text).strip() + "\n"


def _describe(root: _Part, limit: int, remedy: str) -> str:
    """`Left out to stay under 65,000 characters: the settings of 18 runs and the methods. …`"""
    gone = Counter((part.name, part.of) for part in root.parts() if part.cut)
    kept = Counter((part.name, part.of) for part in root.parts() if not part.cut)
    named = [
        _count(name, of, number, number + kept[name, of]) for (name, of), number in gone.items()
    ]
    return f"Left out to stay under {whole(limit)} characters: {listed(named)}. {remedy}"


def _count(name: str, of: str, number: int, total: int) -> str:
    if not of:
        return name
    if number == total:
        return f"{name} {plural(number, of)}"
    return f"{name} {whole(number)} of {plural(total, of)}"
