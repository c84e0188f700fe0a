"""An evaluation in shards: in any order the files of one machine; whatever is amiss is named."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidreport.errors import UsageError
from covidreport.evaluate.cut import cut_rows, read_shard
from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec, Shard
from covidreport.storage.made_here import MadeHere
from covidreport.storage.runs import read_run
from covidreport.store import read_evaluation, write_run
from tests.cli.command import run_command, write_model
from tests.datasets import LABELS

SHARDS = 7
NAME = "data-validation"
KILLED = (
    "import os, signal\nfrom covidreport.evaluate import write\n"
    "write.store_part = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
)
"""The scores are known and the part is not yet there."""

TIMES = re.compile(rb'\n  "timing": (\{[^\n]+\}|\{\n.*?\n  \}),', re.DOTALL)
"""On one line, or on several where parts are listed in it."""


def write_images(folder):
    """23 images of 8 patients, who are in all shards; 16-bit files that use 9 bits, and a broken
    one; no two of a patient, a class or a kind follow each other."""
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *LABELS, "split", "patient_id", "sex", "age"])
        for i in range(23):
            name = f"{i * 7 % 23:03}.png"
            grey = 20 + i * 41 % 200
            if i % 3:
                Image.new("L", (20, 12), grey).save(folder / name)
            else:
                Image.fromarray(np.full((12, 20), grey * 2, np.uint16)).save(folder / name)
            truth = [int(k == i % 3) for k in range(3)]
            writer.writerow([name, *truth, "validation", f"p{i % 8}", "MF"[i % 2], 30 + i])
    (folder / "007.png").write_bytes(b"no picture")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Data, two runs, and beside them what one machine makes of these."""
    folder = tmp_path_factory.mktemp("shards") / "study"
    folder.mkdir()
    write_images(folder / "data")
    for name, limit in {"base": 100, "new": 85}.items():
        write_model(folder / "runs" / name, limit)
    stated = contract_metadata(PixelSpec(8, 8), LABELS, "softmax-logit")
    write_model(folder / "runs" / "soft", 90, metadata=stated)
    (folder / "covidreport.toml").write_text(
        'data = "data"\nprovider = "cpu"\nmax_failed_share = 0.1\n'
    )
    return folder


