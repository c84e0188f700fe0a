"""What the section of provenance says of data, models, what ran them, and the commands."""

from __future__ import annotations

from msgspec.structs import replace

from covidreport.text import DASH
from tests.report.blocks import build, find_table, list_facts, list_tables, read_values
from tests.report.study import BEST, SECOND, SILENT, small_study

COMMAND = "covidreport evaluate --split validation 'my runs'"


def _made(provider="cuda", precision="fp16", sha256="c" * 64, **versions):
    return {
        "key": "not shown",
        "model": {"file": "model.onnx", "sha256": sha256, "bytes": 3},
        "data": {"source": "data/manifest.csv"},
        "provider": {"asked": "auto", "ran": provider, "options": {}, "precision": precision},
        "versions": {"covidreport": "0.1.0", "providers_in_build": ["X"], **versions},
    }


def _provenance(**changes):
    """Of the small study, whose runs by name get other fields of their evaluation."""
    study = small_study()
    runs = tuple(
        replace(one, evaluation=replace(one.evaluation, **changes.get(one.run.name, {})))
        if one.evaluation
        else one
        for one in study.runs
    )
    given = {"covidreport": "0.1.0", "command": "covidreport render runs"}
    return build(replace(study, runs=runs, provenance=given), "provenance")


def test_each_set_of_images_is_named_with_its_fingerprint():
    """One row a split, with how many runs saw it; what is unknown is a dash."""
    seen = {"fingerprint": "f" * 64, "n_groups": 7, "provenance": _made()}
    changes = {BEST: seen, SECOND: seen}

    data = find_table(_provenance(**changes), "Data")

    assert [column.title for column in data.columns] == [
        "Data set", "Split", "Images", "Patients", "Fingerprint", "Read from", "Runs",
    ]  # fmt: skip
    assert read_values(data) == [
        ["study-2020", "validation", "628", "7", "f" * 12, "data/manifest.csv", "2"],
        ["study-2020", "train", "6,200", DASH, DASH, DASH, "1"],
        ["study-2020", "validation", "628", DASH, DASH, DASH, "1"],
    ]


def test_what_runs_have_in_common_is_said_once_and_the_rest_by_run():
    """A run on another provider stands out; versions that all share do not fill a column."""
    changes = {
        BEST: {"provenance": _made(sha256="a" * 64)},
        SECOND: {"provenance": _made(provider="cpu", sha256="b" * 64)},
        SILENT: {"provenance": _made()},
    }
    study = small_study()
    alone = tuple(replace(one, others=()) for one in study.runs)
    runs = tuple(
        replace(one, evaluation=replace(one.evaluation, **changes[one.run.name]))
        for one in alone
        if one.evaluation
    )

    provenance = build(replace(study, runs=runs), "provenance")
    models = find_table(provenance, "Models")
    common = list_facts(provenance)

    assert [column.title for column in models.columns] == ["Run", "Model", "Provider"]
    assert read_values(models) == [
        [BEST, "a" * 12, "cuda, asked for as auto"],
        [SECOND, "b" * 12, "cpu, asked for as auto"],
        [SILENT, "c" * 12, "cuda, asked for as auto"],
    ]
    assert common["Precision"] == "fp16"
    assert common["Versions"] == "covidreport 0.1.0"


def test_the_card_and_its_libraries_are_named():
    """As the key of an evaluation holds them; the CPU's has neither."""
    made = _made()
    made["provider"] |= {"card": "NVIDIA H200", "libraries": {"cudnn": "9.26.0"}}
    runs = {name: {"provenance": made} for name in (BEST, SECOND, SILENT)}
    common = list_facts(_provenance(**runs))
    assert common["Card"] == "NVIDIA H200"
    assert common["Libraries of the card"] == "cudnn 9.26.0"
    runs = {name: {"provenance": _made("cpu", "fp32")} for name in (BEST, SECOND, SILENT)}
    common = list_facts(_provenance(**runs))
    assert not {"Card", "Libraries of the card"} & common.keys()


def test_commands_stand_once_with_what_they_made():
    """A command that made several evaluations is one row; the report's own is the last."""
    timing = {"command": COMMAND, "jobs": 2}
    changes = {BEST: {"timing": timing}, SECOND: {"timing": timing}}

    provenance = _provenance(**changes)

    assert read_values(find_table(provenance, "Commands")) == [
        [COMMAND, "2 runs on validation"],
        ["covidreport render runs", "this report"],
    ]
    assert all(
        COMMAND not in cell for row in read_values(find_table(provenance, "Times")) for cell in row
    )


def test_copied_counts_say_that_nothing_was_run():
    """A paper's counts have no model, no provider and no fingerprint."""
    study = small_study()
    runs = tuple(
        replace(one, evaluation=replace(one.evaluation, provenance={}))
        for one in study.runs
        if one.evaluation
    )

    provenance = build(replace(study, runs=runs, provenance={}), "provenance")

    assert [t.caption.split(":")[0].split()[0] for t in list_tables(provenance)] == [
        "Data",
        "Times",
    ]
    assert list_facts(provenance) == {
        "Figures from": "counts alone", "Thresholds from": "published",
    }  # fmt: skip
