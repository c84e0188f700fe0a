"""What is installed: the package with its templates, what trains, and no other name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from hatchling.builders.wheel import WheelBuilder

from release.names import find_owner, strip_suffix

ROOT = Path(__file__).resolve().parent.parent


def _python(code: str, cwd: Path, *path: str) -> str:
    """Run `code` in a new interpreter that does not see the current folder."""
    environment = {"PYTHONPATH": ":".join(path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=cwd, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_holds_the_templates_and_no_name_but_ours(site, tmp_path):
    """From an unpacked wheel alone, the templates are found; `train` and `tests` are not in it."""
    names = {file.relative_to(site).as_posix() for file in site.rglob("*")}
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "covidreport", "covidreport_train",
    }  # fmt: skip
    assert "covidreport/templates/report.html.j2" in names
    assert "covidreport/py.typed" in names
    assert "covidreport/schemas/verdict.schema.json" in names
    assert "covidreport/schemas/evaluation.schema.json" in names
    code = (
        "import covidreport; from covidreport.report.environment import find_templates; "
        "print(covidreport.__file__); print(find_templates())"
    )
    package, templates = _python(code, tmp_path, str(site)).splitlines()
    assert Path(package).parent == site / "covidreport"
    assert Path(templates) == site / "covidreport" / "templates"


def test_a_wheel_that_is_built_elsewhere_is_the_same(tmp_path, monkeypatch):
    """Byte for byte, of a copy whose files are newer and closed to others."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1580601600")
    copy = tmp_path / "copy"
    for name in ("covidreport", "templates", "train", "release"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, copy / name)
    (copy / "covidreport_train").symlink_to("train")
    for file in copy.rglob("*.py"):
        file.chmod(0o600)
    made = [
        Path(next(WheelBuilder(str(root)).build(directory=str(tmp_path / name)))).read_bytes()
        for name, root in (("here", ROOT), ("there", copy))
    ]
    assert made[0] == made[1]


def test_an_index_shows_the_readme_with_links_that_lead_somewhere(site):
    """Each into the repository at the version, to a file that is there; badges of Python and OS."""
    (file,) = site.glob("*.dist-info/METADATA")
    metadata = message_from_string(file.read_text(encoding="utf-8"))
    shown = str(metadata.get_payload())
    targets = re.findall(r"\]\(([^)\s]+)\)", shown)
    place = f"https://github.com/{find_owner()}/covidreport"
    tag = f"v{strip_suffix(metadata['Version'])}"

    assert len(targets) > 40
    for target in targets:
        found = re.fullmatch(f"{place}/(blob|raw)/{tag}/([^#]+)(#.*)?", target)
        assert found or not target.startswith(place), target
        assert target.startswith(("https://", "#")), target
        assert found is None or (ROOT / found[2]).exists(), target
    assert f"]({place}/raw/{tag}/docs/report.png)" in shown
    assert metadata["Author"] == "The covidreport authors"
    urls = dict(re.findall(r"^Project-URL: (\w+), (.+)$", file.read_text(), re.MULTILINE))
    assert set(urls) == {"Changelog", "Documentation", "Issues", "Repository", "Security"}
    assert all(each.startswith(place) for each in urls.values())
    named = {each.split(" :: ")[-1] for each in metadata.get_all("Classifier")}
    assert {"3.11", "3.12", "3.13", "3.14", "Linux", "MacOS", "Windows"} <= named


def test_what_trains_is_called_otherwise_in_a_wheel(site, tmp_path):
    """`covidreport-train`, whose modules all load beside a user's own train.py, and its studies."""
    (tmp_path / "train.py").write_text("raise SystemExit('the train.py of somebody else')")
    (entries,) = site.glob("*.dist-info/entry_points.txt")
    assert "covidreport-train = covidreport_train.cli:main" in entries.read_text()
    code = """
import importlib, pkgutil, sys, covidreport_train as top
for each in pkgutil.walk_packages(top.__path__, "covidreport_train."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)
assert "train" not in sys.modules
from covidreport_train.cli import main
sys.argv = ["covidreport-train", "list", "--study", "demo", "--json"]
main()
"""
    listed = _python(code, tmp_path, str(site), str(tmp_path))
    assert [each["number"] for each in json.loads(listed)] == ["1", "2", "3", "4", "5"]
    call = "import sys; sys.argv = ['covidreport-train', 'fit', '-h']; "
    helped = _python(f"{call}from covidreport_train.cli import main; main()", tmp_path, str(site))
    assert "Example: covidreport-train fit" in " ".join(helped.split())
    assert "-m covidreport_train fit" in " ".join(helped.split())
    assert "-m train" not in helped


def test_what_trains_says_what_it_lacks(site, tmp_path):
    """Without torch, the extra that brings it, in one line."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['covidreport-train', 'fit', "
        "'--study', 'demo', '--data', '.']; from covidreport_train.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, check=False, capture_output=True,
        text=True, env={"PYTHONPATH": str(site), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "train: torch is not installed: pip install 'covidreport[train]'\n"


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