@pytest.fixture
def study(template, tmp_path, monkeypatch):
    """A copy of them, in the current folder."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("COVIDREPORT_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def shard(covidreport, study):
    """Score shards, by number."""

    def score(*numbers, of=SHARDS, words=()):
        for number in numbers:
            done = covidreport("evaluate", "--batch-size", 2, "--shard", f"{number}/{of}", *words)
            assert done.code == 0, done.err
        return done

    return score


@pytest.fixture
def merge(covidreport, study):
    return lambda *words: covidreport("merge", "--batch-size", 2, *words)


def read_files(runs):
    """Every file of evaluations by its place, locks left out; evaluation.json without its times, in
    which two of one machine differ as well, and the folder in which the data lie."""
    found = {}
    for path in sorted(runs.rglob("evaluations/*/*")):
        data = path.read_bytes()
        if path.name == "evaluation.json":
            data, times = TIMES.subn(b"", data.replace(bytes(runs.resolve().parent), b""))
            assert times == 1
        if path.name != ".lock":
            found[str(path.relative_to(runs))] = data
    return found


@pytest.fixture(scope="module")
def expected(template, tmp_path_factory):
    """The files that one machine makes."""
    place = tmp_path_factory.mktemp("whole") / "study"
    shutil.copytree(template, place)
    done = run_command(place, "evaluate", "--batch-size", "2", COVIDREPORT_CACHE=str(place / "c"))
    assert done.returncode == 0, done.stderr
    return read_files(place / "runs")


def test_seven_shards_in_any_order_one_killed_give_the_bytes_of_one_machine(
    study, covidreport, shard, merge, expected
):
    """Scores, counts, metrics, findings, fingerprints and provenance of every run; the run folders
    are as they were until the merge, and nobody takes a part for an evaluation."""
    order = random.Random(25).sample(range(1, SHARDS + 1), SHARDS)  # noqa: S311 - an order
    killed = order[3]
    words = ("evaluate", "--batch-size", "2", "--shard", f"{killed}/{SHARDS}")
    cache = str(study / "cache")
    done = run_command(study, *words, before=KILLED, COVIDREPORT_CACHE=cache)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not list(study.glob(f"parts/{NAME}/*/{killed}-of-7/part.json"))
    assert list(study.glob(f"parts/{NAME}/*/{killed}-of-7/.partial"))
    shard(*(each for each in order if each != killed))
    refused = merge()
    assert refused.code == 2
    assert f"missing in parts/{NAME}, of 7 shards: {killed}/7" in refused.err
    assert f"evaluate --shard {killed}/7 --parts parts" in refused.err
    assert not list(study.glob("runs/*/evaluations"))
    for command in (("render", "--output", "r.html"), ("gate", "runs")):
        assert covidreport(*command).code in (2, 3)
    assert NAME not in covidreport("list").out
    assert not (study / "r.html").exists()
    shard(killed)
    assert not list(study.glob("parts/**/.partial"))
    merged = merge()
    assert merged.code == 0, merged.err
    assert read_files(study / "runs") == expected
    kept = covidreport("evaluate", "--batch-size", 2)
    assert "3 of 3 runs are unchanged and were not run again" in kept.err


def test_what_a_merge_says_of_times_and_machines(study, shard, merge):
    """The one block in which two evaluations differ has the times of all shards, and their sums."""
    shard(*range(1, SHARDS + 1))
    merge()
    timing = read_evaluation(study / "runs" / "base" / "evaluations" / NAME).timing
    parts = timing["shards"]
    assert [each["command"].split()[-1] for each in parts] == [f"{i}/7" for i in range(1, 8)]
    assert timing["images_timed"] == sum(each["images_timed"] for each in parts) == 23
    assert timing["started"] == min(each["started"] for each in parts)
    assert timing["command"] == "covidreport merge --batch-size 2"
    assert timing["machine"] == parts[0]["machine"]


def test_a_shard_that_stands_is_kept_and_one_whose_file_is_damaged_is_scored_again(
    study, shard, merge, expected
):
    """With --force it is scored anew; a merge names a damaged part and changes nothing."""
    shard(*range(1, SHARDS + 1))
    part = study / "parts" / NAME / "base" / "3-of-7"
    before = {path: path.stat().st_mtime_ns for path in study.glob("parts/**/*.*")}
    assert "3 of 3 runs are unchanged" in shard(3).err
    assert {path: path.stat().st_mtime_ns for path in study.glob("parts/**/*.*")} == before
    rows = part / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-9] + b"012345678")
    done = merge()
    assert done.code == 3
    assert "base" in done.err
    assert "3-of-7/rows.parquet: was damaged or exchanged" in done.err.replace("\n", "")
    assert not (study / "runs" / "base" / "evaluations" / NAME / "evaluation.json").exists()
    assert "2 of 3 runs are unchanged" in shard(3).err
    assert merge().code == 0
    assert read_files(study / "runs") == expected
    assert "unchanged" not in shard(3, words=("--force",)).err


def test_more_shards_than_batches_and_one_shard_alone(study, shard, merge, expected):
    """A shard without an image is a part as any other."""
    shard(*range(1, 16), of=15)
    assert merge().code == 0
    assert read_files(study / "runs") == expected
    shutil.rmtree(study / "parts")
    for folder in study.glob("runs/*/evaluations"):
        shutil.rmtree(folder)
    shard(1, of=1)
    assert merge().code == 0
    assert read_files(study / "runs") == expected


def _replace_model(study):
    write_model(study / "runs" / "base", 99)


def _describe_otherwise(study):
    write_run(study / "runs" / "base", {"name": "base", "input": {"size": [8, 9]}})


def _change_truth(study):
    file = study / "data" / "manifest.csv"
    text = file.read_text()
    file.write_text(text.replace("014.png,0,0,1", "014.png,0,1,0"))
    assert file.read_text() != text


def _sort_manifest(study):
    file = study / "data" / "manifest.csv"
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *sorted(rows)]) + "\n")


def _claim(name, value):
    def change(study):
        for file in study.glob(f"parts/{NAME}/base/2-of-7/part.json"):
            document = json.loads(file.read_text())
            where = document
            for key in name[:-1]:
                where = where[key]
            where[name[-1]] = value
            file.write_text(json.dumps(document))

    return change


@pytest.mark.parametrize(
    ("change", "words", "named"),
    [
        (_replace_model, (), "differs in the model ("),
        (_change_truth, (), "the data (ids, truth, splits or their order)"),
        (_sort_manifest, (), "the data (ids, truth, splits or their order)"),
        (lambda _: None, ("--batch-size", 3), "the setting batch (2 there, 3 here)"),
        (_claim(("versions", "pillow"), "1.0"), (), "the version of pillow (1.0 there, "),
        (_claim(("contract", "mean"), [1.0]), (), "the contract's mean ([1.0] there, none here)"),
        (_claim(("settings", "precision"), "fp16"), (), "the setting precision (fp16 there, fp32"),
        (_claim(("alone",), True), (), "how images are fed"),
        (_claim(("shard", "number"), 3), (), "the shard (3/7 there, 2/7 here)"),
        (_claim(("run",), "new"), (), "the run (new there, base here)"),
        (_claim(("fingerprint",), "f" * 64), (), "the bytes of its images"),
        (_claim(("key",), "f" * 64), (), "the bytes of its images"),
        (_claim(("rows_sha256",), "f" * 64), (), "damaged or exchanged"),
    ],
)
def test_a_part_that_does_not_belong_to_the_others_is_refused_with_what_it_differs_in(
    parts, merge, change, words, named
):
    """Only the run that it is of; of what concerns all none is merged, and nothing is written."""
    change(parts)
    done = merge(*words)
    assert done.code in (2, 3)
    assert named in " ".join(done.err.split())
    assert not (parts / "runs" / "base" / "evaluations" / NAME / "evaluation.json").exists()


@pytest.fixture(scope="module")
def scored(template, tmp_path_factory):
    """A study with the parts of all shards."""
    place = tmp_path_factory.mktemp("scored") / "study"
    shutil.copytree(template, place)
    code = (
        "import sys\nfrom covidreport import EvaluateOptions, evaluate_runs\n"
        "from covidreport.records import PixelSpec, Shard\n"
        "for i in range(1, 7): evaluate_runs('runs', options=EvaluateOptions(batch_size=2, "
        "shard=Shard(i, 7)))"
    )
    words = ("evaluate", "--batch-size", "2", "--shard", "7/7")
    done = run_command(place, *words, before=code, COVIDREPORT_CACHE=str(place / "cache"))
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def parts(study, scored):
    """A study of one's own, all of whose shards were scored elsewhere."""
    shutil.copytree(scored / "parts", study / "parts")
    return study


