"""The HTML file: self-contained, escaped, and the same for every reader."""

from __future__ import annotations

import base64
import hashlib
import re

from msgspec.structs import replace

from covidreport.report.formats import render_html
from covidreport.report.html import content_policy, read_script
from tests.report.reading import read_html
from tests.report.study import BEST, HOSTILE, small_study


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_the_style_and_the_scripts_and_nothing_else(study):
    """The hashes in the policy are those of the very bytes between the tags."""
    page = render_html(study)

    style = re.search(r"<style>(.*?)</style>", page, re.S)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)

    assert style is not None
    assert scripts
    assert policy is not None
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    assert policy[1].replace("&#x27;", "'") == (
        f"default-src 'none'; script-src {allowed}; style-src 'sha256-{_digest(style[1])}'; "
        "img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    assert content_policy("p{}", "") != content_policy("p{ }", "")


def test_nothing_is_fetched_and_nothing_is_styled_in_place(hostile):
    """No style attribute, no handler, no address of another place, not even in a name."""
    page = render_html(hostile)
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.S)

    assert len(re.findall(r"<script", body)) == 1  # the data
    assert " style=" not in body
    assert not re.search(r"\b(src|href|action|data)\s*=\s*[\"'](?!#)", body)
    assert "url(" not in body
    assert "@import" not in body
    assert not re.search(r"\son\w+=", re.sub(r"&[#\w]+;", "", body))


def test_the_script_asks_nobody_for_anything(study):
    """None of the ways that a script has to reach the network or to make code from text."""
    script = read_script()

    assert script in render_html(study)
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|eval|Function|importScripts)\b"
        r"|\bimport\s*\(|innerHTML|outerHTML|insertAdjacentHTML|document\.write|https?://(?!www\.w3\.org/)",
        script,
    )


def test_hostile_names_are_shown_as_text(hostile):
    """A run called <script> is read as that, and its name opens no element."""
    page = render_html(hostile)
    text = read_html(page)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)</script>" in text
    assert HOSTILE[1] in text
    assert "\ufffdevil\ufffd name" in text
    assert "\u202e" not in page
    assert "\x00" not in page


def test_every_link_leads_somewhere(study, hostile):
    """A fragment that is linked to is the id of exactly one element."""
    for data in (study, hostile):
        page = render_html(data)
        ids = re.findall(r'\sid="([^"]+)"', page)

        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
        assert set(re.findall(r'aria-labelledby="([^" ]+)', page)) <= set(ids)


def test_the_best_run_is_open_and_the_others_are_folded(study):
    """Of 200 runs a reader wants to see one; the others are a click away."""
    page = render_html(study)

    sections = re.findall(
        r'<details class="fold"( open)?>\s*<summary><h3><bdi>(exp.*?)</bdi>', page, re.S
    )

    assert [name for opened, name in sections if opened] == [BEST]
    assert len(sections) == 4


def test_tables_can_be_heard(study):
    """Every table has a caption, and every head says what it is the head of."""
    page = re.sub(r"<script>.*?</script>", "", render_html(study), flags=re.S)

    assert page.count("<table") == page.count("<caption>")
    assert not re.search(r"<th(?![^>]*scope=)(?=[\s>])", page)
    for picture in re.findall(r"<svg[^>]*>", page):
        assert 'aria-hidden="true"' in picture or 'role="img"' in picture


def test_nothing_shows_python_for_what_is_unknown(study, hostile):
    """None, NaN and infinity are dashes for people."""
    for data in (study, hostile):
        text = read_html(render_html(data))

        assert not re.search(r"\b(None|nan|inf|Infinity)\b", text)


def test_times_stand_in_one_place(study):
    """Two evaluations of the same evidence differ in that block of the report and nowhere else."""
    later = small_study()
    runs = list(later.runs)
    evaluation = runs[1].evaluation
    assert evaluation is not None
    timing = {"finished": "2027-03-12T10:31:01Z", "decode_s": 5.3}
    runs[1] = replace(runs[1], evaluation=replace(evaluation, timing=timing))
    provenance = {"covidreport": "0.1.0", "evaluated": "2027-03-12T10:31:01Z"}
    later = replace(later, runs=tuple(runs), provenance=provenance)

    pages = [render_html(study), render_html(later)]
    without_times = [re.sub(r'<table class="dense">.*?</table>', "", p, flags=re.S) for p in pages]

    assert pages[0] != pages[1]
    assert without_times[0] == without_times[1]
    assert "decode (s) 4.2" in pages[0]
