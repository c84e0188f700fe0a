"""A release: the texts, the builds, what is in them, and what a person signs. Publishes nothing."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from release.names import ROOT, find_owner, find_version, strip_suffix, write_names
from release.tools import find_tool, install, place_of

VERSION = re.compile(r"\d+\.\d+\.\d+")
UNRELEASED = "## [Unreleased]\n"
BENCHES = re.compile(r"`(python -m benchmarks\.[^`]*|python benchmarks/[^`]*)`")
EXTRAS = "cpu,dicom"
"""Whose environment the bill of materials lists, as the Dockerfile installs them."""


def check_version(version: str, root: Path = ROOT) -> None:
    """SystemExit unless it is a version that may come next."""
    if not VERSION.fullmatch(version):
        raise SystemExit(f"{version}: a version is three numbers, such as 0.2.0")
    stands = find_version(root)
    if _number(version) < _number(strip_suffix(stands)) or version == stands:
        raise SystemExit(f"{version}: {stands} stands already; a release is a later one")


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def check_tree(root: Path = ROOT) -> None:
    """SystemExit where files differ from what is committed: what is built would be nobody's."""
    words = ["git", "status", "--porcelain", "--untracked-files=no"]
    done = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True)
    if done.stdout:
        raise SystemExit(f"commit or put aside first:\n{done.stdout.rstrip()}")


def write_version(version: str, day: datetime.date, root: Path = ROOT) -> None:
    """Give the texts their version: the package, the changelog, whatever names it."""
    package = root / "covidreport" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    package.write_text(text.replace(f'"{find_version(root)}"', f'"{version}"', 1), encoding="utf-8")
    log = root / "CHANGELOG.md"
    log.write_text(
        close_unreleased(log.read_text(encoding="utf-8"), version, day, find_owner(root)),
        encoding="utf-8",
    )
    write_names(root)


def close_unreleased(text: str, version: str, day: datetime.date, owner: str) -> str:
    """The changelog with what is unreleased under its version, and addresses at the end.

    SystemExit where nothing is unreleased.
    """
    head, _, rest = text.partition(UNRELEASED)
    body = re.split(r"^(?=## |\[)", rest, maxsplit=1, flags=re.MULTILINE)[0]
    if "\n- " not in f"\n{body}":
        raise SystemExit("CHANGELOG.md: nothing stands under Unreleased")
    place = f"https://github.com/{owner}/covidreport"
    earlier = re.findall(r"^## \[(\d[^\]]*)\]", rest, re.MULTILINE)
    since = f"compare/v{earlier[0]}...v{version}" if earlier else f"releases/tag/v{version}"
    rest = re.sub(r"^\[Unreleased\]: .*\n", "", rest, flags=re.MULTILINE).rstrip("\n")
    links = f"[Unreleased]: {place}/compare/v{version}...HEAD\n[{version}]: {place}/{since}\n"
    if earlier:
        first = f"[{earlier[0]}]: "
        rest = rest.replace(f"\n{first}", f"\n{links}{first}", 1)
        links = ""
    else:
        links = f"\n\n{links}"
    return f"{head}{UNRELEASED}\n## [{version}] - {day.isoformat()}\n{rest}{links or chr(10)}"


def build_twice(folder: Path, root: Path = ROOT) -> list[Path]:
    """Build wheel and source archive two times; SystemExit where a byte differs.

    The time in them is the day of the version by the changelog, unless SOURCE_DATE_EPOCH says
    another: whoever has the tag builds the same bytes.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or str(find_day(root))
    made = []
    for turn in ("first", "second"):
        place = folder / turn
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place), str(root)],
            check=True, env={**os.environ, "SOURCE_DATE_EPOCH": epoch}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        made.append({file.name: file for file in sorted(place.iterdir())})
    first, second = made
    for name, file in first.items():
        if name not in second or file.read_bytes() != second[name].read_bytes():
            raise SystemExit(f"{name}: built twice, it is not the same")
    return list(first.values())


def find_day(root: Path = ROOT) -> int:
    """The day of the last version in the changelog, in seconds since 1970; of none, 2020-02-02."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## \[\d[^\]]*\] - (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    day = datetime.date.fromisoformat(found[1] if found else "2020-02-02")
    return int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.UTC).timestamp())


