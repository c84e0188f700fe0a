"""A second `covidreport evaluate`: what is unchanged is known by size and time of change alone."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest
from msgspec.structs import replace

from covidreport.cli import terminal
from covidreport.evaluate import folders
from covidreport.inference import providers, session
from covidreport.inference.cards import Card
from covidreport.inference.execution import Execution
from covidreport.storage.cache import DATA_FILE
from covidreport.storage.cache_folder import locate_cache
from covidreport.store import read_evaluation, read_scores
from tests.damage import cut_off, flip_byte
from tests.datasets import write_flat_dataset
from tests.evaluate.cases import ROWS
from tests.onnx_models import write_brightness_model

WORDS = ("evaluate", "runs", "--data", "data/manifest.csv", "--provider", "cpu", "--json")


@pytest.fixture
def study(covidreport, tmp_path, monkeypatch):
    """Two runs that were evaluated once; `anew` counts how often data are read after that."""
    write_flat_dataset(tmp_path / "data", ROWS)
    for name in "ab":
        write_brightness_model(tmp_path / "runs" / name / "model.onnx")
    first = covidreport(*WORDS)
    assert first.code == 0, first.err
    calls = []
    read_images = folders.read_images

    def counted(*arguments):
        calls.append(arguments)
        return read_images(*arguments)

    monkeypatch.setattr(folders, "read_images", counted)

    class Study:
        folder = tmp_path
        output = json.loads(first.out)
        anew = calls

        def again(self, *words):
            done = covidreport(*WORDS, *words)
            assert done.code == 0, done.err
            return done

        def evaluation(self, run="a"):
            return read_evaluation(tmp_path / "runs" / run / "evaluations" / "data-validation")

    return Study()


def test_nothing_new_reads_neither_manifest_nor_images_nor_models(study, monkeypatch):
    """The same answer comes from what is stored; opening a model or an image would fail."""

    def forbidden(*_, **__):
        raise AssertionError("opened")

    monkeypatch.setattr("covidreport.evaluate.resolve.read_dataset", forbidden)
    monkeypatch.setattr("covidreport.evaluate.opening.open_session", forbidden)
    monkeypatch.setattr("covidreport.evaluate.decode.read_bytes", forbidden)
    done = study.again()
    assert json.loads(done.out) == study.output
    assert "2 of 2 runs are unchanged" in done.err
    assert study.anew == []


def test_other_thresholds_are_applied_to_what_is_stored(study):
    """logit(0.2) = -1.39 finds the case of brightness 90, without reading the data."""
    study.again("--threshold", "0.2")
    assert study.evaluation().counts["covid-19"].missed == 0
    assert study.anew == []


def _touch_image(folder):
    os.utime(folder / "data" / "001.png", ns=(1, 1))


def _change_truth(folder):
    manifest = folder / "data" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("000.png,1,0,0", "000.png,0,1,0"))


def _remove_evaluation(folder):
    (folder / "runs" / "a" / "evaluations" / "data-validation" / "evaluation.json").unlink()


def _new_model(folder):
    write_brightness_model(folder / "runs" / "a" / "model.onnx", (0.2, -0.1, 0.02))


def _new_run(folder):
    write_brightness_model(folder / "runs" / "c" / "model.onnx")


def _break_index(folder):
    for file in locate_cache().glob(f"index/*/{DATA_FILE}"):
        cut_off(file)


@pytest.mark.parametrize(
    "change",
    [_touch_image, _change_truth, _remove_evaluation, _new_model, _new_run, _break_index],
)
def test_any_change_takes_the_long_way(study, change):
    """An image, the truth, an evaluation, a model, a run, the index itself."""
    change(study.folder)
    study.again()
    assert len(study.anew) == 1


def test_damage_in_the_cache_is_said_once(study):
    """What is damaged is made again, and the next time nothing is."""
    for file in locate_cache().glob(f"*/*/{DATA_FILE}"):
        flip_byte(file)

    done, again = study.again(), study.again()

    assert done.err.count("parts of the cache were damaged") == 1
    assert "digests (1), index (1)" in done.err
    assert json.loads(done.out) == study.output
    assert "damaged" not in again.err


def test_a_changed_truth_changes_the_counts(study):
    """The first image is no covid-19 any more: one positive less, one false alarm more."""
    before = study.evaluation().counts["covid-19"]
    _change_truth(study.folder)
    study.again()
    after = study.evaluation().counts["covid-19"]
    assert (after.positives, after.fp) == (before.positives - 1, before.fp + 1)


@pytest.mark.parametrize("word", ["--force", "--verify", "--no-cache"])
def test_who_asks_for_the_bytes_gets_the_long_way(study, word):
    """`--verify` hashes the bytes, `--force` computes again, `--no-cache` caches nothing."""
    study.again(word)
    assert len(study.anew) == 1


def test_a_vanished_image_is_noticed(covidreport, study):
    """A file that is gone is no unchanged file."""
    (study.folder / "data" / "001.png").unlink()
    done = covidreport(*WORDS)
    assert done.code == 2
    assert "001.png" in done.err


@pytest.mark.parametrize("words", [(), ("--threshold", "0.4"), ("--verify",)])
@pytest.mark.parametrize("damage", [flip_byte, cut_off])
def test_damaged_scores_are_computed_again_and_said(study, words, damage):
    """One run's lost scores stop no other run, and are not taken for what they were."""
    file = study.folder / "runs" / "a" / "evaluations" / "data-validation" / "scores.parquet"
    whole = file.read_bytes()
    damage(file)

    done = study.again(*words)

    assert "a is evaluated again" in done.err
    assert "b is evaluated again" not in done.err
    assert file.read_bytes() == whole
    assert len(json.loads(done.out)["evaluations"]) == 2


