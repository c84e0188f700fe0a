"""What vl-convert drew, as a page has it: each series by its run, in few bytes."""

from __future__ import annotations

import re
from xml.etree.ElementTree import fromstring

import pytest
import vl_convert
from msgspec.structs import replace

from covidreport.errors import CovidReportError
from covidreport.report.charts.lines import Axis, Band, Lines, Mark, Series
from covidreport.report.charts.palette import SERIES_STYLES
from covidreport.report.charts.vega import draw_svg

# The plot is 300 x 260: a fifth of the way to the right, a fifth of the way down.
LINE = ((0.0, 0.0), (0.2, 0.8), (1.0, 1.0))
STEPS = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.5))
CHART = Lines(
    Axis("1 − specificity"), Axis("sensitivity"), ("2",),
    (Series("1", STEPS), Series("2", LINE)),
    (Series("1", ((0.0, 0.5),)), Series("2", ((0.2, 0.8), (1.0, 1.0)))),
    (Series("2", ((0.5, 0.5), (0.5, 1.0), (0.5, None), (1.0, 0.0), (1.0, 0.1), (1.0, None))),),
    guide=((0.0, 0.0), (1.0, 1.0)), threshold=True,
)  # fmt: skip


def _named(svg: str, kind: str) -> dict[str, dict[str, str]]:
    """The attributes of all elements of a kind, by the run that they are of."""
    found = (one.attrib for one in fromstring(svg).iter() if kind in one.get("class", "").split())
    return {one.get("data-run", ""): one for one in found}


def test_each_run_has_its_line_in_steps_of_a_tenth():
    """From the lower left corner; what goes along an axis says one number."""
    lines = _named(draw_svg(CHART), "line")

    assert lines["2"] == {
        "class": "line series-1", "data-run": "2", "d": "M0 260l60-208l240-52", "stroke": "#0a5aa0",
    }  # fmt: skip
    assert lines["1"] == {"class": "line", "data-run": "1", "d": "M0 260v-130h150"}


def test_a_step_under_one_has_no_zero():
    """0.9 to the right, 0.26 up and 0.52 more, one step: at 259.2 to a tenth."""
    places = ((0.0, 0.0), (0.003, 0.0), (0.003, 0.001), (0.003, 0.003))
    drawn = _named(draw_svg(replace(CHART, lines=(Series("2", places),))), "line")

    assert drawn["2"]["d"] == "M0 260h.9v-.8"


def test_dots_of_a_run_are_one_shape_and_say_where_they_stand():
    """Those of a run that is not shown have no shape yet: the page draws them in the look they
    get."""
    dots = _named(draw_svg(CHART), "dots")
    path = SERIES_STYLES[0].path

    assert dots["2"]["data-at"] == "60 52,300 0"
    assert dots["2"]["d"] == f"M60 52{path}M300 0{path}"
    assert dots["1"] == {"class": "dots", "data-run": "1", "data-at": "0 130"}


def test_intervals_of_a_run_are_one_broken_line():
    """Half of the way up to the top, and from the bottom a tenth up."""
    assert _named(draw_svg(CHART), "span")["2"]["d"] == "M150 130v-130m150 260v-26"


def test_the_line_of_the_threshold_is_there_to_be_moved():
    """From the left end, over the whole height."""
    (line,) = _named(draw_svg(CHART), "chosen").values()

    assert (abs(float(line["y2"])), float(line["x2"])) == (260, 0)


def test_places_without_a_figure_are_gaps_and_a_lone_one_is_a_dot():
    """Closed without a length: a round end makes a dot of it."""
    series = Series("2", ((0.0, 0.0), (0.5, None), (1.0, 1.0)))
    drawn = _named(draw_svg(replace(CHART, lines=(series,))), "line")

    assert drawn["2"]["d"] == "M0 260zM300 0z"


def test_of_several_splits_the_last_is_marked_at_first():
    """All of its lines are seen."""
    splits = tuple(Series("2", LINE, split) for split in ("training", "validation"))
    svg = draw_svg(replace(CHART, lines=splits, dots=splits))

    marked = re.findall(r'class="dots series-1" data-run="2" data-split="(\w+)"', svg)
    assert marked == ["validation"]
    assert len(re.findall(r'class="line series-1" data-run="2" data-split', svg)) == 2


def test_a_second_chart_stands_beneath():
    """Both have the line of the run."""
    beneath = replace(CHART, height=56, dots=(), spans=(), threshold=False)
    svg = draw_svg(replace(CHART, beneath=beneath))

    assert len(re.findall(r'class="line series-1"', svg)) == 2
    assert "M0 56l60-44.8l240-11.2" in svg


def test_a_drawing_needs_nothing_of_the_page_and_is_the_same_every_time():
    """No id, style or address in it, and nothing that is read aloud."""
    drawn = draw_svg(CHART)

    assert drawn == draw_svg(replace(CHART))
    assert drawn.startswith('<svg class="vega" fill="none" viewBox="0 0 ')
    assert not re.search(r"\s(id|style|href|role|aria-label)=|url\(|http", drawn)


def test_a_drawing_that_is_not_known_is_refused(monkeypatch):
    """Of another version of vl-convert, which might bring its own styles."""
    monkeypatch.setattr(
        vl_convert, "vegalite_to_svg", lambda *_, **__: '<svg><g style="fill: red"/></svg>'
    )
    with pytest.raises(CovidReportError, match=r"constraints\.txt"):
        draw_svg(replace(CHART, height=99))


def test_a_chart_is_seen_without_a_style_sheet():
    """In attributes: what is shown has its ink, what is not shown has none, nothing is filled that
    is a line."""
    bands = tuple(Band(run, ((0.0, 0.1, 0.3), (1.0, 0.2, 0.4))) for run in "12")
    drawn = draw_svg(replace(CHART, bands=bands))
    assert fromstring(drawn).get("fill") == "none"
    for kind, attribute in (("line", "stroke"), ("dots", "fill"), ("band", "fill")):
        found = _named(drawn, kind)
        assert found["2"][attribute] == SERIES_STYLES[0].colour
        assert {"stroke", "fill"}.isdisjoint(found["1"])


def test_what_is_of_no_run_is_always_seen():
    """An open diamond at its place, an average above it on the lines of its intervals; neither has
    a name by which a page would hide it."""
    spans = (((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.2), (0.5, 0.7)))
    marks = (Mark(0.2, 0.8, "ann", ""), Mark(0.5, 0.5, "", "", spans, average=True))
    drawn = list(fromstring(draw_svg(replace(CHART, marks=marks))).iter())
    paths = [one.attrib for one in drawn if one.get("stroke-width") == "1.4"]
    places = [re.findall(r"[\d.]+", one["transform"]) for one in paths]
    assert [[round(float(x)) for x in place] for place in places] == [[60, 52], [150, 130]]
    assert [one["fill"] for one in paths] == ["#ffffff", "#465463"]
    assert all(one["d"].count("L") == 3 and "data-run" not in one for one in paths)
    lines = [one for one in drawn if one.tag == "line" and one.get("stroke-width") == "1.2"]
    lengths = [(float(one.attrib["x2"]), float(one.attrib["y2"])) for one in lines]
    assert lengths == [(240, 0), (0, -130)]
