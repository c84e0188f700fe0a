"""Run folders whose files are not what they should be. Each case writes one, and says what is
wanted: `refuse`, `tell` (a finding), `any` answer that the bytes give, or words of a note."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx import ModelProto, TensorProto

from benchmarks.hostile.graphs import DATA_FILE, LABELS, make_demo, make_external, make_nhwc

Case = Callable[[Path], str]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 1234\n" % (b"0" * 64)
DEMO = make_demo().files["model.onnx"]


def _bytes(data: bytes, wanted: str = "refuse") -> Case:
    def make(run: Path) -> str:
        (run / "model.onnx").write_bytes(data)
        return wanted

    return make


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("model.onnx", DEMO)
    return sink.getvalue()


def _external(location: str | None = None, **entries: str) -> Case:
    """A model whose weights are said to lie somewhere else."""

    def make(run: Path) -> str:
        made = make_external()
        model = ModelProto.FromString(made.files["model.onnx"])
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location" and location is not None:
                    entry.value = location.format(outside=run.parents[1])
                elif entry.key in entries:
                    entry.value = entries[entry.key]
        (run / "model.onnx").write_bytes(model.SerializeToString())
        (run / DATA_FILE).write_bytes(made.files[DATA_FILE])
        return "refuse"

    return make


def _data(change: Callable[[Path, Path, bytes], object], wanted: str = "refuse") -> Case:
    """A model of two files, the second of which is written by `change(file, outside, data)`."""

    def make(run: Path) -> str:
        made = make_external()
        (run / "model.onnx").write_bytes(made.files["model.onnx"])
        change(run / DATA_FILE, run.parents[1] / "canary.bin", made.files[DATA_FILE])
        return wanted

    return make


def _hard_link(file: Path, outside: Path, data: bytes) -> None:
    """As DVC's cache makes them; ONNX Runtime may refuse it."""
    store = outside.with_name("store.bin")
    store.write_bytes(data)
    file.hardlink_to(store)


def _model(change: Callable[[Path], object], wanted: str = "refuse") -> Case:
    def make(run: Path) -> str:
        change(run / "model.onnx")
        return wanted

    return make


def _linked_inside(run: Path) -> str:
    """The link `model.onnx` leads to a whole model elsewhere, as DVC makes it."""
    store = run.parents[1] / "store"
    store.mkdir()
    (store / "ab12").write_bytes(DEMO)
    (run / "model.onnx").symlink_to(store / "ab12")
    return "any"


def _nested_external(run: Path) -> str:
    """The graph is well, and a constant inside a node's attribute refers to the outside."""
    model = ModelProto.FromString(DEMO)
    node = model.graph.node.add(op_type="Constant", output=["unused"])
    value = node.attribute.add(name="value", type=4).t
    value.name, value.data_type = "inner", TensorProto.FLOAT
    value.dims.append(4)
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../../canary.bin")
    (run / "model.onnx").write_bytes(model.SerializeToString())
    return "refuse"


def _settings(change: Callable[[dict[str, Any]], object], wanted: str = "refuse") -> Case:
    """A described model; `change` spoils its run.json."""

    def make(run: Path) -> str:
        make_nhwc().write(run)
        settings = json.loads((run / "run.json").read_text())
        change(settings)
        (run / "run.json").write_text(json.dumps(settings))
        return wanted

    return make


def _word(word: str, value: object, wanted: str = "refuse") -> Case:
    return _settings(lambda settings: settings["input"].update({word: value}), wanted)


def _raw_settings(data: bytes, wanted: str = "refuse") -> Case:
    def make(run: Path) -> str:
        (run / "model.onnx").write_bytes(DEMO)
        (run / "run.json").write_bytes(data)
        return wanted

    return make


def _same_name(run: Path) -> str:
    make_demo().write(run, name="twin")
    make_demo().write(run.parent / "other", name="twin")
    return "refuse"


def _outside_model(run: Path) -> str:
    make_demo(bad=True).write(run.parents[1] / "elsewhere")
    (run / "run.json").write_text(
        json.dumps({"schema": "covidreport.run/1", "model": "../../elsewhere/model.onnx"})
    )
    return "refuse"


def _loose_file(run: Path) -> str:
    run.rmdir()
    (run.parent / "exp1.onnx").write_bytes(DEMO)
    return "exp1.onnx"