def test_parts_from_several_folders_belong_together_and_one_there_twice_is_named(
    parts, merge, expected
):
    """As Nextflow or a machine without a shared folder leaves them; of another cut as well."""
    for run in ("base", "new", "soft"):
        for number in (2, 5):
            place = Path("parts") / NAME / run / f"{number}-of-7"
            target = parts / "other" / place.relative_to("parts")
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.move if number == 2 else shutil.copytree)(parts / place, target)
    done = merge("--parts", "parts", "--parts", "other")
    assert done.code == 2
    assert f"there twice in parts/{NAME} and other/{NAME}: shard 5/7" in done.err
    for path in (parts / "other").glob("*/*/5-of-7"):
        shutil.rmtree(path)
    assert merge("--parts", "parts", "--parts", "other").code == 0
    assert read_files(parts / "runs") == expected
    made = parts / "parts" / NAME / "base"
    shutil.copytree(made / "1-of-7", made / "1-of-8")
    done = merge("--parts", "parts", "--parts", "other")
    assert "parts of 7 shards and 8 shards stand in" in done.err


def test_who_computed_the_parts_is_who_computed_the_evaluation(parts, shard, merge):
    """Of parts from elsewhere this machine does not say that it made them."""
    run = read_run(parts / "runs" / "base")
    folder = parts / "runs" / "base" / "evaluations" / NAME
    assert merge().code == 0
    assert not MadeHere().has_evaluation(run, read_evaluation(folder))
    shutil.rmtree(folder)
    shard(*range(1, SHARDS + 1), words=("--force",))
    assert merge().code == 0
    assert MadeHere().has_evaluation(run, read_evaluation(folder))


