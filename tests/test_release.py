"""What goes out: one owner, one version, forms that GitHub can read."""

from __future__ import annotations

import re
import shutil

import pytest

from covidreport import __version__
from release.names import (
    OWNER,
    ROOT,
    VERSION,
    find_owner,
    find_version,
    list_texts,
    strip_suffix,
    write_names,
)
from release.readme_hook import link_absolutely

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed here")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_every_text_names_the_owner_and_the_version_that_is_cut():
    """Those of pyproject.toml and of the package; each is named in the files that readers copy."""
    named = {
        file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in list_texts()
    }
    owners = {file: set(OWNER.findall(text)) for file, text in named.items()}
    versions = {file: set(VERSION.findall(text)) for file, text in named.items()}

    assert find_version() == __version__
    assert set().union(*owners.values()) == {find_owner()}
    assert set().union(*versions.values()) == {strip_suffix(__version__)}
    ours = ("github-workflow.yml", "pre-commit-config.yaml")
    for file in ("README.md", "CITATION.cff", *(f"examples/ci/{name}" for name in ours)):
        assert (owners[file], versions[file]) == ({find_owner()}, {strip_suffix(__version__)})
    assert owners[".github/ISSUE_TEMPLATE/config.yml"]
    assert owners["pyproject.toml"]


def test_both_are_written_from_one_place(tmp_path):
    """Another owner and version reach each text; nothing else in them changes."""
    for file in [*list_texts(), ROOT / "covidreport" / "__init__.py"]:
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for name, old, new in (
        ("pyproject.toml", f"Repository = \"https://github.com/{find_owner()}/",
         "Repository = \"https://github.com/some-clinic/"),
        ("covidreport/__init__.py", f'"{__version__}"', '"1.12.0.dev3"'),
    ):  # fmt: skip
        file = tmp_path / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")

    changed = write_names(tmp_path)

    assert tmp_path / "examples" / "ci" / "pre-commit-config.yaml" in changed
    hooks = (tmp_path / "examples" / "ci" / "pre-commit-config.yaml").read_text(encoding="utf-8")
    (repo,) = yaml.safe_load(hooks)["repos"]
    assert (repo["repo"], repo["rev"]) == ("https://github.com/some-clinic/covidreport", "v1.12.0")
    for file in changed:
        before = (ROOT / file.relative_to(tmp_path)).read_text(encoding="utf-8")
        after = file.read_text(encoding="utf-8")
        assert find_owner() not in OWNER.findall(after)
        again = after.replace("some-clinic", find_owner())
        again = again.replace("1.12.0", strip_suffix(__version__))
        assert again == before
    assert write_names(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/a.md#b)", "[a](https://x.org/r/blob/v0.2.0/docs/a.md#b)"),
        ("![a](docs/a.png)", "![a](https://x.org/r/raw/v0.2.0/docs/a.png)"),
        ("[a](#b) [c](https://d.org)", "[a](#b) [c](https://d.org)"),
    ],
)
def test_links_lead_into_the_repository(text, expected):
    """At the tag of the version; those to other places and within the page stay."""
    assert link_absolutely(text, "https://x.org/r", "0.2.0.dev0") == expected


def test_issue_forms_are_what_github_takes():
    """Names and kinds of fields as GitHub's syntax for issue forms has them."""
    assert [file.stem for file in FORMS] == ["bug", "config", "idea", "wrong-number"]
    for file in FORMS:
        form = yaml.safe_load(file.read_text(encoding="utf-8"))
        if file.stem == "config":
            (contact,) = form["contact_links"]
            assert contact["url"].endswith("/security/advisories/new")
            continue
        assert set(form) == {"name", "description", "labels", "body"}
        assert any(part["type"] != "markdown" for part in form["body"])
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids))
        for part in form["body"]:
            assert set(part) <= {"type", "id", "attributes", "validations"}
            wanted = {"markdown": "value", "textarea": "label"}
            assert part["attributes"][wanted[part["type"]]]


def test_the_citation_has_what_its_format_requires():
    """Title, authors, a message; the authors are the project, and no person."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": "The covidreport authors"}]
    assert re.fullmatch(r"\d+\.\d+\.\d+", citation["version"])
