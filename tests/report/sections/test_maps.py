"""Where runs look, as blocks: in words, over pictures, and only where there are maps."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.records import (
    Case,
    CaseMap,
    CaseTable,
    ExcludedRun,
    MeanMap,
    PixelSpec,
    RunMaps,
)
from covidreport.report.blocks import Group, Items, Pictures
from covidreport.report.cells import write_line
from covidreport.report.charts.maps import MapDrawing, Place
from covidreport.report.map_blocks import name_place
from tests.report.blocks import build, find_group, list_blocks, list_charts
from tests.report.study import BEST, SECOND

GRID = ((0.3, 0.0, 0.0), (0.0, -0.1, 0.0), (0.0, 0.0, 0.0))


def _picture(width: int, height: int) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (width, height), 90).save(sink, "JPEG")
    return sink.getvalue()


@pytest.fixture
def table() -> CaseTable:
    """Two cases, of which the best run missed one; it has maps, and the second's are stale."""
    cases = {
        "aa": CaseMap(False, 0.2, 0.3, 0, 0, GRID),
        "bb": CaseMap(True, 0.9, -0.4, 2, 1, ((0.0,) * 3, (0.0,) * 3, (0.0, -0.4, 0.0))),
    }
    found = MeanMap(1, None, -0.4, 2, 1, cases["bb"].drops)
    maps = RunMaps(
        BEST,
        "black",
        PixelSpec(64, 64, "pad"),
        5,
        found,
        MeanMap(1, 0.96, 0.3, 0, 0, GRID),
        1,
        cases,
    )
    return CaseTable(
        runs=(BEST, SECOND),
        thresholds=(0.5, 0.5),
        positives=(
            Case("aa", None, {}, ("no", "no"), (0.2, 0.1)),
            Case("bb", None, {}, ("yes", "no"), (0.9, 0.1)),
        ),
        positives_omitted=0,
        false_alarms=(),
        false_alarms_omitted=0,
        pictures={"aa": _picture(200, 100), "bb": b"\xff\xd8\xff"},
        maps=(maps,),
        maps_excluded=(ExcludedRun(SECOND, "its maps are of another evaluation"),),
    )


def test_each_run_is_said_in_a_sentence(study, table):
    """Where the largest change lies, how much lies outside, who has no map and whose are stale."""
    group = find_group(build(replace(study, cases=table), "cases"), "Where runs look")
    lists = [block for block in list_blocks(group) if isinstance(block, Items)]
    first, second = (write_line(words) for block in lists for words in block.items)
    assert first == (
        f"{BEST}: over 1 found case no patch lowers the mean score; over 1 missed case the largest "
        "mean change is −0.300 at the upper left, and 0.960 of what falls lies outside the middle "
        "0.8 of height and width (0.360 of the area). 2 positives have no map. 1 image could not "
        "be read again."
    )
    assert second == f"{SECOND}: its maps are of another evaluation."


def test_the_means_share_a_scale(study, table):
    """A frame for found and one for missed cases, up to the largest change of both."""
    (chart,) = list_charts(
        find_group(build(replace(study, cases=table), "cases"), "Where runs look")
    )
    assert isinstance(chart.drawing, MapDrawing)
    assert [frame.title for frame in chart.drawing.frames] == [
        "Found, mean of 1",
        "Missed, mean of 1",
    ]
    assert (chart.drawing.low, chart.drawing.high) == ("−0.400", "+0.400")
    assert [(mark.x, mark.y) for mark in chart.drawing.frames[0].marks] == [(1, 2)]


def test_a_map_lies_over_its_picture(study, table):
    """Where the padded input lies on 200 by 100 pixels; a picture that is none has no map."""
    section = build(replace(study, cases=table), "cases")
    first, second = next(one for one in list_blocks(section) if isinstance(one, Pictures)).pictures
    (layer,) = first.layers
    assert layer.words == "missed with 0.200; −0.300 without the patch at the upper left"
    assert (first.size, layer.place) == ((200, 100), Place(0, -50, 200, 200))
    assert (layer.scale.low, layer.scale.high) == ("−0.400", "+0.400")
    assert second.layers == ()


def test_without_maps_the_section_says_how_to_get_them(study, table):
    """Where there are pictures to lay them over, and nowhere else."""
    bare = replace(table, maps=(), maps_excluded=())
    notes = []
    for one in (bare, replace(bare, pictures={}), table):
        section = build(replace(study, cases=one), "cases")
        notes.append([block.note for block in list_blocks(section) if isinstance(block, Pictures)])
        groups = [block.title for block in list_blocks(section) if isinstance(block, Group)]
        assert ("Where runs look" in groups) == (one is table)
    said = [sum("evaluate --maps" in note for note in each) for each in notes]
    assert said == [1, 0, 0]


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [(0, 0, "upper left"), (3, 4, "centre"), (7, 7, "lower right"), (4, 0, "middle left"),
     (1, 3, "upper centre")],
)  # fmt: skip
def test_a_patch_is_named_by_the_third_that_its_middle_lies_in(row, column, said):
    """Of eight by eight: rows 0 to 2 are upper, 3 and 4 the middle, 5 to 7 lower."""
    assert name_place(row, column, 8, 8) == said
