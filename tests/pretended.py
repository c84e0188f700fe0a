"""An accelerator that the CPU's own memory and provider play, and what fails on one."""

from __future__ import annotations

import numpy as np
from onnx import helper, numpy_helper

from covidreport.inference.execution import Execution, Provider
from tests.cli.bad_runs import edit_model

PRETEND = Provider(
    "pretend", "CPUExecutionProvider", "", precisions=("fp32", "fp16"), accelerator=True
)
DEVICE = Execution(PRETEND)

OUT_OF_MEMORY = (
    "Error in execution: Non-zero status code returned while running Conv node. Status Message: "
    "bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 8"
)
"""As `run_with_iobinding` raises it, in a plain RuntimeError."""


class Inner:
    """A session of the runtime whose `run_with_iobinding` asks `before` first."""

    def __init__(self, inner, before):
        self.inner = inner
        self.before = before

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run_with_iobinding(self, binding, options):
        self.before()
        self.inner.run_with_iobinding(binding, options)


def make_greedy(path, mebibytes=4):
    """Let a brightness model of 8 x 8 pixels take so much memory for each image, same answers."""

    def change(model):
        graph = model.graph
        repeats = np.array([1, mebibytes * 2**20 // 256, 1, 1], np.int64)
        graph.initializer.append(numpy_helper.from_array(repeats, "repeats"))
        (mean,) = (node for node in graph.node if node.op_type == "ReduceMean")
        mean.input[0] = "tiled"
        graph.node.insert(1, helper.make_node("Tile", ["wide", "repeats"], ["tiled"]))

    return edit_model(path, change)