def test_thresholds_that_do_not_fit_leave_what_stands(study, covidreport):
    """Asked for tuned thresholds that nobody tuned, runs fail this time and keep their figures."""
    done = covidreport(*WORDS, "--thresholds", "tuned")

    assert done.code == 3
    folder = study.folder / "runs" / "a" / "evaluations" / "data-validation"
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        "evaluation.json", "scores.parquet",
    ]  # fmt: skip
    assert "a" in covidreport("list", "runs").out


def test_imported_runs_are_passed_over(study, covidreport, tmp_path):
    """What has scores from elsewhere and no model stays as it is, and the others are evaluated."""
    rows = ["sample_id,covid-19,normal,pneumonia"]
    rows += [f"{one},0.9,0.1,0.1" for one in _ids(study)]
    (tmp_path / "scores.csv").write_text("\n".join(rows) + "\n")
    made = covidreport(
        "import-scores", "scores.csv", "--run", "away", "--output", "runs", "--data",
        "data/manifest.csv", "--split", "validation", "--activation", "sigmoid",
    )  # fmt: skip
    assert made.code == 0, made.err

    done = study.again("--force")
    alone = covidreport("evaluate", "runs/away", "--data", "data/manifest.csv")

    assert "1 of 3 runs holds imported metrics" in done.err
    assert not (tmp_path / "runs/away/evaluations/data-validation/failure.json").exists()
    assert alone.code == 2
    assert "no run here has a model" in alone.err


def _ids(study):
    folder = study.folder / "runs" / "a" / "evaluations" / "data-validation"
    return read_scores(folder / "scores.parquet").sample_ids


def test_a_target_that_is_no_label_is_refused(study, covidreport, tmp_path):
    """Said before work, with the labels that there are, by the short way and by the long one."""
    (tmp_path / "covidreport.toml").write_text('target = "covid"\n')

    for words in ((), ("--force",)):
        done = covidreport(*WORDS, *words)

        assert done.code == 2
        assert "is 'covid', which is no label of the data; they are covid-19, normal" in done.err


