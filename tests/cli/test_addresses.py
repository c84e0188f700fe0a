"""`s3://bucket/file` is no path: where one is asked for it is refused, and nothing is made.

Some stores are read data from, and written whole files to; there other addresses are refused."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.models import ArgumentInfo, OptionInfo

from covidreport import EvaluateOptions, GateOptions, evaluate_runs, gate_runs, load
from covidreport.cli.app import build_app
from covidreport.cli.common import name_options
from covidreport.errors import CovidReportError, DatasetError, UsageError
from covidreport.evaluate.disturbances import ForeignOptions
from covidreport.report.environment import check_folder
from covidreport.report.logo import embed_logo
from covidreport.settings.read import read_settings
from covidreport.storage.address import (
    explain_address,
    locate,
    locate_baseline,
    locate_output,
    locate_runs,
    refuse_addresses,
)
from covidreport.storage.cache_folder import explain_no_cache
from covidreport.store import write_run
from tests.datasets import write_flat_dataset
from train.cli import app as train_app
from train.study import find_study

ADDRESS = "s3://bucket/place.html"
OTHER = "https://host/place.html"
"""What is refused where data may be in a store."""
ADDRESSES = (
    ADDRESS, "gs://b", "az://c/d", "hf://datasets/x", "http://host:80/a", "https://h/a",
    "file:///home/a", "S3://b/c", "s3a://b",
)  # fmt: skip
PATHS = (
    "runs", "./a.html", "C:/runs", "c:\\runs", "/a:b/c", "a:b", "runs/s3:/x", "x:/y", ":/a", "",
)  # fmt: skip
TAKES_ADDRESSES = (locate, locate_output, locate_runs, locate_baseline)
"""By what an option reads places that may be in a store."""
PLACES = {"PLACE", "FILE", "FOLDER", "DIR"}
"""What options of texts are for that name a file or a folder."""
REQUIRED = {
    "--mlflow": "http://127.0.0.1:9", "--run": "other", "--activation": "logit", "--scale": "1,5",
    "--study": "2020-corrected",
}  # fmt: skip
"""What a command is given beside the path that is tried, where it insists."""


def _list_leaves(app, prefix=()):
    for each in app.registered_commands:
        yield (*prefix, each.name or each.callback.__name__), each.callback
    for group in app.registered_groups:
        yield from _list_leaves(group.typer_instance, (*prefix, group.name))


def _list_stated(function):
    """Each parameter's name with the type that it has and what typer is told of it."""
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        hint = parameter.annotation
        told = [each for each in get_args(hint) if isinstance(each, OptionInfo | ArgumentInfo)]
        if told:
            yield name, hint, told[0], parameter.default is inspect.Parameter.empty


def _is_place(hint, told):
    metavar = (told.metavar or "").strip("[].").upper()
    return "Path" in str(get_args(hint)[0]) or metavar in PLACES


def _choose_address(told):
    return OTHER if told.parser in TAKES_ADDRESSES else ADDRESS


def _write_call(function, tried):
    """The words of a call in which one parameter is the address, and no other is anything."""
    words = []
    names = name_options(get_type_hints(function, include_extras=True))
    for name, _, told, required in _list_stated(function):
        value = (
            _choose_address(told) if name == tried else REQUIRED.get(names.get(name, ""), "runs")
        )
        if name == tried or required:
            words += [names[name], value] if name in names else [value]
    return words


def _list_calls(app):
    return [
        pytest.param(
            command,
            name,
            _write_call(function, name),
            _choose_address(told),
            id=" ".join([*command, name]),
        )
        for command, function in _list_leaves(app)
        for name, hint, told, _ in _list_stated(function)
        if _is_place(hint, told)
    ]


CALLS, TRAIN_CALLS = _list_calls(build_app()), _list_calls(train_app)


