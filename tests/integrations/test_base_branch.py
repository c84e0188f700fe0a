"""Whether a change moves what it is judged by: the baseline, the settings, the manifest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from covidreport.errors import UsageError
from covidreport.integrations.base_branch import DIFFERS, NOT_COMPARED, compare_with_base, find_base
from covidreport.settings import SETTINGS_FILE

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": "main"}
GITLAB = {"GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
PLACES = [Path("baseline.json"), Path("data/manifest.csv"), Path("runs/base")]


def _git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A clone on a branch of its own, which has changed nothing yet; its origin has `main`."""
    origin = tmp_path / "origin"
    for name in ("baseline.json", "covidreport.toml", "data/manifest.csv", "runs/base/model.onnx"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(f"[{name!r}]\n")
    (origin / "pyproject.toml").write_text(
        "[project]\nname = 'a'\n[tool.covidreport]\nmargin = 1\n"
    )
    _git(tmp_path, "init", "-q", "-b", "main", str(origin))
    _git(origin, "add", "-A")
    _git(origin, "commit", "-qm", "first")
    _git(tmp_path, "clone", "-q", str(origin), "here")
    _git(tmp_path / "here", "checkout", "-qb", "change")
    return tmp_path / "here"


def _compare(folder, places=PLACES, environment=GITHUB, asked=None):
    """Code and what it is about, of each finding."""
    found = compare_with_base(find_base(asked, environment), places, folder, SETTINGS_FILE)
    return [(each.code, each.subjects) for each in found]


@pytest.mark.parametrize(
    ("environment", "asked"), [(GITHUB, None), (GITLAB, None), ({}, "main"), ({}, "origin/main")]
)
def test_what_is_as_in_the_base_branch_is_not_told(checkout, environment, asked):
    """Whoever states the branch; and a change is seen."""
    assert _compare(checkout, environment=environment, asked=asked) == []
    (checkout / "baseline.json").write_text("another\n")
    found = _compare(checkout, environment=environment, asked=asked)
    assert found == [(DIFFERS, ("baseline.json",))]


def test_gitlab_s_commit_goes_before_the_branch(checkout):
    """It is where the change began; where it is not there, the branch is taken."""
    first = _git(checkout, "rev-parse", "HEAD")
    for sha in (first, "0" * 40):
        assert (
            _compare(checkout, environment={**GITLAB, "CI_MERGE_REQUEST_DIFF_BASE_SHA": sha}) == []
        )


@pytest.mark.parametrize("name", ["baseline.json", "data/manifest.csv", "runs/base/model.onnx"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_file_that_is_changed_or_deleted_is_named(checkout, name, committed):
    """In the working tree or in a commit."""
    (checkout / name).write_text("another\n")
    if committed:
        _git(checkout, "commit", "-qam", "second")
    assert _compare(checkout) == [(DIFFERS, (name,))]
    (checkout / name).unlink()
    assert _compare(checkout) == [(DIFFERS, (name,))]


def test_a_file_that_the_base_branch_does_not_have(checkout):
    """Committed it differs; untracked, or ignored, it can't be compared."""
    (checkout / ".gitignore").write_text("*.json\n")
    (checkout / "other.json").write_text("{}\n")
    places = [Path("other.json")]
    assert _compare(checkout, places) == [(NOT_COMPARED, ("other.json",))]
    _git(checkout, "add", "-f", "other.json")
    _git(checkout, "commit", "-qm", "second")
    assert _compare(checkout, places) == [(DIFFERS, ("other.json",))]


def test_a_baseline_s_folder_holds_a_model_that_git_does_not_know(checkout):
    """Its evaluations are computed, and not looked at."""
    place = checkout / "runs" / "base" / "evaluations" / "data-validation"
    place.mkdir(parents=True)
    (place / "scores.parquet").write_text("x")
    assert _compare(checkout) == []
    (checkout / "runs" / "base" / "model.onnx.data").write_text("weights")
    assert _compare(checkout) == [(NOT_COMPARED, ("runs/base",))]


def test_settings_at_and_above_the_folder_are_looked_at(checkout):
    """Changed, deleted, or put nearer, where they would hold instead."""
    (checkout / "below").mkdir()
    assert _compare(checkout / "below", []) == []
    (checkout / "below" / "covidreport.toml").write_text("specificity_floor = 0\n")
    found = _compare(checkout / "below", [])
    assert found == [(DIFFERS, ("below/covidreport.toml",))]
    (checkout / "below" / "covidreport.toml").unlink()
    (checkout / "covidreport.toml").unlink()
    assert _compare(checkout / "below", []) == [(DIFFERS, ("covidreport.toml",))]


def test_of_a_project_file_only_our_table_matters(checkout):
    """A new version of the project is no change of the yardstick."""
    file = checkout / "pyproject.toml"
    file.write_text(file.read_text().replace("'a'", "'b'"))
    assert _compare(checkout) == []
    file.write_text(file.read_text().replace("margin = 1", "margin = 2"))
    assert _compare(checkout) == [(DIFFERS, ("pyproject.toml",))]


def test_what_a_link_points_to_is_looked_at(checkout):
    """The link itself is as it was."""
    _git(checkout, "checkout", "-q", "main")
    (checkout / "link.json").symlink_to("baseline.json")
    _git(checkout, "add", "-A")
    _git(checkout, "commit", "-qm", "link")
    _git(checkout, "push", "-q", "origin", "main:other")
    (checkout / "baseline.json").write_text("another\n")
    found = _compare(checkout, [Path("link.json")], {}, "origin/other")
    assert found == [(DIFFERS, ("baseline.json",))]


def test_rules_by_which_git_reads_files_are_looked_at(checkout):
    """`ident` makes git call two files the same that are not."""
    (checkout / ".gitattributes").write_text("baseline.json ident\n")
    _git(checkout, "add", "-A")
    assert _compare(checkout) == [(DIFFERS, (".gitattributes",))]


def test_a_place_outside_the_repository_is_told(checkout, tmp_path):
    """Nothing is known of it."""
    (tmp_path / "elsewhere.csv").write_text("id\n")
    found = _compare(checkout, [tmp_path / "elsewhere.csv"])
    assert found == [(NOT_COMPARED, ("elsewhere.csv",))]


@pytest.mark.parametrize("name", ["a b.json", "-x.json", ":(exclude)y", "*", "ü\n.json"])
def test_any_name_of_a_file_is_taken_as_it_is(checkout, name):
    """As no option, no pattern and no magic word."""
    (checkout / name).write_text("{}\n")
    found = _compare(checkout, [Path(name)])
    assert found == [(NOT_COMPARED, (name,))]
    _git(checkout, "add", "-A")
    assert _compare(checkout, [Path(name)]) == [(DIFFERS, (name,))]


def _words(folder, environment):
    (found,) = compare_with_base(find_base(None, environment), PLACES, folder, SETTINGS_FILE)
    assert found.code == NOT_COMPARED
    return found.what


def test_where_nothing_can_be_compared_it_is_said(checkout, tmp_path, monkeypatch):
    """Without the branch, without a repository, without git."""
    assert (
        "not compared with the base branch absent: this checkout does not have it (a shallow "
        in (_words(checkout, {**GITHUB, "GITHUB_BASE_REF": "absent"}))
    )
    (tmp_path / "plain").mkdir()
    assert "not a git repository" in _words(tmp_path / "plain", GITHUB)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed here" in _words(checkout, GITHUB)


def test_a_shallow_clone_of_the_change_alone(checkout, tmp_path):
    """As `actions/checkout` makes it where nothing is said."""
    _git(checkout, "push", "-q", "origin", "change")
    _git(
        tmp_path, "clone", "-q", "--depth=1", "--branch=change", f"file://{tmp_path}/origin", "thin"
    )
    assert "a shallow clone?" in _words(tmp_path / "thin", GITHUB)
    fetched = "+refs/heads/main:refs/remotes/origin/main"
    _git(tmp_path / "thin", "fetch", "-q", "--no-tags", "--depth=1", "origin", fetched)
    assert _compare(tmp_path / "thin") == []


def test_without_a_base_nothing_is_said(checkout):
    """A push, or somebody's own machine."""
    (checkout / "baseline.json").write_text("another\n")
    for environment in (
        {},
        {"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": ""},
        {"GITLAB_CI": "true"},
    ):
        assert _compare(checkout, environment=environment) == []


@pytest.mark.parametrize("name", ["", "-x", "--output=stolen", "main:baseline.json", "a\nb"])
def test_a_name_that_git_would_take_otherwise_is_refused(checkout, name):
    """As wrong usage where it is asked for; where a service states it, nothing is compared."""
    with pytest.raises(UsageError, match="is no name of a branch or commit"):
        find_base(name, {})
    if name:
        _words(checkout, {**GITHUB, "GITHUB_BASE_REF": name})
    assert not list(checkout.glob("stolen*"))