def check_wheel(wheel: Path, version: str) -> None:
    """SystemExit unless the wheel is of this version, with the templates, schemas and licence."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    base = f"covidreport-{version}.dist-info"
    wanted = {
        "covidreport/__init__.py", "covidreport/templates/report.html.j2",
        "covidreport/schemas/verdict.schema.json", f"{base}/METADATA", f"{base}/licenses/LICENSE",
    }  # fmt: skip
    if missing := sorted(wanted - names):
        raise SystemExit(f"{wheel.name}: has no {', '.join(missing)}")


def write_bill(wheel: Path, path: Path, work: Path) -> None:
    """What a new environment with the wheel holds, as CycloneDX: the software bill of materials."""
    program, clean = find_tool("cyclonedx-py"), work / "clean"
    venv.create(clean, with_pip=True)
    install(clean, [f"{wheel}[{EXTRAS}]"])
    python = str(place_of(clean) / "python")
    subprocess.run(
        [python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"], check=True
    )
    subprocess.run(
        [program, "environment", "--output-reproducible", "--output-format", "JSON",
         "--output-file", str(path), python], check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    text = path.read_text(encoding="utf-8")
    path.write_text(name_places(text), encoding="utf-8")


def name_places(text: str) -> str:
    """A bill whose files of this machine go by their names: where they lay is nobody's business."""
    return re.sub(r'"file:[^"]*/([^"/]+)"', r'"\1"', text)


def write_sign_off(version: str, files: Sequence[Path], root: Path = ROOT) -> str:
    """What a person does and signs before anything is published, with the digests of the files."""
    page = (root / "benchmarks" / "README.md").read_text(encoding="utf-8")
    benches = dict.fromkeys(" ".join(each.split()) for each in BENCHES.findall(page))
    digests = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
    lines = [
        f"# Release {version}: what was looked at",
        "",
        "Files:",
        "",
        "```",
        *digests,
        "```",
        "",
        "Each line is signed with a name and a day; what was not run is crossed out, and why.",
        "",
        f"- [ ] `Repository` in pyproject.toml names who keeps it: {find_owner(root)}",
        "- [ ] `make test` on this commit",
        "- [ ] `make test-versions`",
        "- [ ] `make demo`: the page was looked at, light and dark, wide and narrow",
        "- [ ] `make docs`: without a warning",
        "- [ ] CHANGELOG.md: each line of this version is true; what was removed had warned",
        "",
        "Benches that benchmarks/README.md quotes; each figure there is still met:",
        "",
        *(f"- [ ] `{each}`" for each in benches),
    ]
    return "\n".join(lines) + "\n"


def cut_release(version: str, *, without: Sequence[str] = ()) -> None:
    """Check, write the version, build into dist/ and list what is to be signed.

    without: `tests` or `bill`, which take minutes and gigabytes; the list says what was left out.
    """
    check_version(version)
    check_tree()
    if "tests" not in without:
        subprocess.run(["make", "test"], cwd=ROOT, check=True)  # noqa: S607
    write_version(version, datetime.datetime.now(datetime.UTC).date())
    place = ROOT / "dist"
    place.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="covidreport-release-") as work:
        files = [Path(shutil.copy(file, place)) for file in build_twice(Path(work))]
        (wheel,) = (file for file in files if file.suffix == ".whl")
        check_wheel(wheel, version)
        if "bill" not in without:
            bill = place / f"covidreport-{version}.cdx.json"
            write_bill(wheel, bill, Path(work))
            files.append(bill)
    page = place / f"covidreport-{version}-sign-off.md"
    page.write_text(write_sign_off(version, files), encoding="utf-8")
    for file in (*files, page):
        print(file.relative_to(ROOT))
    for each in without:
        print(f"left out: {each}")
    print(f"Sign the list, then: git commit -am 'Version {version}' && git tag v{version}")
