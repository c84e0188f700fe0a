"""Draws what the story needs: pictures that are no radiographs, and models that only look at grey.

`python draw.py data FOLDER` draws 110 pictures with a manifest; one with covid-19 is brighter than
others, mostly. `python draw.py model CUT FILE` writes one that says covid-19 above a grey value:
the higher the cut, the more cases it misses.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from covidreport.inference.contract import contract_metadata
from covidreport.records import PixelSpec

LABELS = ("covid-19", "normal", "pneumonia")
COUNTS = (40, 40, 30)
GREY = (140, 85, 105)
"""The mean grey value of each label's pictures; they spread by 15 around it."""
SIDE = 64


def draw_data(folder: Path) -> None:
    """Two dark lungs on a grey chest, each picture a little different; the same every time."""
    (folder / "images").mkdir(parents=True)
    chance = np.random.default_rng(2020)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    lungs = sum(((x - at) / 0.16) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1 for at in (0.3, 0.7))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *LABELS, "split", "patient_id"])
        for label, count, grey in zip(LABELS, COUNTS, GREY, strict=True):
            for i in range(count):
                level = chance.normal(grey, 15)
                picture = level + 12 - 40 * lungs + chance.normal(0, 6, (SIDE, SIDE))
                name = f"images/{label}-{i:02}.png"
                Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name)
                truth = [int(each == label) for each in LABELS]
                writer.writerow([name, *truth, "validation", f"{label}-{i}"])


def write_model(cut: float, file: Path) -> None:
    """Logits of 0.1 (grey - cut) and the like, from the mean grey value of the picture."""
    slopes, offsets = (0.1, -0.1, 0.02), (-0.1 * cut, 9.5, -2.5)
    constants = {
        "axes": np.array([1, 2, 3], np.int64),
        "last": np.array([1], np.int64),
        "slopes": np.array([slopes], np.float32),
        "offsets": np.array([offsets], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["wide", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "slopes"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offsets"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "grey",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(LABELS)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, dict(contract_metadata(PixelSpec(SIDE, SIDE), LABELS)))
    onnx.checker.check_model(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    if sys.argv[1] == "data":
        draw_data(Path(sys.argv[2]))
    else:
        write_model(float(sys.argv[2]), Path(sys.argv[3]))
