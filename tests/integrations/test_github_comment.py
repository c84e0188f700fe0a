"""One comment on a pull request, made once and then updated, with and without the right to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from covidreport.errors import ServiceError, UsageError
from covidreport.integrations.comment import MARKER, render_comment
from covidreport.integrations.github_comment import PullRequest, main, post_comment
from tests.integrations.comment_api import serve_comments
from tests.integrations.verdicts import failed, verdict


@pytest.fixture
def api():
    """A stand-in for GitHub's API."""
    with serve_comments() as serving:
        yield serving


def _where(api):
    return PullRequest(api.address, "owner/name", 7, "token")


def test_it_is_made_once_and_then_updated(api):
    """Behind more than a page of other people's comments, one of whom quotes ours."""
    quote: dict[str, Any] = {"id": 9001, "body": f"{MARKER}\nmine", "user": {"type": "User"}}
    talk = [{"id": i + 1000, "body": "hm", "user": {"type": "User"}} for i in range(150)]
    api.comments += [quote, *talk]
    assert post_comment(_where(api), render_comment([failed()])) == "made"
    assert post_comment(_where(api), render_comment([verdict()])) == "updated"
    ours = [each for each in api.comments if each["user"]["type"] == "Bot"]
    assert [each["body"] for each in ours] == [render_comment([verdict()])]
    assert quote["body"].endswith("mine")


def test_gates_with_keys_have_a_comment_each(api):
    """`a` does not take the comment of `ab`, nor of no key."""
    for key in ("", "a", "ab", "a", ""):
        post_comment(_where(api), render_comment([verdict()]), key)
    firsts = [each["body"].splitlines()[0] for each in api.comments]
    assert firsts == [MARKER, MARKER.replace(" -->", " a -->"), MARKER.replace(" -->", " ab -->")]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_that_may_only_read_is_no_failure(api, status, tmp_path, monkeypatch, capsys):
    """A job of a fork: exit code 0, and the summary says why there is no comment."""
    api.refuse = status
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    (tmp_path / "comment.md").write_text(render_comment([failed()]))
    _job(monkeypatch, api, event, tmp_path / "summary")
    assert main([str(tmp_path / "comment.md"), ""]) == 0
    assert f"may not comment here (HTTP {status})" in capsys.readouterr().out
    assert "Jobs of forks read only" in (tmp_path / "summary").read_text()
    assert api.comments == []


def _job(monkeypatch, api, event, summary):
    monkeypatch.setenv("GITHUB_API_URL", api.address)
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))


def test_a_job_about_no_pull_request_comments_nowhere(api, tmp_path, monkeypatch, capsys):
    """A push to a branch: said, and no failure."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "refs/heads/main"}))
    _job(monkeypatch, api, event, tmp_path / "summary")
    assert main(["comment.md"]) == 0
    assert "not about a pull request" in capsys.readouterr().out
    assert api.asked == []


def test_other_refusals_are_failures(api):
    """A comment that GitHub finds too long, or a server that is gone, must be seen."""
    api.refuse = 422
    with pytest.raises(ServiceError, match="HTTP 422"):
        post_comment(_where(api), render_comment([verdict()]))
    with pytest.raises(ServiceError, match="does not answer"):
        post_comment(PullRequest("http://127.0.0.1:1", "o/n", 7, "token"), f"{MARKER}\n")


def test_only_a_verdict_s_comment_is_posted(api):
    """Another file would be a comment that nobody finds again."""
    with pytest.raises(UsageError, match="does not begin as"):
        post_comment(_where(api), "# Report")
    with pytest.raises(UsageError, match="letters, digits"):
        post_comment(_where(api), f"{MARKER}\n", "a --> b")
