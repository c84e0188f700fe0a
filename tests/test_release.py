"""What goes out: one owner, one version, forms that GitHub can read."""

from __future__ import annotations

import datetime
import re
import shutil
import tomllib

import pytest

from covidreport import __version__
from release.cut import check_version, close_unreleased, find_day, name_places, write_sign_off
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
from release.versions import EXTRAS, OLDEST, list_tests

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


LOG = """# Changelog

## [Unreleased]

### Fixed
- A fault.

"""


def test_a_release_closes_what_is_unreleased():
    """Under its version and day; each version's address stands at the end, the newest first."""
    first = close_unreleased(LOG, "0.2.0", datetime.date(2027, 1, 5), "clinic")
    assert first == (
        "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-05\n\n### Fixed\n- A fault.\n\n"
        "[Unreleased]: https://github.com/clinic/covidreport/compare/v0.2.0...HEAD\n"
        "[0.2.0]: https://github.com/clinic/covidreport/releases/tag/v0.2.0\n"
    )
    more = first.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n- More.\n", 1)
    second = close_unreleased(more, "0.3.0", datetime.date(2027, 2, 5), "clinic")
    assert "## [0.3.0] - 2027-02-05\n\n### Added\n- More.\n\n## [0.2.0] - 2027-01-05\n" in second
    assert second.endswith(
        "[Unreleased]: https://github.com/clinic/covidreport/compare/v0.3.0...HEAD\n"
        "[0.3.0]: https://github.com/clinic/covidreport/compare/v0.2.0...v0.3.0\n"
        "[0.2.0]: https://github.com/clinic/covidreport/releases/tag/v0.2.0\n"
    )
    with pytest.raises(SystemExit, match="nothing stands under Unreleased"):
        close_unreleased(first, "0.3.0", datetime.date(2027, 2, 5), "clinic")


def test_the_changelog_is_one_of_keep_a_changelog():
    """Versions with their days, the newest first; parts by the six names, each once a version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions[1:]:
        assert re.match(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d\n", version)
    for version in versions:
        parts = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert len(parts) == len(set(parts))
        assert set(parts) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("version", ["1", "0.2", "v0.2.0", "0.2.0rc1", "0.1.9", "0.0.1"])
def test_a_version_that_can_not_come_next_is_refused(version):
    """Three numbers, and none that is older."""
    with pytest.raises(SystemExit, match=version):
        check_version(version)


def test_the_version_that_stands_unfinished_may_be_cut():
    """0.2.0 of 0.2.0.dev0, and whatever is later."""
    for version in (strip_suffix(__version__), "7.0.0"):
        if version != __version__:
            check_version(version)


def test_builds_take_the_day_of_the_version(tmp_path):
    """Midnight of the last version's day; of a changelog without any, one that is stated."""
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [0.2.0] - 2027-01-05\n")
    assert find_day(tmp_path) == 1_799_107_200
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n")
    assert find_day(tmp_path) == 1_580_601_600


def test_the_list_to_sign_has_every_bench_and_the_files_by_digest(tmp_path):
    """Each command that benchmarks/README.md quotes stands there once."""
    file = tmp_path / "a.whl"
    file.write_bytes(b"abc")
    page = write_sign_off("0.2.0", [file])
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.whl" in page
    commands = re.findall(r"^- \[ \] `(python .+)`$", page, re.MULTILINE)
    assert len(commands) == len(set(commands)) > 15
    assert "- [ ] `make test-versions`" in page
    modules = set(re.findall(r"^- \[ \] `python -m benchmarks\.(\w+)", page, re.MULTILINE))
    assert modules <= {path.stem for path in (ROOT / "benchmarks").iterdir()}


def test_a_bill_names_no_place_of_the_machine():
    """The wheel that it was made of goes by its name; addresses stay."""
    text = '{"url": "file:///home/me/dist/a-1.whl", "vcs": "https://github.com/x/y"}'
    assert name_places(text) == '{"url": "a-1.whl", "vcs": "https://github.com/x/y"}'


def test_tests_for_other_versions_need_no_torch():
    """None of `train` is among them; rooms that never know torch are."""
    files = list_tests()
    assert not any(file.startswith("tests/train/") for file in files)
    assert {"tests/metrics/test_rates.py", "tests/storage/test_written.py"} <= set(files)
    assert len(files) > 300


def test_the_oldest_are_those_that_pyproject_allows():
    """Each lower bound of what users install is the version that the tests ran with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", OLDEST.read_text(), re.MULTILINE))
    for each in wanted:
        name, bound = re.match(r"([\w-]+)(?:\[.*\])?>=([\w.]+)", each).groups()
        pinned = pins[name]
        assert pinned == bound or pinned.startswith(f"{bound}."), each
