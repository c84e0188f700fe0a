"""Who may know whom: the contracts of pyproject.toml, their exceptions, and that they notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = {"acyclic_siblings": 0}
"""How many imports each contract overlooks. Lower a number with the list; never raise one."""


def test_the_list_of_exceptions_only_shrinks():
    """One import a line, none behind a wildcard, as many as are stated here."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    listed = {
        each["type"]: each["ignore_imports"] for each in contracts if "ignore_imports" in each
    }
    assert {kind: len(set(imports)) for kind, imports in listed.items()} == EXCEPTIONS
    assert not [each for imports in listed.values() for each in imports if "*" in each]
    strict = [each for each in contracts if "ignore_imports" in each]
    assert {each["unmatched_ignore_imports_alerting"] for each in strict} == {"error"}


def _lint(folder: Path) -> str:
    """What lint-imports says of the packages in a folder; empty where every contract is kept."""
    tool = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run(
        [tool, "--no-cache"], cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("metrics/counts.py", "from covidreport.compare import Plan", "metrics is not allowed"),
        ("storage/write.py", "import covidreport.dataset", "storage is not allowed"),
        ("audit/splits.py", "import covidreport.gate", "audit is not allowed to import"),
        ("metrics/rates.py", "import covidreport.metrics.compute", "No cycles are allowed"),
        ("utilities.py", "", "utilities"),
        ("report/csv.py", "import pandas", "pandas is imported for notebooks alone BROKEN"),
        ("cli/doctor.py", "import onnxruntime", "onnxruntime is imported in inference alone BROK"),
    ],
)
def test_an_import_that_climbs_breaks_a_contract(tmp_path, file, code, said):
    """In a copy of the packages with one line more; also a room without a floor."""
    _copy(tmp_path)
    path = tmp_path / "covidreport" / file
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{code}\n")
    assert said in " ".join(_lint(tmp_path).split())


def test_an_exception_that_nothing_needs_is_refused(tmp_path):
    """The packages as they are keep every contract; with one exception too many they do not."""
    _copy(tmp_path)
    assert _lint(tmp_path) == ""
    settings = tmp_path / "pyproject.toml"
    first = "ignore_imports = [\n"
    text = settings.read_text()
    settings.write_text(
        text.replace(first, f'{first}  "covidreport.errors -> covidreport.cli",\n', 1)
    )
    assert "covidreport.errors -> covidreport.cli" in " ".join(_lint(tmp_path).split())


def _copy(folder: Path) -> None:
    for package in ("covidreport", "train"):
        files = shutil.ignore_patterns("__pycache__", "*.json")
        shutil.copytree(ROOT / package, folder / package, ignore=files)
    shutil.copy(ROOT / "pyproject.toml", folder)