def test_paths_are_found_among_the_options():
    """Those that a reader of the help would name; what is tried below is not an empty list."""
    found = {f"{' '.join(each.values[0])} {each.values[1]}" for each in CALLS}
    assert {
        "render output", "evaluate data", "evaluate folders", "gate baseline", "ci output_dir",
        "baseline set output", "export dvc", "predict images", "split lists",
    } <= found  # fmt: skip
    in_stores = {f"{' '.join(each.values[0])}" for each in CALLS if each.values[3] == OTHER}
    assert in_stores >= {"evaluate", "merge", "ci"}
    written = {" ".join(each.values[0]) for each in CALLS if "output" in each.values[1]}
    assert written - {"init", "split"} <= in_stores
    assert not {"push uri", "render title"} & found
    assert {each.values[1] for each in TRAIN_CALLS} >= {"data", "out", "run"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with one run that says nothing."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "a", {"name": "a"})
    return lambda: {path for path in tmp_path.rglob("*") if "cache" not in path.parts}


@pytest.mark.parametrize(("command", "name", "words", "address"), CALLS)
def test_every_path_of_every_command_refuses_an_address(
    covidreport, place, command, name, words, address
):
    """Exit code 2, the address as it was typed, what to do; no folder called `s3:` is made."""
    before = place()
    done = covidreport(*command, *words)
    assert (done.code, done.out) == (2, "")
    assert f"{address} is an address" in done.err.replace("\n", " ")
    assert "copy" in done.err
    assert place() == before


@pytest.mark.parametrize(("command", "name", "words", "address"), TRAIN_CALLS)
def test_so_does_every_path_of_train(place, command, name, words, address):
    """Before a study is read or torch is loaded."""
    before = place()
    with pytest.raises(UsageError, match=f"{address} is an address"):
        train_app([*command, *words], standalone_mode=False)
    assert place() == before


def test_so_do_files_that_train_names_by_a_text(place):
    with pytest.raises(UsageError, match=f"--study {ADDRESS} is an address"):
        find_study(ADDRESS)
    words = ("fit", "--study", "a", "--data", "b", "--weights", ADDRESS)
    with pytest.raises(UsageError, match=f"--weights {ADDRESS} is an address"):
        train_app(words, standalone_mode=False)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_known_as_a_text_and_as_a_path(address):
    """A path has lost one of the slashes; the text is as it was."""
    shown = address.replace("file:///", "file://")
    for each in (address, Path(address)):
        assert (explain_address(each) or "").startswith(f"{shown} is an address")


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_none(path):
    """A drive has one letter, and a colon is a sign like another."""
    assert explain_address(path) is None
    refuse_addresses([("--a", Path(path)), ("--b", [Path(path)]), ("--title", ADDRESS)])


@pytest.mark.parametrize(
    "call",
    [
        lambda: load(OTHER),
        lambda: evaluate_runs(Path(ADDRESS)),
        lambda: evaluate_runs(OTHER),
        lambda: gate_runs(OTHER),
        lambda: gate_runs("runs", options=GateOptions(baseline=OTHER)),
        lambda: EvaluateOptions(data=Path(OTHER)),
        lambda: EvaluateOptions(foreign=ForeignOptions(True, (Path(ADDRESS),))),
        lambda: embed_logo(Path(ADDRESS)),
        lambda: check_folder(Path(ADDRESS)),
    ],
)
def test_python_refuses_it_as_well(place, call):
    before = place()
    with pytest.raises(CovidReportError, match=f"({ADDRESS}|{OTHER}) is an address"):
        call()
    assert place() == before


def test_so_do_the_settings(tmp_path):
    """Each of the settings that name a place, all told at once."""
    file = tmp_path / "covidreport.toml"
    file.write_text(
        f'data = ["{OTHER}", "here"]\nbaseline = "{ADDRESS}"\n'
        f'[foreign]\nfolders = ["{ADDRESS}"]\n'
        f'[manifest]\nroot = "{ADDRESS}"\nfile = "{ADDRESS}"\n'
    )
    with pytest.raises(UsageError) as refused:
        read_settings(file)
    told = str(refused.value)
    assert told.count(f"{ADDRESS} is an address") == 4
    assert told.count(f"{OTHER} is an address") == 1
    for key in ("data", "baseline", "foreign.folders", "manifest"):
        assert f"`{key}`" in told


def test_so_does_a_manifest_and_the_cache_folder(tmp_path, monkeypatch):
    """The row is named; without a folder for it there is no cache, and the command says why."""
    from covidreport.dataset import read_dataset

    write_flat_dataset(tmp_path, [(10, "normal", "validation"), (20, "covid-19", "validation")])
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("001.png", "s3://bucket/001.png"))
    with pytest.raises(DatasetError, match=r"line 3: .*s3://bucket/001.png lies elsewhere"):
        read_dataset(manifest)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COVIDREPORT_CACHE", "s3://bucket/cache")
    assert (explain_no_cache() or "").startswith("s3://bucket/cache is an address")
    assert not (tmp_path / "s3:").exists()
