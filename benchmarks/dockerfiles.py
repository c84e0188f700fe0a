"""Runs what each Dockerfile installs in an environment of its own: `make dockerfiles`.

Where there is no Docker this is as near as one gets: the same lines, of the files that are
committed, with the Python that runs this.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILES = ("Dockerfile", "Dockerfile.cuda")


def read_lines(dockerfile: Path) -> list[tuple[str, str]]:
    """Instructions and their words, in order; lines that are continued are joined."""
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    return [(word, rest) for word, rest in lines]


def install(dockerfile: Path, folder: Path) -> Path:
    """Run a Dockerfile's RUN lines on a copy of the commit; the folder of the programs."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    archive = ["git", "archive", "-o", str(folder / "context.tar"), "HEAD"]
    subprocess.run(archive, cwd=ROOT, check=True)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    here = folder
    for word, rest in read_lines(dockerfile):
        if word == "COPY":
            target = folder / rest.split()[-1].lstrip("/")
            target.mkdir(parents=True, exist_ok=True)
            context = str(folder / "context.tar")
            unpack = ["tar", "--extract", "--file", context, "--directory", str(target)]
            subprocess.run(unpack, check=True)
        elif word == "WORKDIR":
            here = folder / rest.lstrip("/")
            here.mkdir(parents=True, exist_ok=True)
        elif word == "RUN":
            subprocess.run(rest, shell=True, cwd=here, env=environment, check=True)  # noqa: S602
    return programs


def main() -> None:
    """Install each, say what it takes, and let it say which providers work."""
    for name in DOCKERFILES:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            programs = install(ROOT / name, Path(folder))
            seconds = time.perf_counter() - began
            files = (each for each in (Path(folder) / "venv").rglob("*") if each.is_file())
            size = sum(each.stat().st_size for each in files) / 1e6
            print(f"{name}: installed in {seconds:.0f} s, {size:,.0f} MB", flush=True)
            done = subprocess.run([programs / "covidreport", "doctor"], cwd=folder, check=False)
            if done.returncode:
                sys.exit(f"{name}: no provider works")


if __name__ == "__main__":
    main()
