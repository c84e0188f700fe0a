"""What only a browser can tell; skipped where there is none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from covidreport.report.formats import render_html

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(_CHROMIUM is None, reason="Chromium is not installed")

_MEASURE = """<!doctype html><meta charset="utf-8"><body>
<iframe src="report.html" style="border:0;height:600px;width:WIDTHpx"></iframe>
<script>addEventListener("load", () => {
  const inner = document.querySelector("iframe").contentDocument;
  const root = inner.documentElement;
  inner.querySelectorAll("details").forEach(one => one.open = true);
  document.body.textContent = JSON.stringify({
    room: root.clientWidth, needed: root.scrollWidth,
    weight: inner.defaultView.getComputedStyle(inner.querySelector("h1")).fontWeight,
  });
})</script>"""


def _browse(page: Path, folder: Path) -> tuple[str, str]:
    """The page's DOM and what the browser said on its console."""
    assert _CHROMIUM is not None
    done = subprocess.run(
        [
            _CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-quic", "--allow-file-access-from-files", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )  # fmt: skip
    return done.stdout, "\n".join(re.findall(r"CONSOLE.*", done.stderr))


def _measure(tmp_path: Path, width: int) -> tuple[dict[str, object], str]:
    frame = tmp_path / "frame.html"
    frame.write_text(_MEASURE.replace("WIDTH", str(width)))
    dom, console = _browse(frame, tmp_path)
    found = re.search(r"\{.*\}", dom)
    assert found is not None
    return json.loads(found[0]), console


@pytest.mark.parametrize(("name", "width"), [("hostile", 360), ("study", 360), ("study", 1600)])
def test_a_page_fits_its_screen_and_keeps_its_own_policy(tmp_path, request, name, width):
    """With every section open nothing scrolls sideways, and nothing is refused."""
    page = render_html(request.getfixturevalue(name))
    (tmp_path / "report.html").write_text(page, encoding="utf-8")

    measured, console = _measure(tmp_path, width)

    assert measured["needed"] == measured["room"]
    assert measured["weight"] == "700"  # so the style was applied
    assert console == ""


def test_a_page_that_was_tampered_with_loses_its_style(tmp_path, study):
    """The check above can fail: a changed style is refused, and the console says so."""
    page = render_html(study).replace("--paper: #ffffff", "--paper: #fffffe")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")

    _, console = _browse(tmp_path / "report.html", tmp_path)

    assert "violates the following Content Security Policy" in console
