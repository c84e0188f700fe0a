"""Manifests and settings that are wrong: each is refused by its name, and never traced back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from benchmarks.hostile import places
from benchmarks.hostile.command import Bench
from benchmarks.hostile.outcome import Row, Trial, trial

HEAD = "path,covid-19,normal,pneumonia,split\n"
LINE = "validation000.png,1,0,0,validation\n"

MANIFESTS: Mapping[str, tuple[bytes, bool]] = {
    name: (text.encode() if isinstance(text, str) else text, good)
    for name, text, good in (
        ("an empty file", "", False),
        ("a head alone", HEAD, False),
        ("no head", LINE * 3, False),
        ("a byte order mark", "\ufeff" + HEAD + LINE, True),
        ("semicolons", (HEAD + LINE).replace(",", ";"), False),
        ("not UTF-8", (HEAD + LINE).encode() + b"\xff\xfe.png,0,0,0,validation\n", False),
        ("UTF-16", (HEAD + LINE).encode("utf-16"), False),
        ("NUL bytes", (HEAD + LINE).encode() + b"\0\0\0\n", False),
        ("a column twice", HEAD.replace("normal", "covid-19") + LINE, False),
        ("no column path", HEAD.replace("path", "file") + LINE, False),
        ("a label missing", HEAD.replace(",pneumonia", "") + LINE.replace(",0,val", ",val"), False),
        ("a row too short", HEAD + LINE + "validation001.png,1\n", False),
        ("a row too long", HEAD + LINE[:-1] + ",7,7,7\n", False),
        ("truth of 2", HEAD + LINE.replace(",1,", ",2,"), False),
        ("truth of nan", HEAD + LINE.replace(",1,", ",nan,"), False),
        ("truth of yes", HEAD + LINE.replace(",1,", ",yes,"), False),
        ("truth of -1", HEAD + LINE.replace(",1,", ",-1,"), True),
        ("truth of 0.5", HEAD + LINE.replace(",1,", ",0.5,"), False),
        ("truth of 1e400", HEAD + LINE.replace(",1,", ",1e400,"), False),
        ("an image twice", HEAD + LINE * 2, False),
        ("an image missing", HEAD + LINE.replace("000", "999"), False),
        ("an image that is a folder", HEAD + LINE.replace("validation000.png", "."), False),
        ("an empty path", HEAD + LINE.replace("validation000.png", ""), False),
        ("a path of 5,000 signs", HEAD + LINE.replace("000", "0" * 5000), False),
        ("a path with a line feed", HEAD + LINE.replace("validation000.png", '"a\nb.png"'), False),
        ("a quote left open", HEAD + '"' + LINE * 3, False),
        ("a cell of 1 MB", HEAD + LINE.replace("validation\n", "v" * 1_000_000 + "\n"), False),
        ("no such split", HEAD + LINE.replace(",validation", ",test"), False),
        ("an empty split", HEAD + LINE.replace(",validation", ","), False),
        ("one patient in two splits", "path,covid-19,normal,pneumonia,split,patient_id\n"
         "validation000.png,1,0,0,train,p\nvalidation001.png,0,1,0,validation,p\n", True),
        ("HTML", "<!doctype html><table><tr><td>path</td></tr></table>", False),
        ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(99), False),
        ("JSON", '{"path": "a.png"}', False),
    )
}  # fmt: skip
"""By name: the bytes of a manifest, and whether it may be read."""

SETTINGS: Mapping[str, tuple[bytes, bool]] = {
    name: (text.encode() if isinstance(text, str) else text, good)
    for name, text, good in (
        ("no TOML", "data = = 1", False),
        ("not UTF-8", b'name = "\xff"', False),
        ("a byte order mark", "\ufeffsplit = 'validation'\n", True),
        ("a word that is none", "tresholds = 0.5", False),
        ("a table that is none", "[gate]\nx = 1", False),
        ("threshold 2", "threshold = 2", False),
        ("threshold nan", "threshold = nan", False),
        ("threshold a text", "threshold = '0.5'", False),
        ("threshold true", "threshold = true", False),
        ("threshold of no label", "[threshold]\nmass = 0.5", False),
        ("threshold a list", "threshold = [0.5]", False),
        ("thresholds of nobody", "thresholds = 'mine'", False),
        ("labels a text", "labels = 'covid-19'", False),
        ("labels twice", "labels = ['a', 'a']", False),
        ("labels of nobody", "labels = ['mass', 'nodule']", False),
        ("labels empty", "labels = []", False),
        ("a floor of 7", "specificity_floor = 7", False),
        ("a floor of inf", "specificity_floor = inf", False),
        ("a margin of -1", "margin = -1", False),
        ("a target of nobody", "target = 'flu'", False),
        ("a target that is a number", "target = 7", False),
        ("a provider of nobody", "provider = 'abacus'", False),
        ("an interval of nobody", "interval = 'guess'", False),
        ("a specificity of 90", "specificities = [90]", False),
        ("a prevalence of 3", "prevalence = 3", False),
        ("prevalence of no label", "[prevalence]\nmass = 0.1", False),
        ("hide of no section", "[report]\nhide = ['everything']", False),
        ("report a text", "report = 'none'", False),
        ("limits a text", "limits = 'none'", False),
        ("a limit without a figure", "[[limits]]\nmin = 0.5", False),
        ("a limit of no figure", "[[limits]]\nmetric = 'luck'\nmin = 0.5", False),
        ("a limit of nothing", "[[limits]]\nmetric = 'sensitivity'", False),
        ("data that are not there", "data = 'nowhere.csv'", False),
        ("a group of nobody", "group = 'ward'", False),
        ("uncertain a number", "uncertain = 3", False),
        ("nested 10,000 deep", "x = " + "[" * 10_000, False),
    )
}  # fmt: skip
"""By name: the bytes of covidreport.toml, and whether it may be read."""


def try_wrong_words(bench: Bench, done: Callable[[Row], None]) -> None:
    """A row of manifests, a row of settings."""
    step = max(1, round(1 / bench.share)) if bench.share < 1 else 1
    with ThreadPoolExecutor(bench.workers) as pool:
        for kind, cases in (("manifests", MANIFESTS), ("settings", SETTINGS)):
            jobs = [(bench, kind, name, *case) for name, case in cases.items()][::step]
            done(Row(f"{kind}, wrong", tuple(pool.map(lambda job: _try(*job), jobs))))


def _try(bench: Bench, kind: str, name: str, data: bytes, good: bool) -> Trial:
    folder = bench.work / "words" / kind / name.replace(" ", "-")
    places.write_good_place(places.fresh(folder))
    manifest = folder / "data" / "manifest.csv"
    file = manifest if kind == "manifests" else folder / "covidreport.toml"
    file.write_bytes(data)
    args = ["evaluate", "runs", "--jobs", "1"]
    if not data.startswith(b"data"):
        args += ["--data", "data/manifest.csv"]
    try:
        ended = bench.run(args, folder)
        if ended.marks:
            return trial(name, *ended.marks, said=ended.last)
        if ended.code == 0:
            said = "" if good else "was to be refused"
            return trial(name, "same" if good else "silent", said=said)
        words = (file.name, "--", "label", "target", "split", "provider")
        if any(word in ended.err for word in words):
            return trial(name, "refused", said=ended.last)
        return trial(name, "silent", said=f"refused, and nobody knows what: {ended.last}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
