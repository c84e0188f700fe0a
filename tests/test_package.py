"""What is installed: the package with its templates, and no other name."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

ROOT = Path(__file__).resolve().parent.parent


def _python(code: str, cwd: Path, *path: str) -> str:
    """Run `code` in a new interpreter that does not see the current folder."""
    environment = {"PYTHONPATH": ":".join(path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=cwd, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_a_wheel_holds_the_templates_and_only_the_package(tmp_path):
    """From an unpacked wheel alone, the templates are found; `train` and `tests` are not in it."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"covidreport"}
    assert "covidreport/templates/report.html.j2" in names
    assert "covidreport/py.typed" in names
    assert "covidreport/schemas/verdict.schema.json" in names
    assert "covidreport/schemas/evaluation.schema.json" in names
    code = (
        "import covidreport; from covidreport.report.environment import find_templates; "
        "print(covidreport.__file__); print(find_templates())"
    )
    package, templates = _python(code, tmp_path, str(tmp_path / "site")).splitlines()
    assert Path(package).parent == tmp_path / "site" / "covidreport"
    assert Path(templates) == tmp_path / "site" / "covidreport" / "templates"


def test_the_editable_install_finds_the_templates_of_the_checkout(tmp_path):
    """Outside the checkout that is installed, its templates are found.

    That checkout is not always this one: the environment may be shared with a git worktree.
    """
    code = (
        "from importlib.metadata import distribution; "
        "from covidreport.report.environment import find_templates; "
        "print(distribution('covidreport').read_text('direct_url.json')); print(find_templates())"
    )
    installed, templates = _python(code, tmp_path).splitlines()
    origin = json.loads(installed)
    assert origin["dir_info"]["editable"]
    assert Path(url2pathname(urlsplit(origin["url"]).path)) == Path(templates).parent
    assert Path(templates).name == "templates"


def test_train_takes_no_name_in_site_packages(tmp_path):
    """`train` and `tests` can be imported from the checkout's folder only."""
    code = "import importlib.util as u; print([u.find_spec(n) for n in ('train', 'tests')])"
    assert _python(code, tmp_path) == "[None, None]"


def test_the_package_is_a_command_too():
    """Where the folder of scripts is not on the path: `python -m covidreport`."""
    done = subprocess.run(
        [sys.executable, "-m", "covidreport", "--version"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("covidreport ")