def test_a_copied_run_goes_by_its_own_name(study, covidreport, tmp_path):
    """Its figures are kept, and nothing takes them for those of the run that it was copied from."""
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "copy")

    ranked = [row["run"] for row in json.loads(study.again().out)["rankings"][0]["rows"]]
    shown = covidreport("list", "runs").out

    assert sorted(ranked) == ["a", "b", "copy"]
    assert shown.count("copy") > 1


def test_a_narrow_terminal_keeps_ranks_and_names(study, covidreport, monkeypatch):
    """Rates give way; whose row it is never does."""
    monkeypatch.setattr(terminal.out, "width", 60)

    lines = covidreport("list", "runs").out.splitlines()

    (head,) = [line for line in lines if line.split()[:1] == ["rank"]]
    assert head.split()[:3] == ["rank", "run", "missed"]
    assert all(len(line) <= 60 for line in lines)


@pytest.fixture
def card(monkeypatch):
    """A machine with an H200 that the CPU plays; gives what can be changed about it."""
    seen: dict[str, Any] = {"name": "NVIDIA H200", "cudnn": "9.26.0", "opened": 0}
    played = tuple(
        replace(each, ort_name="CPUExecutionProvider", device="cpu", library=None)
        for each in providers.PROVIDERS
    )

    def find_card(device_id):
        return Card(seen["name"], (9, 0), 2**37, 2**36)

    def load_libraries(provider):
        seen["opened"] += provider.accelerator
        return ""

    monkeypatch.setattr(providers, "PROVIDERS", played)
    monkeypatch.setattr(Execution, "requests", lambda *_: ["CPUExecutionProvider"])
    monkeypatch.setattr(providers, "has_nvidia_device", lambda: True)
    monkeypatch.setattr(providers, "find_card", find_card)
    monkeypatch.setattr(providers, "cudnn_version", lambda: seen["cudnn"])
    for module in (providers, session):
        monkeypatch.setattr(module, "load_libraries", load_libraries)
    return seen


@pytest.mark.parametrize("provider", ["auto", "cuda"])
def test_unchanged_on_a_card_is_known_without_opening_cuda(study, card, provider):
    """The card's name and cuDNN's version are asked for, and no provider is opened."""
    on_card = ("--provider", provider)
    study.again(*on_card)
    assert card["opened"] > 0
    recorded = study.evaluation().provenance["provider"]
    assert recorded["card"] == "NVIDIA H200"
    assert recorded["libraries"] == {"cudnn": "9.26.0"}
    made = len(study.anew)
    card["opened"] = 0
    assert "2 of 2 runs are unchanged" in study.again(*on_card).err
    assert (card["opened"], len(study.anew)) == (0, made)


@pytest.mark.parametrize(("what", "other"), [("name", "NVIDIA L4"), ("cudnn", "9.27.0")])
def test_another_card_or_cudnn_is_evaluated_anew(study, card, what, other):
    """Both decide the last digits; the record names those that made it."""
    study.again("--provider", "cuda")
    card[what] = other
    assert "unchanged" not in study.again("--provider", "cuda").err
    recorded = study.evaluation().provenance["provider"]
    assert other in (recorded["card"], recorded["libraries"]["cudnn"])


def test_scores_of_the_cpu_are_kept_where_a_card_is_broken(study, card, monkeypatch):
    """`auto` expects the card, finds it broken, and says so beside what the CPU made."""
    monkeypatch.setattr(providers, "missing_library", lambda library: "libcufft.so.12 is missing")
    cuda = providers.provider_named("cuda")
    broken = tuple(
        replace(each, library="any") if each is cuda else each for each in providers.PROVIDERS
    )
    monkeypatch.setattr(providers, "PROVIDERS", broken)
    said = study.again("--provider", "auto").err
    assert "libcufft.so.12 is missing" in said
    assert "2 of 2 runs are unchanged" in said
    assert study.anew == []
