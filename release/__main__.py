"""`python -m release`: prints what it wrote."""

from __future__ import annotations

import argparse

from release import __doc__ as described
from release.names import ROOT, write_names


def main() -> int:
    """Read the command and do it; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m release", description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("names", help="write owner and version into every text that names them")
    commands.add_parser("oldest", help="write constraints-oldest.txt from pyproject.toml")
    cut = commands.add_parser("cut", help="write a version, build it, list what is to be signed")
    cut.add_argument("version", help="such as 0.2.0")
    cut.add_argument("--without", action="append", default=[], choices=("tests", "bill"))
    versions = commands.add_parser("versions", help="run the tests on other versions of Python")
    versions.add_argument("--only", action="append", default=[], help="oldest, 3.12, 3.13 or 3.14")
    versions.add_argument("--jobs", default="auto", help="processes of pytest")
    versions.add_argument("tests", nargs="*", help="files or folders of tests; else all")
    asked = parser.parse_args()
    if asked.command == "names":
        for file in write_names():
            print(file.relative_to(ROOT))
    elif asked.command == "cut":
        from release.cut import cut_release

        cut_release(asked.version, without=asked.without)
    elif asked.command == "oldest":
        from release.versions import lock_oldest

        lock_oldest()
    else:
        from release.versions import test_versions

        return test_versions(asked.only, asked.tests, asked.jobs)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
