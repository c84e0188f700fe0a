"""Occlusion maps as blocks: what lies over the pictures of cases, and the means of each run."""

from __future__ import annotations

import io
from collections.abc import Sequence

from covidreport.metrics import MIDDLE
from covidreport.records import Case, CaseTable, MeanMap, RunMaps
from covidreport.report.blocks import Block, Chart, Group, Inlines, Items, Layer, Prose, Values
from covidreport.report.charts.maps import (
    MapFrame,
    draw_frames,
    draw_map,
    draw_scale,
    mark_map,
    place_input,
)
from covidreport.report.index import Index
from covidreport.text import clean, decimal, exact, listed, plural, portion, signed, whole

EVEN = 1 - MIDDLE**2
"""The share outside the middle of a map that is the same everywhere."""
DOWN = ("upper", "middle", "lower")
ACROSS = ("left", "centre", "right")
ALIKE = 0.1
"""Of a map whose drops differ by less than this share of the largest, no place is named."""
KEY = (
    "The mean change of the score without each patch. Dashed: the middle "
    f"{exact(MIDDLE)} of height and width."
)
HIDDEN = {"black": "blacked out", "blur": "blurred"}


def measure_picture(image: bytes) -> tuple[int, int] | None:
    """Width and height of a thumbnail in pixels; None where it is no picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(image)) as opened:
            return opened.size
    except OSError:
        return None


def list_layers(
    case: Case, size: tuple[int, int], table: CaseTable, index: Index
) -> tuple[Layer, ...]:
    """The maps of a case, one for each run that has one, over its picture of that size."""
    layers = []
    for maps in table.maps:
        one = maps.cases.get(case.name)
        if one is None:
            continue
        most = _most(maps)
        where = name_place(one.peak_row, one.peak_column, len(one.drops), len(one.drops[0]))
        words = (
            f"{'found' if one.found else 'missed'} with {decimal(one.score)}; "
            f"{signed(-one.peak)} without the patch at the {where}"
        )
        place = place_input(*size, maps.pixels)
        layers.append(
            Layer(index.link(maps.run), words, draw_map(one.drops, most), place, draw_scale(most))
        )
    return tuple(layers)


def group_maps(table: CaseTable, index: Index, place: str = "") -> tuple[Block, ...]:
    """Where runs look, in words and in the means of their maps; none without maps."""
    blocks: list[Block] = []
    if table.maps:
        blocks.append(Prose(_explain(table.maps), "remark"))
        blocks.append(Items(tuple(_say(maps, index) for maps in table.maps)))
        blocks += [_draw(maps, f"{place}maps-{index.key(maps.run)}") for maps in table.maps]
    if table.maps_excluded:
        items = tuple((index.link(one.run), f": {one.reason}.") for one in table.maps_excluded)
        blocks.append(Items(items))
    if not blocks:
        return ()
    return (Group(tuple(blocks), "Where runs look", id=f"{place}maps"),)


def name_place(row: int, column: int, rows: int, columns: int) -> str:
    """Where a patch lies in a frame, such as `upper left`; as the picture is seen."""
    down = DOWN[min(2, int(3 * (row + 0.5) / rows))]
    across = ACROSS[min(2, int(3 * (column + 0.5) / columns))]
    return "centre" if (down, across) == ("middle", "centre") else f"{down} {across}"


def _most(maps: RunMaps) -> float:
    return max(abs(one.peak) for one in maps.cases.values())


def _list_means(maps: RunMaps) -> list[tuple[str, MeanMap]]:
    both = (("found", maps.found), ("missed", maps.missed))
    return [(which, mean) for which, mean in both if mean is not None]


def _explain(every: Sequence[RunMaps]) -> str:
    fills = listed(list(dict.fromkeys(HIDDEN[maps.fill] for maps in every)), last="or")
    first = next(iter(every[0].cases.values())).drops
    return (
        f"Of each positive {whole(len(first) * len(first[0]))} patches were {fills}, one by one, "
        "in what the model is fed, which a frame shows whole. Orange: the score (0 to 1) falls "
        "without that patch, so the patch spoke for the disease; blue: it rises. That says on what "
        "a score hangs and not why. A hidden patch is itself something that no model was trained "
        "on, and a score near 0 or 1 hardly moves."
    )


def _say(maps: RunMaps, index: Index) -> Inlines:
    """What the means of a run say, in a sentence or two."""
    parts = [
        f"over {plural(mean.cases, f'{which} case')} {_say_mean(mean)}"
        for which, mean in _list_means(maps)
    ]
    left = maps.positives - len(maps.cases) - maps.failed
    rest = f" {plural(left, 'positive has', 'positives have')} no map." if left > 0 else ""
    if maps.failed:
        rest += f" {plural(maps.failed, 'image')} could not be read again."
    return (index.link(maps.run), f": {'; '.join(parts)}.{rest}")


def _say_mean(mean: MeanMap) -> str:
    if mean.outside is None:
        return "no patch lowers the mean score"
    drops = [drop for row in mean.drops for drop in row]
    if max(drops) - min(drops) < ALIKE * abs(mean.peak):
        return f"every patch changes the mean score alike, by {signed(-mean.peak)}"
    where = name_place(mean.peak_row, mean.peak_column, len(mean.drops), len(mean.drops[0]))
    return (
        f"the largest mean change is {signed(-mean.peak)} at the {where}, and "
        f"{portion(mean.outside)} of what falls lies outside the middle {exact(MIDDLE)} of "
        f"height and width ({portion(EVEN)} of the area)"
    )


def _draw(maps: RunMaps, name: str) -> Chart:
    means = _list_means(maps)
    most = max(abs(mean.peak) for _, mean in means)
    frames = tuple(
        MapFrame(
            f"{which.capitalize()}, mean of {whole(mean.cases)}",
            f"Mean map of {plural(mean.cases, f'{which} case')} of {clean(maps.run)}",
            mark_map(mean.drops, most),
            (len(mean.drops[0]), len(mean.drops)),
            maps.pixels.width,
            maps.pixels.height,
        )
        for which, mean in means
    )
    rows = tuple(
        (which, row, column, drop)
        for which, mean in means
        for row, drops in enumerate(mean.drops)
        for column, drop in enumerate(drops)
    )
    values = Values(("cases", "row", "column", "mean drop of the score"), rows)
    summary = f"Mean occlusion maps of {clean(maps.run)}"
    return Chart(name, clean(maps.run), summary, KEY, draw_frames(frames, most), values)
