"""The documentation as a site: every page has its place, every link leads somewhere, and what the
tutorials say is what happens. `make docs` builds it; what costs time of that is no part of this."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest
from PIL import Image
from typer.core import TyperGroup
from typer.main import get_group

from covidreport.cli.app import build_app
from covidreport.records import PixelSpec
from covidreport.schemas import read_schema
from pages.__main__ import configure, find_fetched
from pages.commands import escape
from pages.links import find_anchors, find_broken, find_links, lead_out, list_outside, name_anchor
from pages.nav import list_pages
from pages.write import GENERATED, part_lists, read_pages
from tests.cli.command import ROOT, run_command, write_model, write_study
from tests.dataset.published import write_nih
from tests.datasets import write_flat_dataset
from tests.onnx_models import write_brightness_model
from tests.page_blocks import DOCS, find_blocks, list_commands, run_commands
from tests.test_how_to_pages import PREPARED

MARKED = 6
"""Blocks that need a network, the program of DVC, weights of one's own, or are run by another."""
GROUP = get_group(build_app())


@pytest.fixture(scope="module")
def pages():
    """Every page by its name."""
    return read_pages()


def test_every_page_has_its_place_once():
    """Whatever lies in docs/, and what is generated."""
    there = {file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.md")}
    listed = list_pages()
    assert len(listed) == len(set(listed))
    assert set(listed) == there | set(GENERATED)


def test_every_link_leads_somewhere(pages):
    """To a page, a heading of it or a file; links to other places are listed, and not fetched."""
    assert find_broken(pages) == []
    listed = list_outside(pages)
    assert len(listed) > 10
    assert all(address.startswith(("https://", "http://127.0.0.1")) for address in listed)


def test_a_link_that_leads_nowhere_is_named():
    """Its page and target; a heading that is not there is one as well."""
    pages = {"a.md": "# A\n[b](b.md#c) [x](nowhere.md) `[code](no.md)` [up](#a)\n", "b.md": "# B\n"}
    assert find_broken(pages) == [
        "a.md: b.md#c: no such heading", "a.md: nowhere.md: no such file",
    ]  # fmt: skip
    assert [link.target for link in find_links("a.md", pages["a.md"])] == [
        "b.md#c", "nowhere.md", "#a",
    ]  # fmt: skip


def test_links_out_of_the_site_lead_into_the_repository():
    """At the version; those within the site stay."""
    text = "[a](../SECURITY.md#x) [b](gate.md) ![c](report.png)"
    assert lead_out("ci.md", text, "0.2.0") == (
        "[a](https://github.com/OWNER/covidreport/blob/v0.2.0/SECURITY.md#x) [b](gate.md) "
        "![c](report.png)"
    )
    assert "tree/v0.2.0/train/studies" in lead_out(
        "study-2020.md", "[a](../train/studies)", "0.2.0"
    )


def test_headings_are_called_as_github_calls_them():
    """Small letters, no signs, a dash for each blank; a second one has a number."""
    assert name_anchor("`run.json`, and *more*: a `[[table]]`") == "runjson-and-more-a-table"
    assert find_anchors("# A b\n## A b\n```\n# no\n```\n") == {"a-b", "a-b-1"}


def test_lists_are_parted_from_what_they_follow():
    """Lists and tables; not a line that happens to begin with a number, nor anything in code."""
    assert part_lists("a\n- b\n- c\n") == "a\n\n- b\n- c\n"
    assert part_lists("misses\n10. More\n") == "misses\n10. More\n"
    assert part_lists("```\na\n- b\n```\n") == "```\na\n- b\n```\n"


def test_every_command_and_option_is_in_the_reference(pages):
    """As the command line has them, hidden ones left out."""
    page = pages["reference/commands.md"]

    def walk(group, prefix):
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                walk(command, f"{prefix} {name}")
            elif not command.hidden:
                part = page.split(f"## {prefix} {name}\n")[1].split("\n## ")[0]
                for each in command.params:
                    for option in each.opts if each.opts[0].startswith("-") else ():
                        assert each.hidden or f"`{option}`" in part, (name, option)

    walk(GROUP, "covidreport")
    assert escape("a | b <c> `x|y`") == "a \\| b &lt;c> `x\\|y`"


def test_every_setting_is_in_the_reference(pages):
    """By its key, with its table where it is one."""
    page = pages["reference/settings.md"]
    schema = read_schema("settings")
    for name in schema["properties"]:
        assert f"| `{name}` |" in page
    for table in ("[manifest]", "[[limits]]", "[report]"):
        assert f"## {table}\n" in page
    assert "| `max_failed_share` | number from 0 to 1 |" in page


def test_the_python_reference_has_what_dir_shows(pages):
    """Functions with their parameters, records with their fields."""
    import covidreport

    page = pages["reference/python.md"]
    for name in covidreport.__all__:
        assert name.startswith("_") or f"### covidreport.{name}\n" in page
    part = page.split("### covidreport.EvaluateOptions\n")[1].split("\n### ")[0]
    for field in covidreport.EvaluateOptions.__struct_fields__:
        assert f"| `{field}` |" in part
    assert "options: EvaluateOptions | None = None" in page


def test_nothing_of_the_site_is_fetched_from_elsewhere(pages, tmp_path):
    """The theme's fonts are the reader's own, GitHub is asked for no stars, and a page that loads
    something ends the build, as warnings do."""
    settings: Any = configure(pages)
    assert settings["theme"]["font"] is False
    assert settings["validation"]["links"]["anchors"] == "warn"
    assert not {"extra_javascript", "repo_url"} & set(settings)
    (tmp_path / "a.html").write_text(
        '<a href="https://a.org">x</a><script src="https://b.org/c.js"></script><img src="d.png">'
    )
    assert find_fetched(tmp_path) == ["https://b.org/c.js"]


def test_what_is_not_run_is_marked_with_its_reason():
    """In the page's source, and no more of all blocks than there are."""
    marked = [
        (page, found["why"])
        for page in list_pages() if page not in GENERATED
        for kind in ("sh", "python") for found in find_blocks(page, kind) if found["why"]
    ]  # fmt: skip
    assert len(marked) == MARKED
    for page, why in marked:
        assert re.search(r"needs|tests/\S+\.py", why), page
        for file in re.findall(r"tests/\S+\.py", why):
            assert (ROOT / file).is_file()


def _parse(words):
    """Have the command line read the words of a command, and do nothing."""
    command: Any = GROUP
    left = list(words)
    while isinstance(command, TyperGroup):
        command, left = command.commands[left[0]], left[1:]
    command.make_context("covidreport", left)


RUN_ELSEWHERE = {
    "datasets.md": "test_how_to_pages.py",
    "formats.md": "test_formats_page.py",
    "hospitals.md": "cli/test_sites.py",
    "tutorials/demo.md": "test_readme.py",
}
"""By page: the tests that run its commands word for word, beside what they ask of them."""
RUN_HERE = {
    "explanation/gate.md", "gate.md", "models.md", "study-2020.md", "templates.md",
    "tutorials/folds.md", "tutorials/github.md", "tutorials/pytorch.md",
}  # fmt: skip


def test_every_page_with_commands_is_run_by_tests():
    """Word for word: here, with what each page needs, or by the tests that the list names."""
    with_commands = {page for page in list_pages() if page not in GENERATED and find_blocks(page)}
    assert with_commands == RUN_HERE | set(PREPARED) | set(RUN_ELSEWHERE)
    assert all((ROOT / "tests" / file).is_file() for file in RUN_ELSEWHERE.values())
    of_python = {
        page for page in list_pages() if page not in GENERATED
        for found in find_blocks(page, "python") if not found["why"]
    }  # fmt: skip
    assert of_python == {"notebook.md", "python.md"}  # tests/cli/test_snippets.py runs all of both


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folder that pages on how to do things speak of: runs, data with attributes, a logo."""
    folder = tmp_path_factory.mktemp("project")
    rows = [(70 + 5 * i, "covid-19", "validation") for i in range(20)]
    rows += [(20 + 4 * i, "normal", "validation") for i in range(16)]
    manifest = write_flat_dataset(folder / "data", rows, size=(8, 8))
    head, *lines = manifest.read_text().splitlines()
    more = [f"{line},{'FM'[i % 2]},{50 + i % 30}" for i, line in enumerate(lines)]
    manifest.write_text("\n".join([f"{head},sex,age", *more]) + "\n")
    (folder / "covidreport.toml").write_text('data = "data/manifest.csv"\nprovider = "cpu"\n')
    for name, limit in (("exp15", 90), ("new", 100), ("old", 110)):
        write_model(folder / "runs" / name, limit)
    model = folder / "models" / "resnet50_covid.onnx"
    write_brightness_model(
        model,
        dtype="float32",
        tail=("Softmax",),
        pixels=PixelSpec(224, 224, channels=3),
        metadata={},
    )
    (folder / "templates").symlink_to(ROOT / "templates")
    Image.new("RGB", (8, 8)).save(folder / "logo.png")
    assert run_command(folder, "evaluate").returncode == 0
    return folder


@pytest.mark.parametrize("page", ["gate.md", "templates.md", "models.md", "explanation/gate.md"])
def test_the_commands_of_a_page_run(project, page):
    """One after the other in one project; a gate passes or fails, and is never in error."""
    run_commands(project, list_commands(page))


def test_every_command_of_every_page_is_one_that_the_command_line_takes():
    """Its options and arguments are read, whether or not a test runs the page."""
    count = 0
    for page in list_pages():
        if page not in GENERATED:
            for program, *words in list_commands(page):
                if program == "covidreport":
                    _parse(words)
                    count += 1
    assert count > 60


def test_the_tutorial_on_pytorch_models_runs(tmp_path):
    """On a look-alike of the NIH set, with a stand-in for the model that is exported there."""
    archive = tmp_path / "archive"
    write_nih(archive)
    write_brightness_model(
        tmp_path / "models" / "densenet121.onnx", labels=("pneumonia", "edema", "no finding"),
        slopes=(0.5, 0.5, -0.5), offsets=(1.0, 0.0, 0.0), dtype="float32",
        pixels=PixelSpec(224, 224, channels=3), metadata={},
    )  # fmt: skip
    (export,) = find_blocks("tutorials/pytorch.md", "python")
    assert "models/densenet121.onnx" in export["text"]

    done = run_commands(tmp_path, list_commands("tutorials/pytorch.md"))

    assert "NIH ChestX-ray14" in done["init archive"].stderr
    settings = (tmp_path / "covidreport.toml").read_text()
    assert 'split = "test"' in settings
    assert 'target = "pneumonia"' in settings
    assert "misses fewest" in done["evaluate models/"].stdout
    assert "densenet121" in (tmp_path / "report.html").read_text()


def test_the_tutorial_on_the_gate_runs(tmp_path):
    """Its commands, and its excerpt of the workflow; tests/integrations/test_story.py has what the
    gate then does."""
    write_study(tmp_path, first=100)
    done = run_commands(tmp_path, list_commands("tutorials/github.md"))
    assert "misses 1 of 3 COVID-19 images" in done["baseline set"].stderr
    example = (ROOT / "examples" / "ci" / "github-workflow.yml").read_text()
    quoted = re.findall(r"```yaml\n(.*?)```", (DOCS / "tutorials" / "github.md").read_text(), re.S)[
        0
    ]
    for line in quoted.splitlines():
        assert line.strip() in example


def test_the_tutorial_on_folds_runs(tmp_path):
    """Five models that say which fold they are of become one row, in which every image counts."""
    write_study(tmp_path)
    manifest = tmp_path / "data" / "manifest.csv"
    rows = list(csv.DictReader(manifest.read_text().splitlines()))
    with manifest.open("w", newline="") as file:
        columns = [name for name in rows[0] if name != "split"]
        writer = csv.DictWriter(file, [*columns, "patient_id"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "patient_id": f"p{i}"} for i, row in enumerate(rows))
    page = (DOCS / "tutorials" / "folds.md").read_text()
    (said,) = re.findall(r"```json\n(.*?)```", page, re.S)
    for fold in range(1, 6):
        folder = tmp_path / "runs" / f"resnet18-fold{fold}"
        write_model(folder, 100)
        (folder / "run.json").write_text(json.dumps({**json.loads(said), "fold": fold}))
    done = run_commands(tmp_path, list_commands("tutorials/folds.md"))
    assert "fold" in manifest.read_text().splitlines()[0]
    assert "8 images" in done["evaluate runs/"].stderr + done["evaluate runs/"].stdout
    assert "5 models" in (tmp_path / "report.html").read_text()


def test_the_page_on_the_study_says_what_its_counts_say(tmp_path):
    """Its commands run where the examples are; both pictures are those that they make."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run_commands(tmp_path, list_commands("study-2020.md"))
    for name in ("ranking.svg", "loss.svg"):
        made = tmp_path / "docs" / "study-2020" / name
        assert made.read_bytes() == (DOCS / "study-2020" / name).read_bytes()
    run_command(tmp_path, "render", "examples/study-2020", "--format", "json", "--output", "r.json")
    (ranking,) = json.loads((tmp_path / "r.json").read_text())["rankings"]
    ranked = [row for row in ranking["rows"] if row["rank"] is not None]
    assert (len(ranked), ranked[0]["missed"], ranked[0]["false_alarms"]) == (16, 8, 195)
    assert ranked[1]["missed"] == 10
    page = " ".join((DOCS / "study-2020.md").read_text().split())
    for words in ("**8 of 28 missed**", "195 false alarms among 600", "2,200 positives of 6,200"):
        assert words in page


def test_the_explanations_quote_what_can_be_counted():
    """Coins: 3 of 8 or more uneven in 0.727 of throws; six alike in 0.031, five in 0.062."""
    from scipy.stats import binomtest

    page = (DOCS / "explanation" / "luck.md").read_text()
    for missed, of in ((3, 8), (0, 6), (0, 5)):
        assert f"{binomtest(missed, of).pvalue:.3f}" in page
    simulated = (DOCS / "gate.md").read_text()
    (strict,) = re.findall(r"^\| 28 \| strict \| 0 \| (.+) \|$", simulated, re.M)
    ours = (DOCS / "explanation" / "gate.md").read_text()
    (equal, _), (_, worse), (far, _) = (each.split(", ") for each in strict.split(" | "))
    for figure in (equal, worse, far):
        assert figure in ours
