"""People's own models: what their files say of their input, what is assumed, what is asked for.

A run.json is written beside the model, and nothing is copied. covidreport imports no framework, and
opens no file of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from covidreport.adopt.foreign import EXPORTS, name_foreign
from covidreport.adopt.graph import (
    find_scaling,
    open_outline,
    read_activation,
    read_graph,
    read_ultralytics,
)
from covidreport.adopt.presets import NAME_ONE, NOT_SAID, SCALE, XRV_LABELS, read_preset
from covidreport.errors import RunError, StoreError, UsageError
from covidreport.inference.contract import complete_words
from covidreport.inference.graph import Graph
from covidreport.records import ARGMAX, SOFTMAX, Run
from covidreport.storage.contract import find_faults, read_run_file
from covidreport.storage.files import read_text
from covidreport.storage.outline import Outline
from covidreport.storage.published import read_indices, read_published
from covidreport.storage.runs import is_run_folder, locate_run, read_run
from covidreport.storage.shared import share_input
from covidreport.storage.words import InputWords
from covidreport.store import RUN_FILE, write_run

LABEL_FILES: Final = (
    "class_indices.json", "class_names.json", "classes.json", "labels.json", "classes.txt",
    "labels.txt",
)  # fmt: skip
"""Where tools write the names of outputs beside a model: an object, a list, or a line each."""
COMMAND: Final = "the command"
_MOST_BYTES: Final = 2**20


class AdoptRequest(Struct, frozen=True):
    """What a user says of models that are adopted."""

    like: str | None = None
    """A framework, of `PRESETS`, or `torchvision:MODEL`."""
    labels: tuple[str | None, ...] | None = None
    words: Mapping[str, Any] | None = None
    """Words of a contract; they go before all else."""
    name: str | None = None
    """What to call the run."""
    shared: Mapping[str, Any] | None = None
    """What the settings say of the input of all runs."""


class Taken(Struct, frozen=True):
    """A word of the contract, and in words where it is taken from."""

    word: str
    value: Any
    source: str


class Adopted(Struct, frozen=True):
    """A model that is a run now. missing: the words that nobody says; notes: what to look at;
    n_outputs: the columns that it gives, None where the graph does not say."""

    run: Run
    taken: tuple[Taken, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    n_outputs: int | None = None


def adopt_model(path: Path, request: AdoptRequest) -> Adopted:
    """Write the run.json of a model, an ONNX file or the folder of one, as far as it is known.

    RunError where the file is no ONNX file, with the line that exports it, or where what is said
    contradicts the graph; UsageError where what is asked for makes no sense.
    """
    folder, model = _find_model(path)
    outline = open_outline(model)
    graph = read_graph(outline)
    notes: list[str] = []
    said = read_run_file(folder / RUN_FILE) if (folder / RUN_FILE).is_file() else None
    if said is not None and said.faults:
        raise RunError("; ".join(said.faults))
    settings = dict(said.settings) if said else {}
    taken: dict[str, Taken] = {}
    for source, words in _list_sources(request, settings, model, outline, graph, notes):
        for word in _list_new(words, taken, alone=source not in (COMMAND, RUN_FILE)):
            taken[word] = Taken(word, words[word], source)
    like = (request.like or "").partition(":")[0]
    if like in NAME_ONE and "activation" in taken and taken["activation"].value in SOFTMAX:
        named = Taken("decision", ARGMAX, f"assumed, as {like} usually does")
        taken.setdefault("decision", named)
    ordered = [word for word in InputWords.__struct_fields__ if word in taken]
    described = {word: taken[word].value for word in ordered}
    if request.name is not None:
        settings["name"] = request.name
    run = replace(read_run(folder), settings={**settings, "input": described})
    (shared,) = share_input([run], request.shared)
    known, missing = complete_words(graph, shared.described)
    if described or request.name is not None:
        folder.mkdir(exist_ok=True)
        write_run(folder, {**settings, "input": described} if described else settings)
    for word in known:
        inside = f"covidreport.{word}" in outline.metadata
        of = "[input] of the settings" if word in (shared.described or {}) else "the graph"
        source = "the model's file, which states it" if inside else of
        taken.setdefault(word, Taken(word, known[word], source))
    rows = tuple(taken[word] for word in InputWords.__struct_fields__ if word in taken)
    (run,) = share_input([read_run(folder)], request.shared)
    shape = _find_output(graph, known.get("output_name"))
    n_outputs = shape[1] if len(shape) > 1 else None
    return Adopted(run, rows, missing, tuple(notes), n_outputs)


def _find_output(graph: Graph, name: str | None) -> tuple[int | None, ...]:
    """The shape of the output that holds the scores; empty where there is none."""
    return next((each.shape for each in graph.outputs if name in (None, each.name)), ())


def _list_new(words: Mapping[str, Any], taken: Mapping[str, Taken], *, alone: bool) -> list[str]:
    """The words that nobody has said before, nor what they would contradict.

    alone: whether a scale is taken of one source whole; what people say may be of several.
    """
    given = {*taken}
    if given & {"range", "divisor"} or (alone and "per_image" in given):
        given |= {*SCALE} if alone else {"range", "divisor"}
    if "fit" in given:
        given.add("shorter_side")
    return [word for word in words if word not in given]


def _find_model(path: Path) -> tuple[Path, Path]:
    """The run folder of what is adopted, and its model."""
    kind = name_foreign(path)
    if kind is not None:
        line = EXPORTS[kind].replace("FILE", repr(str(path)))
        raise RunError(f"{path}: is {kind}; covidreport runs ONNX files", f"Export it: {line}")
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    if path.is_dir() and not is_run_folder(path):
        raise UsageError(f"{path}: holds no ONNX file, or several: name them")
    folder = path if path.is_dir() else locate_run(path)
    run = read_run(folder)
    if run.model is None:
        raise RunError("; ".join(run.faults) or f"{path}: holds no model")
    return folder, run.model


def _list_sources(
    request: AdoptRequest, settings: Mapping[str, Any], model: Path, outline: Outline,
    graph: Graph, notes: list[str],
) -> Iterator[tuple[str, Mapping[str, Any]]]:  # fmt: skip
    """Where words are taken from, and which; what is said first goes before what is said later."""
    chosen = {**(request.words or {})}
    if request.labels is not None:
        chosen["labels"] = list(request.labels)
    faults = find_faults(chosen, InputWords)
    if faults:
        raise UsageError("; ".join(fault.sentence for fault in faults))
    yield COMMAND, chosen
    before = settings.get("input") or {}
    yield RUN_FILE, before
    if "covidreport.contract" in outline.metadata:
        return
    said = {**before, **chosen}
    output = said.get("output_name") or (graph.outputs[0].name if graph.outputs else "")
    activation = read_activation(outline, output)
    yield "the end of the graph", {"activation": activation} if activation else {}
    yield "the metadata of ultralytics", read_ultralytics(outline.metadata)
    published = read_published(model.parent)
    if published is not None:
        notes += published.faults
        for file in dict.fromkeys(published.sources.values()):
            of = [word for word, source in published.sources.items() if source == file]
            yield file, {word: published.words[word] for word in of}
    yield from _read_label_files(model.parent, notes)
    if request.like is not None:
        words, source = read_preset(request.like, model.stem)
        notes += NOT_SAID.get(request.like, ())
        yield source, _fit_preset(words, request.like, said, outline, graph, notes)


def _read_label_files(folder: Path, notes: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The names of the outputs, of the first file that has some."""
    for name in LABEL_FILES:
        if not (folder / name).is_file():
            continue
        try:
            text = read_text(folder / name, _MOST_BYTES)
            value = json.loads(text) if name.endswith(".json") else text.split("\n")
        except (StoreError, ValueError, RecursionError) as error:
            notes.append(f"{folder / name}: can't be read ({error})")
            continue
        names = read_indices(value) if isinstance(value, dict) else value
        names = [each.strip() for each in names or () if isinstance(each, str) and each.strip()]
        faults = find_faults({"labels": names}, InputWords)
        notes += [f"{folder / name}: {fault.sentence}" for fault in faults]
        if not faults:
            yield name, {"labels": names}
            return