def test_a_run_that_fails_in_a_shard_is_named_at_the_merge_and_the_others_are_merged(
    study, covidreport, merge
):
    """With why; what stands of it is kept."""
    (study / "runs" / "base" / "model.onnx").write_bytes(b"no model")
    for number in (1, 2):
        done = covidreport("evaluate", "--batch-size", 2, "--shard", f"{number}/2")
        assert done.code == 3
    assert not list(study.glob("runs/*/evaluations"))
    done = merge("--json")
    assert done.code == 3
    assert set(json.loads(done.out)["evaluations"]) == {"new", "soft"}
    (failure,) = json.loads(done.out)["failures"]
    assert failure["run"] == "base"
    assert f"no part of it stands in parts/{NAME} (failed: 1/2: " in failure["reason"]


def test_a_shard_says_as_json_where_its_parts_stand(study, covidreport):
    done = covidreport("evaluate", "--batch-size", 2, "--shard", "2/7", "--json")
    document = json.loads(done.out)
    assert document["parts"]["soft"] == f"parts/{NAME}/soft/2-of-7"
    assert (document["rankings"], document["evaluations"]) == ([], {})
    assert "shard 2/7 of 3 runs stands in" not in done.out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--maps",), "--maps with --shard: merge the parts first"),
        (("--disturb",), "--disturb with --shard"),
        (("--foreign",), "--foreign with --shard"),
        (("--thumbnails",), "--thumbnails with --shard"),
        (("--check-preprocessing",), "--check-preprocessing with --shard"),
        (("--threshold", "0.4"), "--threshold and --thresholds with --shard"),
        (("--parts", "a", "--parts", "b"), "--parts with --shard: one folder"),
    ],
)
def test_what_needs_all_images_is_refused_for_a_shard(study, covidreport, words, named):
    done = covidreport("evaluate", "--shard", "1/2", *words)
    assert done.code == 2
    assert named in " ".join(done.err.split())
    assert not (study / "parts").exists()


def test_parts_without_a_shard_are_those_of_merge(study, covidreport):
    done = covidreport("evaluate", "--parts", "parts")
    assert (done.code, "covidreport merge" in done.err) == (2, True)


def test_a_hidden_part_of_the_pictures_is_a_variant_of_its_own(study, shard, merge, covidreport):
    """Its parts stand beside the usual ones, and are merged by the same option."""
    shard(1, 2, of=2)
    assert merge().code == 0
    shard(1, 2, of=2, words=("--occlude", "centre"))
    done = merge("--occlude", "centre")
    assert done.code == 0
    assert "occlude-centre-0.8" in str(sorted((study / "parts").iterdir()))
    found = read_evaluation(study / "runs/base/evaluations" / f"{NAME}-occlude-centre-0.8")
    whole = covidreport("evaluate", "--batch-size", 2, "--occlude", "centre", "--force", "--json")
    assert whole.code == 0
    again = read_evaluation(study / "runs/base/evaluations" / f"{NAME}-occlude-centre-0.8")
    assert (found.counts, found.provenance) == (again.counts, again.provenance)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/1000000", "1 of 2"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(UsageError, match="such as 3/7"):
        read_shard(text)


