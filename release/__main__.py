"""`python -m release`: prints what it wrote."""

from __future__ import annotations

import argparse

from release import __doc__ as described
from release.names import ROOT, write_names


def main() -> None:
    """Read the command and do it."""
    parser = argparse.ArgumentParser(
        prog="python -m release", description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("names", help="write owner and version into every text that names them")
    parser.parse_args()
    for file in write_names():
        print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
