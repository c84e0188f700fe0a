"""Fifteen commands, one after the other, as somebody uses them in a week: they mean the same.

Wherever two of them name the same thing, a threshold, a split, a count, patients, an interval, it
is the same. The facts to compare with are counted here, from the grey of each image: a model's
logit is a tenth of it, less an offset.
"""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow.parquet as pq
import pytest

import covidreport as package
from covidreport.store import write_run
from tests.datasets import LABELS, write_flat_dataset
from tests.onnx_models import write_brightness_model

TARGET = LABELS[0]
OFFSETS = {"keen": 11.0, "mild": 12.0, "shy": 13.5}
MEANS = {"covid-19": 135, "normal": 90, "pneumonia": 110}
SIZES = {"validation": (15, 30, 25), "test": (12, 25, 20)}


class _Tables(HTMLParser):
    """The texts of all cells of all tables of a page, by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._open = 0

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._open += 1

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = max(0, self._open - 1)

    def handle_data(self, data):
        if self._open and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture
def rows(tmp_path):
    """The images of both splits: grey, label, split and patient, who has two where he is ill."""
    random = np.random.default_rng(7)
    drawn, patients = [], []
    for split, sizes in SIZES.items():
        for label, many in zip(LABELS, sizes, strict=True):
            for i in range(many):
                grey = int(np.clip(random.normal(MEANS[label], 18), 1, 254))
                drawn.append((grey, label, split))
                patients.append(f"{split}-{label}-{i // 2 if label == TARGET else i}")
    write_flat_dataset(tmp_path / "data", drawn, patients=patients)
    for name, offset in OFFSETS.items():
        write_brightness_model(
            tmp_path / "runs" / name / "model.onnx", offsets=(-offset, 10.0, -2.0)
        )
        write_run(tmp_path / "runs" / name, {"name": name})
    return [(*row, patient) for row, patient in zip(drawn, patients, strict=True)]


def _count(rows, split, run, threshold):
    """Missed, found, false alarms and cleared images of the target."""
    limit = math.log(threshold / (1 - threshold))
    called = [
        (
            bool(np.float32(0.1) * np.float32(grey) - np.float32(OFFSETS[run]) > limit),
            label == TARGET,
        )
        for grey, label, of, _ in rows
        if of == split
    ]
    tallied = [called.count(pair) for pair in ((False, True), (True, True), (True, False))]
    return (*tallied, called.count((False, False)))


def _count_patients(rows, split, run, threshold):
    """Missed patients and patients with the target, false alarms and patients without it: one image
    that is called is enough."""
    limit = math.log(threshold / (1 - threshold))
    called, ill = set(), set()
    for grey, label, of, patient in rows:
        if of == split and label == TARGET:
            ill.add(patient)
        if of == split and np.float32(0.1) * np.float32(grey) - np.float32(OFFSETS[run]) > limit:
            called.add(patient)
    well = {patient for *_, of, patient in rows if of == split} - ill
    return len(ill - called), len(ill), len(well & called), len(well)


def _read_terminal(text, run):
    """A run's cells in the ranking of a terminal, by the names of the columns; an interval stands
    behind its value."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("rank "))
    names = re.split(r"\s{2,}", lines[at].strip())
    for line in lines[at + 1 :]:
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) == len(names) and cells[1].split()[0] == run:
            found = dict(zip(names, cells, strict=True))
            for before, name, value, cell in zip(names, names[1:], cells, cells[1:], strict=False):
                if name.startswith("("):
                    found[f"{before} {name}"] = f"{value} {cell}"
            return found
    raise AssertionError(f"no row of {run} in {text}")


def _read_markdown(text, run):
    """A run's cells in the ranking of a Markdown report."""
    lines = text[text.index("\n## Ranking") :].splitlines()
    at = next(i for i, each in enumerate(lines) if each.startswith("| Rank |") and "Found" in each)
    head, row = lines[at], next(line for line in lines[at:] if f"| **{run}** |" in line)
    names, cells = ([c.strip() for c in line.strip("|").split("|")] for line in (head, row))
    return dict(zip(names, cells, strict=True))


