"""What a change has to do with the branch that it is to be merged into: does it move the yardstick?

A change that replaces `baseline.json`, the settings or the manifest decides what it is judged by.
Git is asked by fixed arguments, without a shell, and only reads.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from covidreport.errors import UsageError
from covidreport.records import Finding
from covidreport.storage.address import Address
from covidreport.storage.copied import CopiedPath
from covidreport.store import EVALUATIONS_FOLDER
from covidreport.text import list_some

DIFFERS = "differs-from-base"
NOT_COMPARED = "not-compared-with-base"
PROJECT_FILE = "pyproject.toml"
MOST_NAMED = 10
_LIMIT_S = 60
_OURS = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
"""Nothing of the machine's configuration starts a program or spells names otherwise."""


class Base(Struct, frozen=True):
    """A branch, as it is called, and the names under which git may have it."""

    name: str
    refs: tuple[str, ...]


class _RefusedError(Exception):
    """Why git can't say."""


def find_base(name: str | None, environment: Mapping[str, str]) -> Base | None:
    """The branch that is asked for, else the one that GitHub or GitLab states, else None.

    UsageError for one that git would take for an option, or for more than a revision.
    """
    if name is not None:
        if not _is_plain(name):
            raise UsageError(f"--base {name!r}: is no name of a branch or commit, such as main")
        return Base(name, (name, f"refs/remotes/origin/{name}"))
    stated = []
    if environment.get("GITHUB_ACTIONS") == "true":
        stated = [(environment.get("GITHUB_BASE_REF"), "refs/remotes/origin/{}")]
    elif environment.get("GITLAB_CI") == "true":
        stated = [
            (environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"), "{}"),
            (environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), "refs/remotes/origin/{}"),
        ]
    named = [(name, ref.format(name)) for name, ref in stated if name]
    if not named:
        return None
    return Base(named[-1][0], tuple(ref for name, ref in named if _is_plain(name)))


def _is_plain(name: str) -> bool:
    return bool(name) and not name.startswith("-") and name.isprintable() and ":" not in name


def compare_with_base(
    base: Base | None, paths: Sequence[Path], folder: Path, settings_file: str
) -> tuple[Finding, ...]:
    """What at the paths differs from the base branch, and what can't be known; at most a finding
    each.

    paths: files and folders; of a run folder's evaluations nothing is looked at, since they are
    computed. One that is not there may have been deleted. The settings that hold in `folder`, in
    files of this name or in a pyproject.toml, are looked at as well. Empty where there is no base,
    or all is as it is there.
    """
    if base is None:
        return ()
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n")).resolve()
        commit = _resolve(top, base)
        changed, unknown = _compare_all(top, commit, paths, folder)
        changed += _compare_settings(top, commit, folder.resolve(), settings_file)
    except _RefusedError as error:
        return (_not_compared(base, str(error), ()),)
    found = []
    if changed:
        found.append(_differs(base, list(dict.fromkeys(changed))))
    if unknown:
        named = list_some([f"{name} ({why})" for name, why in unknown.items()], MOST_NAMED)
        found.append(_not_compared(base, named, tuple(unknown)))
    return tuple(found)


def _differs(base: Base, names: Sequence[str]) -> Finding:
    return Finding(
        "warning",
        DIFFERS,
        f"What decides the verdict differs from the base branch {base.name}: "
        f"{list_some(names, MOST_NAMED)}",
        "the change that is judged brings its own baseline, settings or manifest",
        "Review these files first: a verdict by another yardstick is none on the change.",
        tuple(names),
    )


def _not_compared(base: Base, why: str, names: tuple[str, ...]) -> Finding:
    return Finding(
        "warning",
        NOT_COMPARED,
        f"Baseline, settings or manifest were not compared with the base branch {base.name}: {why}",
        "whether the change moves what it is judged by is not known",
        "Fetch the base branch before (`fetch-depth: 0`, `GIT_DEPTH: 0`, or `git fetch origin "
        "BRANCH`), and keep what decides verdicts in git.",
        names,
    )


