"""Reads outputs back, by their formats and not by our code."""

from __future__ import annotations

import re

_SAMPLE = re.compile(r"([a-z_]+)\{(.*)\} (\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_ESCAPED = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


def read_metrics(text: str) -> list[tuple[str, dict[str, str], float]]:
    """Name, labels and value of every sample of OpenMetrics text; AssertionError where it is none.

    Each family's samples stand together under its TYPE; the text ends with EOF.
    """
    *lines, end = text.removesuffix("\n").split("\n")
    assert end == "# EOF"
    family = ""
    seen: set[str] = set()
    samples = []
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert kind == "gauge"
            assert family not in seen
            seen.add(family)
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == family
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] == family
            labels = {
                each[1]: re.sub(r'\\["\\n]', lambda e: _ESCAPED[e.group()], each[2])
                for each in _LABEL.finditer(found[2])
            }
            assert "".join(each.group() for each in _LABEL.finditer(found[2])) == found[2]
            samples.append((found[1], labels, float(found[3])))
    keys = [(name, tuple(labels.items())) for name, labels, _ in samples]
    assert len(set(keys)) == len(keys)
    return samples
