"""Figures that are saved from the page stand by themselves."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import pytest
from PIL import Image

NAMESPACE = "{http://www.w3.org/2000/svg}"


def _save(page, figure: str, kind: str):
    group = page.get_by_role("group", name=f"Save {figure}", exact=True)
    with page.expect_download() as download:
        group.get_by_role("button", name=kind, exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chart_is_saved_with_its_title_and_its_runs(visit, scored_page, scheme):
    """No class, no style, no name of ours is needed to see it; colours are those of the page."""
    page = visit(scored_page, color_scheme=scheme)
    name, saved = _save(page, "ROC curve", "SVG")
    assert name == "roc.svg"
    svg = ElementTree.fromstring(saved)  # ours
    texts = [element.text for element in svg.iter(f"{NAMESPACE}text")]
    shown = page.locator("#operating .chosen li bdi").all_inner_texts()
    assert texts[0] == "ROC curve"
    assert set(shown) <= set(texts)
    assert {"class", "style", "data-run"}.isdisjoint(
        attribute for element in svg.iter() for attribute in element.attrib
    )
    background = next(svg.iter(f"{NAMESPACE}rect")).get("fill")
    assert background == page.evaluate("getComputedStyle(document.body).backgroundColor")
    lines = [one for one in svg.iter(f"{NAMESPACE}path") if one.get("stroke-width") == "1.8px"]
    assert len({one.get("stroke") for one in lines}) == len(shown) == 4
    name, saved = _save(page, "ROC curve", "PNG")
    with Image.open(io.BytesIO(saved)) as picture:
        assert picture.format == "PNG"
        assert picture.width == round(2 * float(svg.attrib["width"]))
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 20


def test_what_can_be_read_in_a_chart_is_saved_as_csv(visit, scored_page):
    """A row for each stop of each run, in the units of the axes."""
    page = visit(scored_page)
    name, saved = _save(page, "Net benefit", "CSV")
    rows = list(csv.DictReader(io.StringIO(saved.decode())))
    assert name == "net-benefit.csv"
    assert {row["run"] for row in rows} == set(
        page.locator("#operating .chosen li bdi").all_inner_texts()
    )
    first = next(row for row in rows if float(row["x"]) == 0.5)
    assert first["reading"].startswith(f"threshold 0.5: net benefit {float(first['y']):.3f}")


def test_a_picture_with_radiologists_says_which_marks_they_are(visit, readers_page):
    """Beneath the runs, within the picture; and they stand in its values."""
    page = visit(readers_page)
    _, saved = _save(page, "ROC curve", "SVG")
    svg = ElementTree.fromstring(saved)
    (key,) = (one for one in svg.iter(f"{NAMESPACE}text") if "diamond" in (one.text or ""))
    left, top, width, height = map(float, svg.attrib["viewBox"].split())
    assert top < float(key.attrib["y"]) < top + height
    assert left < float(key.attrib["x"]) < left + width / 2
    _, saved = _save(page, "ROC curve", "CSV")
    rows = list(csv.DictReader(io.StringIO(saved.decode())))
    people = [row for row in rows if row["reading"].startswith("sensitivity")]
    names = ["radiologist 1", "radiologist 2", "twin", "average of 3 readers"]
    assert [row["run"] for row in people] == names
    places = [float(people[0][axis]) for axis in ("x", "y")]
    assert places == pytest.approx([5 / 106, 12 / 14])


def test_a_diagram_is_saved_as_it_is_seen(visit, scored_page):
    """The matrix of a wide page with a run's name beside its row; of a narrow one beneath it."""
    for width, wide in ((1280, True), (390, False)):
        page = visit(scored_page, width=width)
        title = "Differences of all pairs of runs"
        _, saved = _save(page, title, "SVG")
        texts = list(ElementTree.fromstring(saved).iter(f"{NAMESPACE}text"))
        (below,) = (each for each in texts if each.text == "below: sensitivity")
        names = [each for each in texts if "resnet18" in (each.text or "")]
        assert len(names) == 9
        lowest = float(below.attrib["y"])
        assert all((float(each.attrib["y"]) < lowest) is wide for each in names)


def _save_rows(page, figure: str):
    name, saved = _save(page, figure, "CSV")
    return name, list(csv.DictReader(io.StringIO(saved.decode())))


def test_every_figure_is_saved_as_csv(visit, scored_page):
    """What a matrix, a scatter and a flow show, as the tables of the page have it."""
    page = visit(scored_page)
    for group in page.locator(".save").all():
        assert group.get_by_role("button", name="CSV", exact=True, include_hidden=True).count() == 1
    _, runs = _save_rows(page, "Missed cases against false alarms")
    table = page.locator("#ranking table").first
    assert [row["run"] for row in runs if row["rank"]] == table.locator(
        "tbody th bdi"
    ).all_inner_texts()
    _, pairs = _save_rows(page, "Differences of all pairs of runs")
    missed = {row["run"]: int(row["missed"]) for row in runs}
    sensitivity = [row for row in pairs if row["metric"] == "sensitivity"]
    assert len(sensitivity) == len(pairs) / 2 == len(missed) * (len(missed) - 1) / 2
    positives = {
        (missed[row["compared with"]] - missed[row["run"]]) / float(row["difference"])
        for row in sensitivity
        if float(row["difference"])
    }
    assert len({round(each) for each in positives}) == 1  # one number of positives explains all
    assert {row["significant"] for row in pairs} <= {"yes", "no"}