def _words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("rank_at", [False, True], ids=["options", "rank_at"])
def test_fifteen_commands_mean_the_same(covidreport, tmp_path, rows, rank_at):
    """init, evaluate twice, evaluate occluded, tune, evaluate tuned, score, list, render, baseline,
    gate, ci, predict, export and load, each held against what is counted by hand.

    With `rank_at` in the settings no command takes an option for what they say."""
    tuned_ones = () if rank_at else ("--thresholds", "tuned")

    def call(*words, code=0):
        done = covidreport(*words)
        assert done.code == code, (words, done.out, done.err)
        return done

    # 1 to 3: a configuration, then both splits at its threshold
    call("init", "data")
    settings = tmp_path / "covidreport.toml"
    if rank_at:
        written = settings.read_text()
        on_split = '[tune]\nsplit = "validation"\n'
        settings.write_text(f"rank_at = {{sensitivity = 0.9}}\n{written}\n{on_split}")
        refused = call("evaluate", "--split", "test", code=3)
        assert "run `covidreport tune runs/*`" in _words(refused.err)
    first = {}
    for split in SIZES:
        fixed = ("--threshold", "0.5") if rank_at and split == "test" else ()
        done = call("evaluate", "--split", split, *fixed)
        images = sum(SIZES[split])
        people = len({patient for *_, of, patient in rows if of == split})
        assert f"data, {split}: {images} images of {people} patients" in done.out
        assert "threshold 0.5" in done.out.splitlines()[0]
        first[split] = done.out
        for run in OFFSETS:
            missed, found, alarms, _ = _count(rows, split, run, 0.5)
            cells = _read_terminal(done.out, run)
            positives, negatives = missed + found, images - missed - found
            assert cells["missed"] == f"{missed} of {positives}"
            assert cells["false alarms"] == f"{alarms} of {negatives}"

    # 4: pictures of which the middle is black change no other command's answer
    occluded = call("evaluate", "--split", "validation", "--occlude", "centre")
    assert "as usual" in occluded.out
    assert call("list").out.count("\nrank ") == 1

    # 5 and 6: thresholds of each run, from one split for the other
    for_what = () if rank_at else ("--split", "validation", "--target-sensitivity", "0.9")
    tuned = json.loads(call("tune", *for_what, "--json").out)
    thresholds = {one["run"]: one["fits"][TARGET]["threshold"] for one in tuned["runs"]}
    for one in tuned["runs"]:
        fit, (missed, found, alarms, cleared) = (
            one["fits"][TARGET],
            _count(rows, "validation", one["run"], thresholds[one["run"]]),
        )
        assert (fit["sensitivity"]["numerator"], fit["sensitivity"]["denominator"]) == (
            found, missed + found,
        )  # fmt: skip
        assert fit["specificity"]["numerator"] == cleared
        assert found / (missed + found) >= 0.9
        assert fit["bound"] is None  # several images of a patient: nobody knows one
        file = json.loads((tmp_path / one["file"]).read_text())
        assert file["fits"][TARGET]["threshold"] == fit["threshold"]
    again = call("evaluate", "--split", "test", *tuned_ones)
    origin = "option" if rank_at else "configuration"
    for run, threshold in thresholds.items():
        before, after = (_count(rows, "test", run, at)[0] for at in (0.5, threshold))
        assert (
            f"{run} at {threshold:g} (was 0.5 ({origin}), missed {TARGET} {before} → {after})"
        ) in again.err

    # what stands now, by hand: the test split at the tuned thresholds
    facts = {run: _count(rows, "test", run, at) for run, at in thresholds.items()}

    def check_terminal(text):
        assert "data, test: " in text
        for run, (missed, found, alarms, _) in facts.items():
            cells = _read_terminal(text, run)
            positives, negatives = missed + found, images - missed - found
            assert cells["missed"] == f"{missed} of {positives}"
            assert cells["false alarms"] == f"{alarms} of {negatives}"
            assert cells["threshold"] == f"{thresholds[run]:g}"
            lost, ill, *_ = _count_patients(rows, "test", run, thresholds[run])
            assert cells["missed patients"] == f"{lost} of {ill}"

    check_terminal(again.out)

    # 7: score says the same twice, and what another threshold would change without changing it
    same = call("score", "--split", "test", *tuned_ones)
    check_terminal(same.out)
    files = {path: path.read_bytes() for path in tmp_path.glob("runs/*/evaluations/*/*.json")}
    other = call("score", "--split", "test", "--threshold", "0.4")
    for run, (missed, *_) in facts.items():
        would = _count(rows, "test", run, 0.4)[0]
        line = next(
            line for line in other.out.splitlines() if line.startswith(run) and TARGET in line
        )
        change = f"{missed} → {would}" if would != missed else str(missed)
        assert re.split(r"\s{2,}", line.strip())[3] == change
    assert files == {path: path.read_bytes() for path in files}

    # 8: the configured split, at its thresholds, as it was said first
    listed = call("list")
    table = first["validation"].splitlines()[: 2 + len(OFFSETS)]
    assert _words("\n".join(table)) in _words(listed.out)
    (ranking,) = json.loads(call("list", "--json").out)["rankings"]
    assert {row["run"]: (row["missed"], row["false_alarms"]) for row in ranking["rows"]} == {
        run: _count(rows, "validation", run, 0.5)[::2] for run in OFFSETS
    }

    # 9: a report of the test split in every format, with the same figures in each
    texts = {}
    for format_, name in (("html", "report.html"), ("markdown", "report.md"),
                          ("json", "report.json"), ("csv", "report.csv")):  # fmt: skip
        call("render", "--split", "test", "--format", format_)
        texts[format_] = (tmp_path / name).read_text()
    report = json.loads(texts["json"])
    estimates = {
        one["run"]["name"]: one["evaluation"]["estimates"][TARGET] for one in report["runs"]
    }
    people = len({patient for *_, of, patient in rows if of == "test"})
    assert report["split"] == "test"
    assert {one["evaluation"]["n_groups"] for one in report["runs"]} == {people}
    for run, (missed, found, alarms, cleared) in facts.items():
        estimate = estimates[run]["sensitivity"]
        assert (estimate["numerator"], estimate["denominator"]) == (found, missed + found)
        said = (
            f"{estimate['value']:.3f} ({found} of {missed + found}; 95 % CI "
            f"{estimate['low']:.3f} to {estimate['high']:.3f})"
        )
        cells = _read_markdown(texts["markdown"], run)
        assert cells["Threshold"].startswith(f"{thresholds[run]:g} ")
        assert (cells[f"Missed (of {missed + found})"], cells[f"Found (of {missed + found})"]) == (
            str(missed), str(found),
        )  # fmt: skip
        assert cells[f"False alarms (of {alarms + cleared})"] == str(alarms)
        assert cells["Sensitivity (95 % CI)"] == said
        short = f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
        assert _read_terminal(again.out, run)["sensitivity (95 % CI)"] == short
        (row,) = [
            row
            for row in csv.DictReader(texts["csv"].splitlines())
            if (row["run"], row["label"], row["split"], row["variant"], row["attribute"])
            == (run, TARGET, "test", "", "")
        ]
        assert (row["missed"], row["false_alarms"]) == (str(missed), str(alarms))
        assert float(row["threshold"]) == thresholds[run]
        lost, ill, wrong, well = _count_patients(rows, "test", run, thresholds[run])
        columns = ("patients_missed", "patients_positive", "patients_false_alarms")
        assert [row[name] for name in columns] == [str(lost), str(ill), str(wrong)]
        assert row["patients_negative"] == str(well)
        by_patient = f"{lost} of {ill} patients ({missed} of {missed + found} images)"
        assert by_patient in texts["markdown"]
        assert by_patient in _words(texts["html"])
        assert (float(row["sensitivity_low"]), float(row["sensitivity_high"])) == (
            estimate["low"], estimate["high"],
        )  # fmt: skip
    page = _Tables()
    page.feed(texts["html"])
    heads = [row for row in page.rows if row and _words(row[0]).startswith("Rank")]
    assert heads
    for run, (missed, *_) in facts.items():
        shown = [row for row in page.rows if len(row) > 5 and run in _words(row[1]).split()]
        assert any(
            str(missed) in (_words(cell) for cell in row)
            and any(f"{estimates[run]['sensitivity']['value']:.3f}" in cell for cell in row)
            for row in shown
        )
    sure = {
        (p["first"], p["second"]): p for p in report["rankings"][0]["comparisons"]["sensitivity"]
    }

    # 10 and 11: a baseline on that split, and the gate by it
    refused = call("baseline", "set", "runs/mild", "--split", "nowhere", code=3)
    assert "nowhere" in refused.err
    said = call("baseline", "set", "runs/mild", "--split", "test")
    missed, found, alarms, _ = facts["mild"]
    assert f"mild on data, test: misses {missed} of {missed + found} " in said.out + said.err
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    assert (baseline["split"], baseline["thresholds"][TARGET]) == ("test", thresholds["mild"])
    assert baseline["figures"][TARGET]["sensitivity"] == estimates["mild"]["sensitivity"]
    both = call("gate", "runs", code=2)  # the configuration says validation
    assert "'validation'" in both.err
    assert "'test'" in both.err
    verdicts = {}
    for command in (("gate", "runs"), ("ci", "runs", *tuned_ones)):
        done = covidreport(*command, "--split", "test", "--json", "--output-dir", command[0])
        assert done.code == max(facts[run][0] > facts["mild"][0] for run in ("keen", "shy"))
        verdicts[command[0]] = json.loads(done.out)
    # 12: ci judges as the gate does
    for verdict in verdicts.values():
        assert [one["run"] for one in verdict["verdicts"]] == ["keen", "shy"]
        for one in verdict["verdicts"]:
            run = one["run"]
            missed, found, alarms, cleared = facts[run]
            counts = one["counts"]
            assert (counts["fn"], counts["tp"], counts["fp"], counts["tn"]) == (
                missed, found, alarms, cleared,
            )  # fmt: skip
            assert one["split"] == "test"
            lost, ill, *_ = _count_patients(rows, "test", run, thresholds[run])
            assert f"images ({lost} of {ill} patients)" in one["sentence"]
            assert one["thresholds"][TARGET] == thresholds[run]
            assert one["estimates"]["sensitivity"] == estimates[run]["sensitivity"]
            assert one["outcome"] == ("fail" if missed > facts["mild"][0] else "pass")
            compared = next(c for c in one["comparisons"] if c["metric"] == "sensitivity")
            pair = sure.get((run, "mild")) or sure[("mild", run)]
            ends = {abs(compared["low"]), abs(compared["high"])}
            assert ends == {abs(pair["low"]), abs(pair["high"])}  # of the pair, whoever is first
    assert (
        verdicts["gate"]["verdicts"][0]["comparisons"]
        == (verdicts["ci"]["verdicts"][0]["comparisons"])
    )

    # 13: predict decides as evaluate did
    call("predict", "runs/keen", "data", *tuned_ones, "--output", "keen.parquet")
    given = {row["image"]: row for row in pq.read_table(tmp_path / "keen.parquet").to_pylist()}
    called = [
        (bool(given[f"{i:03}.png"][TARGET]), label == TARGET)
        for i, (_, label, split, _) in enumerate(rows)
        if split == "test"
    ]
    missed, found, alarms, cleared = facts["keen"]
    assert called.count((False, True)) == missed
    assert called.count((True, False)) == alarms

    # 14: what other tools get
    call(
        "export",
        "runs/keen",
        "--split",
        "test",
        "--dvc",
        "dvc",
        "--all-metrics",
        "--model-card",
        "card.md",
    )
    metrics = json.loads((tmp_path / "dvc" / "metrics.json").read_text())[TARGET]
    assert (metrics["threshold"], metrics["missed"], metrics["false_alarms"]) == (
        thresholds["keen"], missed, alarms,
    )  # fmt: skip
    assert metrics["sensitivity"]["low"] == estimates["keen"]["sensitivity"]["low"]
    card = (tmp_path / "card.md").read_text()
    assert f"{sum(SIZES['test'])} images of {people} patients" in card
    assert f"{thresholds['keen']:g}" in card

    # 15: Python
    loaded = package.load(tmp_path / "runs", split="test")
    table = loaded.counts  # of all that was evaluated: the columns say on what
    table = table[(table.split == "test") & table.variant.isna() & (table.label == TARGET)]
    for run, (missed, found, alarms, _) in facts.items():
        (row,) = table[table.run == run].to_dict("records")
        assert (row["missed"], row["tp"], row["false_alarms"]) == (missed, found, alarms)
        assert row["threshold"] == thresholds[run]
    ranked = loaded.ranking.set_index("run").missed.to_dict()
    assert ranked == {run: missed for run, (missed, *_) in facts.items()}
    usual = package.load(tmp_path / "runs").ranking.set_index("run").missed.to_dict()
    assert usual == {run: _count(rows, "validation", run, 0.5)[0] for run in OFFSETS}

    # and the data: as many patients with the target, whoever says it
    positives = {
        split: len({patient for _, label, of, patient in rows if (label, of) == (TARGET, split)})
        for split in SIZES
    }
    audit = covidreport("audit", "runs", "--data", "data")
    for split, many in positives.items():
        images = SIZES[split][0]
        assert f"{split}: {images} positives of {many} patients" in _words(audit.out)
    assert f"of {positives['test']} patients" in _words(texts["markdown"])
    assert f"of {positives['test']} patients" in _words(card)
