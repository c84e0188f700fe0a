"""What leaves the machine: nothing, and nothing is left in the user's home but our own cache."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from tests.cli.command import CODE, ROOT, run_command, write_study

PIPELINES = (
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "JENKINS_URL",
    "CODEBUILD_BUILD_ID", "BUILDKITE", "TEAMCITY_VERSION", "APPVEYOR",
)  # fmt: skip
"""Where one of these is set, ONNX Runtime sends nothing by itself."""
LONG_ENOUGH_S = 13
"""ONNX Runtime asks for the address of its server after ten seconds."""


def _home(folder: Path) -> dict[str, str]:
    folder.mkdir()
    own = {"HOME": str(folder), "XDG_CACHE_HOME": "", "COVIDREPORT_CACHE": ""}
    own |= dict.fromkeys(PIPELINES, "")
    return {**own, "ORT_DISABLE_TELEMETRY": "0"}  # so the command has to set it itself


def _left(folder: Path) -> set[str]:
    """The first folders in a home, two deep."""
    return {"/".join(path.relative_to(folder).parts[:2]) for path in folder.rglob("*")}


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def _called(file: Path) -> list[str]:
    """What strace saw of the network: calls with an address that is none of this machine alone."""
    return [line for line in file.read_text(errors="replace").splitlines() if "AF_INET" in line]


def _watch(folder: Path, *words: str, home: dict[str, str], wait_s: float = 0) -> list[str]:
    """Run the command under strace, wait before its process ends; which calls it made."""
    seen = folder / "seen"
    code = f"import atexit, time; atexit.register(time.sleep, {wait_s})\n{CODE}"
    strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=network", "-o", str(seen)]
    done = subprocess.run(
        [*strace, sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **home},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return _called(seen)


def test_an_evaluation_leaves_nothing_at_home(tmp_path):
    """The real command: where telemetry is on, files of it are there as soon as it is imported."""
    study = write_study(tmp_path, base=100)
    words = ("evaluate", "--data", "data/manifest.csv", "--thumbnails", "--provider", "cpu")
    done = run_command(study, *words, fresh=True, **_home(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert _left(tmp_path / "home") == {".cache", ".cache/covidreport"}


@needs_strace
def test_no_command_calls_anybody(tmp_path):
    """Watched until after ONNX Runtime would have called its maker; charts load no fonts."""
    study = write_study(tmp_path, base=100)
    home = _home(tmp_path / "home")
    words = ("evaluate", "--data", "data/manifest.csv", "--provider", "cpu")
    assert _watch(study, *words, home=home, wait_s=LONG_ENOUGH_S) == []
    for others in (("render", "--format", "markdown", "--charts"), ("audit", "data", "runs")):
        assert _watch(study, *others, home=home) == []
    assert _left(tmp_path / "home") == {".cache", ".cache/covidreport"}


@pytest.mark.skipif(
    tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 29) or sys.platform != "linux",
    reason="sends nothing",
)
def test_without_the_variable_something_would_be_left(tmp_path):
    """What the tests above look for is there where ONNX Runtime is imported by itself."""
    environment = {**os.environ, **_home(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=environment, check=True)
    assert ".cache/Microsoft" in _left(tmp_path / "home")


def test_the_variable_is_set_before_every_import():
    """Whatever imports ONNX Runtime stands in a package that has set it: here, and in the rest."""
    packages = {
        path.relative_to(ROOT).parts[0 : 2 if path.is_relative_to(ROOT / "covidreport") else 1]
        for folder in ("covidreport", "train", "benchmarks", "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if _imports_runtime(path)
    }
    assert ("covidreport", "inference") in packages
    for package in packages:
        text = (ROOT.joinpath(*package) / "__init__.py").read_text()
        assert "ORT_DISABLE_TELEMETRY" in text, package


def _imports_runtime(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return "onnxruntime" in text and any(
        name.split(".")[0] == "onnxruntime"
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    )  # fmt: skip
