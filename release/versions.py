"""The tests that need no torch, on other versions of Python and with the oldest of each library.

    python -m release versions                              # all environments, all such tests
    python -m release versions --only oldest tests/metrics  # one of them, some of the tests

Each environment is made anew under build/versions by uv, which takes an interpreter that is there,
or fetches one where it may. What can't be had is said, with exit code 3.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from release.names import ROOT
from release.tools import find_tool

PLACE = ROOT / "build" / "versions"
OLDEST = ROOT / "constraints-oldest.txt"
EXTRAS = ("cpu", "dicom", "excel", "combine", "mlflow")
"""What users may install besides; `gpu` and `train` need gigabytes."""
TORCH = ("torch", "torchvision", "timm", "onnxscript", "safetensors")


class Environment(NamedTuple):
    """A version of Python and what stands beside it."""

    name: str
    python: str
    constraints: Path


ENVIRONMENTS = (
    Environment("oldest", "3.11", OLDEST),
    Environment("3.12", "3.12", ROOT / "constraints.txt"),
    Environment("3.13", "3.13", ROOT / "constraints.txt"),
    Environment("3.14", "3.14", ROOT / "constraints.txt"),
)


def list_tests(root: Path = ROOT) -> list[str]:
    """The files of tests that import no torch, by whatever they import."""
    import grimp  # of import-linter

    graph = grimp.build_graph(
        "tests", "covidreport", "train", "benchmarks", "release",
        include_external_packages=True, cache_dir=None,
    )  # fmt: skip
    # the server that has torch is started by tests of `train` alone
    graph.remove_import(importer="tests.forking", imported="tests.train.exporter")
    heavy: set[str] = set()
    for name in TORCH:
        if name in graph.modules:
            heavy |= graph.find_downstream_modules(name)
    heavy |= {name for name in graph.modules if name.startswith("tests.train.")}  # its conftest
    names = (name for name in graph.modules - heavy if name.split(".")[-1].startswith("test_"))
    files = (Path(*name.split(".")).with_suffix(".py") for name in names)
    return sorted(file.as_posix() for file in files if (root / file).is_file())


def lock_oldest() -> None:
    """Write constraints-oldest.txt: the lowest of each library that pyproject.toml names."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    words = [
        "pip", "compile", "--quiet", "pyproject.toml", *extras, "--resolution", "lowest-direct",
        "--python-version", "3.11", "--no-annotate", "--no-header", "--output-file", str(OLDEST),
    ]  # fmt: skip
    OLDEST.unlink(missing_ok=True)  # what stands there would be kept
    subprocess.run([find_tool("uv"), *words], cwd=ROOT, check=True)
    text = OLDEST.read_text(encoding="utf-8")
    head = (
        "# The lowest versions that pyproject.toml allows: `python -m release oldest` writes it.\n"
    )
    OLDEST.write_text(head + text, encoding="utf-8")


def find_python(version: str) -> str:
    """An interpreter of that version: one of pyenv's, which uv does not look for, or its name."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(home.glob(f"{version}.*/bin/python{version}"), key=lambda file: len(str(file)))
    return str(found[-1]) if found else version


def make_environment(each: Environment) -> str:
    """Make it anew; gives why it can't be had, or nothing."""
    uv, folder = find_tool("uv"), PLACE / each.name
    made = subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--python", find_python(each.python), str(folder)],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        return f"no Python {each.python}: {_last_line(made.stderr)}"
    what = f".[{','.join((*EXTRAS, 'test-light'))}]"
    words = ["pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    done = subprocess.run(
        [uv, *words, "--constraint", str(each.constraints), "--editable", what],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return f"not installed: {_last_line(done.stderr)}" if done.returncode else ""


def _last_line(text: str) -> str:
    lines = [line.strip(" ╰─▶│├") for line in text.strip().splitlines()]
    return lines[-1] if lines else "no reason given"


def run_tests(each: Environment, tests: Sequence[str], jobs: str) -> tuple[int, str]:
    """The exit code of pytest and its last line."""
    python = PLACE / each.name / "bin" / "python"
    # hypothesis' profile `ci` has no deadline: what is slow on a busy machine is no fault
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile", "ci"]
    words += ["-n", jobs, "--dist", "loadfile"]
    done = subprocess.run(
        [str(python), *words, "--no-loadscope-reorder", *tests],
        cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    if done.returncode:
        sys.stdout.write(done.stdout[-20_000:])
    return done.returncode, _last_line(done.stdout)


def test_versions(only: Sequence[str], tests: Sequence[str], jobs: str) -> int:
    """Run the tests in every environment, or in those named, and print a line for each.

    Gives 0 where all passed, 1 where a test failed, 3 where an environment could not be had.
    """
    files = list(tests) or list_tests()
    codes, lines = [], []
    for each in ENVIRONMENTS:
        if only and each.name not in only:
            continue
        why = make_environment(each)
        code, said = (3, why) if why else run_tests(each, files, jobs)
        codes.append(code)
        lines.append(f"{each.name:>8}  {said}")
    print("\n".join(lines))
    failed = [code for code in codes if code not in (0, 3)]
    return 1 if failed else max(codes, default=0)
