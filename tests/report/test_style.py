"""Colours that everybody can read, in both schemes."""

from __future__ import annotations

import re

import pytest

from covidreport.report.html import read_style

_TEXT = ("ink", "soft", "faint", "accent", "missed", "warning")
_GROUND = ("paper", "raised", "best")


def _schemes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\n\s*\}", read_style(), re.S)
    light, dark = (dict(re.findall(r"--([\w-]+):\s*([^;]+);", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def _rgb(colour: str) -> tuple[float, ...]:
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(float(part) for part in colour.split())


def _luminance(rgb: tuple[float, ...]) -> float:
    """Relative luminance, WCAG 2.2."""
    shares = [part / 255 for part in rgb]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", _GROUND)
@pytest.mark.parametrize("text", _TEXT)
def test_text_has_the_contrast_of_wcag_aa(scheme, ground, text):
    """4.5 to 1 for every colour of text on every ground that it stands on."""
    colours = _schemes()[scheme]

    assert _contrast(_rgb(colours[text]), _rgb(colours[ground])) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("line", ["found", "missed", "mark", "accent", "faint"])
def test_what_charts_are_drawn_with_can_be_seen(scheme, line):
    """3 to 1 for lines and dots that carry meaning."""
    colours = _schemes()[scheme]

    assert _contrast(_rgb(colours[line]), _rgb(colours["paper"])) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("tint", "text"),
    [("right", "ink"), ("right", "soft"), ("wrong", "ink"), ("wrong", "soft"), ("wrong", "missed")],
)
def test_counts_stay_readable_on_the_darkest_tint(scheme, tint, text):
    """The cells of the 2x2 tables at full tint, over the page."""
    colours = _schemes()[scheme]
    share = float(re.findall(r"\.tint-10 .* / ([\d.]+)\)", read_style())[0])
    paper, over = _rgb(colours["paper"]), _rgb(colours[tint])
    cell = tuple(share * o + (1 - share) * p for o, p in zip(over, paper, strict=True))

    assert _contrast(_rgb(colours[text]), cell) >= 4.5


def test_paper_is_never_dark():
    """The dark scheme is for screens: nobody wants to print a black page."""
    style = read_style()

    assert style.count("prefers-color-scheme: dark") == 1
    assert "@media screen and (prefers-color-scheme: dark)" in style
