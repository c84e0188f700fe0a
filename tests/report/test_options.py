"""What a report looks like can be changed; what it says can't."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from covidreport.errors import CovidReportError, UsageError
from covidreport.report.environment import check_folder, find_templates, list_templates
from covidreport.report.formats import FORMATS, render_html, render_markdown
from covidreport.report.html import read_script, read_style
from covidreport.report.logo import MOST_BYTES, embed_logo
from covidreport.report.options import PLAIN, RenderOptions
from covidreport.report.sections import SECTIONS
from tests.report.reading import list_figures, read_html

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "templates.md").read_text()
EXAMPLE = ROOT / "examples" / "templates"


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / {"html": "report.html.j2", "md": "report.md.j2"}.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_example_of_the_documentation_extends_the_report(study):
    """Its words stand beside those of the original, and no figure is lost."""
    options = RenderOptions(templates=check_folder(EXAMPLE))
    plain, page = render_html(study), render_html(study, options)
    text = render_markdown(study, options)

    assert "for the imaging group of the example clinic" in read_html(page)
    assert "Before anything else The splits differ" in read_html(page)
    assert "Questions go to the imaging group." in page
    assert list_figures(read_html(plain)) == list_figures(read_html(page))
    assert "asks one radiologist" in text
    assert "| 1 | **exp15-vgg16-bce-frozen** |" in text


def test_the_policy_names_the_style_that_was_added(study):
    """`styles/own.css` goes behind all others and is allowed as they are."""
    page = render_html(study, RenderOptions(templates=EXAMPLE))
    style = read_style(EXAMPLE)

    assert style.endswith((EXAMPLE / "styles" / "own.css").read_text())
    assert f"<style>{style}</style>" in page
    assert style != read_style()
    assert read_script(EXAMPLE) == read_script()


def test_the_template_of_the_page_renders(study, tmp_path):
    """The one in docs/templates.md, to the letter."""
    (template,) = re.findall(r"```jinja\n(.*?)```", PAGE, re.S)
    page = render_html(study, RenderOptions(templates=_write(tmp_path, html=template)))

    assert "Questions go to the imaging group." in page
    assert "misses the fewest" in page


def test_a_template_of_the_same_name_replaces_one(study, tmp_path):
    """A file of charts alone, with all else as it was."""
    charts = (find_templates() / "charts.html.j2").read_text(encoding="utf-8")
    own = charts.replace("<figcaption>{{ one.title }}", "<figcaption>Our {{ one.title }}")
    _write(tmp_path, **{"charts.html.j2": own})
    page = render_html(study, RenderOptions(templates=tmp_path))

    for title in ("Loss", "Accuracy"):
        assert f"<figcaption>Our {title}</figcaption>" in page
    assert page.replace("<figcaption>Our ", "<figcaption>") == render_html(study)


def test_what_a_template_of_ones_own_prints_is_escaped(hostile, tmp_path):
    """As everywhere."""
    _write(
        tmp_path,
        html='{% for run in view.sections["runs"][0].blocks %}{{ run.title }}\n{% endfor %}',
    )

    assert "&lt;script&gt;" in render_html(hostile, RenderOptions(templates=tmp_path))
    assert "<script>" not in render_html(hostile, RenderOptions(templates=tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("line\n{{ view.nothing }}", "line 2: .*ReportView object' has no attribute 'nothing'"),
        ("line\n\n{% if %}", "line 3: Expected an expression"),
        ('{% include "gone.j2" %}', "line 1: no template is called gone.j2"),
    ],
)
def test_a_broken_template_is_an_error_with_its_place(study, tmp_path, text, message):
    """The file and the line, and what is wrong there."""
    _write(tmp_path, html=text)

    with pytest.raises(UsageError, match=message) as caught:
        render_html(study, RenderOptions(templates=tmp_path))
    assert str(tmp_path / "report.html.j2") in str(caught.value)


def test_a_folder_in_which_nothing_is_used_is_refused(tmp_path):
    """A template under a wrong name would do nothing, and nobody would know."""
    (tmp_path / "page.html").write_text("x")

    with pytest.raises(UsageError, match=r"holds no template that is used; it may hold .*report\.html\.j2"):  # fmt: skip  # noqa: E501
        check_folder(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        check_folder(tmp_path / "gone")


def test_a_style_that_ends_its_element_is_refused(study, tmp_path):
    """It would be read as part of the page."""
    _write(tmp_path, **{"styles/own.css": "</STYLE ><b>"})

    with pytest.raises(CovidReportError, match="could end the style element early"):
        render_html(study, RenderOptions(templates=tmp_path))


def test_every_template_and_block_is_documented():
    """docs/templates.md names each block that can be extended, and no other."""
    for name in ("report.html.j2", "report.md.j2"):
        text = (ROOT / "templates" / name).read_text()
        (row,) = re.findall(rf"^\| `{re.escape(name)}`.*$", PAGE, re.M)
        blocks = re.findall(r"{% block (\w+)", text)
        assert re.findall(r"`(\w+)`", row.split("|")[3]) == blocks
    named = set(re.findall(r"`([\w/….-]+\.(?:j2|css|js))`", PAGE))
    for template in list_templates():
        folder, _, name = template.rpartition("/")
        suffix = name.partition(".")[2]
        assert template in named or f"{folder}/….{suffix}" in named


@pytest.mark.parametrize("name", ["json", "csv"])
def test_json_and_csv_hold_everything_whatever_the_look(study, name):
    """A program gets all data."""
    render = FORMATS[name].render

    assert (
        render(study, RenderOptions(hide=frozenset(SECTIONS)))
        == render(study, PLAIN)
        == render(study)
    )


def _picture(kind: str, size: tuple[int, int] = (40, 12)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (10, 90, 160)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (_picture("PNG"), "image/png"),
        (_picture("JPEG"), "image/jpeg"),
    ],
    ids=["png", "jpeg"],
)
def test_a_logo_is_embedded_as_it_is(study, tmp_path, data, kind):
    """By its bytes, whatever its name says."""
    (tmp_path / "logo.dat").write_bytes(data)
    address = embed_logo(tmp_path / "logo.dat")
    page = render_html(study, RenderOptions(logo=address))

    assert address == f"data:{kind};base64,{base64.b64encode(data).decode()}"
    assert f'<img class="logo" src="{address}" alt="">' in page
    assert '<img class="logo"' not in render_html(study)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GIF89a....", "is neither PNG nor JPEG"),
        (b"", "is neither PNG nor JPEG"),
        (b"<html></html>", "is neither PNG nor JPEG"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is neither PNG nor JPEG"),
        (_picture("PNG")[:60], "is a broken picture"),
        (b"x" * (MOST_BYTES + 1), "at most 262,144 can be embedded"),
    ],
)
def test_what_is_no_small_whole_picture_is_refused(tmp_path, data, message):
    """With what is wrong with it."""
    (tmp_path / "logo.png").write_bytes(data)

    with pytest.raises(UsageError, match=f"--logo .*logo.png: .*{message}"):
        embed_logo(tmp_path / "logo.png")


def test_a_logo_that_is_not_there_is_named(tmp_path):
    """As every file that an option names."""
    with pytest.raises(UsageError, match=r"gone.png: can't be read \(No such file"):
        embed_logo(tmp_path / "gone.png")


def test_the_look_changes_no_data(study):
    """Titles aside, two looks of the same data have the same figures."""
    titled = replace(study, title="Mine")

    assert "<h1><bdi>Mine</bdi></h1>" in render_html(titled)
