"""ONNX Runtime is there once, or each command that needs it says the one line that mends it."""

from __future__ import annotations

import json
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError

import pytest

from covidreport.inference import runtime
from tests.cli.command import run_command, write_project

HIDDEN = """
import importlib.metadata, importlib.util
usual = importlib.metadata.version, importlib.util.find_spec
def hide_version(name):
    if name.startswith('onnxruntime'):
        raise importlib.metadata.PackageNotFoundError(name)
    return usual[0](name)
importlib.metadata.version = hide_version
def hide_spec(name, *more):
    return None if name == 'onnxruntime' else usual[1](name, *more)
importlib.util.find_spec = hide_spec
"""
"""Python that makes this process one of an environment without ONNX Runtime."""


def _pretend(monkeypatch, packages, origin):
    def version(name):
        if name not in packages:
            raise PackageNotFoundError(name)
        return "1.31.1"

    spec = None if origin is None else ModuleSpec("onnxruntime", None, origin=origin or None)
    monkeypatch.setattr(runtime, "version", version)
    monkeypatch.setattr(runtime, "find_spec", lambda name: spec)


@pytest.mark.parametrize("package", ["onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"])
def test_one_package_is_right(monkeypatch, package):
    """Whichever it is; and one that somebody built and named otherwise."""
    _pretend(monkeypatch, {package}, "/site/onnxruntime/__init__.py")
    assert runtime.explain_missing() is None
    _pretend(monkeypatch, set(), "/site/onnxruntime/__init__.py")
    assert runtime.explain_missing() is None


@pytest.mark.parametrize(
    ("packages", "origin", "line"),
    [
        (set(), None, "pip install 'covidreport[gpu]'"),
        (set(), "", "pip install 'covidreport[cpu]'"),  # an empty folder of that name
        (
            {"onnxruntime", "onnxruntime-gpu"},
            "/site/onnxruntime/__init__.py",
            "pip uninstall -y onnxruntime onnxruntime-gpu",
        ),
        ({"onnxruntime-gpu"}, "", "pip install --force-reinstall --no-deps onnxruntime-gpu"),
        ({"onnxruntime"}, None, "pip install --force-reinstall --no-deps onnxruntime"),
    ],
)
def test_what_is_missing_or_twice_is_told_with_what_to_do(monkeypatch, packages, origin, line):
    """None, two that overwrite each other, and what one leaves that took the other's files."""
    _pretend(monkeypatch, packages, origin)
    assert f"`{line}`" in str(runtime.explain_missing())


def test_commands_that_need_it_say_so_and_the_others_work(tmp_path):
    """One line, no traceback; what stands is listed and rendered all the same."""
    study = write_project(tmp_path, base=100)
    run_command(study, "evaluate")
    for words in (("evaluate",), ("predict", "runs/base", "data"), ("ci", "runs")):
        done = run_command(study, *words, before=HIDDEN, fresh=True)
        assert done.returncode in (2, 3), done.stderr
        assert "ONNX Runtime, which is not installed" in done.stderr
        assert "Traceback" not in done.stderr
    for line in ("list", "render", "gate runs --limit specificity>=0.1"):
        assert run_command(study, *line.split(), before=HIDDEN, fresh=True).returncode == 0
    done = run_command(study, "doctor", before=HIDDEN, fresh=True)
    assert (done.returncode, "no ONNX Runtime" in done.stdout) == (3, True)
    done = run_command(study, "doctor", "--json", before=HIDDEN, fresh=True)
    told = json.loads(done.stdout)
    assert (told["schema"], told["onnxruntime"], told["providers"]) == (
        "covidreport.doctor/1", None, [],
    )  # fmt: skip
    assert "pip install 'covidreport[cpu]'" in told["fault"]
