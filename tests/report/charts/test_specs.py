"""Specifications of charts: valid, and in colours that follow the scheme."""

from __future__ import annotations

import json
import re

import altair
import pytest
from msgspec.structs import replace

from covidreport.report.charts.lines import Axis, Lines, Mark, Series
from covidreport.report.charts.palette import ACCENT, GREYS, INK, MISSED, SERIES_STYLES
from covidreport.report.charts.specs import keep_shown, specify
from covidreport.report.html import read_style

LINE = ((0.0, 0.0), (0.2, 0.8), (1.0, 1.0))
ROC = Lines(
    Axis("1 − specificity"), Axis("sensitivity"), ("2",),
    (Series("1", LINE), Series("2", LINE)), (Series("2", ((0.2, 0.8),)),),
    guide=((0.0, 0.0), (1.0, 1.0)),
)  # fmt: skip
EPOCHS = Lines(
    Axis("epoch", 1, 6, "epoch"), Axis("loss", 0, 2.5, "quantity"), ("1",),
    (Series("1", ((1, 2.0), (2, None), (3, 1.0)), "training"), Series("1", LINE, "last batch")),
)  # fmt: skip
RELIABILITY = replace(
    ROC,
    spans=(Series("2", ((0.2, 0.7), (0.2, 0.9), (0.2, None))),),
    beneath=Lines(Axis("score"), Axis("images", 0, 40, "count"), ("2",), (Series("2", LINE),)),
)
BENEFIT = replace(ROC, level=0.0, threshold=True)
AVERAGE = Mark(0.5, 0.5, "", "", (((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.2), (0.5, 0.7))), average=True)
MARKED = replace(ROC, marks=(Mark(0.2, 0.8, "ann", ""), AVERAGE))
CHARTS = {
    "roc": ROC,
    "readers": MARKED,
    "net-benefit": BENEFIT,
    "loss": EPOCHS,
    "reliability": RELIABILITY,
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_specification_keeps_to_the_schema_of_vega_lite(name):
    """As Altair validates it, to the last property."""
    altair.Chart.from_dict(specify(CHARTS[name]), validate=True)


@pytest.mark.parametrize("name", CHARTS)
def test_every_colour_is_one_that_the_style_sheet_knows(name):
    """So that none stays light in the dark scheme."""
    colours = set(re.findall(r"#[0-9a-f]{6}", json.dumps(specify(CHARTS[name]))))

    assert colours <= {*GREYS.values(), *(look.colour for look in SERIES_STYLES)}


def test_the_style_sheet_has_the_looks_and_a_variable_in_place_of_each_grey():
    """Colours and dashes are those of the light scheme."""
    style = read_style()
    light = re.findall(r":root \{(.*?)\n\s*\}", style, re.S)[0]

    for i, look in enumerate(SERIES_STYLES, 1):
        dash = " ".join(f"{one:g}" for one in look.dash)
        assert f"--series-{i}: {look.colour};" in light
        assert f".series-{i} {{ color: var(--series-{i}); --dash: {dash}; }}" in style
    for name, colour in {**GREYS, "ink": INK}.items():
        assert f"--{name}: {colour};" in light
        for attribute in ("stroke", "fill"):
            rule = f'[{attribute}="{colour}"] {{ {attribute}: var(--{name}); }}'
            assert f":is(.drawing, .diagram) {rule}" in style
    for name, colour in {"accent": ACCENT, "missed": MISSED}.items():
        assert f"--{name}: {colour};" in light
        for attribute in ("stroke", "fill"):
            assert f'.diagram [{attribute}="{colour}"] {{ {attribute}: var(--{name}); }}' in style


def test_runs_differ_in_dash_and_in_shape_too():
    """For whom colours are alike, and on paper without them."""
    assert len({look.colour for look in SERIES_STYLES}) == len(SERIES_STYLES)
    assert len({look.dash for look in SERIES_STYLES}) == len(SERIES_STYLES)
    assert len({look.shape for look in SERIES_STYLES}) == len(SERIES_STYLES)
    assert len({look.path for look in SERIES_STYLES}) == len(SERIES_STYLES)


def test_a_picture_has_the_shown_runs_alone():
    """Of two runs the second is shown, in both parts of the chart."""
    kept = keep_shown(RELIABILITY)

    assert kept.beneath is not None
    for one in (kept, kept.beneath):
        assert [series.run for series in one.lines] == ["2"]
