"""Specifications of charts: valid, in colours that follow the scheme, drawn the same every time."""

from __future__ import annotations

import json
import re

import altair
import pytest

from covidreport.report.charts.palette import GREYS, LOOKS
from covidreport.report.charts.rows import Rows
from covidreport.report.charts.specs import (
    specify_epochs,
    specify_net_benefit,
    specify_precision_recall,
    specify_reliability,
    specify_roc,
)
from covidreport.report.charts.vega import draw_svg
from covidreport.report.html import read_style

SPECS = {
    "roc": specify_roc(),
    "precision-recall": specify_precision_recall(),
    "net-benefit": specify_net_benefit(),
    "loss": specify_epochs("loss"),
    "reliability": specify_reliability(),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_specification_keeps_to_the_schema_of_vega_lite(name):
    """As Altair validates it, to the last property."""
    altair.Chart.from_dict(SPECS[name], validate=True)


@pytest.mark.parametrize("name", SPECS)
def test_every_colour_is_one_that_the_style_sheet_knows(name):
    """So that none stays light in the dark scheme."""
    colours = set(re.findall(r"#[0-9a-f]{6}", json.dumps(SPECS[name])))

    assert colours <= {*GREYS.values(), *(look.colour for look in LOOKS)}


def test_the_style_sheet_has_a_variable_in_place_of_each_colour():
    """By the very value that the drawing has, which is that of the light scheme."""
    style = read_style()
    light = re.findall(r":root \{(.*?)\n\s*\}", style, re.S)[0]
    colours = {f"series-{i}": look.colour for i, look in enumerate(LOOKS, 1)} | GREYS

    for name, colour in colours.items():
        assert f"--{name}: {colour};" in light
        for attribute in ("stroke", "fill"):
            assert f'.drawing [{attribute}="{colour}"] {{ {attribute}: var(--{name}); }}' in style


def test_runs_differ_in_dash_and_in_shape_too():
    """For whom colours are alike, and on paper without them."""
    assert len({look.colour for look in LOOKS}) == len(LOOKS)
    assert len({look.dash for look in LOOKS}) == len(LOOKS)
    assert len({look.shape for look in LOOKS}) == len(LOOKS)


def test_a_drawing_needs_nothing_of_the_page_and_is_the_same_every_time():
    """No id, style or address in it, and equal bytes for equal rows."""
    rows: Rows = {
        "lines": [
            {"slot": 0, "x": x, "y": y, "order": i}
            for i, (x, y) in enumerate([(0, 0), (0.2, 0.8), (1, 1)])
        ],
        "points": [{"slot": 0, "x": 0.2, "y": 0.8}],
        "guide": [{"x": 0, "y": 0, "order": 0}, {"x": 1, "y": 1, "order": 1}],
    }
    drawn = draw_svg(SPECS["roc"], rows)

    assert drawn == draw_svg(SPECS["roc"], rows)
    assert drawn.startswith('<svg class="vega" viewBox="0 0 ')
    assert drawn.endswith("</svg>")
    assert not re.search(
        r"\s(id|style|href|class)=|url\(|http", drawn.removeprefix('<svg class="vega"')
    )
    # The plot is 300 x 260: a fifth of the way to the right, a fifth of the way down.
    assert "M0,260L60,52L300,0" in drawn