def _fit_preset(
    words: dict[str, Any], like: str, said: Mapping[str, Any], outline: Outline, graph: Graph,
    notes: list[str],
) -> dict[str, Any]:  # fmt: skip
    """A preset without what the graph shows to be otherwise: that is asked for."""
    named = said.get("input_name")
    source = next((each for each in graph.inputs if named in (None, each.name)), None)
    shape = source.shape if source is not None and len(source.shape) == 4 else (None,) * 4
    sides = shape[1:3] if words.get("layout") == "NHWC" else shape[2:]
    channels = shape[3] if words.get("layout") == "NHWC" else shape[1]
    sides = said.get("size") or sides
    drop: set[str] = set()
    if "size" in words and None not in sides and list(sides) != words["size"]:
        notes.append(
            f"the model takes {sides[0]} x {sides[1]}, and {like} feeds "
            f"{words['size'][0]} x {words['size'][1]}: how a picture is brought there is not taken"
        )
        drop |= {"size", "fit", "shorter_side"}
    if channels == 1:
        drop |= {"mean", "std"}  # those of three colours
    scaling = find_scaling(outline, source.name) if source is not None else None
    if scaling is not None and not {*SCALE} & said.keys():
        notes.append(
            f"the graph begins with {scaling}: it may scale its input itself, so that no preset's "
            "range is taken"
        )
        drop |= {*SCALE}
    columns = _find_output(graph, said.get("output_name"))[1:2]
    if like == "torchxrayvision" and columns == (len(XRV_LABELS),):
        words["labels"] = list(XRV_LABELS)
    return {word: value for word, value in words.items() if word not in drop}
