"""The pictures beside a Markdown report: those of the page, each with its words."""

from __future__ import annotations

import io
import re
from xml.etree.ElementTree import fromstring

import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.report.charts.palette import INK, SERIES_STYLES
from covidreport.report.formats import render_markdown
from covidreport.report.options import RenderOptions
from covidreport.report.pictures import draw_figures, draw_pictures
from tests.report.blocks import build_all, list_charts
from tests.report.reading import read_markdown

OPERATING = ("roc", "precision-recall", "net-benefit")
BESIDE_IT = tuple(f"operating-2-{name}" for name in OPERATING)
TRAINING = ("loss", "accuracy", "reliability")
CHARTS = (*OPERATING, *BESIDE_IT, *TRAINING, "referral")
LAST = ("referral", "disturbed", "flow")
PAIRS = ("pairs", "critical-differences")
BESIDE = RenderOptions(charts="files")


@pytest.fixture(scope="module")
def pictures(everything):
    """All of them, drawn once."""
    return draw_pictures(everything)


def _charts(data):
    """Those of lines, in the order of the page."""
    return [
        one
        for name in ("operating", "curves", "referral")
        for section in build_all(data, name)
        for one in list_charts(section)
    ]


def _read(picture: bytes) -> Image.Image:
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.format == "PNG"
        return opened.convert("RGBA")


def _colours(picture: Image.Image) -> set[object]:
    found = picture.convert("RGB").getcolors(1 << 20)
    assert found is not None
    return {colour for _, colour in found}


def test_every_link_has_its_picture_and_every_picture_its_link(everything, pictures):
    """In the order of the page, with the words that the page has for who does not see it."""
    text = render_markdown(everything, BESIDE)
    links = re.findall(r"^!\[(.+)\]\(files/([\w-]+)\.png\)$", text, re.M)

    assert [name for _, name in links] == [
        "ranking",
        *PAIRS,
        *OPERATING,
        *BESIDE_IT,
        "cost",
        *TRAINING,
        *LAST,
    ]
    assert list(pictures) == [f"{name}.png" for _, name in links]
    summaries = [chart.summary for chart in _charts(everything)]
    assert [read_markdown(alt) for alt, name in links if name in CHARTS] == summaries
    assert all(len(summary) > 40 for summary in summaries)


@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_stands_by_itself(pictures, name):
    """On white, whatever page it is shown on, with every run in its own colour."""
    picture = _read(pictures[f"{name}.png"])
    assert picture.getpixel((0, 0)) == (255, 255, 255, 255)
    assert min(picture.size) > 600
    colours = _colours(picture)
    for look in SERIES_STYLES[:4]:
        assert tuple(bytes.fromhex(look.colour[1:])) in colours


@pytest.mark.parametrize("name", PAIRS)
def test_a_picture_of_pairs_stands_by_itself(pictures, name):
    """On white, in the tones of the light scheme, as its words stand in the text."""
    picture = _read(pictures[f"{name}.png"])
    assert picture.getpixel((0, 0)) == (255, 255, 255, 255)
    assert tuple(bytes.fromhex(INK[1:])) in _colours(picture)


def test_the_key_names_the_runs_whole(everything, pictures):
    """However long a name, and whatever stands in it."""
    longer = {run.run.name: f'{run.run.name} "\\" {"x" * 120}' for run in everything.runs}
    grown = draw_pictures(
        _rename(everything, longer), RenderOptions(hide=frozenset({"ranking", "curves"}))
    )

    long, short = (_read(each["roc.png"]) for each in (grown, pictures))
    assert long.width > short.width + 600
    assert long.height == short.height


def _rename(data, names):
    runs = tuple(
        replace(
            one,
            run=replace(one.run, name=names[one.run.name]),
            evaluation=one.evaluation and replace(one.evaluation, run=names[one.run.name]),
        )
        for one in data.runs
    )
    rankings = tuple(
        replace(
            ranking,
            rows=tuple(replace(row, run=names[row.run]) for row in ranking.rows),
            comparisons=None,
        )
        for ranking in data.rankings
    )
    curves = replace(
        data.curves, runs={names[name]: each for name, each in data.curves.runs.items()}
    )
    return replace(
        data, runs=runs, rankings=rankings, curves=curves, cases=None, repeats=(), classes=None,
        predictive=(), referral=(),
    )  # fmt: skip


def test_counts_alone_have_no_curves(study):
    """The trade-off, and the epochs that were recorded."""
    assert list(draw_pictures(study)) == ["ranking.png", "loss.png", "accuracy.png"]


@pytest.mark.parametrize(
    ("hidden", "left"),
    [
        ("ranking", (*PAIRS, *OPERATING, *BESIDE_IT, "cost", *TRAINING, *LAST)),
        ("cost", ("ranking", *PAIRS, *OPERATING, *BESIDE_IT, *TRAINING, *LAST)),
        ("against", ("ranking", *OPERATING, *BESIDE_IT, "cost", *TRAINING, *LAST)),
        ("operating", ("ranking", *PAIRS, "cost", *TRAINING, *LAST)),
        ("curves", ("ranking", *PAIRS, *OPERATING, *BESIDE_IT, "cost", *LAST)),
    ],
)
def test_pictures_of_hidden_sections_are_not_drawn(everything, hidden, left):
    """Nor linked to."""
    options = RenderOptions(hide=frozenset({hidden}), charts="files")

    assert list(draw_pictures(everything, options)) == [f"{name}.png" for name in left]
    text = render_markdown(everything, options)
    assert re.findall(r"\(files/([\w-]+)\.png\)$", text, re.M) == list(left)


def test_without_pictures_their_words_stand_in_their_place(everything):
    """And nothing that speaks of a picture which is not there."""
    text = read_markdown(render_markdown(everything))

    for chart in _charts(everything):
        assert chart.summary in text
    for words in ("Dashed", "one dot each", "Each dot is a run", "On the dashed line"):
        assert words not in text


def test_figures_for_a_paper_are_drawn_of_lines_and_text(everything, pictures):
    """Each picture as SVG and as PDF, with no pixel in it."""
    figures = dict(draw_figures(everything))

    names = [name.removesuffix(".png") for name in pictures]
    assert list(figures) == [f"{name}{suffix}" for name in names for suffix in (".svg", ".pdf")]
    for name, file in figures.items():
        if name.endswith(".pdf"):
            assert file.startswith(b"%PDF-")
            assert b"/Subtype /Image" not in file
        else:
            tags = {element.tag.rpartition("}")[2] for element in fromstring(file).iter()}
            assert {"svg", "text"} <= tags
            assert "image" not in tags
