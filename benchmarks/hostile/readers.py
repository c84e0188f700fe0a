"""Readers of the outputs, each as strict as who will read it: what is wrong, in words."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

CALL = "hostile()"
"""What a name wants to be executed, in every language."""
COMMAND = re.compile(r"^\s*::(?P<name>[a-z-]+)(?P<rest>.*)$")
OWN_COMMANDS = ("error", "warning", "notice")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def is_unsafe(sign: str) -> bool:
    """Control characters but line feed and tabulator, and those that turn the order of a line."""
    point = ord(sign)
    return (
        (point < 0x20 and sign not in "\n\t")
        or 0x7F <= point < 0xA0
        or 0x202A <= point <= 0x202E
        or 0x2066 <= point <= 0x2069
    )


def find_in_stream(text: str) -> Iterator[str]:
    """What a terminal, or GitHub behind it, would take for a command."""
    for line in text.split("\n"):
        if any(is_unsafe(sign) for sign in line):
            yield f"control characters: {line!r:.80}"
        command = COMMAND.match(line)
        if command and (
            command["name"] not in OWN_COMMANDS or command["rest"].startswith(f"::{CALL}")
        ):
            yield f"a command: {line!r:.80}"


class _Tags(HTMLParser):
    """Finds what a browser would execute for a name."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.fault = ""
        self._script: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at every attribute that is a program or an address."""
        for name, value in attrs:
            text = (value or "").strip().lower()
            address = name in ("src", "href", "action", "formaction")
            program = name.startswith("on") or (address and text.startswith("javascript"))
            if (program and CALL in text) or (address and text.startswith("http://127.0.0.1:9")):
                self.fault = f"<{tag} {name}={value!r}>"
        self._script = [] if tag == "script" else None

    def handle_data(self, data: str) -> None:
        """Gather the text of a script."""
        if self._script is not None:
            self._script.append(data)
            if "".join(self._script).lstrip().startswith(CALL):
                self.fault = f"<script>{data:.40}"

    def handle_endtag(self, tag: str) -> None:
        """A script has ended."""
        if tag == "script":
            self._script = None


def read_html(file: Path) -> str:
    """A browser executes nothing that a name brought."""
    return _find_tags(file.read_text(encoding="utf-8"))


def _find_tags(text: str) -> str:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    return parser.fault


def read_markdown(file: Path) -> str:
    """As HTML it executes nothing, and every row of a table has as many cells as its head."""
    text = file.read_text(encoding="utf-8")
    faults = [fault for fault in find_in_stream(text) if "control" in fault]
    if faults:
        return faults[0]
    width = 0
    for line in text.split("\n"):
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        if width and cells != width:
            return f"a row of {cells - 1} cells under {width - 1}: {line!r:.80}"
        width = cells
    if importlib.util.find_spec("markdown_it") is None:
        return _find_tags(text)
    from markdown_it import MarkdownIt

    return _find_tags(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def read_json(file: Path) -> str:
    """It is JSON without NaN, in UTF-8."""
    try:
        json.loads(file.read_bytes().decode("utf-8"), parse_constant=_refuse)
    except ValueError as error:
        return str(error)
    return ""


def _refuse(word: str) -> object:
    raise ValueError(f"{word} in JSON")


def read_csv(file: Path) -> str:
    """Every row has as many cells, and none is a formula."""
    with file.open(newline="", encoding="utf-8-sig") as opened:
        rows = list(csv.reader(opened, strict=True))
    for row in rows:
        if len(row) != len(rows[0]):
            return f"a row of {len(row)} cells under {len(rows[0])}"
        for cell in row:
            if cell.startswith(FORMULA) and not _is_number(cell):
                return f"a formula: {cell!r:.60}"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell in ("-", "−")
    return True


def read_xml(file: Path) -> str:
    """It is well-formed, and every case stands in it once."""
    try:
        root = ET.fromstring(file.read_bytes())  # noqa: S314 - what the command wrote itself
    except ET.ParseError as error:
        return str(error)
    stated = sum(int(suite.get("tests", "0")) for suite in root.iter("testsuite"))
    found = len(list(root.iter("testcase")))
    return "" if stated == found else f"{found} cases where {stated} are stated"


def read_metrics(file: Path) -> str:
    """Every line is a comment or `name{labels} value`."""
    for line in file.read_text(encoding="utf-8").split("\n"):
        if (
            line
            and not line.startswith("#")
            and not re.fullmatch(r'[a-z_:]+(\{([a-z_]+="(\\.|[^"\\])*",?)*\})? \S+( \S+)?', line)
        ):
            return f"not a metric: {line!r:.80}"
    return ""


READERS: dict[str, Callable[[Path], str]] = {
    ".html": read_html,
    ".md": read_markdown,
    ".json": read_json,
    ".csv": read_csv,
    ".xml": read_xml,
    ".txt": read_metrics,
}