@pytest.mark.parametrize("batch", [1, 2, 32])
@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 1000])
@pytest.mark.parametrize("of", [1, 2, 7, 40])
def test_shards_hold_every_image_once_in_whole_batches(n, batch, of):
    """By hand: 1,000 images in batches of 32 are 32 batches, of which seven shards have 4 or 5."""
    cuts = [cut_rows(n, batch, Shard(number, of)) for number in range(1, of + 1)]
    assert [row for cut in cuts for row in cut] == list(range(n))
    assert all(cut.start % batch == 0 or cut.start == n for cut in cuts)
    sizes = [-(-len(cut) // batch) for cut in cuts]
    assert max(sizes) - min(sizes) <= 1
    assert read_shard(" 3/7 ") == Shard(3, 7)


ROOT = Path(__file__).resolve().parents[2]


def _run_job(words, folder, **environment):
    """What a job's script calls, with stand-ins for what starts it."""
    for name, body in (("srun", '"$@"'), ("covidreport", 'printf "%s\\n" "$@"')):
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:/usr/bin:/bin"
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**environment, "PATH": path}
    )
    return done.stdout.split()


def test_the_jobs_of_a_cluster_score_and_merge(parts, covidreport, tmp_path_factory):
    """An array of one job and the one after it; every option of theirs is known."""
    scripts = ROOT / "examples" / "slurm"
    given = {
        "RUNS": "runs", "DATA": "data/manifest.csv", "PARTS": "parts2", "SLURM_CPUS_PER_TASK": "2",
        "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "1",
    }  # fmt: skip
    for name in ("evaluate", "merge"):
        words = _run_job(
            ["bash", scripts / f"{name}.sbatch"], tmp_path_factory.mktemp(name), **given
        )
        assert words[0] == name
        assert covidreport(*words).code == 0
    assert (parts / "parts2" / NAME / "soft" / "1-of-1" / "part.json").is_file()
    given["SHARDS"] = "32"
    words = _run_job(["bash", scripts / "evaluate.sbatch"], tmp_path_factory.mktemp("one"), **given)
    assert words[-1] == "1/32"


def test_the_pods_of_an_indexed_job_score_all_shards(tmp_path_factory):
    """From the first to the last of as many as there are pods."""
    text = (ROOT / "examples" / "kubernetes" / "evaluate.yaml").read_text()
    (completions,) = map(int, re.findall(r"completions: (\d+)", text))
    assert f'{{name: SHARDS, value: "{completions}"}}' in text
    (command,) = re.findall(r"- exec (covidreport evaluate .*)", text)
    folder = tmp_path_factory.mktemp("pod")
    for index in (0, completions - 1):
        words = _run_job(
            ["sh", "-c", f"exec {command}"], folder, SHARDS=str(completions),
            JOB_COMPLETION_INDEX=str(index),
        )  # fmt: skip
        assert words[-2:] == ["--shard", f"{index + 1}/{completions}"]
        assert read_shard(words[-1]) == Shard(index + 1, completions)
    merging = (ROOT / "examples" / "kubernetes" / "merge.yaml").read_text()
    shared = command.removeprefix("covidreport evaluate").split(" --shard")[0]
    assert f"covidreport merge{shared}\n" in merging


def test_the_commands_of_the_page_are_run(study, covidreport):
    page = (ROOT / "docs" / "scale.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    for line in block.splitlines():
        done = covidreport(*line.split()[1:])
        assert done.code == 0, done.err
    assert len(list(study.glob("runs/*/evaluations/*/evaluation.json"))) == 3
