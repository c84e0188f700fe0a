"""Whatever the streams are: no sign, no closed pipe and no full disk changes an exit code."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from typer.main import get_command

from covidreport.cli import main
from covidreport.cli.app import build_app
from covidreport.store import write_run
from covidreport.streams import PIPELINES
from tests.cli.command import ROOT, read_verdict, run_command, write_project
from tests.forking import find_forks

STRANGE = "≥ é 😀 ☃ Ж"
"""A run's name: signs of which cp1252 has one and ASCII none."""
COMMAND = "::error::misses nobody"
"""A run's name, that GitHub would take for a command."""
COUNTS = "run,split,label,tn,fp,fn,tp\n{name},validation,covid-19,90,5,2,3\n"
CALLS = {
    "adopt": "adopt runs/new/model.onnx",
    "audit": "audit data/manifest.csv runs",
    "baseline set": "baseline set runs/base --output again.json",
    "cache clear": "cache clear",
    "cache info": "cache info",
    "ci": "ci runs/new",
    "combine": "combine runs/base runs/new --name both",
    "doctor": "doctor",
    "evaluate": "evaluate --force",
    "export": "export runs/new --model-card card.md --dvc dvc",
    "gate": "gate runs/new --output-dir verdict",
    "import-counts": "import-counts counts.csv --output paper",
    "import-readers": "import-readers readings.csv --scale 1,5 --output readers",
    "import-scores": "import-scores scores.csv --run other --activation sigmoid",
    "init": "init data/manifest.csv --output other.toml",
    "kit": "kit runs --threshold 0.5",
    "list": "list",
    "merge": "merge",
    "migrate": "migrate runs --dry-run",
    "occlude": "occlude",
    "plan": "plan --sensitivity 0.85 --half-width 0.1",
    "predict": "predict runs/new data",
    "render": "render --format markdown --output -",
    "split": "split data/manifest.csv --folds 2 --force",
    "score": "score runs --threshold covid-19=0.4",
    "tune": "tune runs --split validation --label covid-19 --target-sensitivity 0.6",
}
"""Every command, and one call of it that prints."""
SERVED = {"pull", "push"}
"""These need a server, and print through the same streams."""

SAME = {
    "cache info": ["cache"],
    "ci": ["verdict"],
    "gate": ["verdict"],
    "merge": ["evaluate"],
    "occlude": ["evaluate"],
}
"""Whose document is called otherwise than the command."""