def _resolve(top: Path, base: Base) -> str:
    for ref in base.refs:
        try:
            return _git(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        except _RefusedError:
            continue
    raise _RefusedError("this checkout does not have it (a shallow clone?)")


def _compare_all(
    top: Path, commit: str, paths: Sequence[Path], folder: Path
) -> tuple[list[str], dict[str, str]]:
    """What differs, by its name in the repository, and why what can't be compared can't."""
    changed: list[str] = []
    unknown: dict[str, str] = {}
    here = [path for path in paths if not isinstance(path, Address | CopiedPath)]
    unknown |= {path.as_posix(): "in an object store" for path in paths if path not in here}
    for path in dict.fromkeys(alias for each in here for alias in _aliases(each, folder)):
        if not path.is_relative_to(top):
            unknown[path.name] = "outside the repository"
            continue
        named = path.relative_to(top).as_posix()
        changed += _diff(top, commit, path)
        strange = _list_untracked(top, named)
        if strange == [named]:
            unknown[named] = "not under version control"
        elif strange:
            unknown[named] = f"{len(strange):,} of its files are not under version control"
    return changed, unknown


def _aliases(path: Path, folder: Path) -> tuple[Path, ...]:
    """A path as it is called, and what it is a link to."""
    named = folder.resolve() / path
    return (Path(os.path.normpath(named)), named.resolve())


def _diff(top: Path, commit: str, path: Path) -> list[str]:
    """The files at a path that are not as in the commit, and whatever says how git reads them.

    `.gitattributes` may say that two files are the same which are not; a pointer of DVC stands
    beside what it points to.
    """
    above = [each for each in path.parents if each.is_relative_to(top)]
    watched = [path, path.with_name(f"{path.name}.dvc"), *(a / ".gitattributes" for a in above)]
    words = [f":(top,literal){each.relative_to(top).as_posix()}" for each in watched]
    text = _git(
        top, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
        commit, "--", *words,
    )  # fmt: skip
    return [name for name in text.split("\0") if name and not _is_evaluation(name)]


def _list_untracked(top: Path, named: str) -> list[str]:
    text = _git(top, "ls-files", "--others", "-z", "--", f":(top,literal){named}")
    return [name for name in text.split("\0") if name and not _is_evaluation(name)]


def _is_evaluation(name: str) -> bool:
    return EVALUATIONS_FOLDER in name.split("/")[:-1]


def _compare_settings(top: Path, commit: str, folder: Path, settings_file: str) -> list[str]:
    """The settings files at and above the folder that are not as in the commit.

    Of a pyproject.toml the table `[tool.covidreport]` alone is looked at.
    """
    found = []
    for path in (folder, *folder.parents):
        if not path.is_relative_to(top):
            break
        for name in (settings_file, PROJECT_FILE):
            file = path / name
            named = file.relative_to(top).as_posix()
            theirs, ours = _show(top, commit, named), _read(file)
            read = _table if name == PROJECT_FILE else str
            if read(theirs) != read(ours):
                found.append(named)
    return found


def _show(top: Path, commit: str, named: str) -> str | None:
    """A file's text in the commit; None where it is not there."""
    try:
        return _git(top, "show", "--no-textconv", f"{commit}:{named}").replace("\r\n", "\n")
    except _RefusedError:
        return None


def _read(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        return None


def _table(text: str | None) -> object:
    """`[tool.covidreport]`; the text itself where it is no TOML."""
    try:
        return tomllib.loads(text or "").get("tool", {}).get("covidreport")
    except (tomllib.TOMLDecodeError, AttributeError):
        return text


def _git(folder: Path, *words: str) -> str:
    """What git prints; `_RefusedError` where it is not there, takes too long or says no."""
    environment = {
        **os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    try:
        done = subprocess.run(
            ["git", *_OURS, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,  # noqa: S607 - the git of the user
            capture_output=True, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except OSError as error:
        raise _RefusedError("git is not installed here") from error
    except subprocess.SubprocessError as error:
        raise _RefusedError("git did not answer") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _RefusedError(said[0] if said else "git could not tell")
    return done.stdout.decode("utf-8", "surrogateescape")