def _best(run: Path) -> str:
    (run / "best.onnx").write_bytes(DEMO)
    return "any"


def _several(run: Path) -> str:
    (run / "run.json").write_text(json.dumps({"schema": "covidreport.run/1"}))
    for name in ("best.onnx", "last.onnx"):
        (run / name).write_bytes(DEMO)
    return "refuse"


BOM = b"\xef\xbb\xbf"
RUN = json.dumps({"schema": "covidreport.run/1"}).encode()

FILES: dict[str, Case] = {
    "an empty file": _bytes(b""),
    "a file cut off": _bytes(DEMO[: len(DEMO) // 2]),
    "a file of zeros": _bytes(bytes(4096)),
    "a zip archive": _bytes(_zip()),
    "a page of HTML": _bytes(b"<!doctype html><title>404</title>Not found"),
    "a pointer of Git LFS": _bytes(POINTER),
    "a file and noise behind it": _bytes(DEMO + b"\xff" * 64),
    "a folder": _model(lambda file: file.mkdir()),
    "a pipe": _model(lambda file: os.mkfifo(file)),
    "a dangling link": _model(lambda file: file.symlink_to("nowhere.onnx")),
    "a link to itself": _model(lambda file: file.symlink_to("model.onnx")),
    "a link to a device": _model(lambda file: file.symlink_to("/dev/zero")),
    "a link to a whole model": _linked_inside,
    "weights at an absolute path": _external("{outside}/canary.bin"),
    "weights above the folder": _external("../../canary.bin"),
    "weights above by a detour": _external("sub/../../../canary.bin"),
    "weights in /etc/passwd": _external("/etc/passwd"),
    "weights in a device": _external("/dev/zero"),
    "weights in an empty name": _external(""),
    "weights in the folder itself": _external("."),
    "weights through a link to outside": _data(lambda f, out, _: f.symlink_to(out)),
    "weights with a second hard link": _data(_hard_link, "any"),
    "weights missing": _data(lambda *_: None),
    "weights shorter than stated": _data(lambda f, _, data: f.write_bytes(data[:40])),
    "weights a pointer of Git LFS": _data(lambda f, _, __: f.write_bytes(POINTER)),
    "weights a pipe": _data(lambda f, _, __: os.mkfifo(f)),
    "weights a folder": _data(lambda f, _, __: f.mkdir()),
    "weights at a giant offset": _external(offset=str(2**62)),
    "weights of a giant length": _external(length=str(2**62)),
    "weights at a negative offset": _external(offset="-4096"),
    "weights referred to by a constant": _nested_external,
    "run.json names a model outside": _outside_model,
    "run.json with a byte order mark": _raw_settings(BOM + RUN, "any"),
    "run.json not UTF-8": _raw_settings(b'{"schema": "covidreport.run/1", "name": "\xff"}'),
    "run.json a list": _raw_settings(b"[]"),
    "run.json nested deeply": _raw_settings(b"[" * 100_000),
    "run.json: name a number": _raw_settings(RUN[:-1] + b', "name": 7}'),
    "run.json: name a surrogate": _raw_settings(RUN[:-1] + b', "name": "a\\ud800"}'),
    "run.json: name of 100,000 signs": _raw_settings(
        RUN[:-1] + b', "name": "%s"}' % (b"x" * 100_000), "any"
    ),
    "run.json: input a text": _settings(lambda s: s.update(input="uint8")),
    "one number for mean": _word("mean", 0.0, "any"),
    "divisor null": _word("divisor", None),
    "divisor zero": _word("divisor", 0),
    "std zero": _word("std", [0.0]),
    "shorter_side a text": _word("shorter_side", "64"),
    "antialias a text": _word("antialias", "false"),
    "size of booleans": _word("size", [True, True]),
    "size of a million": _word("size", [1_000_000, 1_000_000]),
    "label_map a list": _word("label_map", ["covid-19"]),
    "labels of numbers": _word("labels", [1, 2, 3]),
    "a label twice": _word("labels", [LABELS[0], LABELS[0], LABELS[1]]),
    "a word that is none": _word("devisor", 255),
    "two runs of one name": _same_name,
    "a loose file among the runs": _loose_file,
    "one model of another name": _best,
    "two models of other names": _several,
}