def _leaves(group, prefix=""):
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from _leaves(each, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_the_calls_below_are_of_every_command():
    """A new command gets its call here."""
    assert set(_leaves(get_command(build_app()))) == set(CALLS) | SERVED


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Two evaluated runs of strange names, a baseline, and tables to import."""
    folder = write_project(tmp_path_factory.mktemp("study"), base=100, new=85)
    for name, title in (("base", COMMAND), ("new", STRANGE)):
        write_run(folder / "runs" / name, {"name": title, "description": f"{title} too"})
    (folder / "counts.csv").write_text(COUNTS.format(name=STRANGE), encoding="utf-8")
    scores = "".join(f"{row:03}.png,0.9,0.1,0.1\n" for row in range(7))
    (folder / "scores.csv").write_text(f"id,covid-19,normal,pneumonia\n{scores}")
    readings = "".join(f"{row:03}.png,ann,{row % 5 + 1}\n" for row in range(7))
    (folder / "readings.csv").write_text(f"path,reader,rating\n{readings}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COVIDREPORT_CACHE", str(folder / "cache"))
        for words in (
            ("evaluate",), ("evaluate", "--shard", "1/1"), ("baseline", "set", "runs/base"),
        ):  # fmt: skip
            patch.setattr(sys, "argv", ["covidreport", *words])
            with pytest.raises(SystemExit) as stop:
                main()
            assert stop.value.code == 0
    return folder


@pytest.fixture
def study(template, tmp_path, monkeypatch):
    """A copy of the template, in which the command is called."""
    for name in PIPELINES:
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _call(monkeypatch, call, out, err):
    """The exit code of a command that prints to these streams, and neither is closed by it."""
    monkeypatch.setattr(sys, "argv", ["covidreport", *call.split()])
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as stop:
        main()
    assert (sys.stdout, sys.stderr) == (out, err)
    return stop.value.code


def _printed(stream):
    return stream.buffer.getvalue().decode(stream.encoding, "replace")


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_any_encoding_is_written_in_and_no_name_is_a_command(study, monkeypatch, call):
    """As Windows has it in a job on GitHub, where no line may begin with `::` but a verdict's."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out, err = (io.TextIOWrapper(io.BytesIO(), "cp1252", errors="strict") for _ in range(2))
    assert _call(monkeypatch, call, out, err) == 0, _printed(err)
    assert _printed(out)
    assert "Traceback" not in _printed(err)
    for line in (_printed(out) + _printed(err)).splitlines():
        assert not line.strip().startswith("::error"), line


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nobody_who_reads_is_no_fault(study, monkeypatch, call):
    """Both streams are pipes whose reader has gone: the exit code is what it would have been."""
    ends = []
    for _ in range(2):
        reader, writer = os.pipe()
        os.close(reader)
        ends.append(os.fdopen(writer, "w", encoding="ascii"))
    assert _call(monkeypatch, call, *ends) == 0
    for end in ends:
        end.close()  # which flushes: nothing is left that could fail when Python ends


@pytest.mark.parametrize("name", sorted(CALLS))
def test_json_is_one_document_that_says_what_it_is(study, covidreport, name):
    """Nothing else stands on stdout, and the exit code is that of the words."""
    words = CALLS[name].replace(" --output -", "").split()
    done = covidreport(*words, "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    schema, _, version = document["schema"].removeprefix("covidreport.").partition("/")
    assert version.isdigit()
    assert schema in {name.replace(" ", "-"), *SAME.get(name, ())}


def _timeless(text):
    return json.loads(re.sub(r'"(\w+_at|finished|timing)": ("[^"]*"|{[^}]*})', r'"\1": 0', text))


@pytest.mark.parametrize("words", [("list",), ("gate", "runs")])
def test_json_is_the_same_in_every_encoding(study, words):
    """What ASCII lacks is spelt as JSON spells it."""
    whole, plain = (
        run_command(study, *words, "--json", PYTHONIOENCODING=encoding, CI="1")
        for encoding in ("utf-8", "ascii")
    )
    assert STRANGE in whole.stdout
    assert plain.stdout.isascii()
    assert _timeless(plain.stdout) == _timeless(whole.stdout)
    assert COMMAND in whole.stdout


def test_a_verdict_is_written_where_the_locale_is_c(study):
    """The real command: a verdict and its files, and signs in plain letters."""
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    limits = (("missed<=1", 0), ("missed<=-1", 1))
    for limit, code in limits:
        words = ("runs/new", "--limit", limit)
        done = run_command(study, "gate", *words, "--output-dir", "verdict", **locale)
        assert done.returncode == code, done.stderr
        assert ("PASS" if code == 0 else "FAIL") in done.stdout
        assert f"<= {limit[8:]}" in done.stdout
        assert read_verdict(study / "verdict")[0]["exit_code"] == code


SHELL = [shutil.which("bash") or "bash", "-o", "pipefail", "-c"]


def _shell(folder, line):
    """A line of a shell, in which `covidreport` is the real command; its exit code and output."""
    path = f"{find_forks().programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    done = subprocess.run(
        [*SHELL, line], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("covidreport gate runs/new | head -1", 0),
        ("covidreport gate runs/new --limit 'missed>=1' | head -1", 1),
        ("covidreport gate runs/new --json | grep -q schema", 0),
        ("covidreport ci runs/new |& true", 0),
        ("covidreport render --output - | head -c 1", 0),
        ("covidreport gate runs/new --limit 'missed>=1' >&- 2>&- <&-", 1),
        ("covidreport evaluate --force >&- 2>&- <&-", 0),
        ("covidreport gate none | true", 2),
    ],
)
def test_a_reader_that_goes_leaves_the_exit_code(study, line, code):
    """The real command in a pipeline with `pipefail`: a 1 is a limit that is not kept."""
    assert _shell(study, line).returncode == code


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
def test_a_full_disk_behind_stdout_is_told(study):
    """What was asked for is not there: 3 in place of 0; a limit that is not kept stays a 1."""
    done = _shell(study, "covidreport gate runs/new --output-dir verdict > /dev/full")
    assert done.returncode == 3
    assert "what was printed is not whole: No space left on device" in done.stderr
    assert read_verdict(study / "verdict")[0]["outcome"] == "pass"
    assert _shell(study, "covidreport list --json > /dev/full").returncode == 3
    line = "covidreport gate runs/new --limit 'missed>=1' > /dev/full"
    assert _shell(study, line).returncode == 1
    assert _shell(study, "covidreport gate runs/new 2> /dev/full").returncode == 0


def test_nothing_is_printed_into_a_file_that_is_written(study):
    """With all three streams closed the next file opened would be one of them."""
    line = "covidreport evaluate --force --json >&- 2>&- <&-; covidreport list"
    done = _shell(study, line)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("data-validation (7)") == 2
