"""A sample of `benchmarks.hostile`, and that its columns count what they say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hostile import places
from benchmarks.hostile.command import open_bench
from benchmarks.hostile.crafted_models import try_crafted_models
from benchmarks.hostile.damaged import try_damaged
from benchmarks.hostile.forged import try_forged
from benchmarks.hostile.graphs import KINDS, make_demo, make_kind
from benchmarks.hostile.images import try_crafted_images, try_mutated_images
from benchmarks.hostile.mutate import mutate
from benchmarks.hostile.mutated_models import make_mutant, try_mutated_models
from benchmarks.hostile.outcome import Row, spell_row, trial
from benchmarks.hostile.readers import READERS, find_in_stream
from benchmarks.hostile.wrong_words import try_wrong_words

HERE = Path(__file__).parents[1]
EVALUATE = ("evaluate", "runs", "--data", "data/manifest.csv")
SAMPLES: dict[str, tuple[Callable[..., None], float]] = {
    "mutated models": (partial(try_mutated_models, kinds=KINDS[1:3]), 0.006),
    "crafted models": (try_crafted_models, 0.06),
    "forged run folders": (try_forged, 0.04),
    "mutated images": (try_mutated_images, 0.02),
    "crafted images": (try_crafted_images, 0.2),
    "damaged caches and scores": (try_damaged, 0.025),
    "wrong manifests and settings": (try_wrong_words, 0.15),
}
"""What is tried, and the share of it that takes some seconds."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with open_bench(HERE, tmp_path_factory.mktemp("hostile"), 1.0, 1, [EVALUATE]) as opened:
        yield opened


@pytest.mark.parametrize("kind", SAMPLES)
def test_hostile_input_is_refused_by_name_or_answered_as_its_bytes_say(bench, kind):
    """None ends a process, traces back, stops others, reads outside or is answered for another."""
    attempt, share = SAMPLES[kind]
    rows: list[Row] = []
    attempt(replace(bench, share=share), rows.append)
    assert [(row.kind, each) for row in rows for each in row.broken] == []
    assert all(row.trials for row in rows)


FAKE = """
import json, os, sys
from functools import partial
from pathlib import Path

def main():
    runs = sorted(each.name for each in Path("runs").iterdir())
    for name in runs:
        {bad}
    print(json.dumps({{"failures": [], "evaluations": {{}}}}))
"""


@pytest.mark.parametrize(
    ("bad", "mark"),
    [
        ("if name != 'good': os.abort()", "ended"),
        ("if name != 'good': raise ValueError(name)", "traceback"),
        ("if name != 'good': sys.exit(2)", "stopped"),
        ("if name != 'good': open('canary.bin').read()", "outside"),
        ("pass", "silent"),
    ],
)
def test_a_command_that_does_what_it_must_not_is_counted(tmp_path, bad, mark):
    """A command that scores the good run alone and does one thing to the other is found out."""
    package = tmp_path / "code" / "covidreport" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    fake = FAKE.format(bad=bad)
    if mark != "stopped":
        fake = fake.replace("    for name", "    store()\n    for name", 1)
        fake += (
            "\ndef store():\n    folder = Path('runs/good/evaluations/data-validation')\n"
            "    folder.mkdir(parents=True)\n"
            "    for file in ('evaluation.json', 'scores.parquet'):\n"
            "        (folder / file).touch()\n"
        )
    (package / "__init__.py").write_text(fake)
    work = tmp_path / "work"
    work.mkdir()
    rows: list[Row] = []
    with open_bench(tmp_path / "code", work, 0.01, 1, []) as opened:
        try_crafted_models(opened, rows.append)
    assert rows[0].trials
    assert all(mark in each.marks for each in rows[0].trials)


def test_a_changed_model_is_the_same_at_each_call_and_never_the_original():
    """Seeds are fixed: what was found once is found again."""
    made = make_kind(KINDS[1])
    for i in range(40):
        one, two = make_mutant(KINDS[1], made, i), make_mutant(KINDS[1], made, i)
        assert one == two
        assert one.files != made.files


def test_bytes_that_keep_their_size_differ_in_some_byte():
    """A model in the place of another has its size, and is another."""
    data = bytes(range(256))
    for seed in range(50):
        changed = mutate(data, np.random.default_rng(seed), keep_size=True)
        assert len(changed) == len(data)
        assert changed != data


def test_scores_of_another_model_do_not_agree_with_what_the_bytes_give(bench, tmp_path):
    """The oracle asks ONNX Runtime; the good model's answers are not the bad one's."""
    places.write_data(tmp_path / "data")
    run = make_demo(bad=True).write(tmp_path / "bad") / "model.onnx"
    (bad,) = bench.ask_oracle([(run, None)], tmp_path / places.PIXELS_FILE)
    shutil.rmtree(run.parent)
    good_run = make_demo().write(tmp_path / "good") / "model.onnx"
    (good,) = bench.ask_oracle([(good_run, None)], tmp_path / places.PIXELS_FILE)
    scores = np.array(good["together"], np.float64)
    assert places.agrees(scores, good)
    assert not places.agrees(scores, bad)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".html", "<p><img src=x onerror=hostile()></p>"),
        (".html", "<script>hostile()</script>"),
        (".md", "| a | b |\n| --- | --- |\n| 1 | 2 | 3 |"),
        (".md", "a <img src=x onerror=hostile()>"),
        (".json", '{"a": NaN}'),
        (".csv", "a,b\n=cmd|x,1\n"),
        (".csv", "a,b\n1\n"),
        (".xml", "<testsuites><testsuite tests='2'><testcase/></testsuite></testsuites>"),
        (".xml", "<a>"),
        (".txt", 'a{run="x"y"} 1'),
    ],
)
def test_a_reader_of_an_output_finds_what_a_name_did_to_it(tmp_path, suffix, text):
    """Each reader is as strict as who will read the file."""
    file = tmp_path / f"file{suffix}"
    file.write_text(text)
    assert READERS[suffix](file)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run a|b is well\n::error title=x::said", False),
        ("::error::hostile()", True),
        ("  ::set-env name=x::1", True),
        ("\x1b[31mred", True),
        ("a\u202eb", True),
    ],
)
def test_a_stream_is_searched_for_commands_and_control_signs(text, found):
    """What covidreport itself tells GitHub is no fault."""
    assert bool(list(find_in_stream(text))) is found


def test_what_must_not_happen_is_bold_in_its_row():
    """Zeros are plain."""
    row = Row("x", (trial("1", "same"), trial("2", "traceback", "stopped")))
    assert spell_row(row) == "| x | 2 | 0 | 1 | 0 | 0 | 0 | **1** | **1** | 0 | 0 |"
