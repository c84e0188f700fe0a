"""One comment on a pull request, made once and then kept up to date; run by `action.yml`.

`python -m covidreport.integrations.github_comment verdict/comment.md [KEY]` in a GitHub job. The
comment is found again by its first line; KEY sets those of several gates apart. Where FILE is not
there, the comment says that there is no verdict. A token that may
only read, as jobs of forks have, is no failure: the job's summary has the same text.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from covidreport.errors import CovidReportError, ServiceError, UsageError
from covidreport.integrations.comment import MARKER
from covidreport.streams import prepare_streams

PATIENCE_S = 30
NO_VERDICT = f"""{MARKER}
## ⛔ covidreport: not judged

The gate ended before there was a verdict: the job's log says why.
"""
"""What is posted where there is no comment's file: an older verdict must not stand as today's."""
_PAGE_SIZE = 100
_READ_ONLY = (401, 403, 404)
"""What GitHub answers to a token that may not write: 404 where it may not even know."""


class PullRequest(Struct, frozen=True):
    """Where the comment goes: the address of the API, the repository, the number, the token."""

    api: str
    repository: str
    number: int
    token: str


def find_pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """The pull request that the job is about; None where it is about something else.

    Raises UsageError outside a GitHub job, or without a token in `GITHUB_TOKEN`.
    """
    missing = [
        name
        for name in ("GITHUB_EVENT_PATH", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
        if not environment.get(name)
    ]
    if missing:
        raise UsageError(f"no {', '.join(missing)} in the environment: this runs in a GitHub job")
    event: dict[str, Any] = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    number = (event.get("pull_request") or {}).get("number")
    if not isinstance(number, int):
        return None
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    return PullRequest(
        api.rstrip("/"), environment["GITHUB_REPOSITORY"], number, environment["GITHUB_TOKEN"]
    )


def mark(text: str, key: str) -> str:
    """The comment's text with KEY in the marker that begins it."""
    if not re.fullmatch(r"[A-Za-z0-9._-]*", key):
        raise UsageError(
            f"the comment's key is {key!r}: letters, digits, dots and dashes are wanted"
        )
    if not text.startswith(MARKER):
        raise UsageError("the file does not begin as a verdict's comment does")
    return text.replace(MARKER, _marker(key), 1)


def _marker(key: str) -> str:
    return MARKER.replace(" -->", f" {key} -->") if key else MARKER


def post_comment(where: PullRequest, text: str, key: str = "") -> str:
    """Make the comment, or put the text into the one that is there; gives what was done.

    Raises ServiceError where GitHub does not answer or refuses for another reason than the token.
    """
    body = {"body": mark(text, key)}
    issues = f"{where.api}/repos/{where.repository}/issues"
    try:
        there = next(_find(where, issues, _marker(key)), None)
        if there is None:
            _request(where, "POST", f"{issues}/{where.number}/comments", body)
            return "made"
        _request(where, "PATCH", f"{issues}/comments/{there}", body)
        return "updated"
    except urllib.error.HTTPError as error:
        if error.code in _READ_ONLY:
            return f"not written: the job's token may not comment here (HTTP {error.code})"
        raise ServiceError(f"{where.api}: refused the comment: HTTP {error.code}") from error
    except OSError as error:
        raise ServiceError(f"{where.api}: does not answer ({error})") from error


def _find(where: PullRequest, issues: str, marker: str) -> Iterator[int]:
    """Our comments by their first line; a person's comment that quotes it does not begin with it.

    Comments of people are left alone: only a bot's can be one of ours.
    """
    page = 1
    while True:
        address = f"{issues}/{where.number}/comments?per_page={_PAGE_SIZE}&page={page}"
        found = _request(where, "GET", address)
        for each in found:
            begins = str(each.get("body") or "").startswith(marker)
            if begins and (each.get("user") or {}).get("type") == "Bot":
                yield int(each["id"])
        if len(found) < _PAGE_SIZE:
            return
        page += 1


def _request(where: PullRequest, method: str, address: str, body: object = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 # the address is GitHub's own, from its job
        address,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {where.token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 # see above
        return json.loads(answer.read())


def main(words: list[str]) -> int:
    """Comment, and say what was done; the exit code."""
    try:
        if not 1 <= len(words) <= 2:
            raise UsageError("usage: python -m covidreport.integrations.github_comment FILE [KEY]")
        where = find_pull_request(os.environ)
        if where is None:
            sys.stdout.write("No comment: the job is not about a pull request.\n")
            return 0
        file = Path(words[0])
        text = file.read_text(encoding="utf-8") if file.is_file() else NO_VERDICT
        done = post_comment(where, text, *words[1:])
    except OSError as error:
        sys.stderr.write(f"covidreport: {error}\n")
        return 3
    except CovidReportError as error:
        sys.stderr.write(f"covidreport: {error}\n")
        return error.exit_code
    _tell(done)
    return 0


def _tell(done: str) -> None:
    sys.stdout.write(f"Comment on the pull request: {done}.\n")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and done.startswith("not written"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(
                f"The comment on the pull request was {done}. Jobs of forks read only: the "
                "verdict stands here and in the report all the same.\n"
            )


if __name__ == "__main__":
    with prepare_streams():
        code = main(sys.argv[1:])
    sys.exit(code)
