"""`python -m pages`: writes the pages, checks their links, and builds the site."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from pages import __doc__ as described
from pages.links import find_broken, list_outside
from pages.nav import NAV
from pages.write import read_pages, write_pages
from release.names import ROOT, find_owner
from release.tools import find_tool

BUILD = ROOT / "build"
SLUGS = "!!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}"
"""A tag of YAML: headings are called as GitHub calls them."""


def main() -> int:
    """Build it; the exit code, 1 where a link leads nowhere or mkdocs warns."""
    parser = argparse.ArgumentParser(
        prog="python -m pages", description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.parse_args()
    pages = read_pages()
    broken = find_broken(pages)
    if broken:
        print("\n".join(broken), file=sys.stderr)
        return 1
    write_pages(pages, BUILD / "docs")
    settings = BUILD / "mkdocs.json"  # which is YAML, too
    text = json.dumps(configure(pages), indent=2).replace(f'"{SLUGS}"', SLUGS)
    settings.write_text(text, encoding="utf-8")
    listed = BUILD / "outside-links.txt"
    listed.write_text("".join(f"{each}\n" for each in list_outside(pages)), encoding="utf-8")
    words = ["build", "--strict", "--quiet", "--config-file", str(settings)]
    # the theme says that it is mended until May 2027; the pages are plain Markdown for what follows
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([find_tool("mkdocs", "docs"), *words], check=False, env=environment)
    fetched = find_fetched(BUILD / "site")
    if fetched:
        print("fetched by whoever reads it:", *fetched, sep="\n", file=sys.stderr)
        return 1
    if done.returncode == 0:
        print((BUILD / "site" / "index.html").relative_to(ROOT))
        print(f"{listed.relative_to(ROOT)}: links to other places, which nobody fetched")
    return done.returncode


def find_fetched(site: Path) -> list[str]:
    """What pages load from other places, such as scripts, styles and pictures; links are none."""
    pattern = re.compile(
        r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=[\"']?(https?://[^\"' >]+)"
    )
    found: set[str] = set()
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found.update(each[1] for each in pattern.finditer(text) if "canonical" not in each[0])
    return sorted(found)


def configure(pages: dict[str, str]) -> dict[str, object]:
    """The settings of mkdocs: no page is fetched from elsewhere, every warning is an error."""
    titles = {page: text.lstrip().split("\n", 1)[0].lstrip("# ") for page, text in pages.items()}
    nav: list[object] = []
    for part, members in NAV.items():
        entries = [{titles[page]: page} for page in members]
        nav += [{part: entries}] if part else entries
    return {
        "site_name": "covidreport",
        "site_description": "Which chest X-ray classifier misses the fewest COVID-19 images?",
        "docs_dir": "docs",
        "site_dir": "site",
        "use_directory_urls": False,
        "nav": nav,
        "theme": {
            "name": "material", "font": False,
            "features": ["navigation.tabs", "navigation.top", "content.code.copy", "toc.follow"],
            "palette": [
                {"media": f"(prefers-color-scheme: {scheme})", "scheme": name, "primary": "indigo",
                 "toggle": {"icon": f"material/{icon}", "name": f"Switch to {other}"}}
                for scheme, name, icon, other in (
                    ("light", "default", "weather-night", "dark"),
                    ("dark", "slate", "weather-sunny", "light"),
                )
            ],
        },
        "extra_css": ["own.css"],
        "plugins": ["search"],
        # in place of `repo_url`, for which a browser would ask GitHub how many stars it has
        "extra": {"social": [{
            "icon": "fontawesome/brands/github",
            "link": f"https://github.com/{find_owner()}/covidreport",
            "name": "The repository",
        }]},
        "markdown_extensions": [
            "tables", "admonition", "attr_list", "pymdownx.superfences", "pymdownx.highlight",
            {"toc": {"permalink": True, "slugify": SLUGS}},
        ],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "unrecognized_links": "warn"},
        },
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
